// The whole period, its means at the gauges, their scores.
#include "dpl/experiments/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

Count rows_of(double seconds, double step_s, const char* key) {
  const double rows = seconds / step_s;
  if (std::abs(rows - std::round(rows)) > 1e-9 || rows == 0)
    fail("config: {} ({} h) is not a whole number of routing steps ({} s)", key, seconds / 3600, step_s);
  return std::llround(rows);
}

}  // namespace

void check_scored(const Problem& problem, const Observations& observations, const Period& period,
                  const std::string& what) {
  inflow_rows(problem, period, what);
  const double step_s = problem.config.routing.dt_s / problem.config.routing.substeps;
  const auto rows = std::llround(static_cast<double>(period.days()) * 86400 / step_s) + 1;  // instants: one row more
  const auto values =
      make_gauge_clock(problem.config, observations, step_s)
          .observed(observations, period.start.day, period.days(), problem.config.experiment.warmup_days, rows);
  if (std::all_of(values.begin(), values.end(), [](double v) { return std::isnan(v); }))
    fail(
        "{}: no observation to score in {} {}..{}; its first {} days (experiment.warmup) and incomplete days are not "
        "scored",
        observations.path, what, iso_date(period.start.day), iso_date(period.end.day),
        problem.config.experiment.warmup_days);
}

Evaluation::Evaluation(const Problem& problem, const Period& period, const std::vector<Index>& further, Further use)
    : problem_(problem), period_(period), use_(use) {
  const RunConfig& config = problem.config;
  std::vector<Index> probes;
  if (problem.observations) probes = problem.observations->reach;
  gauges_ = static_cast<Index>(probes.size());
  probes.insert(probes.end(), further.begin(), further.end());
  if (probes.empty()) fail("config: no discharge is asked for; set data_sources.observations, output.reaches or output.discharge: all");
  reaches_ = reaches_above(problem.network, probes);
  domain_ = make_routed_domain(problem.comm, config, problem.network, reaches_, problem.blocks);
  const double step_s = domain_->step_s();
  const auto rows = inflow_rows(problem, period, "the period to route");
  window_ = {rows.first, rows.end - rows.first, {}, 0, false, {}, 0, 0, 0};
  if (problem.observations) {
    clock_ = make_gauge_clock(config, *problem.observations, step_s);
    gauge_intervals_ = period.days() * clock_.per_day;
    window_.means = clock_.means;
  }
  further_.reaches = further;
  if (!further.empty()) {
    const double interval_s = config.output.interval_h * 3600;
    const bool whole_days = std::fmod(config.output.interval_h, 24) == 0;   // tau shifts days, not hours
    const double offset_s = whole_days ? config.params.tau_h * 3600 : 0;
    const IntervalMean mean{rows_of(interval_s, step_s, "output.interval_h"),
                            static_cast<Count>(std::llround(offset_s / step_s))};
    further_.interval_s = static_cast<Count>(interval_s);
    further_.offset_s = std::llround(offset_s);
    further_.intervals = period.days() * 86400 / further_.interval_s;
    window_.means.insert(window_.means.end(), use_ == Further::kept ? further.size() : 1, mean);
  }
  window_.intervals = use_ == Further::kept ? std::max(gauge_intervals_, further_.intervals) : gauge_intervals_;
  rows_per_day_ = window_.rows / period.days();
  if (const auto& start = config.routing.initial_state; start == "zero")
    initial_state_.assign(domain_->state_rows().count, 0.0);
  else if (start != "hot")
    initial_state_ = read_state(problem.comm, start, problem, reaches_);
  window_.from_state = config.routing.initial_state != "hot";
  if (is_joint_run(config))
    domain_->give_inflow(problem.inflow, rows.first, {});  // the axis; rows come when the runoff is made
  else
    domain_->use_inflow(problem.inflow, rows.first, rows.end);
  if (problem.observations)
    observed_ = clock_.observed(*problem.observations, period.start.day, period.days(), config.experiment.warmup_days,
                                domain_->discharge_rows(window_.rows));
}

std::vector<double> Evaluation::gauge_offset_h() const {
  std::vector<double> hours;
  for (const auto& mean : clock_.means) hours.push_back(static_cast<double>(mean.offset) * domain_->step_s() / 3600);
  return hours;
}

PeriodRouter Evaluation::begin() {
  if (window_.from_state) domain_->set_state(initial_state_);
  const bool streams = use_ == Further::streamed;
  const auto gathered = gauges_ + (streams ? 0 : static_cast<Index>(further_.reaches.size()));
  return {problem_.comm, *domain_, window_, gathered, streams ? further_.intervals : 0,
          rows_of_window(problem_.config, *domain_, rows_per_day_, window_.rows)};
}

Contender Evaluation::routed(const std::string& name, std::span<const double> theta) {
  auto router = begin();
  while (!router.finished()) router.next(theta);
  return ended(name, router);
}

Contender Evaluation::ended(const std::string& name, const PeriodRouter& router) {
  const auto all = router.means();
  water_ = router.water();
  std::vector<double> means;
  for (Index g = 0; g < gauges_; ++g)
    means.insert(means.end(), all.begin() + g * window_.intervals, all.begin() + g * window_.intervals + gauge_intervals_);
  further_.values.clear();
  for (std::size_t k = 0; k < further_.reaches.size() && use_ == Further::kept; ++k) {
    const auto row = all.begin() + (gauges_ + static_cast<Count>(k)) * window_.intervals;
    further_.values.insert(further_.values.end(), row, row + further_.intervals);
  }
  return scored(name, std::move(means));
}

Contender Evaluation::scored(const std::string& name, std::vector<double> means) const {
  Contender c;
  c.name = name;
  c.means = std::move(means);
  const auto n = static_cast<std::size_t>(gauge_intervals_);
  for (Index g = 0; g < gauges_; ++g)
    c.scores.push_back(score(std::span(c.means).subspan(g * n, n), std::span(observed_).subspan(g * n, n)));
  return c;
}

Evaluation::Scored Evaluation::scored_days() const {
  Scored s{std::numeric_limits<Count>::max(), std::numeric_limits<Count>::min(), 0};
  for (std::size_t k = 0; k < observed_.size(); ++k) {
    if (std::isnan(observed_[k])) continue;
    const Count day = period_.start.day + static_cast<Count>(k) % gauge_intervals_ / clock_.per_day;
    s.first_day = std::min(s.first_day, day);
    s.last_day = std::max(s.last_day, day);
    ++s.values;
  }
  return s;
}

}  // namespace dpl
