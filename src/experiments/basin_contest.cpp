// Scores of the contenders over the test period.
#include "dpl/experiments/basin_contest.hpp"

#include <algorithm>

#include "dpl/base/log.hpp"
#include "dpl/experiments/report.hpp"
#include "dpl/training/basin_output.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
// Scores of own places, made known to all ranks.
std::vector<Metrics> basin_scores(const BasinProblem& problem, const BasinSeries& series,
                                  const std::vector<float>& observed, const std::vector<double>& simulated) {
  const Period& period = problem.config.test.period;
  const std::size_t width = metric_names().size() + 1, days = static_cast<std::size_t>(period.days());
  std::vector<double> rows(static_cast<std::size_t>(problem.size()) * width, 0.0);
  for (Index k = 0; k < problem.own(); ++k) {
    const auto from = observed.begin() + Count{k} * series.days + (period.start.day - series.first_day);
    const std::vector<double> o(from, from + period.days());
    const Metrics m = score(std::span<const double>(simulated).subspan(static_cast<std::size_t>(k) * days, days), o);
    auto to = rows.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(problem.first_own() + k) * width);
    *to++ = static_cast<double>(m.count);
    std::copy(m.values.begin(), m.values.end(), to);
  }
  problem.comm.gather_owned(rows);
  std::vector<Metrics> all;
  for (std::size_t k = 0; k < static_cast<std::size_t>(problem.size()); ++k) {
    const auto from = rows.begin() + static_cast<std::ptrdiff_t>(k * width);
    all.push_back({{from + 1, from + static_cast<std::ptrdiff_t>(width)}, static_cast<Count>(*from)});
  }
  return all;
}

namespace {

struct Contest {
  BasinProblem& problem;
  BasinSeries series;
  BasinReport report;

  // `flow_only`: the contender says nothing of soil moisture. A rank without places has empty series of everything.
  void add(const std::string& name, const BasinOutputs& made, bool flow_only = false) {
    if (series.has_streamflow)
      report.contenders["streamflow"].push_back(
          {name, basin_scores(problem, series, series.streamflow_mm_day, made.streamflow_mm_day), ""});
    if (series.has_soil_moisture && flow_only)
      report.contenders["soil_moisture"].push_back({name, {}, "it has none"});
    else if (series.has_soil_moisture)
      report.contenders["soil_moisture"].push_back(
          {name, basin_scores(problem, series, series.soil_moisture, made.soil_moisture), ""});
  }
  void absent(const std::string& name, const std::string& reason) {
    report.contenders[report.primary()].push_back({name, {}, reason});
  }
};

void write_series_and_parameters(const RunFolder& folder, const Contest& contest, const Period& period,
                                 const BasinOutputs& learned, BasinModel& model) {
  const BasinProblem& problem = contest.problem;
  write_runoff(folder.file("runoff.nc"), problem, contest.series, period, learned);
  std::vector<double> parameters;
  for (Index first = 0; first < problem.own(); first += problem.blocks.block_size) {
    const auto part = model.static_parameters(
        period_windows(problem, period, first, std::min(problem.own(), first + problem.blocks.block_size)));
    parameters.insert(parameters.end(), part.begin(), part.end());
  }
  write_basin_parameters(folder.file("parameters.nc"), problem, model.parameters(), parameters);
}

}  // namespace

bool basin_baseline_wanted(const RunConfig& config, const std::string& name) {
  const auto& list = config.test.baselines;
  return std::any_of(list.begin(), list.end(), [&](const auto& n) { return n == "all" || n == name; });
}

bool uniform_is_searched(const RunConfig& config) {
  return basin_baseline_wanted(config, "uniform") && config.experiment.targets.streamflow > 0;
}

BasinEntry basin_entry(const RunConfig& config, std::vector<NamedTensor> learned, std::vector<NamedTensor> untrained,
                       Count update) {
  BasinEntry entry{std::move(learned), std::move(untrained), std::nullopt, "not in baselines", update};
  if (basin_baseline_wanted(config, "uniform") && !(config.experiment.targets.streamflow > 0))
    entry.uniform_reason = "streamflow is no target";
  return entry;
}

BasinReportScores hold_basin_contest(BasinProblem& problem, const BasinEntry& entry, RunFolder& folder,
                                     ContestFiles files) {
  const RunConfig& config = problem.config;
  const Period& period = config.test.period;
  Contest contest{problem, read_basin_series(problem, period, evaluation_warmup(config)), {problem, entry.update, {}}};
  for (const auto& warning : contest.series.warnings) log_warning("{}", warning);
  const auto model = make_basin_model(problem, contest.series);
  std::vector<RunoffOutput> further;
  for (const auto& name : config.output.runoff) further.push_back(runoff_output_from_name(name));
  const auto simulate = [&](const std::vector<NamedTensor>& weights, const std::vector<RunoffOutput>& series) {
    restore_weights(model->network().weights(), weights);
    BasinOutputs made;
    agree(problem.comm, "runoff", [&] { made = simulate_period(*model, problem, period, series); });
    return made;
  };
  if (entry.members.empty()) {
    const BasinOutputs learned = simulate(entry.learned, further);
    contest.add("learned", learned);
    if (files == ContestFiles::scores_and_series)
      write_series_and_parameters(folder, contest, period, learned, *model);
  } else {
    const BasinOutputs mean =
        simulate_ensemble(problem, entry.members, further,
                          [&](const BasinMember& member, const BasinOutputs& made) { contest.add(member.name, made); });
    contest.add("ensemble", mean);
    write_runoff(folder.file("runoff.nc"), problem, contest.series, period, mean);
    contest.report.members = entry.members;
    log_info("parameters.nc is not written: the {} members have a set of parameters each; evaluate one alone for its",
             entry.members.size());
  }

  if (!basin_baseline_wanted(config, "untrained"))
    contest.absent("untrained", "not in baselines");
  else if (entry.untrained.empty())
    contest.absent("untrained", "the parameters come from no network");
  else
    contest.add("untrained", simulate(entry.untrained, {}));
  if (!entry.uniform)
    contest.absent("uniform", entry.uniform_reason);
  else {
    BasinOutputs made;
    made.streamflow_mm_day = uniform_streamflow(problem, contest.series, *entry.uniform, period);
    contest.add("uniform", made, /*flow_only=*/true);
  }
  const auto sums = input_checksums(problem.comm, config.data_sources);
  folder.write_text(problem.comm, "metrics.json", basin_metrics_json(contest.report, sums));
  folder.write_text(problem.comm, "metrics_by_basin.csv", basin_metrics_csv(contest.report));
  for (const auto& line : basin_metrics_table(contest.report)) log_info("{}", line);
  BasinReportScores scores;
  const auto& of_learned = contest.report.contenders.at(contest.report.primary()).front().scores;
  for (Index k = 0; k < problem.size(); ++k)
    scores.push_back({problem.id(k), problem.list[static_cast<std::size_t>(k)], of_learned[static_cast<std::size_t>(k)]});
  return scores;
}

}  // namespace dpl
