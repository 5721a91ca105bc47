// Which contenders take part, and what is written of them.
#include "dpl/experiments/contest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/baselines.hpp"
#include "dpl/experiments/report.hpp"
#include "dpl/training/parameter_field.hpp"

namespace dpl {
namespace {

constexpr double kLargeTraining = 1e9;     // reach-steps of a training period above which only cheap baselines run
constexpr Index kUniformEvaluations = 120;  // runs over the training period for the best uniform set
constexpr Index kMaxDelay = 240;           // hours
constexpr const char* kNoTrainingPeriod = "no training period is configured, or the lateral inflow does not cover it";

bool wanted(const RunConfig& config, const std::string& name, bool cheap, double training_reach_steps) {
  const auto& list = config.test.baselines;
  const bool all = std::find(list.begin(), list.end(), "all") != list.end();
  if (all) return cheap || training_reach_steps < kLargeTraining;
  return std::find(list.begin(), list.end(), name) != list.end();
}

Contender absent(const std::string& name, const std::string& reason) {
  Contender c;
  c.name = name;
  c.reason = reason;
  return c;
}

// Starts of the search: the configured start, and a fast and a slow river.
std::vector<std::vector<double>> uniform_starts(const std::vector<LearnedParameter>& learned) {
  std::vector<std::vector<double>> starts;
  for (const double shift : {0.0, -1.5}) {
    std::vector<double> start;
    for (const auto& p : learned) start.push_back(p.start_output() + (p.name == "n" ? shift : 0));
    starts.push_back(start);
  }
  return starts;
}

struct StoppedBySignal {};

Contender uniform(const Problem& problem, Evaluation& evaluation,
                  const std::function<double(std::span<const double>)>& training_loss) {
  const ParameterField field(problem, learned_parameters(problem.config));
  const auto values_at = [&](std::span<const double> outputs) {
    std::vector<double> values;
    for (std::size_t j = 0; j < outputs.size(); ++j) values.push_back(field.learned()[j].from_output(outputs[j]));
    return values;
  };
  Progress progress("best uniform set, run", kUniformEvaluations);
  double lowest = std::numeric_limits<double>::infinity();
  Index runs = 0;
  const auto loss = [&](std::span<const double> outputs) {
    if (problem.comm.any(stop_requested())) throw StoppedBySignal{};
    const double value = training_loss(field.uniform(values_at(outputs)));
    if (value < lowest) lowest = value;
    if (runs < kUniformEvaluations) progress.show(++runs, 0, fmt::format("training loss {:.4g}", lowest));
    return value;
  };
  SimplexResult best;
  try {
    best = minimise_simplex(loss, uniform_starts(field.learned()), kUniformEvaluations);
  } catch (const StoppedBySignal&) {
    return absent("uniform", "stopped by a signal");
  }
  const auto values = values_at(best.point);
  Contender c = evaluation.routed("uniform", field.uniform(values));
  c.facts["training_loss"] = best.value;
  c.facts["evaluations"] = best.evaluations;
  for (std::size_t j = 0; j < values.size(); ++j) c.facts[field.learned()[j].name] = values[j];
  return c;
}

struct SummedInflow {
  std::vector<double> series;    // [gauge][row]
  Count rows = 0;
};

SummedInflow summed(const Problem& problem, const Period& period) {
  SummedInflow s{summed_lateral_inflow(problem, period), 0};
  s.rows = static_cast<Count>(s.series.size()) / std::max<Count>(1, problem.observations->size());
  return s;
}

std::vector<double> means_of(const Problem& problem, const Evaluation& evaluation, const SummedInflow& s,
                             const std::vector<double>& delay_h) {
  std::vector<double> means;
  for (Index g = 0; g < problem.observations->size(); ++g) {
    const auto series = std::span(s.series).subspan(g * s.rows, s.rows);
    const auto one = delayed_means(series, static_cast<double>(problem.inflow.time.step_s),
                                   static_cast<double>(evaluation.clock().interval_s), evaluation.intervals(),
                                   delay_h[g] * 3600);
    means.insert(means.end(), one.begin(), one.end());
  }
  return means;
}

// Per gauge the delay that is best in the training period.
std::vector<double> trained_delays(const Problem& problem, const Evaluation& evaluation) {
  const auto& period = problem.config.experiment.period;
  const auto s = summed(problem, period);
  const Count intervals = period.days() * evaluation.clock().per_day;
  // Every interval of the period is complete for a series that is not routed: no offset, no missing tail.
  GaugeClock clock = evaluation.clock();
  for (auto& mean : clock.means) mean.offset = 0;
  const Count length = clock.means.empty() ? 1 : clock.means.front().length;
  const auto observed = clock.observed(*problem.observations, period.start.day, period.days(),
                                       problem.config.experiment.warmup_days, intervals * length);
  std::vector<double> delays;
  for (Index g = 0; g < problem.observations->size(); ++g)
    delays.push_back(best_delay(std::span(s.series).subspan(g * s.rows, s.rows),
                                static_cast<double>(problem.inflow.time.step_s),
                                static_cast<double>(clock.interval_s),
                                std::span<const double>(observed).subspan(g * intervals, intervals), kMaxDelay)
                         .delay_h);
  return delays;
}

std::vector<Contender> inflow_baselines(const Problem& problem, const Evaluation& evaluation) {
  const auto& config = problem.config;
  std::vector<Contender> out;
  const bool plain = wanted(config, "summed_lateral_inflow", true, 0);
  const bool delayed = wanted(config, "delayed_lateral_inflow", true, 0);
  SummedInflow test;
  if (plain || delayed) test = summed(problem, evaluation.period());
  const std::vector<double> none(problem.observations->size(), 0.0);
  out.push_back(plain ? evaluation.scored("summed_lateral_inflow", means_of(problem, evaluation, test, none))
                      : absent("summed_lateral_inflow", "not in baselines"));
  if (!delayed) {
    out.push_back(absent("delayed_lateral_inflow", "not in baselines"));
  } else if (!inflow_covers(problem, config.experiment.period)) {
    out.push_back(absent("delayed_lateral_inflow", kNoTrainingPeriod));
  } else {
    const auto delays = trained_delays(problem, evaluation);
    out.push_back(evaluation.scored("delayed_lateral_inflow", means_of(problem, evaluation, test, delays)));
    out.back().facts["delay_h"] = quantile(delays, 0.5);
  }
  return out;
}

const std::vector<double>& means_named(const std::vector<Contender>& contenders, const std::string& name) {
  static const std::vector<double> none;
  for (const auto& c : contenders)
    if (c.name == name) return c.means;
  return none;
}

void write_files(const Report& report, const ReachSeries& further, std::span<const double> theta, RunFolder& folder) {
  const Problem& problem = report.problem;
  const Evaluation& evaluation = report.evaluation;
  const auto checksums = input_checksums(problem.comm, problem.config.data_sources);
  folder.write_text(problem.comm, "metrics.json", metrics_json(report, checksums));
  folder.write_text(problem.comm, "metrics_by_gauge.csv", metrics_by_gauge_csv(report));
  write_parameters(folder.file("parameters.nc"), problem, theta);
  if (problem.config.output.discharge == "none") return;
  agree_on_root(problem.comm, "discharge", [&] {
    std::vector<GaugeSeries> series{
        {"discharge_simulated", "discharge with the learned or given parameters", report.contenders.front().means},
        {"discharge_observed", "observed discharge at the scored times", evaluation.observed()}};
    for (const auto& [contender, text] : {std::pair{"untrained", "discharge with the untrained network"},
                                          std::pair{"uniform", "discharge with the best uniform parameters"},
                                          std::pair{"summed_lateral_inflow", "lateral inflow summed without routing"},
                                          std::pair{"delayed_lateral_inflow", "the same with its best constant delay"}})
      if (const auto& means = means_named(report.contenders, contender); !means.empty())
        series.push_back({std::string("discharge_") + contender, text, means});
    write_discharge(folder.file("discharge.nc"), problem, evaluation.period().start.day * 86400,
                    evaluation.clock().interval_s, evaluation.intervals(), evaluation.gauge_offset_h(), series, further);
  });
}

}  // namespace

std::vector<Index> further_reaches(const Problem& problem) {
  const auto& output = problem.config.output;
  std::vector<Index> reaches;
  if (output.discharge == "all") {
    reaches.resize(problem.network.size());
    std::iota(reaches.begin(), reaches.end(), 0);
    return reaches;
  }
  for (const auto& text : output.reaches) {
    ReachId id = 0;
    try {
      std::size_t used = 0;
      id = std::stoll(text, &used);
      if (used != text.size()) throw std::invalid_argument(text);
    } catch (const std::exception&) {
      fail("config: output.reaches has \"{}\", which is no reach id", text);
    }
    const auto it = problem.network.index_of.find(id);
    if (it == problem.network.index_of.end())
      fail("config: output.reaches has {}, which is not in {}", id, problem.network.path);
    reaches.push_back(it->second);
  }
  return reaches;
}

void hold_contest(const Problem& problem, const Period& period, const ContestEntry& entry,
                  const std::function<double(std::span<const double>)>& training_loss, RunFolder& folder) {
  const auto& config = problem.config;
  Evaluation evaluation(problem, period, further_reaches(problem));
  std::vector<Contender> contenders;
  contenders.push_back(evaluation.routed(entry.name, entry.learned));
  const ReachSeries further = evaluation.further();
  const WaterVolumes water = evaluation.water();
  if (!config.output.state.empty())
    write_state(config.output.state, problem, evaluation.reaches(), (period.end.day + 1) * 86400, evaluation.domain().state());
  if (training_loss) contenders.back().facts["training_loss"] = training_loss(entry.learned);

  const double reach_steps = static_cast<double>(evaluation.domain().partition().piece.size()) *
                             static_cast<double>(config.experiment.period.days()) * 86400 / evaluation.domain().step_s();
  const bool large = reach_steps >= kLargeTraining;
  const auto missing = [&](const std::string& name) {
    return absent(name, large ? "training period above 1e9 reach-steps; name it in baselines to run it" : "not in baselines");
  };
  if (!wanted(config, "untrained", false, reach_steps)) {
    contenders.push_back(missing("untrained"));
  } else if (!entry.untrained) {
    contenders.push_back(absent("untrained", entry.untrained_reason));
  } else {
    contenders.push_back(evaluation.routed("untrained", *entry.untrained));
    if (training_loss) contenders.back().facts["training_loss"] = training_loss(*entry.untrained);
  }
  if (!wanted(config, "uniform", false, reach_steps))
    contenders.push_back(missing("uniform"));
  else if (!training_loss)
    contenders.push_back(absent("uniform", kNoTrainingPeriod));
  else
    contenders.push_back(uniform(problem, evaluation, training_loss));
  for (auto& c : inflow_baselines(problem, evaluation)) contenders.push_back(std::move(c));

  const Report report{problem, evaluation, std::move(contenders), water, entry.update};
  for (const auto& line : metrics_table(report)) log_info("{}", line);
  write_files(report, further, entry.learned, folder);
}

}  // namespace dpl
