// Windows through the surrogate, its training on the archive, learning through it.
#include "dpl/experiments/surrogate_training.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/loss.hpp"
#include "dpl/learning/optimizer.hpp"
#include "dpl/learning/rate_schedule.hpp"
#include "dpl/parallel/exact_sum.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/basin_sampler.hpp"

namespace dpl {
namespace {

constexpr std::size_t kChannels = 3;
constexpr double kFloor_mm_day = 0.1;  // added to deviations, as in nse_batch (method section 4)

at::Tensor floats(std::span<const double> values, std::int64_t rows) {
  at::Tensor t = at::empty({rows, static_cast<std::int64_t>(values.size()) / std::max<std::int64_t>(rows, 1)}, torch::kFloat32);
  std::transform(values.begin(), values.end(), t.mutable_data_ptr<float>(), [](double x) { return static_cast<float>(x); });
  return t;
}

const std::vector<float>* channels_of(const BasinSeries& s, std::size_t c) {
  return c == 0 ? &s.precipitation_mm_day : c == 1 ? &s.temperature_degc : &s.pet_mm_day;
}

/// Adds the blocks' gradients of all weights exactly over blocks and ranks.
class BlockGradients {
 public:
  explicit BlockGradients(const std::vector<NamedTensor>& weights) {
    for (const auto& w : weights) weights_.push_back(w.tensor);
    of_.resize(weights_.size());
  }
  void add(const at::Tensor& output, const at::Tensor& seed) {
    const auto gradients = torch::autograd::grad({output}, weights_, {seed}, /*retain_graph=*/false,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    for (std::size_t w = 0; w < weights_.size(); ++w)
      if (gradients[w].defined()) of_[w].push_back(gradients[w].contiguous());
  }
  /// Collective.
  WeightArrays sum(const Communicator& comm) const {
    WeightArrays total;
    for (std::size_t w = 0; w < weights_.size(); ++w) {
      const auto n = static_cast<std::size_t>(weights_[w].numel());
      std::vector<const float*> single;
      std::vector<const double*> twice;
      for (const auto& g : of_[w])
        if (g.scalar_type() == torch::kFloat32) single.push_back(g.const_data_ptr<float>());
        else twice.push_back(g.const_data_ptr<double>());
      total.push_back(weights_[w].scalar_type() == torch::kFloat32 ? exact_sum<float>(comm, single, n)
                                                                   : exact_sum<double>(comm, twice, n));
    }
    return total;
  }

 private:
  std::vector<at::Tensor> weights_;
  std::vector<std::vector<at::Tensor>> of_;
};

void step(Optimizer& optimizer, WeightArrays gradients, const TrainConfig& experiment, Count update, double loss,
          const char* what) {
  const double norm = clip_gradients(gradients, experiment.clip);
  if (!std::isfinite(norm) || !std::isfinite(loss))
    throw AgreedError(fmt::format("{}: the loss or its gradient is not finite in update {}; try a smaller learning rate",
                                  what, update + 1));
  optimizer.step(gradients, scheduled_rate(experiment, update));
}

// End of the rows from `first` on that belong to the same block.
template <class BlockOf>
std::size_t block_end(std::size_t first, std::size_t size, const BlockOf& block_of) {
  std::size_t end = first + 1;
  while (end < size && block_of(end) == block_of(first)) ++end;
  return end;
}

}  // namespace

InputStatistics surrogate_statistics(const BasinProblem& problem, const BasinSeries& series, const Period& period) {
  const auto from = static_cast<std::size_t>(period.start.day - series.first_day),
             days = static_cast<std::size_t>(period.days());
  return input_statistics(problem.comm, {"precipitation", "temperature_mean", "potential_evapotranspiration"},
                          static_cast<std::size_t>(problem.own()), [&](std::size_t place, std::size_t c) {
                            return std::span<const float>(*channels_of(series, c))
                                .subspan(place * static_cast<std::size_t>(series.days) + from, days);
                          });
}

SurrogateModel::SurrogateModel(const BasinProblem& problem, const BasinSeries& series, const InputStatistics& statistics,
                               SurrogateNetwork& network)
    : problem_(problem), series_(series), network_(network) {
  history_.resize(series.precipitation_mm_day.size() * kChannels);
  for (std::size_t c = 0; c < kChannels; ++c) {
    std::vector<float> standard(series.precipitation_mm_day.size());
    standardise(*channels_of(series, c), statistics.mean[c], statistics.deviation[c], standard);
    for (std::size_t i = 0; i < standard.size(); ++i) history_[i * kChannels + c] = standard[i];
  }
}

at::Tensor SurrogateModel::forward(std::span<const SurrogateRow> rows, Count days, const at::Tensor& shares,
                                   Count gradient_from) {
  const auto n = static_cast<std::int64_t>(rows.size());
  at::Tensor history = at::empty({n, days, static_cast<std::int64_t>(kChannels)}, torch::kFloat32);
  float* to = history.mutable_data_ptr<float>();
  for (const auto& row : rows)
    for (Count day = 0; day < days; ++day) {
      const auto at = static_cast<std::size_t>(Count{row.place} * series_.days + series_.row(row.first_day + day));
      to = std::copy_n(history_.begin() + static_cast<std::ptrdiff_t>(at * kChannels), kChannels, to);
    }
  at::Tensor constants = shares.to(torch::kFloat32);
  if (problem_.config.surrogate.attributes) {
    const std::size_t width = problem_.config.network.input_var_names.size();
    std::vector<double> of_rows;  // scaled as shares are: the network takes 2 c - 1
    for (const auto& row : rows)
      for (std::size_t a = 0; a < width; ++a)
        of_rows.push_back(0.5 + 0.5 * problem_.inputs[static_cast<std::size_t>(row.place) * width + a]);
    constants = at::cat({constants, floats(of_rows, n)}, 1);
  }
  return network_.forward(history, constants, gradient_from);
}

std::vector<double> SurrogateModel::simulate(const Period& period, Count warmup, std::span<const double> shares,
                                             Index runs) {
  const at::AutoGradMode off(false);
  const auto parameters = problem_.config.surrogate.parameters.size();
  const Count days = warmup + period.days();
  std::vector<double> all;
  for (Index k = 0; k < problem_.own(); ++k) {  // a place at a time: its runs are a fixed number of rows
    const std::vector<SurrogateRow> rows(static_cast<std::size_t>(runs), {k, period.start.day - warmup});
    const auto width = static_cast<std::size_t>(runs) * parameters;
    const at::Tensor q = forward(rows, days, floats(shares.subspan(static_cast<std::size_t>(k) * width, width), runs), 0);
    const float* from = q.const_data_ptr<float>();
    for (Index r = 0; r < runs; ++r) all.insert(all.end(), from + r * days + warmup, from + (r + 1) * days);
  }
  return all;
}

namespace {

/// A window of an archived run.
struct ArchiveWindow {
  SurrogateRow row;
  const ArchivePart* part;
  Index run;
};

class ArchiveTraining {
 public:
  ArchiveTraining(SurrogateModel& model, const std::vector<const std::vector<ArchivePart>*>& parts,
                  const std::vector<std::uint8_t>& trains, Index first_runs, Index round)
      : model_(model), parts_(parts), trains_(trains), first_runs_(first_runs), round_(round) {
    for (const auto* part : parts)
      for (const auto& of_place : *part) {
        auto& deviations = deviation_[&of_place];
        const auto days = of_place.runoff.size() / static_cast<std::size_t>(of_place.runs);
        for (std::size_t r = 0; r < static_cast<std::size_t>(of_place.runs); ++r) {
          double sum = 0, squares = 0;
          for (std::size_t d = 0; d < days; ++d) sum += of_place.runoff[r * days + d];
          for (std::size_t d = 0; d < days; ++d)
            squares += std::pow(of_place.runoff[r * days + d] - sum / static_cast<double>(days), 2);
          deviations.push_back(std::sqrt(squares / static_cast<double>(days)));
        }
      }
  }

