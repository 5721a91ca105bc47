// The training loop. `step` is one update, on one screen.
#include "dpl/training/trainer.hpp"

#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/learning/differentiable_model.hpp"
#include "dpl/learning/loss.hpp"
#include "dpl/learning/rate_schedule.hpp"
#include "dpl/training/period_router.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

std::vector<Index> gauge_reaches(const Observations& observations) { return observations.reach; }

std::vector<std::uint8_t> used_reaches(const BlockDistribution& blocks, const std::vector<Index>& active) {
  std::vector<std::uint8_t> used(blocks.end_reach() - blocks.first_reach(), 0);
  for (Index r : active)
    if (r >= blocks.first_reach() && r < blocks.end_reach()) used[r - blocks.first_reach()] = 1;
  return used;
}

at::Tensor to_tensor(std::span<const double> values, std::int64_t rows, std::int64_t columns) {
  auto tensor = torch::empty({rows, columns}, torch::kFloat64);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return tensor;
}

std::span<const double> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<double>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

Trainer::Trainer(const Problem& problem, Replicas replicas)
    : problem_(problem),
      replicas_(std::move(replicas)),
      comm_(problem.comm),
      field_(problem, learned_parameters(problem.config)) {
  const RunConfig& config = problem.config;
  if (!problem.observations) fail("config: data_sources.observations is not set; training needs observed discharge");
  std::vector<double> start;
  for (const auto& p : field_.learned()) start.push_back(p.start_output());
  network_ = make_parameter_network(config.network, static_cast<std::int64_t>(config.network.input_var_names.size()),
                                    start, config.precision, config.seed);
  optimizer_ = make_optimizer(problem_.config.experiment, network_->weights());
  const auto reaches = reaches_above(problem.network, gauge_reaches(*problem.observations));
  domain_ = make_routed_domain(comm_, config, problem.network, reaches, problem.blocks);
  blocks_ = std::make_unique<NetworkBlocks>(comm_, problem.blocks, problem.inputs,
                                            static_cast<std::int64_t>(config.network.input_var_names.size()),
                                            used_reaches(problem.blocks, reaches.active), config.precision == "double");
  clock_ = make_gauge_clock(config, *problem.observations, domain_->step_s());
  sigma_ = observed_deviation(*problem.observations, config.experiment.period);
  const auto rows = inflow_rows(problem, config.experiment.period, "the training period (experiment)");
  rows_per_day_ = (rows.end - rows.first) / config.experiment.period.days();
  if (config.experiment.rho_days > config.experiment.period.days())
    fail("config: experiment.rho is {} days, longer than the training period {}..{} ({} days)",
         config.experiment.rho_days, iso_date(config.experiment.period.start.day),
         iso_date(config.experiment.period.end.day), config.experiment.period.days());
  domain_->use_inflow(problem.inflow, rows.first, rows.end);
}

Count Trainer::updates_in_all() const {
  return static_cast<Count>(problem_.config.experiment.epochs) * problem_.config.experiment.updates;
}

double Trainer::learning_rate(Count update) const { return scheduled_rate(problem_.config.experiment, update - 1); }

RoutedWindow Trainer::window(Count first_day, Count days) const {
  const Period period{{first_day}, {first_day + days - 1}};
  const auto rows = inflow_rows(problem_, period, "window");
  return {rows.first, rows.end - rows.first, clock_.means, days * clock_.per_day, false, {}, 0, 0, 0};
}

// What a window's discharge is held against: observed values of the chosen gauges, NaN where not scored.
struct Trainer::Targets {
  std::vector<double> observed;
  Count intervals = 0;
  bool any = false;

  Targets(const Trainer& t, Count first_day, Count days, const std::vector<Index>& gauges) {
    intervals = days * t.clock_.per_day;
    const Count rows = t.domain_->discharge_rows(days * t.rows_per_day_);
    observed = t.clock_.observed(*t.problem_.observations, first_day, days, t.problem_.config.experiment.warmup_days, rows);
    std::vector<std::uint8_t> chosen(t.problem_.observations->size(), 0);
    for (Index g : gauges) chosen[g] = 1;
    for (std::size_t k = 0; k < observed.size(); ++k) {
      if (!chosen[k / intervals]) observed[k] = std::numeric_limits<double>::quiet_NaN();
      any = any || !std::isnan(observed[k]);
    }
  }
};

Sample Trainer::sample_of(Count update, Index window) const {
  constexpr Index kAttempts = 100;  // records with long gaps: draw again, still a function of update and window alone
  static_assert(kAttempts < kMostAttempts);
  for (Index attempt = 0; attempt < kAttempts; ++attempt) {
    const Sample sample = draw_sample(problem_.config, *problem_.observations, update, window, attempt);
    if (Targets(*this, sample.first_day, problem_.config.experiment.rho_days, sample.gauges).any) return sample;
  }
  throw AgreedError(fmt::format(
      "{}: no observation in the window of update {} (and {} further draws) within {}..{}; check "
      "experiment.start_time, "
      "end_time and the gauges",
      problem_.observations->path, update, kAttempts - 1, iso_date(problem_.config.experiment.period.start.day),
      iso_date(problem_.config.experiment.period.end.day)));
}

