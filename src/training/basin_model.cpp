// Blocks of windows through the network, all windows of a rank through the runoff model, and back.
#include "dpl/training/basin_model.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/index_select.h>
#include <torch/types.h>

#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/learning/network_place.hpp"
#include "dpl/learning/weight_gradients.hpp"
#include "dpl/training/daily_parameters.hpp"

namespace dpl {
namespace {

SequencePlan plan_of(const BasinProblem& p, const BasinParameters& parameters) {
  SequencePlan plan;
  plan.config = p.config.network;
  plan.attributes = static_cast<std::int64_t>(p.config.network.input_var_names.size());
  plan.channels = static_cast<std::int64_t>(history_channels(p.config).size());
  plan.start_outputs = component_start_outputs(std::vector<double>(parameters.runoff.size(), 0.0),
                                               parameters.components, p.config.runoff.component_spread, p.config.seed);
  // The middle of the ranges, for all places; components differ by their draws.
  plan.start_outputs.resize(static_cast<std::size_t>(parameters.outputs()), 0.0);
  for (const Index parameter : parameters.dynamic)
    for (Index k = 0; k < parameters.components; ++k)
      plan.dynamic.push_back({parameter * parameters.components + k, parameter});
  plan.precision = p.config.precision;
  plan.seed = p.config.seed;
  plan.output_names = parameters.output_names();
  return plan;
}

template <class Real>
class Model final : public BasinModel {
 public:
  Model(const BasinProblem& problem, const BasinSeries& series)
      : problem_(problem),
        series_(series),
        physics_(problem, series),
        daily_(physics_.parameters(), physics_.device()),
        past_there_(physics_.device()),
        network_(make_sequence_network(plan_of(problem, physics_.parameters()))),
        attributes_(attributes_of(problem)) {}

  SequenceNetwork& network() override { return *network_; }
  const BasinParameters& parameters() const override { return physics_.parameters(); }

  BasinOutputs forward(const BasinWindows& windows, const BasinPass& pass) override {
    run_network(windows, pass);
    return physics_.forward(windows, fixed_, daily_.values(), tape_from(windows, pass), pass.further);
  }

  std::vector<std::vector<double>> backward(std::span<const double> streamflow,
                                            std::span<const double> soil_moisture) override {
    std::vector<at::Tensor> weights;
    for (const auto& w : network_->weights()) weights.push_back(w.tensor);
    if (!sum_) sum_ = std::make_unique<WeightGradients>(problem_.comm, weights);
    return sum_->sum("gradient of the parameter network", [&] {
      fixed_seed_.assign(fixed_.size(), Real(0));
      physics_.adjoint(streamflow, soil_moisture, fixed_seed_, daily_.gradient());
      for (Block& block : blocks_) {
        std::vector<at::Tensor> outputs{block.fixed}, seeds{fixed_seed_of(block)};
        if (block.dynamic.defined())
          outputs.push_back(block.dynamic), seeds.push_back(daily_.by_shares(block.first, block.dynamic));
        sum_->add({outputs, seeds, &block == &blocks_.back()});
      }
      blocks_.clear();
    });
  }

  std::vector<double> static_parameters(const BasinWindows& windows) override {
    run_network(windows, {});
    std::vector<double> values(fixed_.begin(), fixed_.end());
    physics_.parameters().to_physical(values);
    return values;
  }

 private:
  struct Block {
    Index first = 0, end = 0;  // windows
    at::Tensor fixed;          // [window][output] shares, with graph
    at::Tensor dynamic;        // [day][window][dynamic output] shares, with graph, where the network computes; may be
                               // undefined
  };
  static constexpr at::ScalarType kType = c10::CppTypeToScalarType<Real>::value;

  static at::Tensor empty(std::vector<std::int64_t> sizes) {
    return at::empty(sizes, at::TensorOptions().dtype(kType));
  }

  // [own place][attribute], where the network computes.
  static at::Tensor attributes_of(const BasinProblem& problem) {
    const auto attributes = static_cast<std::int64_t>(problem.config.network.input_var_names.size());
    at::Tensor all = empty({problem.own(), attributes});
    std::transform(problem.inputs.begin(), problem.inputs.end(), all.template mutable_data_ptr<Real>(),
                   [](double x) { return static_cast<Real>(x); });
    return placed(all);
  }

  Count tape_from(const BasinWindows& windows, const BasinPass& pass) const {
    if (!pass.gradient) return Runoff<Real>::kNoTape;
    return problem_.config.runoff.gradient_through_warmup ? 0 : windows.warmup;
  }

  Index block_of(const BasinWindows& w, Index k) const {
    return (problem_.first_own() + w.place[static_cast<std::size_t>(k)]) / problem_.blocks.block_size;
  }

  SequenceInputs inputs_of(const BasinWindows& w, Index first, Index end, const PlaceSeries* history) const {
    SequenceInputs in;
    at::Tensor rows = at::empty({end - first}, at::TensorOptions().dtype(at::kLong));
    for (Index k = first; k < end; ++k) {
      const Index own = w.place[static_cast<std::size_t>(k)];
      rows.mutable_data_ptr<std::int64_t>()[k - first] = own;
      in.place_keys.push_back(problem_.key[static_cast<std::size_t>(problem_.first_own() + own)]);
    }
    in.attributes = at::index_select(attributes_, 0, placed(rows));
    if (history != nullptr) {
      in.history = empty_placed({end - first, past_.days, static_cast<std::int64_t>(series_.channels)}, kType);
      history->gather_windows(past_there_, first, end, in.history.template mutable_data_ptr<Real>());
    } else if (network_->reads_history()) {
      in.history = gathered_history(w, first, end);
    }
    return in;
  }