  // Windows of own places: a function of seed, round, update and place.
  std::vector<ArchiveWindow> windows(Count update) const {
    const BasinProblem& p = model_.problem();
    const auto& e = p.config.experiment;
    const Count choices = e.period.days() - (e.rho_days - e.warmup_days) + 1;
    std::vector<ArchiveWindow> all;
    for (Index k = 0; k < p.own(); ++k) {
      if (trains_[static_cast<std::size_t>(p.first_own() + k)] == 0) continue;
      const std::uint64_t number = static_cast<std::uint64_t>(round_) << 40 | static_cast<std::uint64_t>(update);
      const RandomKey key{p.config.seed, Purpose::surrogate_windows, number,
                          p.key[static_cast<std::size_t>(p.first_own() + k)]};
      for (Index w = 0; w < p.config.surrogate.runs_per_update; ++w) {
        const auto draw = static_cast<std::uint32_t>(4 * w);
        const bool newest = parts_.size() > 1 && random_uniform(key, draw) < 0.5;
        const std::size_t part = newest ? parts_.size() - 1 : random_index(key, parts_.size(), draw + 1);
        const ArchivePart& of = (*parts_[part])[static_cast<std::size_t>(k)];
        const Index runs = part == 0 ? first_runs_ : of.runs;
        const auto run = static_cast<Index>(random_index(key, static_cast<std::uint64_t>(runs), draw + 2));
        const auto day = static_cast<Count>(random_index(key, static_cast<std::uint64_t>(choices), draw + 3));
        all.push_back({{k, e.period.start.day + day - e.warmup_days}, &of, run});
      }
    }
    return all;
  }

