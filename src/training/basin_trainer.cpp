// The training loop over basins. `gradient_of_update` is what an update costs, on one screen.
#include "dpl/training/basin_trainer.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/learning/metrics.hpp"
#include "dpl/learning/rate_schedule.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

// Row of each window of all ranks, that rank k fills for its own: [window][day].
class SharedRows {
 public:
  SharedRows(std::size_t windows, Count days)
      : days_(static_cast<std::size_t>(days)), values_(windows * static_cast<std::size_t>(days), 0.0) {}
  std::span<double> row(std::size_t window) { return std::span(values_).subspan(window * days_, days_); }
  std::span<double> rows(std::size_t first, std::size_t count) {
    return std::span(values_).subspan(first * days_, count * days_);
  }
  std::vector<double>& all() { return values_; }

 private:
  std::size_t days_;
  std::vector<double> values_;
};

double stored_number(const Checkpoint& c, const std::string& name, double otherwise) {
  const auto found = c.more.find(name);
  if (found == c.more.end()) return otherwise;
  double value = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

}  // namespace

// The windows of an update, this rank's among them, and what they are held against.
struct BasinTrainer::Targets {
  BasinSample sample;
  BasinWindows own;
  std::size_t first = 0;  // of the own windows among all
  SharedRows flow, moisture;

  Targets(const BasinTrainer& t, Count update)
      : sample(draw_basins(t.problem_.config, t.problem_.key, update)),
        flow(t.series_.has_streamflow ? sample.place.size() : 0, scored(t)),
        moisture(t.series_.has_soil_moisture ? sample.place.size() : 0, scored(t)) {
    const auto& experiment = t.problem_.config.experiment;
    own.days = experiment.rho_days;
    own.warmup = experiment.warmup_days;
    const Index begin = t.problem_.first_own(), end = begin + t.problem_.own();
    for (std::size_t k = 0; k < sample.place.size(); ++k) {
      if (sample.place[k] < begin) first = k + 1;
      if (sample.place[k] < begin || sample.place[k] >= end) continue;
      own.place.push_back(sample.place[k] - begin);
      own.first_day.push_back(sample.first_day[k]);
    }
    observe(t.series_, t.series_.streamflow_mm_day, flow);
    observe(t.series_, t.series_.soil_moisture, moisture);
  }

  static Count scored(const BasinTrainer& t) {
    return Count{t.problem_.config.experiment.rho_days} - t.problem_.config.experiment.warmup_days;
  }

 private:
  void observe(const BasinSeries& series, const std::vector<float>& observed, SharedRows& rows) const {
    if (observed.empty()) return;
    for (std::size_t k = 0; k < own.place.size(); ++k) {
      const Count from = Count{own.place[k]} * series.days + own.first_day[k] + own.warmup - series.first_day;
      std::copy_n(observed.begin() + from, own.scored(), rows.row(first + k).begin());
    }
  }
};

BasinTrainer::BasinTrainer(BasinProblem& problem)
    : problem_(problem),
      comm_(problem.comm),
      series_(read_basin_series(problem, problem.config.experiment.period, problem.config.experiment.warmup_days)),
      model_(make_basin_model(problem, series_)),
      optimizer_(make_optimizer(problem.config.experiment, model_->network().weights())) {
  const RunConfig& config = problem.config;
  const Period& period = config.experiment.period;
  if (series_.has_streamflow)
    flow_sigma_ = observed_deviations(problem, series_, series_.streamflow_mm_day, period);
  if (series_.has_soil_moisture)
    moisture_sigma_ = observed_deviations(problem, series_, series_.soil_moisture, period);
  if (!config.validation.period.given()) return;
  validation_ = std::make_unique<Validation>();
  validation_->series = read_basin_series(problem, config.validation.period, evaluation_warmup(config));
  validation_->model = make_basin_model(problem, validation_->series);
}

Count BasinTrainer::updates_in_all() const {
  return static_cast<Count>(problem_.config.experiment.epochs) * problem_.config.experiment.updates;
}