Trainer::Gradient Trainer::gradient(const Sample& sample) {
  next_first_day_.reset();
  return gradient(sample, blocks_->evaluate(*network_, field_.learned(), true), false);
}

// `learned_values`: what blocks_ evaluated, whose graphs the last window of an update drops.
Trainer::Gradient Trainer::gradient(const Sample& sample, std::span<const double> learned_values, bool keep_graph) {
  const Count days = problem_.config.experiment.rho_days;
  const Targets targets(*this, sample.first_day, days, sample.gauges);
  RoutedWindow routed = window(sample.first_day, days);
  if (sample.gauges.size() < problem_.observations->reach.size()) {
    routed.wanted.assign(problem_.observations->reach.size(), 0);
    for (Index g : sample.gauges) routed.wanted[g] = 1;
  }
  if (next_first_day_) {
    const RoutedWindow next = window(*next_first_day_, days);
    routed.next_first_row = next.first_row;
    routed.next_rows = next.rows;
  }
  const auto learned = static_cast<std::int64_t>(field_.learned().size());
  const auto reaches = static_cast<std::int64_t>(problem_.blocks.end_reach() - problem_.blocks.first_reach());
  const auto probes = problem_.observations->size();

  const WindowModel model{
      [&](const at::Tensor& theta) {
        return to_tensor(domain_->forward(field_.complete(values_of(theta)), routed, true), probes, routed.intervals);
      },
      [&](const at::Tensor& adjoint) {
        return to_tensor(field_.learned_columns(domain_->adjoint(values_of(adjoint))), reaches, learned);
      }};
  auto theta = to_tensor(learned_values, reaches, learned).requires_grad_(true);
  const auto means = apply_window_model(theta, model);
  const auto simulated = values_of(means);
  const LossResult loss = loss_at_gauges(problem_.config.experiment, {simulated.begin(), simulated.end()},
                                         targets.observed, targets.intervals, sigma_);
  Gradient result{loss.value, {}, domain_->reaches_wanted()};
  if (!std::isfinite(loss.value)) return result;
  means.backward(to_tensor(loss.gradient, probes, routed.intervals));
  result.weights = blocks_->backward(*network_, values_of(theta.grad()), keep_graph);
  return result;
}

// Of the window that this group takes after window w of an update: its inflow is read meanwhile.
std::optional<Count> Trainer::first_day_after(Count update, Index w) const {
  const bool here = w + replicas_.count() < problem_.config.experiment.windows;
  if (!here && update >= updates_in_all()) return std::nullopt;
  return (here ? sample_of(update, w + replicas_.count()) : sample_of(update + 1, replicas_.index())).first_day;
}

Trainer::Gradient Trainer::gradient_of_update(Count update) {
  const Index windows = problem_.config.experiment.windows;
  std::size_t width = 2;  // of a window's row: loss, weight gradients one after the other, reaches
  for (const auto& w : network_->weights()) width += static_cast<std::size_t>(w.tensor.numel());
  std::vector<double> rows(static_cast<std::size_t>(windows) * width);
  replicas_.together([&] {
    const auto learned = blocks_->evaluate(*network_, field_.learned(), true);
    for (Index w = replicas_.index(); w < windows; w += replicas_.count()) {
      const Sample sample = sample_of(update, w);
      next_first_day_ = first_day_after(update, w);
      const Gradient gradient = this->gradient(sample, learned, w + replicas_.count() < windows);
      const auto row = std::span(rows).subspan(static_cast<std::size_t>(w) * width, width);
      row.front() = gradient.loss;
      row.back() = static_cast<double>(gradient.reaches);
      auto to = row.begin() + 1;
      for (const auto& weights : gradient.weights) to = std::ranges::copy(weights, to).out;
      if (!std::ranges::all_of(row, [](double v) { return std::isfinite(v); })) fail_not_finite(&sample);
    }
  });
  const auto sum = replicas_.sum_in_order(rows, width);
  Gradient mean{sum.front() / windows, {}, static_cast<Count>(sum.back())};
  auto from = sum.begin() + 1;
  for (const auto& w : network_->weights()) {
    auto& weights = mean.weights.emplace_back();
    for (std::int64_t i = 0; i < w.tensor.numel(); ++i) weights.push_back(*from++ / windows);
  }
  return mean;
}

void Trainer::step() {
  Gradient gradient = gradient_of_update(update_ + 1);
  const double norm = clip_gradients(gradient.weights, problem_.config.experiment.clip);
  if (!std::isfinite(norm)) fail_not_finite(nullptr);
  const double rate = learning_rate(update_ + 1);
  optimizer_->step(gradient.weights, rate);
  ++update_;
  const double steps = static_cast<double>(problem_.config.experiment.rho_days) * 86400 / domain_->step_s();
  const auto reaches = static_cast<double>(gradient.reaches);
  last_ = {update_, gradient.loss, norm, rate, last_.reach_hours + reaches * steps * domain_->step_s() / 3600};
}