  // Collective.
  double gradient(Count update, BlockGradients& gradients) const {
    const BasinProblem& p = model_.problem();
    const auto& e = p.config.experiment;
    const Count scored = e.rho_days - e.warmup_days;
    const auto windows = this->windows(update);
    const auto all = static_cast<double>(p.comm.sum(static_cast<std::int64_t>(windows.size())) * scored);
    const std::size_t parameters = p.config.surrogate.parameters.size();
    std::vector<double> losses;
    agree(p.comm, "surrogate", [&] {
      for (std::size_t first = 0; first < windows.size();) {
        const std::size_t end =
            block_end(first, windows.size(), [&](std::size_t k) { return model_.block_of(windows[k].row.place); });
        const auto n = static_cast<std::int64_t>(end - first);
        std::vector<SurrogateRow> rows;
        std::vector<double> shares;
        for (std::size_t k = first; k < end; ++k) {
          rows.push_back(windows[k].row);
          const auto from = windows[k].part->shares.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(windows[k].run) * parameters);
          shares.insert(shares.end(), from, from + static_cast<std::ptrdiff_t>(parameters));
        }
        const at::Tensor q = model_.forward(rows, e.rho_days, floats(shares, n),
                                            p.config.runoff.gradient_through_warmup ? 0 : e.warmup_days);
        at::Tensor seed = at::zeros_like(q);
        losses.push_back(seed_of(std::span(windows).subspan(first, end - first), q, all, seed));
        gradients.add(q, seed);
        first = end;
      }
    });
    return exact_sum(p.comm, losses);
  }

 private:
  // Loss of a block's windows and its derivative by their runoff.
  double seed_of(std::span<const ArchiveWindow> windows, const at::Tensor& q, double all, at::Tensor& seed) const {
    const auto& e = model_.problem().config.experiment;
    const float* simulated = q.const_data_ptr<float>();
    float* to = seed.mutable_data_ptr<float>();
    double loss = 0;
    for (const auto& w : windows) {
      const auto days = w.part->runoff.size() / static_cast<std::size_t>(w.part->runs);
      const float* target = w.part->runoff.data() + static_cast<std::size_t>(w.run) * days +
                            (w.row.first_day + e.warmup_days - e.period.start.day);
      const double divisor = std::pow(deviation_.at(w.part)[static_cast<std::size_t>(w.run)] + kFloor_mm_day, 2) * all;
      for (Count d = e.warmup_days; d < e.rho_days; ++d) {
        const double error = static_cast<double>(simulated[d]) - static_cast<double>(target[d - e.warmup_days]);
        loss += error * error / divisor;
        to[d] = static_cast<float>(2 * error / divisor);
      }
      simulated += e.rho_days, to += e.rho_days;
    }
    return loss;
  }