BasinTrainer::Gradient BasinTrainer::gradient_of_update(Count update) {
  const RunConfig& config = problem_.config;
  const TargetsConfig& weight = config.experiment.targets;
  Targets observed(*this, update);
  const std::size_t windows = observed.sample.place.size(), own = observed.own.place.size();
  BasinOutputs made;
  agree(comm_, "runoff", [&] { made = model_->forward(observed.own, {true, true, update, {}}); });

  const Count days = observed.own.scored();
  const std::vector<std::uint8_t> scored(static_cast<std::size_t>(days), 1);
  SharedRows flow(weight.streamflow > 0 ? windows : 0, days), moisture(weight.soil_moisture > 0 ? windows : 0, days);
  std::vector<LossTarget> targets;
  const auto add = [&](const char* name, const std::string& loss, double share, SharedRows& simulated,
                       const std::vector<double>& from, SharedRows& held_against, const std::vector<double>& sigmas) {
    if (!(share > 0)) return;
    std::ranges::copy(from, simulated.rows(observed.first, own).begin());
    comm_.gather_owned(simulated.all());
    comm_.gather_owned(held_against.all());
    std::vector<double>& sigma = sigma_of_[name];
    sigma.clear();
    for (const Index place : observed.sample.place) sigma.push_back(sigmas[static_cast<std::size_t>(place)]);
    targets.push_back(
        {name, loss, share, {static_cast<Index>(windows), days, simulated.all(), held_against.all(), scored, sigma,
                             config.experiment.huber_threshold}});
  };
  add("streamflow", config.experiment.loss, weight.streamflow, flow, made.streamflow_mm_day, observed.flow,
      flow_sigma_);
  add("soil_moisture", weight.soil_moisture_loss, weight.soil_moisture, moisture, made.soil_moisture, observed.moisture,
      moisture_sigma_);
  const TargetLossResult loss = evaluate_targets(targets);

  Gradient gradient{loss.value, {}};
  std::map<std::string, std::span<const double>> seed;
  for (std::size_t k = 0; k < targets.size(); ++k)
    seed[targets[k].name] =
        std::span<const double>(loss.targets[k].gradient)
            .subspan(observed.first * static_cast<std::size_t>(days), own * static_cast<std::size_t>(days));
  gradient.weights = model_->backward(seed["streamflow"], seed["soil_moisture"]);
  return gradient;
}

void BasinTrainer::step() {
  const TrainConfig& experiment = problem_.config.experiment;
  Gradient gradient = gradient_of_update(update_ + 1);
  const double norm = clip_gradients(gradient.weights, experiment.clip);
  if (!std::isfinite(norm) || !std::isfinite(gradient.loss))
    throw AgreedError(fmt::format(
        "training: the loss or its gradient is not finite in update {}; the last checkpoint is kept; try a smaller "
        "experiment.learning_rate or precision: double",
        update_ + 1));
  const double rate = scheduled_rate(experiment, update_);
  optimizer_->step(gradient.weights, rate);
  ++update_;
  const Index all = problem_.size();
  const Index places = experiment.batch_size == 0 ? all : std::min(all, experiment.batch_size);
  last_ = {update_, gradient.loss, norm, rate, last_.reach_hours + static_cast<double>(places) * experiment.rho_days};
}

// Median over the places of the efficiency in the validation period.
double BasinTrainer::validation_skill() {
  const Period& period = problem_.config.validation.period;
  restore_weights(validation_->model->network().weights(), model_->network().weights());
  std::vector<double> nse(static_cast<std::size_t>(problem_.size()), 0.0);
  agree(comm_, "validation", [&] {
    const auto made = simulate_period(*validation_->model, problem_, period, {});
    const BasinSeries& series = validation_->series;
    const bool flow = problem_.config.experiment.targets.streamflow > 0;
    const auto& observed = flow ? series.streamflow_mm_day : series.soil_moisture;
    const auto& simulated = flow ? made.streamflow_mm_day : made.soil_moisture;
    const auto days = static_cast<std::size_t>(period.days());
    for (Index k = 0; k < problem_.own(); ++k) {
      const auto from = observed.begin() + Count{k} * series.days + (period.start.day - series.first_day);
      const std::vector<double> o(from, from + period.days());
      nse[static_cast<std::size_t>(problem_.first_own() + k)] =
          score(std::span<const double>(simulated).subspan(static_cast<std::size_t>(k) * days, days), o).get("nse");
    }
  });
  comm_.gather_owned(nse);
  return quantile(nse, 0.5);
}

// Looks at the validation period; true where the training should end.
bool BasinTrainer::look(const RunFolder& folder) {
  const double skill = validation_skill();
  if (skill > validation_->best) {
    validation_->best = skill;
    validation_->best_update = update_;
    validation_->looks_since = 0;
    write(folder, "best");
  } else {
    ++validation_->looks_since;
  }
  log_info("update {}: validation median NSE {:.4f}, best {:.4f} after update {}", update_, skill, validation_->best,
           validation_->best_update);
  const Index patience = problem_.config.validation.patience;
  return patience > 0 && validation_->looks_since >= patience;
}

