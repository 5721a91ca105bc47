// The training loop of runoff and routing. `gradient_of_update` is what an update costs, on one screen.
#include "dpl/training/joint_trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/learning/loss.hpp"
#include "dpl/learning/rate_schedule.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {

// What a window's discharge is held against: observed values of the chosen gauges, NaN where not scored.
struct JointTrainer::Targets {
  std::vector<double> observed;
  Count intervals = 0;
  bool any = false;

  Targets(const JointTrainer& t, const Sample& sample) {
    const auto& experiment = t.problem_.rivers.config.experiment;
    intervals = experiment.rho_days * t.clock_.per_day;
    observed = t.clock_.observed(*t.problem_.rivers.observations, sample.first_day, experiment.rho_days,
                                 experiment.warmup_days, t.domain_->discharge_rows(experiment.rho_days));
    std::vector<std::uint8_t> chosen(static_cast<std::size_t>(t.problem_.rivers.observations->size()), 0);
    for (const Index g : sample.gauges) chosen[static_cast<std::size_t>(g)] = 1;
    for (std::size_t k = 0; k < observed.size(); ++k) {
      if (!chosen[k / static_cast<std::size_t>(intervals)]) observed[k] = std::numeric_limits<double>::quiet_NaN();
      any = any || !std::isnan(observed[k]);
    }
  }
};

JointTrainer::JointTrainer(JointProblem& problem)
    : problem_(problem),
      comm_(problem.rivers.comm),
      series_(read_basin_series(problem.places, problem.config.experiment.period, problem.config.experiment.warmup_days)),
      runoff_(make_basin_model(problem.places, series_)),
      reaches_(reaches_above(problem.rivers.network, problem.rivers.observations->reach)),
      domain_(make_routed_domain(comm_, problem.rivers.config, problem.rivers.network, reaches_, problem.rivers.blocks)),
      channel_(std::make_unique<JointChannel>(problem, reaches_.active)),
      inflow_(std::make_unique<PlaceInflow>(comm_, problem.places.blocks, problem.reach, problem.factor,
                                            domain_->own_network_reaches())),
      weights_(runoff_->network().weights()),
      clock_(make_gauge_clock(problem.rivers.config, *problem.rivers.observations, domain_->step_s())),
      sigma_(observed_deviation(*problem.rivers.observations, problem.config.experiment.period)) {
  weights_.insert(weights_.end(), channel_->weights().begin(), channel_->weights().end());
  domain_->give_inflow(problem.rivers.inflow, 0, {});  // the axis
  const TrainConfig& experiment = problem.config.experiment;
  optimizer_ = make_optimizer(experiment, weights_);
  std::vector<double> shares;
  for (const auto& w : weights_)
    shares.push_back(w.name.starts_with(kChannelPrefix) ? experiment.channel_rate
                     : w.name.starts_with("dynamic.")   ? experiment.dynamic_rate
                                                        : 1.0);
  optimizer_->set_rate_shares(std::move(shares));
}

Count JointTrainer::updates_in_all() const {
  return static_cast<Count>(problem_.config.experiment.epochs) * problem_.config.experiment.updates;
}

Sample JointTrainer::sample_of(Count update) const {
  constexpr Index kAttempts = 100;  // records with long gaps: draw again, still a function of the update alone
  const Problem& rivers = problem_.rivers;
  for (Index attempt = 0; attempt < kAttempts; ++attempt) {
    Sample sample = draw_sample(rivers.config, *rivers.observations, update, 0, attempt);
    if (Targets(*this, sample).any) return sample;
  }
  throw AgreedError(fmt::format(
      "{}: no observation in the window of update {} (and {} further draws) within {}..{}; check experiment.start_time, "
      "end_time and the gauges",
      rivers.observations->path, update, kAttempts - 1, iso_date(problem_.config.experiment.period.start.day),
      iso_date(problem_.config.experiment.period.end.day)));
}

JointTrainer::Gradient JointTrainer::gradient_of_update(Count update) {
  const Problem& rivers = problem_.rivers;
  const Sample sample = sample_of(update);
  const Targets targets(*this, sample);
  const Count days = rivers.config.experiment.rho_days;  // routed

  BasinWindows windows;  // the same days of all units
  windows.days = problem_.config.experiment.rho_days;
  windows.warmup = windows.days - days;
  for (Index k = 0; k < problem_.places.own(); ++k) {
    windows.place.push_back(k);
    windows.first_day.push_back(sample.first_day - windows.warmup);
  }
  BasinOutputs made;
  agree(comm_, "runoff", [&] { made = runoff_->forward(windows, {true, true, update, {}}); });

  RoutedWindow window;
  window.first_row = problem_.row_of_day(sample.first_day);
  window.rows = days;
  window.means = clock_.means;
  window.intervals = targets.intervals;
  if (sample.gauges.size() < rivers.observations->reach.size()) {
    window.wanted.assign(rivers.observations->reach.size(), 0);
    for (const Index g : sample.gauges) window.wanted[static_cast<std::size_t>(g)] = 1;
  }
  domain_->give_inflow(rivers.inflow, window.first_row, inflow_->to_reaches(made.streamflow_mm_day, days));
  const auto means = domain_->forward(channel_->theta(true), window, true);
  const LossResult loss =
      loss_at_gauges(problem_.config.experiment, means, targets.observed, targets.intervals, sigma_);
  Gradient result{loss.value, {}};
  if (!std::isfinite(loss.value)) return result;

  std::vector<double> inflow_adjoint;
  const auto theta_adjoint = domain_->adjoint(loss.gradient, inflow_adjoint);
  result.weights = runoff_->backward(inflow_->to_places(inflow_adjoint, days), {});
  for (auto& w : channel_->backward(theta_adjoint)) result.weights.push_back(std::move(w));
  return result;
}

