// Scores of the contenders at the gauges.
#include "dpl/experiments/joint_contest.hpp"

#include <algorithm>

#include "dpl/base/log.hpp"
#include "dpl/experiments/basin_contest.hpp"
#include "dpl/experiments/evaluation.hpp"
#include "dpl/experiments/report.hpp"
#include "dpl/training/basin_output.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

constexpr const char* kSummed = "summed_lateral_inflow";

// The networks over the test period, and the period routed with what they give.
class Simulation {
 public:
  explicit Simulation(JointProblem& problem)
      : problem_(problem),
        series_(read_basin_series(problem.places, problem.config.test.period,
                                  evaluation_warmup(problem.config) + routed_warmup(problem.config))),
        runoff_(make_basin_model(problem.places, series_)),
        channel_(problem, reaches_above(problem.rivers.network, problem.rivers.observations->reach).active),
        weights_(runoff_->network().weights()) {
    weights_.insert(weights_.end(), channel_.weights().begin(), channel_.weights().end());
  }

  void set(const std::vector<NamedTensor>& weights) {
    restore_joint_weights(weights_, weights, channel_.learns());
    const Problem& rivers = problem_.rivers;
    agree(rivers.comm, "runoff",
          [&] { made_ = simulate_period(*runoff_, problem_.places, rivers.config.test.period, {}); });
  }

  Contender routed(const std::string& name, Evaluation& evaluation) {
    const Problem& rivers = problem_.rivers;
    const Period& period = evaluation.period();
    const PlaceInflow inflow(rivers.comm, problem_.places.blocks, problem_.reach, problem_.factor,
                             evaluation.domain().own_network_reaches());
    evaluation.domain().give_inflow(rivers.inflow, problem_.row_of_day(period.start.day),
                                    inflow.to_reaches(made_.streamflow_mm_day, period.days()));
    return evaluation.routed(name, channel_.theta(false));
  }

  std::vector<double> theta() { return channel_.theta(false); }

  void write_places(const std::string& path) {
    std::vector<double> parameters;
    const BasinProblem& places = problem_.places;
    for (Index first = 0; first < places.own(); first += places.blocks.block_size) {
      const auto part = runoff_->static_parameters(period_windows(
          places, problem_.config.test.period, first, std::min(places.own(), first + places.blocks.block_size)));
      parameters.insert(parameters.end(), part.begin(), part.end());
    }
    write_basin_parameters(path, places, runoff_->parameters(), parameters);
  }

 private:
  JointProblem& problem_;
  BasinSeries series_;
  std::unique_ptr<BasinModel> runoff_;
  JointChannel channel_;
  std::vector<NamedTensor> weights_;
  BasinOutputs made_;
};

Contender absent(const std::string& name, const std::string& reason) {
  Contender c;
  c.name = name;
  c.reason = reason;
  return c;
}

void write_files(const Report& report, std::span<const double> theta, RunFolder& folder) {
  const Problem& problem = report.problem;
  const Evaluation& evaluation = report.evaluation;
  const auto checksums = input_checksums(problem.comm, problem.config.data_sources);
  folder.write_text(problem.comm, "metrics.json", metrics_json(report, checksums));
  folder.write_text(problem.comm, "metrics_by_gauge.csv", metrics_by_gauge_csv(report));
  write_parameters(folder.file("reach_parameters.nc"), problem, theta);
  if (problem.config.output.discharge == "none") return;
  agree_on_root(problem.comm, "discharge", [&] {
    std::vector<GaugeSeries> series{{"discharge_observed", "observed discharge at the scored times", evaluation.observed()}};
    for (const auto& c : report.contenders)
      if (!c.means.empty())
        series.push_back({c.name == "learned" ? "discharge_simulated" : "discharge_" + c.name,
                          c.name == kSummed ? "learned runoff summed without routing"
                                            : "discharge with the " + c.name + " networks",
                          c.means});
    write_discharge(folder.file("discharge.nc"), problem, evaluation.period().start.day * 86400,
                    evaluation.clock().interval_s, evaluation.intervals(), evaluation.gauge_offset_h(), series, {});
  });
}

}  // namespace

void hold_joint_contest(JointProblem& problem, const JointEntry& entry, RunFolder& folder) {
  const RunConfig& config = problem.config;
  Problem& rivers = problem.rivers;
  Simulation simulation(problem);
  Evaluation evaluation(rivers, rivers.config.test.period);
  std::vector<Contender> contenders;
  if (!basin_baseline_wanted(config, "untrained")) {
    contenders.push_back(absent("untrained", "not in baselines"));
  } else if (entry.untrained.empty()) {
    contenders.push_back(absent("untrained", "the parameters come from no training"));
  } else {
    simulation.set(entry.untrained);
    contenders.push_back(simulation.routed("untrained", evaluation));
  }
  simulation.set(entry.learned);
  contenders.insert(contenders.begin(), simulation.routed("learned", evaluation));
  const WaterVolumes water = evaluation.water();
  if (is_summed(config)) {
    contenders.push_back(absent(kSummed, "it is what was learned"));
  } else if (!basin_baseline_wanted(config, kSummed)) {
    contenders.push_back(absent(kSummed, "not in baselines"));
  } else {
    Problem summed = rivers;
    summed.config.routing.scheme = "summed";
    Evaluation unrouted(summed, summed.config.test.period);
    contenders.push_back(simulation.routed(kSummed, unrouted));
  }
  simulation.write_places(folder.file("parameters.nc"));
  const Report report{rivers, evaluation, std::move(contenders), water, entry.update, problem.list};
  for (const auto& line : metrics_table(report)) log_info("{}", line);
  write_files(report, simulation.theta(), folder);
}

}  // namespace dpl