  // [window][day][channel], by the host
  at::Tensor gathered_history(const BasinWindows& w, Index first, Index end) const {
    const auto channels = static_cast<std::int64_t>(series_.channels);
    at::Tensor history = empty({end - first, past_.days, channels});
    Real* to = history.template mutable_data_ptr<Real>();
    for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(end); ++k)
      for (Count day = 0; day < past_.days; ++day) {
        const Count row = Count{w.place[k]} * series_.days + series_.row(past_.first_day[k] + day);
        to = std::copy_n(series_.history.data() + row * channels, channels, to);
      }
    return history;
  }

  // The days that the network reads of each window; the series on the device, if it is gathered there.
  const PlaceSeries* look_back(const BasinWindows& w, const BasinPass& pass) {
    if (!network_->reads_history()) return nullptr;
    const Count past = problem_.config.network.history_days;
    past_.days = past > 0 ? past : w.days;
    past_.first_day = w.first_day;
    for (Count& day : past_.first_day) day += past > 0 ? w.warmup - past : 0;
    const PlaceSeries* series = history_there(w, pass);
    if (series != nullptr) past_there_.set(w.place, past_.first_day, past_.days);
    return series;
  }

  // Null where the network computes on the host, or the series does not fit.
  const PlaceSeries* history_there(const BasinWindows& w, const BasinPass& pass) {
    const Device device = physics_.device();
    if (device == Device::cpu || (device == Device::cuda && !networks_on_gpu())) return nullptr;
    const Count windows = physics_.bytes(w, tape_from(w, pass), pass.further.size()).all();
    return series_.on_device.history(series_, device, windows);
  }

  void run_network(const BasinWindows& w, const BasinPass& pass) {
    const auto outputs = static_cast<std::size_t>(physics_.parameters().outputs());
    fixed_.resize(static_cast<std::size_t>(w.size()) * outputs);
    const PlaceSeries* history = look_back(w, pass);
    daily_.begin(w.size(), BasinPhysics<Real>::padded(w.size()), w.days, pass.gradient);
    blocks_.clear();
    const at::AutoGradMode mode(pass.gradient);
    SequencePass how{pass.training, static_cast<std::uint64_t>(pass.update),
                     pass.gradient && !problem_.config.runoff.gradient_through_warmup &&
                             problem_.config.network.history_days == 0
                         ? w.warmup
                         : 0};
    for (Index first = 0; first < w.size();) {
      Index end = first + 1;
      while (end < w.size() && block_of(w, end) == block_of(w, first)) ++end;
      const SequenceOutputs raw = network_->forward(inputs_of(w, first, end, history), how);
      Block block{first, end, at::sigmoid(raw.fixed).contiguous(), {}};
      const auto values = block.fixed.detach();
      std::copy_n(values.template const_data_ptr<Real>(), values.numel(),
                  fixed_.data() + static_cast<std::size_t>(first) * outputs);
      if (raw.dynamic.defined()) {
        block.dynamic = at::sigmoid(raw.dynamic.transpose(0, 1)).contiguous();
        daily_.set(first, block.dynamic.detach());
      }
      if (pass.gradient) blocks_.push_back(std::move(block));
      first = end;
    }
  }

  at::Tensor fixed_seed_of(const Block& block) const {
    at::Tensor seed = empty(block.fixed.sizes().vec());
    std::copy_n(fixed_seed_.data() + block.first * block.fixed.size(1), seed.numel(),
                seed.template mutable_data_ptr<Real>());
    return seed;
  }

  const BasinProblem& problem_;
  const BasinSeries& series_;
  BasinPhysics<Real> physics_;
  DailyParameters<Real> daily_;
  struct {
    std::vector<Count> first_day;
    Count days = 0;
  } past_;                 // [window] what the network reads of the last ones
  WindowList past_there_;  // the same on the device
  std::unique_ptr<SequenceNetwork> network_;
  at::Tensor attributes_;
  std::unique_ptr<WeightGradients> sum_;
  std::vector<Block> blocks_;               // with graphs, between forward and backward
  std::vector<Real> fixed_, fixed_seed_;    // shares, as BasinPhysics::forward takes them, and derivatives by them
};

}  // namespace

std::unique_ptr<BasinModel> make_basin_model(const BasinProblem& problem, const BasinSeries& series) {
  if (problem.config.precision == "double") return std::make_unique<Model<double>>(problem, series);
  return std::make_unique<Model<float>>(problem, series);
}

Count evaluation_warmup(const RunConfig& config) {
  return Count{config.runoff.warmup.days} * config.runoff.warmup.repeat;
}

BasinWindows period_windows(const BasinProblem& problem, const Period& period, Index first, Index end) {
  BasinWindows w;
  w.warmup = evaluation_warmup(problem.config);
  w.days = w.warmup + period.days();
  for (Index k = first; k < end; ++k) {
    w.place.push_back(k);
    w.first_day.push_back(period.start.day - w.warmup);
  }
  return w;
}

BasinOutputs simulate_period(BasinModel& model, const BasinProblem& problem, const Period& period,
                             const std::vector<RunoffOutput>& further) {
  BasinOutputs all;
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (Index first = 0; first < problem.own(); first += problem.blocks.block_size) {
    const Index end = std::min(problem.own(), first + problem.blocks.block_size);
    const auto part = model.forward(period_windows(problem, period, first, end), {false, false, 0, further});
    append(all.streamflow_mm_day, part.streamflow_mm_day);
    append(all.soil_moisture, part.soil_moisture);
    for (const auto& [o, values] : part.further) append(all.further[o], values);
  }
  return all;
}

}  // namespace dpl