void JointTrainer::step() {
  const TrainConfig& experiment = problem_.config.experiment;
  Gradient gradient = gradient_of_update(update_ + 1);
  const double norm = clip_gradients(gradient.weights, experiment.clip);
  if (!std::isfinite(gradient.loss) || !std::isfinite(norm)) {
    const auto where = domain_->describe_not_finite();
    throw AgreedError(fmt::format(
        "training: the loss or its gradient is not finite in update {}: first at {}; the last checkpoint is kept; try a "
        "smaller experiment.learning_rate or precision: double",
        update_ + 1, where.empty() ? "the adjoint" : where));
  }
  const double rate = scheduled_rate(experiment, update_);
  optimizer_->step(gradient.weights, rate);
  ++update_;
  last_ = {update_, gradient.loss, norm, rate,
           last_.reach_hours + static_cast<double>(problem_.places.size()) * experiment.rho_days};
}

TrainingEnd JointTrainer::run(RunFolder& folder) {
  using Clock = std::chrono::steady_clock;
  const Index every = problem_.config.checkpoint.every;
  folder.begin_tables(comm_, update_, {"place_days", "place_days_per_s"});
  Progress progress("update", updates_in_all(), "place-days", update_);
  const double work_at_start = last_.reach_hours;
  while (update_ < updates_in_all()) {
    if (comm_.any(stop_requested())) {
      write(folder);
      return TrainingEnd::stopped_by_signal;
    }
    const auto begin = Clock::now();
    const double before = last_.reach_hours;
    step();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    agree_on_root(comm_, "run folder", [&] { folder.append(last_, seconds, (last_.reach_hours - before) / seconds, 0); });
    progress.show(update_, last_.reach_hours - work_at_start, fmt::format("loss {:.4g}", last_.loss));
    if (every > 0 && update_ % every == 0 && update_ < updates_in_all()) write(folder);
  }
  write(folder);
  return TrainingEnd::finished;
}

void JointTrainer::write(const RunFolder& folder) {
  Checkpoint c;
  c.update = update_;
  c.config_yaml = resolved_yaml(problem_.config);
  c.network_fingerprint = problem_.fingerprint;
  c.weights = weights_;
  c.optimizer = optimizer_->state();
  c.attribute_names = problem_.places.statistics.names;
  c.attribute_mean = problem_.places.statistics.mean;
  c.attribute_std = problem_.places.statistics.deviation;
  const AttributeStatistics& reaches = problem_.rivers.statistics;
  for (std::size_t k = 0; k < reaches.names.size(); ++k) {
    c.attribute_names.push_back(kChannelPrefix + reaches.names[k]);
    c.attribute_mean.push_back(reaches.mean[k]);
    c.attribute_std.push_back(reaches.standard_deviation[k]);
  }
  c.more = {{"loss", fmt::format("{}", last_.loss)}, {"place_days", fmt::format("{}", last_.reach_hours)}};
  Fingerprint fingerprint;
  for (const auto* tensors : {&c.weights, &c.optimizer})
    for (const auto& w : *tensors) fingerprint.add_bytes(w.tensor.const_data_ptr(), w.tensor.nbytes());
  if (!comm_.all_equal(fingerprint.value()))
    fail("training: weights differ between ranks after update {}; this is a defect of the program, please report it",
         update_);
  agree_on_root(comm_, "checkpoint",
                [&] { write_checkpoint(fmt::format("{}/checkpoints/update_{:06}", folder.path(), update_), c); });
}

void JointTrainer::restore(const Checkpoint& c) {
  refuse_other_training(problem_.config, problem_.fingerprint, "network, set of places or of gauges",
                        problem_.places.forcing.path, c);
  restore_weights(weights_, c.weights);
  optimizer_->restore(c.optimizer);
  update_ = c.update;
  last_.update = update_;
  last_.reach_hours = std::stod(c.more.at("place_days"));
}

JointStatistics joint_statistics(const Checkpoint& c) {
  JointStatistics s;
  const std::string prefix = kChannelPrefix;
  for (std::size_t k = 0; k < c.attribute_names.size(); ++k) {
    const std::string& name = c.attribute_names[k];
    const bool reach = name.starts_with(prefix);
    (reach ? s.reaches.names : s.places.names).push_back(reach ? name.substr(prefix.size()) : name);
    (reach ? s.reaches.mean : s.places.mean).push_back(c.attribute_mean[k]);
    (reach ? s.reaches.standard_deviation : s.places.deviation).push_back(c.attribute_std[k]);
  }
  return s;
}

void restore_joint_weights(const std::vector<NamedTensor>& weights, const std::vector<NamedTensor>& stored,
                           bool learns_channels) {
  std::vector<NamedTensor> taken;
  for (const auto& w : stored)
    if (learns_channels || !w.name.starts_with(kChannelPrefix)) taken.push_back(w);
  restore_weights(weights, taken);
}

}  // namespace dpl
