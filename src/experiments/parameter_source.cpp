// Parameters from a checkpoint, a file or constants.
#include "dpl/experiments/parameter_source.hpp"

#include <filesystem>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/training/network_blocks.hpp"
#include "dpl/training/parameter_field.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

// `precision`: of the network, which may differ from that of the routing.
std::vector<double> network_theta(const Problem& problem, const std::string& precision, const Checkpoint* checkpoint) {
  const ParameterField field(problem, learned_parameters(problem.config));
  std::vector<double> start;
  for (const auto& p : field.learned()) start.push_back(p.start_output());
  const auto inputs = static_cast<std::int64_t>(problem.config.network.input_var_names.size());
  const auto network = make_parameter_network(problem.config.network, inputs, start, precision, problem.config.seed);
  if (checkpoint) restore_weights(network->weights(), checkpoint->weights);
  const std::vector<std::uint8_t> unused(problem.blocks.end_reach() - problem.blocks.first_reach(), 0);
  NetworkBlocks blocks(problem.comm, problem.blocks, problem.inputs, inputs, unused, precision == "double");
  return field.complete(blocks.evaluate(*network, field.learned(), false));
}

SourcedProblem from_checkpoint(const Communicator& comm, RunConfig config) {
  const Checkpoint checkpoint = read_stored_training(comm, config.params.source);
  // The network, its inputs and its ranges are those it was trained with; everything else is this run's.
  const RunConfig stored = parse_config(checkpoint.config_yaml, config.params.source);
  config.network = stored.network;
  config.seed = stored.seed;
  config.params.ranges = stored.params.ranges;
  config.params.log_space = stored.params.log_space;
  config.params.defaults = stored.params.defaults;
  const auto statistics = stored_statistics(checkpoint);
  SourcedProblem out{load_problem(comm, config, config.test.gauges, true, &statistics), {}};
  if (checkpoint.network_fingerprint != out.problem.fingerprint)
    log_warning("{}: its network was trained on another river network than {}", config.params.source,
                out.problem.network.path);
  out.entry.learned = network_theta(out.problem, stored.precision, &checkpoint);
  out.entry.untrained = network_theta(out.problem, stored.precision, nullptr);
  out.entry.update = checkpoint.update;
  return out;
}

}  // namespace

SourcedProblem load_with_parameters(const Communicator& comm, const RunConfig& config) {
  const std::string& source = config.params.source;
  if (!source.empty() && std::filesystem::is_directory(source)) return from_checkpoint(comm, config);
  SourcedProblem out{load_problem(comm, config, config.test.gauges, false), {}};
  out.entry.learned = source.empty() ? ParameterField(out.problem, {}).complete({}) : read_parameters(source, out.problem);
  out.entry.untrained_reason = "the parameters come from no network";
  return out;
}

}  // namespace dpl