  SurrogateModel& model_;
  const std::vector<const std::vector<ArchivePart>*>& parts_;
  const std::vector<std::uint8_t>& trains_;
  Index first_runs_, round_;
  std::map<const ArchivePart*, std::vector<double>> deviation_;
};

}  // namespace

bool train_surrogate(SurrogateModel& model, SurrogateNetwork& network,
                     const std::vector<const std::vector<ArchivePart>*>& parts, const std::vector<std::uint8_t>& trains,
                     Index training_runs_first, Index round, const SurrogateWatch& watch) {
  const RunConfig& config = model.problem().config;
  TrainConfig schedule = config.experiment;
  schedule.epochs = 1;
  schedule.updates = round == 1 ? config.surrogate.updates : config.surrogate.updates_again;
  schedule.learning_rate = {{1, config.surrogate.learning_rate * (round == 1 ? 1.0 : 0.3)}};
  schedule.schedule = {std::min<Index>(20, schedule.updates / 10), 0.03};
  Adam optimizer(network.weights());
  const ArchiveTraining training(model, parts, trains, training_runs_first, round);
  for (Count update = 0; update < schedule.updates; ++update) {
    BlockGradients gradients(network.weights());
    const double loss = training.gradient(update, gradients);
    step(optimizer, gradients.sum(model.problem().comm), schedule, update, loss, "surrogate");
    if (watch(update + 1, loss)) return false;
  }
  return true;
}

ShareNetwork::ShareNetwork(const RunConfig& config) {
  SequencePlan plan;
  plan.config = config.network;
  plan.attributes = static_cast<std::int64_t>(config.network.input_var_names.size());
  plan.start_outputs.assign(config.surrogate.parameters.size(), 0.0);  // the middle of the ranges
  plan.precision = config.precision;
  plan.seed = config.seed;
  network_ = make_sequence_network(plan);
}

at::Tensor ShareNetwork::forward(const BasinProblem& problem, std::span<const Index> own, const SequencePass& pass) {
  const std::size_t width = problem.config.network.input_var_names.size();
  SequenceInputs in;
  std::vector<double> rows;
  for (const Index k : own) {
    const auto from = problem.inputs.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(k) * width);
    rows.insert(rows.end(), from, from + static_cast<std::ptrdiff_t>(width));
    in.place_keys.push_back(problem.key[static_cast<std::size_t>(problem.first_own() + k)]);
  }
  in.attributes = floats(rows, static_cast<std::int64_t>(own.size()));
  if (problem.config.precision == "double") in.attributes = in.attributes.to(torch::kFloat64);
  return at::sigmoid(network_->forward(in, pass).fixed);
}

std::vector<double> ShareNetwork::shares(const BasinProblem& problem) {
  const at::AutoGradMode off(false);
  std::vector<double> all;
  for (Index first = 0; first < problem.own(); first += problem.blocks.block_size) {
    std::vector<Index> own;
    for (Index k = first; k < std::min(problem.own(), first + problem.blocks.block_size); ++k) own.push_back(k);
    const at::Tensor u = forward(problem, own, {}).to(torch::kFloat64).contiguous();
    all.insert(all.end(), u.const_data_ptr<double>(), u.const_data_ptr<double>() + u.numel());
  }
  return all;
}

