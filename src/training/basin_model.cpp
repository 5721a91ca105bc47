// Blocks of windows through the network, all windows of a rank through the runoff model, and back.
#include "dpl/training/basin_model.hpp"

#include <ATen/core/grad_mode.h>
#include <torch/types.h>

#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/learning/weight_gradients.hpp"
#include "dpl/physics/unit_hydrograph.hpp"

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
        network_(make_sequence_network(plan_of(problem, physics_.parameters()))) {}

  SequenceNetwork& network() override { return *network_; }
  const BasinParameters& parameters() const override { return physics_.parameters(); }

  BasinOutputs forward(const BasinWindows& windows, const BasinPass& pass) override {
    run_network(windows, pass);
    Count tape_from = Runoff<Real>::kNoTape;
    if (pass.gradient) tape_from = problem_.config.runoff.gradient_through_warmup ? 0 : windows.warmup;
    return physics_.forward(windows, fixed_, dynamic_, tape_from, pass.further);
  }

  std::vector<std::vector<double>> backward(std::span<const double> streamflow,
                                            std::span<const double> soil_moisture) override {
    std::vector<at::Tensor> weights;
    for (const auto& w : network_->weights()) weights.push_back(w.tensor);
    if (!sum_) sum_ = std::make_unique<WeightGradients>(problem_.comm, weights);
    return sum_->sum("gradient of the parameter network", [&] {
      fixed_seed_.assign(fixed_.size(), Real(0));
      physics_.adjoint(streamflow, soil_moisture, fixed_seed_, dynamic_seed_);
      for (Block& block : blocks_) {
        std::vector<at::Tensor> outputs{block.fixed}, seeds{fixed_seed_of(block)};
        if (block.dynamic.defined()) outputs.push_back(block.dynamic), seeds.push_back(dynamic_seed_of(block));
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
    at::Tensor dynamic;        // [day][window][dynamic output] shares, with graph; may be undefined
  };

  static at::Tensor empty(std::vector<std::int64_t> sizes) {
    return at::empty(sizes, at::TensorOptions().dtype(c10::CppTypeToScalarType<Real>::value));
  }

  Index block_of(const BasinWindows& w, Index k) const {
    return (problem_.first_own() + w.place[static_cast<std::size_t>(k)]) / problem_.blocks.block_size;
  }

  SequenceInputs inputs_of(const BasinWindows& w, Index first, Index end) const {
    const auto attributes = static_cast<std::int64_t>(problem_.config.network.input_var_names.size());
    SequenceInputs in{empty({end - first, attributes}), {}, {}};
    Real* to = in.attributes.template mutable_data_ptr<Real>();
    for (Index k = first; k < end; ++k) {
      const Index own = w.place[static_cast<std::size_t>(k)];
      const double* from = problem_.inputs.data() + own * attributes;
      to = std::transform(from, from + attributes, to, [](double x) { return static_cast<Real>(x); });
      in.place_keys.push_back(problem_.key[static_cast<std::size_t>(problem_.first_own() + own)]);
    }
    if (!network_->reads_history()) return in;
    const auto channels = static_cast<std::int64_t>(series_.channels);
    const Count past = problem_.config.network.history_days, days = past > 0 ? past : w.days;
    in.history = empty({end - first, days, channels});
    Real* day_to = in.history.template mutable_data_ptr<Real>();
    for (Index k = first; k < end; ++k)
      for (Count day = 0; day < days; ++day) {
        const Count from = w.first_day[static_cast<std::size_t>(k)] + (past > 0 ? w.warmup - past : 0);
        const Count row = Count{w.place[static_cast<std::size_t>(k)]} * series_.days + series_.row(from + day);
        day_to = std::copy_n(series_.history.data() + row * channels, channels, day_to);
      }
    return in;
  }

  void run_network(const BasinWindows& w, const BasinPass& pass) {
    const auto outputs = static_cast<std::size_t>(physics_.parameters().outputs());
    const auto& p = physics_.parameters();
    width_ = BasinPhysics<Real>::padded(w.size());
    fixed_.resize(static_cast<std::size_t>(w.size()) * outputs);
    dynamic_.resize(p.dynamic.empty() ? 0
                                      : static_cast<std::size_t>(w.days * width_ * p.components) * p.dynamic.size());
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
      const SequenceOutputs raw = network_->forward(inputs_of(w, first, end), how);
      Block block{first, end, at::sigmoid(raw.fixed).contiguous(), {}};
      const auto values = block.fixed.detach();
      std::copy_n(values.template const_data_ptr<Real>(), values.numel(),
                  fixed_.data() + static_cast<std::size_t>(first) * outputs);
      if (raw.dynamic.defined()) {
        block.dynamic = at::sigmoid(raw.dynamic.transpose(0, 1)).contiguous();
        store_dynamic(block, w);
      }
      if (pass.gradient) blocks_.push_back(std::move(block));
      first = end;
    }
  }

  // [day][window][output] -> [day][output][padded window]; the padding copies the last window.
  void store_dynamic(const Block& block, const BasinWindows& w) {
    const auto values = block.dynamic.detach();
    const Real* from = values.template const_data_ptr<Real>();
    const auto rows = values.size(2);
    const Index copies = block.end == w.size() ? width_ - w.size() : 0;
    for (Count day = 0; day < w.days; ++day) {
      Real* to = dynamic_.data() + day * rows * width_;
      for (Index k = block.first; k < block.end; ++k)
        for (std::int64_t row = 0; row < rows; ++row) to[row * width_ + k] = *from++;
      for (Index k = 0; k < copies; ++k)
        for (std::int64_t row = 0; row < rows; ++row) to[row * width_ + w.size() + k] = to[row * width_ + w.size() - 1];
    }
  }

  at::Tensor fixed_seed_of(const Block& block) const {
    at::Tensor seed = empty(block.fixed.sizes().vec());
    std::copy_n(fixed_seed_.data() + block.first * block.fixed.size(1), seed.numel(),
                seed.template mutable_data_ptr<Real>());
    return seed;
  }

  at::Tensor dynamic_seed_of(const Block& block) const {
    at::Tensor seed = empty(block.dynamic.sizes().vec());
    Real* to = seed.template mutable_data_ptr<Real>();
    const auto rows = block.dynamic.size(2);
    for (Count day = 0; day < block.dynamic.size(0); ++day) {
      const Real* from = dynamic_seed_.data() + day * rows * width_;
      for (Index k = block.first; k < block.end; ++k)
        for (std::int64_t row = 0; row < rows; ++row) *to++ = from[row * width_ + k];
    }
    return seed;
  }

  const BasinProblem& problem_;
  const BasinSeries& series_;
  BasinPhysics<Real> physics_;
  std::unique_ptr<SequenceNetwork> network_;
  std::unique_ptr<WeightGradients> sum_;
  Index width_ = 0;
  std::vector<Block> blocks_;          // with graphs, between forward and backward
  std::vector<Real> fixed_, dynamic_;  // shares, as BasinPhysics::forward takes them
  std::vector<Real> fixed_seed_, dynamic_seed_;
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
