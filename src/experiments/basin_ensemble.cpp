// Several stored networks of basins as one: the mean of the series that each of them simulates.
#include <algorithm>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/experiments/basin_contest.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

// Sums of series in the order in which they come.
class MeanOutputs {
 public:
  void add(const BasinOutputs& member) {
    add(streamflow_, member.streamflow_mm_day);
    add(moisture_, member.soil_moisture);
    for (const auto& [output, values] : member.further) add(further_[output], values);
    ++members_;
  }

  BasinOutputs mean() const {
    BasinOutputs out{mean_of<double>(streamflow_), mean_of<double>(moisture_), {}};
    for (const auto& [output, sums] : further_) out.further[output] = mean_of<float>(sums);
    return out;
  }

 private:
  template <class Real>
  static void add(std::vector<double>& sums, const std::vector<Real>& values) {
    sums.resize(values.size(), 0.0);
    std::transform(values.begin(), values.end(), sums.begin(), sums.begin(),
                   [](Real value, double sum) { return sum + static_cast<double>(value); });
  }
  template <class Real>
  std::vector<Real> mean_of(const std::vector<double>& sums) const {
    std::vector<Real> out;
    for (const double sum : sums) out.push_back(static_cast<Real>(sum / static_cast<double>(members_)));
    return out;
  }

  std::vector<double> streamflow_, moisture_;
  std::map<RunoffOutput, std::vector<double>> further_;
  Count members_ = 0;
};

bool same(const InputStatistics& a, const InputStatistics& b) {
  return a.names == b.names && a.mean == b.mean && a.deviation == b.deviation;
}

}  // namespace

std::vector<BasinMember> ensemble_members(const RunConfig& config, const std::vector<std::string>& paths,
                                          const std::vector<Checkpoint>& networks) {
  std::vector<BasinMember> members;
  for (std::size_t k = 0; k < networks.size(); ++k) {
    const Checkpoint& network = networks[k];
    const RunConfig trained = parse_config(network.config_yaml, paths[k]);
    if (trained.runoff.variant != config.runoff.variant || trained.runoff.pet != config.runoff.pet)
      fail(
          "params.ensemble: {} was trained with HBV {} and runoff.pet {}, the configuration has {} and {}; an ensemble "
          "is "
          "simulated by one configuration, leave this member out or set runoff as it was trained",
          paths[k], trained.runoff.variant, trained.runoff.pet, config.runoff.variant, config.runoff.pet);
    members.push_back({fmt::format("member_{}", k + 1),
                       paths[k],
                       trained.seed,
                       network.update,
                       {network.attribute_names, network.attribute_mean, network.attribute_std},
                       network.weights});
  }
  return members;
}

BasinOutputs simulate_ensemble(const BasinProblem& problem, const std::vector<BasinMember>& members,
                               const std::vector<RunoffOutput>& further, const OnMember& on_member) {
  const RunConfig& config = problem.config;
  MeanOutputs sum;
  // Inputs are standardised by what a member was trained on: seeds share it, trainings on other basins do not.
  std::unique_ptr<BasinProblem> inputs;
  BasinSeries series;
  for (const BasinMember& member : members) {
    if (!inputs || !same(inputs->statistics, member.statistics)) {
      inputs =
          std::make_unique<BasinProblem>(load_basin_problem(problem.comm, config, BasinUse::score, &member.statistics));
      series = read_basin_series(*inputs, config.test.period, evaluation_warmup(config));
    }
    BasinOutputs made;
    agree(problem.comm, member.path.c_str(), [&] {
      const auto model = make_basin_model(*inputs, series);
      restore_weights(model->network().weights(), member.weights);
      made = simulate_period(*model, *inputs, config.test.period, further);
    });
    sum.add(made);
    on_member(member, made);
  }
  return sum.mean();
}

}  // namespace dpl