bool learn_through(SurrogateModel& model, ShareNetwork& shares, Index round, const SurrogateWatch& watch) {
  const BasinProblem& p = model.problem();
  const TrainConfig& e = p.config.experiment;
  const BasinSeries& series = model.series();
  const Count scored = e.rho_days - e.warmup_days, updates = Count{e.epochs} * p.config.experiment.updates;
  const auto sigmas = observed_deviations(p, series, series.streamflow_mm_day, e.period);
  const auto optimizer = make_optimizer(e, shares.network().weights());
  const std::vector<std::uint8_t> counted(static_cast<std::size_t>(scored), 1);
  for (Count update = 0; update < updates; ++update) {
    const Count number = (round - 1) * updates + update + 1;  // each round draws its own windows
    const BasinSample sample = draw_basins(p.config, p.key, number);
    std::vector<double> simulated(sample.place.size() * static_cast<std::size_t>(scored), 0.0), observed = simulated;
    std::vector<std::size_t> own;  // windows of own places
    std::vector<at::Tensor> blocks;
    std::vector<std::size_t> ends;
    agree(p.comm, "surrogate", [&] {
      for (std::size_t k = 0; k < sample.place.size(); ++k)
        if (sample.place[k] >= p.first_own() && sample.place[k] < p.first_own() + p.own()) own.push_back(k);
      for (std::size_t first = 0; first < own.size();) {
        const auto block_of = [&](std::size_t k) { return model.block_of(sample.place[own[k]] - p.first_own()); };
        const std::size_t end = block_end(first, own.size(), block_of);
        std::vector<SurrogateRow> rows;
        std::vector<Index> places;
        for (std::size_t k = first; k < end; ++k) {
          places.push_back(sample.place[own[k]] - p.first_own());
          rows.push_back({places.back(), sample.first_day[own[k]]});
        }
        const at::Tensor u = shares.forward(p, places, {true, static_cast<std::uint64_t>(number), 0});
        const at::Tensor q =
            model.forward(rows, e.rho_days, u, p.config.runoff.gradient_through_warmup ? 0 : e.warmup_days);
        const float* from = q.const_data_ptr<float>();
        for (std::size_t k = first; k < end; ++k, from += e.rho_days) {
          const std::size_t row = own[k] * static_cast<std::size_t>(scored);
          std::copy_n(from + e.warmup_days, scored, simulated.begin() + static_cast<std::ptrdiff_t>(row));
          std::copy_n(series.streamflow_mm_day.begin() + Count{places[k - first]} * series.days +
                          (rows[k - first].first_day + e.warmup_days - series.first_day),
                      scored, observed.begin() + static_cast<std::ptrdiff_t>(row));
        }
        blocks.push_back(q);
        ends.push_back(end);
        first = end;
      }
    });
    p.comm.gather_owned(simulated);
    p.comm.gather_owned(observed);
    std::vector<double> sigma;
    for (const Index place : sample.place) sigma.push_back(sigmas[static_cast<std::size_t>(place)]);
    const LossResult loss = evaluate_loss(
        e.loss, {static_cast<Index>(sample.place.size()), scored, simulated, observed, counted, sigma,
                e.huber_threshold});
    BlockGradients gradients(shares.network().weights());
    agree(p.comm, "surrogate", [&] {
      for (std::size_t b = 0, first = 0; b < blocks.size(); first = ends[b++]) {
        at::Tensor seed = at::zeros_like(blocks[b]);
        float* to = seed.mutable_data_ptr<float>();
        for (std::size_t k = first; k < ends[b]; ++k, to += e.rho_days)
          std::transform(loss.gradient.begin() + static_cast<std::ptrdiff_t>(own[k] * static_cast<std::size_t>(scored)),
                         loss.gradient.begin() + static_cast<std::ptrdiff_t>((own[k] + 1) * static_cast<std::size_t>(scored)),
                         to + e.warmup_days, [](double g) { return static_cast<float>(g); });
        gradients.add(blocks[b], seed);
      }
    });
    step(*optimizer, gradients.sum(p.comm), e, update, loss.value, "training through the surrogate");
    if (watch(update + 1, loss.value)) return false;
  }
  return true;
}

std::vector<double> surrogate_slopes(SurrogateModel& model, std::span<const double> shares, const Period& period,
                                     Count warmup, std::span<const double> sigma) {
  const BasinProblem& p = model.problem();
  const BasinSeries& series = model.series();
  const std::size_t parameters = p.config.surrogate.parameters.size();
  std::vector<double> slopes;
  agree(p.comm, "surrogate", [&] {
    for (Index k = 0; k < p.own(); ++k) {
      const at::Tensor u =
          floats(shares.subspan(static_cast<std::size_t>(k) * parameters, parameters), 1).requires_grad_(true);
      const std::vector<SurrogateRow> row{{k, period.start.day - warmup}};
      const at::Tensor q = model.forward(row, warmup + period.days(), u, 0);
      at::Tensor seed = at::zeros_like(q);
      const float* simulated = q.const_data_ptr<float>() + warmup;
      const float* observed =
          series.streamflow_mm_day.data() + Count{k} * series.days + (period.start.day - series.first_day);
      const double divisor = std::pow(sigma[static_cast<std::size_t>(p.first_own() + k)] + kFloor_mm_day, 2) *
                             static_cast<double>(period.days());
      for (Count d = 0; d < period.days(); ++d)
        if (!std::isnan(observed[d]))
          seed.mutable_data_ptr<float>()[warmup + d] = static_cast<float>(
              2 * (static_cast<double>(simulated[d]) - static_cast<double>(observed[d])) / divisor);
      const at::Tensor g = torch::autograd::grad({q}, {u}, {seed})[0].to(torch::kFloat64).contiguous();
      slopes.insert(slopes.end(), g.const_data_ptr<double>(), g.const_data_ptr<double>() + g.numel());
    }
  });
  return slopes;
}

}  // namespace dpl