// `sample`: the window, where it is one window's fault.
void Trainer::fail_not_finite(const Sample* sample) {
  const std::string where = sample ? domain_->describe_not_finite() : "";
  throw AgreedError(
      fmt::format("training: the loss or its gradient is not finite in update {} ({}): first at {}; the last "
                  "checkpoint is kept; try a "
                  "smaller experiment.learning_rate or precision: double",
                  update_ + 1, sample ? "window from " + iso_date(sample->first_day) : "sum over its windows",
                  where.empty() ? "the adjoint" : where));
}

TrainingEnd Trainer::run(RunFolder& folder) {
  using Clock = std::chrono::steady_clock;
  const auto& config = problem_.config;
  folder.begin_tables(replicas_.all(), update_);
  Progress progress("update", updates_in_all(), "reach-steps", update_);
  const double hours_at_start = last_.reach_hours;
  double all_seconds = 0, all_waited = 0;
  while (update_ < updates_in_all()) {
    if (replicas_.all().any(stop_requested())) {
      write(folder);
      return TrainingEnd::stopped_by_signal;
    }
    const auto begin = Clock::now();
    const double hours_before = last_.reach_hours, waited_before = domain_->input().waited_s;
    step();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const double waited = replicas_.all().max(domain_->input().waited_s - waited_before);
    all_seconds += seconds;
    all_waited += waited;
    const double steps_per_hour = 3600 / domain_->step_s();
    agree_on_root(replicas_.all(), "run folder", [&] {
      folder.append(last_, seconds, (last_.reach_hours - hours_before) * steps_per_hour / seconds, waited);
    });
    progress.show(update_, (last_.reach_hours - hours_at_start) * steps_per_hour, fmt::format("loss {:.4g}", last_.loss));
    if (config.checkpoint.every > 0 && update_ % config.checkpoint.every == 0 && update_ < updates_in_all())
      write(folder);
  }
  write(folder);
  if (all_seconds > 0)
    log_info("waited for input: {:.3g} s of {:.3g} s of updates ({:.1f} %)", all_waited, all_seconds,
             100 * all_waited / all_seconds);
  return TrainingEnd::finished;
}

std::vector<double> Trainer::theta() { return field_.complete(blocks_->evaluate(*network_, field_.learned(), false)); }

double Trainer::training_loss(std::span<const double> theta) {
  const auto& period = problem_.config.experiment.period;
  std::vector<Index> gauges(problem_.observations->size());
  for (Index g = 0; g < problem_.observations->size(); ++g) gauges[g] = g;
  const Targets targets(*this, period.start.day, period.days(), gauges);
  if (!targets.any)
    fail("{}: no observation in the training period {}..{}", problem_.observations->path, iso_date(period.start.day),
         iso_date(period.end.day));
  const auto means = route_period(comm_, *domain_, problem_.config, window(period.start.day, period.days()), rows_per_day_, theta);
  return loss_at_gauges(problem_.config.experiment, means, targets.observed, targets.intervals, sigma_).value;
}

void Trainer::write(const RunFolder& folder) {
  Fingerprint fingerprint;
  Checkpoint c;
  c.update = update_;
  c.config_yaml = resolved_yaml(problem_.config);
  c.network_fingerprint = problem_.fingerprint;
  c.weights = network_->weights();
  c.optimizer = optimizer_->state();
  c.attribute_names = problem_.statistics.names;
  c.attribute_mean = problem_.statistics.mean;
  c.attribute_std = problem_.statistics.standard_deviation;
  c.more = {{"loss", fmt::format("{}", last_.loss)}, {"reach_hours", fmt::format("{}", last_.reach_hours)}};
  for (const auto& w : c.weights) fingerprint.add_bytes(w.tensor.const_data_ptr(), w.tensor.nbytes());
  for (const auto& w : c.optimizer) fingerprint.add_bytes(w.tensor.const_data_ptr(), w.tensor.nbytes());
  if (!replicas_.all().all_equal(fingerprint.value()))
    fail("training: weights differ between ranks after update {}; this is a defect of the program, please report it",
         update_);
  c.more["weights_fingerprint"] = fingerprint.hex();
  agree_on_root(replicas_.all(), "checkpoint",
                [&] { write_checkpoint(fmt::format("{}/checkpoints/update_{:06}", folder.path(), update_), c); });
}

void Trainer::restore(const Checkpoint& checkpoint) {
  refuse_other_training(problem_, checkpoint);
  restore_weights(network_->weights(), checkpoint.weights);
  optimizer_->restore(checkpoint.optimizer);
  update_ = checkpoint.update;
  last_.reach_hours = std::stod(checkpoint.more.at("reach_hours"));
}

}  // namespace dpl