TrainingEnd BasinTrainer::run(RunFolder& folder, const TrainingWatch& watch) {
  using Clock = std::chrono::steady_clock;
  const RunConfig& config = problem_.config;
  folder.begin_tables(comm_, update_, {"place_days", "place_days_per_s"});
  Progress progress("update", updates_in_all(), "place-days", update_);
  const double work_at_start = last_.reach_hours;
  const Index patience = config.validation.patience;
  bool end = validation_ && patience > 0 && validation_->looks_since >= patience;  // of a run that ended so
  while (update_ < updates_in_all() && !end) {
    const bool asked = watch && watch(update_, last_.reach_hours);
    if (comm_.any(asked || stop_requested())) {
      write(folder, fmt::format("update_{:06}", update_));
      return TrainingEnd::stopped_by_signal;
    }
    const auto begin = Clock::now();
    const double before = last_.reach_hours;
    step();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    agree_on_root(comm_, "run folder",
                  [&] { folder.append(last_, seconds, (last_.reach_hours - before) / seconds, 0); });
    progress.show(update_, last_.reach_hours - work_at_start, fmt::format("loss {:.4g}", last_.loss));
    if (validation_ && (update_ % config.validation.every == 0 || update_ == updates_in_all())) end = look(folder);
    if (config.checkpoint.every > 0 && update_ % config.checkpoint.every == 0 && update_ < updates_in_all())
      write(folder, fmt::format("update_{:06}", update_));
  }
  write(folder, fmt::format("update_{:06}", update_));
  if (validation_) take_best(folder);
  return TrainingEnd::finished;
}

Checkpoint BasinTrainer::checkpoint() const {
  Checkpoint c;
  c.update = update_;
  c.config_yaml = resolved_yaml(problem_.config);
  c.network_fingerprint = problem_.fingerprint;
  c.weights = model_->network().weights();
  c.optimizer = optimizer_->state();
  c.attribute_names = problem_.statistics.names;
  c.attribute_mean = problem_.statistics.mean;
  c.attribute_std = problem_.statistics.deviation;
  c.more = {{"loss", fmt::format("{}", last_.loss)}, {"place_days", fmt::format("{}", last_.reach_hours)}};
  if (validation_) {
    c.more["validation_best"] = fmt::format("{}", validation_->best);
    c.more["validation_best_update"] = fmt::format("{}", validation_->best_update);
    c.more["validation_looks_since"] = fmt::format("{}", validation_->looks_since);
  }
  return c;
}

void BasinTrainer::write(const RunFolder& folder, const std::string& name) {
  Fingerprint fingerprint;
  const Checkpoint c = checkpoint();
  for (const auto* tensors : {&c.weights, &c.optimizer})
    for (const auto& w : *tensors) fingerprint.add_bytes(w.tensor.const_data_ptr(), w.tensor.nbytes());
  if (!comm_.all_equal(fingerprint.value()))
    fail("training: weights differ between ranks after update {}; this is a defect of the program, please report it",
         update_);
  agree_on_root(comm_, "checkpoint", [&] { write_checkpoint(folder.file("checkpoints/" + name), c); });
}

void BasinTrainer::restore(const Checkpoint& c) {
  refuse_other_training(problem_.config, problem_.fingerprint, "set of training basins", problem_.forcing.path, c);
  restore_weights(model_->network().weights(), c.weights);
  optimizer_->restore(c.optimizer);
  update_ = c.update;
  last_ = {update_, stored_number(c, "loss", 0), 0, 0, stored_number(c, "place_days", 0)};
  if (!validation_) return;
  validation_->best = stored_number(c, "validation_best", validation_->best);
  validation_->best_update = static_cast<Count>(stored_number(c, "validation_best_update", 0));
  validation_->looks_since = static_cast<Count>(stored_number(c, "validation_looks_since", 0));
}

std::size_t BasinTrainer::start_from(const Checkpoint& c) {
  std::size_t taken = 0;
  for (const NamedTensor& own : model_->network().weights())
    for (const NamedTensor& stored : c.weights)
      if (own.name == stored.name && own.tensor.sizes() == stored.tensor.sizes() &&
          own.tensor.scalar_type() == stored.tensor.scalar_type())
        restore_weights({own}, {stored}), ++taken;
  return taken;
}

void BasinTrainer::take_best(const RunFolder& folder) {
  Checkpoint best;
  agree(comm_, "checkpoint",
        [&] { best = read_checkpoint(folder.file("checkpoints/best"), model_->network().weights()); });
  restore_weights(model_->network().weights(), best.weights);
  log_info("weights of update {}, the best in the validation period (median NSE {:.4f})", best.update,
           validation_->best);
}

}  // namespace dpl
