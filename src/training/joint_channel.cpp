// The parameter network of the reaches beside what is given.
#include "dpl/training/joint_channel.hpp"

#include <filesystem>

#include "dpl/base/error.hpp"
#include "dpl/training/output.hpp"

namespace dpl {
namespace {

std::vector<LearnedParameter> learned_of(const JointProblem& p) {
  return learns_channels(p.config) ? learned_parameters(p.rivers.config) : std::vector<LearnedParameter>{};
}

}  // namespace

JointChannel::JointChannel(const JointProblem& problem, const std::vector<Index>& active)
    : field_(problem.rivers, learned_of(problem)) {
  const Problem& rivers = problem.rivers;
  const RunConfig& config = rivers.config;
  const std::string& source = config.params.source;
  if (source.empty() || is_summed(config)) {
    given_ = ParameterField(rivers, {}).complete({});
  } else {
    if (std::filesystem::is_directory(source))
      fail("config: params.source is {}, a folder; the channels of a run of runoff and routing take a parameters.nc",
           source);
    given_ = read_parameters(source, rivers);
  }
  if (!learns_channels(problem.config)) return;
  std::vector<double> start;
  for (const auto& p : field_.learned()) start.push_back(p.start_output());
  const auto inputs = static_cast<std::int64_t>(config.network.input_var_names.size());
  network_ = make_parameter_network(config.network, inputs, start, config.precision, config.seed);
  for (const auto& w : network_->weights()) weights_.push_back({kChannelPrefix + w.name, w.tensor});
  const Index first = rivers.blocks.first_reach(), end = rivers.blocks.end_reach();
  std::vector<std::uint8_t> used(static_cast<std::size_t>(end - first), 0);
  for (const Index r : active)
    if (r >= first && r < end) used[static_cast<std::size_t>(r - first)] = 1;
  blocks_ = std::make_unique<NetworkBlocks>(rivers.comm, rivers.blocks, rivers.inputs, inputs, used,
                                            config.precision == "double");
}

std::vector<double> JointChannel::theta(bool keep_graph) {
  if (!learns()) return given_;
  std::vector<double> theta = given_;
  const auto all = field_.complete(blocks_->evaluate(*network_, field_.learned(), keep_graph));
  for (const auto& p : field_.learned())
    for (std::size_t i = p.name == "n" ? 0 : p.name == "p" ? 1 : 2; i < theta.size(); i += 3) theta[i] = all[i];
  return theta;
}

std::vector<std::vector<double>> JointChannel::backward(std::span<const double> theta_adjoint) {
  if (!learns()) return {};
  return blocks_->backward(*network_, field_.learned_columns(theta_adjoint));
}

}  // namespace dpl
