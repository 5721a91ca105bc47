// The LSTM over days: packed weights, the sweep forward with its tape, the sweep backward, and weight gradients as
// products over many days at once.
#include "dpl/learning/lstm.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <type_traits>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/learning/lstm_kernels.hpp"

namespace dpl {

/// Memory in use and free; together never more than was once in use.
struct TapeMemory::Shelf {
  std::mutex mutex;
  std::multimap<std::size_t, void*> free;  ///< by size
  std::size_t used_bytes = 0, free_bytes = 0, most_used_bytes = 0;

  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex);
    used_bytes += bytes;
    most_used_bytes = std::max(most_used_bytes, used_bytes);
    if (const auto found = free.find(bytes); found != free.end()) {
      void* memory = found->second;
      free.erase(found);
      free_bytes -= bytes;
      return memory;
    }
    while (!free.empty() && used_bytes + free_bytes > most_used_bytes) drop_largest();
    return nullptr;
  }

  void give_back(std::size_t bytes, void* memory) {
    const std::lock_guard lock(mutex);
    used_bytes -= bytes;
    free_bytes += bytes;
    free.emplace(bytes, memory);
  }

  ~Shelf() {
    while (!free.empty()) drop_largest();
  }

 private:
  void drop_largest() {
    const auto largest = std::prev(free.end());
    free_bytes -= largest->first;
    std::free(largest->second);
    free.erase(largest);
  }
};

TapeMemory::TapeMemory() : shelf_(std::make_shared<Shelf>()) {}

std::shared_ptr<void> TapeMemory::take(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  bytes = (bytes + kPage - 1) / kPage * kPage;
  void* memory = shelf_->take(bytes);
  if (memory == nullptr) memory = std::aligned_alloc(kPage, bytes);
  if (memory == nullptr) fail("LSTM: {} bytes of memory for a tape are not to be had; use a shorter window", bytes);
  return {memory, [shelf = shelf_, bytes](void* returned) { shelf->give_back(bytes, returned); }};
}

namespace {

/// Numbers below the smallest normal one count as 0 while a sweep runs: gradients fade into them over hundreds of days,
/// and processors are slow there.
class FlushTinyNumbers {
 public:
#if defined(__SSE2__)
  FlushTinyNumbers() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
  ~FlushTinyNumbers() { _mm_setcsr(before_); }
  FlushTinyNumbers(const FlushTinyNumbers&) = delete;
  FlushTinyNumbers& operator=(const FlushTinyNumbers&) = delete;

 private:
  unsigned before_;
#endif
};

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

template <class Real>
Real* take(TapeMemory& memory, std::vector<std::shared_ptr<void>>& held, std::int64_t numbers) {
  held.push_back(memory.take(size_of(numbers) * sizeof(Real)));
  return static_cast<Real*>(held.back().get());
}

/// A tensor over memory of others.
template <class Real>
at::Tensor view(Real* data, at::IntArrayRef sizes) {
  return at::from_blob(data, sizes, at::TensorOptions().dtype(c10::CppTypeToScalarType<Real>::value));
}

template <class Numbers>
constexpr at::ScalarType factor_type() {
  if (std::is_same_v<Numbers, LstmBf16>) return at::kBFloat16;
  return c10::CppTypeToScalarType<typename Numbers::Real>::value;
}

/// One pass over a block and what its adjoint needs.
template <class Numbers>
struct Pass {
  using Real = typename Numbers::Real;
  using Factor = typename Numbers::Factor;
  LstmShape shape;
  std::int64_t days = 0, units = 0, gradient_from = 0;
  bool keep = false;  ///< the tape is wanted
  const LstmKernels<Numbers>& kernels = lstm_kernels<Numbers>();
  TapeMemory memory;
  std::vector<std::shared_ptr<void>> held;
  Factor* inputs = nullptr;  ///< [days + 1][places][row]
  Real* outputs = nullptr;   ///< [days][places][hidden], where factors are not of type Real
  Real* cells = nullptr;     ///< [days - gradient_from + 1] strips, the first that before gradient_from; or one
  Real* gates = nullptr;     ///< [days - gradient_from] strips

  std::int64_t row_block() const { return shape.places * shape.row; }
  std::int64_t cell_block() const { return shape.places * shape.hidden; }

  void fill_history(const at::Tensor& history);
  void forward(const at::Tensor& place_gates, const at::Tensor& history_weight, const at::Tensor& state_weight);
  /// -> place_gates, history_weight, state_weight
  std::vector<at::Tensor> adjoint(const at::Tensor& every, const at::Tensor& last, const at::Tensor& state_weight);

 private:
  std::vector<at::Tensor> unpadded(const at::Tensor& weight_sum, const Real* place_gates_adjoint) const;
};

template <class Numbers>
void Pass<Numbers>::fill_history(const at::Tensor& history) {
  const at::Tensor rounded = history.to(factor_type<Numbers>());
  const auto* source = static_cast<const Factor*>(rounded.const_data_ptr());
  for (std::int64_t day = 0; day <= days; ++day) {
    for (std::int64_t place = 0; place < shape.places; ++place) {
      Factor* row = inputs + day * row_block() + place * shape.row;
      if (day == 0) std::fill(row, row + shape.hidden, Factor(0));
      std::fill(row + shape.hidden, row + shape.row, Factor(0));
      if (day == days) continue;
      const Factor* x = source + (place * days + day) * shape.channels;
      std::copy(x, x + shape.channels, row + shape.hidden);
    }
  }
}

template <class Numbers>
void Pass<Numbers>::forward(const at::Tensor& place_gates, const at::Tensor& history_weight,
                            const at::Tensor& state_weight) {
  std::vector<std::shared_ptr<void>> local;
  Factor* panels = take<Factor>(memory, local, lstm_forward_panels<Numbers>(shape.hidden, shape.channels));
  kernels.pack_forward(history_weight.const_data_ptr<Real>(), state_weight.const_data_ptr<Real>(), units,
                       shape.channels, panels);
  const std::int64_t strips = shape.hidden / kLstmLanes;
  at::Tensor padded = at::zeros({shape.places, 4, shape.hidden}, place_gates.options());
  padded.narrow(2, 0, units).copy_(place_gates.view({shape.places, 4, units}));
  const at::Tensor constant = padded.view({shape.places, 4, strips, kLstmLanes}).permute({2, 0, 1, 3}).contiguous();
  Real* scratch = take<Real>(memory, local, shape.places * kLstmPanel);
  std::fill(cells, cells + cell_block(), Real(0));
  LstmDay<Numbers> day{shape,   panels, constant.const_data_ptr<Real>(), inputs, cells, cells, inputs, nullptr,
                       nullptr, scratch};
  const FlushTinyNumbers flush;
  for (std::int64_t t = 0; t < days; ++t) {
    day.input = inputs + t * row_block();
    day.next_input = inputs + (t + 1) * row_block();
    if (outputs != nullptr) day.output = outputs + t * cell_block();
    if (keep && t >= gradient_from) {
      day.cell_before = day.cell;
      day.cell = cells + (t - gradient_from + 1) * cell_block();
      day.gates = gates + (t - gradient_from) * 4 * cell_block();
    }
    kernels.forward(day);
  }
}

template <class Numbers>
std::vector<at::Tensor> Pass<Numbers>::unpadded(const at::Tensor& weight_sum, const Real* place_gates_adjoint) const {
  const at::Tensor by_gate = weight_sum.narrow(2, 0, units).permute({1, 2, 0});
  const at::Tensor strips =
      view(const_cast<Real*>(place_gates_adjoint), {shape.hidden / kLstmLanes, shape.places, 4, kLstmLanes}).clone();
  const at::Tensor by_place = strips.permute({1, 2, 0, 3}).reshape({shape.places, 4, shape.hidden});
  return {by_place.narrow(2, 0, units).reshape({shape.places, 4 * units}),
          by_gate.narrow(2, shape.hidden, shape.channels).reshape({4 * units, shape.channels}),
          by_gate.narrow(2, 0, units).reshape({4 * units, units})};
}

template <class Numbers>
std::vector<at::Tensor> Pass<Numbers>::adjoint(const at::Tensor& every, const at::Tensor& last,
                                               const at::Tensor& state_weight) {
  constexpr std::int64_t kRowsOfChunk = 1024;  // their gates stay in the caches until the weights' sums have read them
  const std::int64_t chunk = std::max<std::int64_t>(1, kRowsOfChunk / shape.places),
                     day_step = shape.places * kLstmPanel;
  std::vector<std::shared_ptr<void>> local;
  Factor* panels = take<Factor>(memory, local, lstm_adjoint_panels(shape.hidden));
  kernels.pack_adjoint(state_weight.const_data_ptr<Real>(), units, panels);
  const std::int64_t panels_of_gates = 4 * shape.hidden / kLstmPanel, panel_step = (chunk + 1) * day_step;
  Factor* gates_adjoint = take<Factor>(memory, local, panels_of_gates * panel_step);
  Factor* scratch = take<Factor>(memory, local, lstm_scratch(shape.row));
  Real* cell_adjoint = take<Real>(memory, local, cell_block());
  Real* place_gates_adjoint = take<Real>(memory, local, 4 * cell_block());
  std::fill(cell_adjoint, cell_adjoint + cell_block(), Real(0));
  std::fill(place_gates_adjoint, place_gates_adjoint + 4 * cell_block(), Real(0));
  const at::Tensor weight_sum = at::zeros({shape.row, 4, shape.hidden}, state_weight.options());

  LstmDayAdjoint<Numbers> day{};
  day.shape = shape;
  day.panels = panels;
  day.panel_step = panel_step;
  day.output_width = units;
  day.cell_adjoint = cell_adjoint;
  day.place_gates_adjoint = place_gates_adjoint;
  day.scratch = take<Real>(memory, local, shape.places * kLstmPanel);
  const FlushTinyNumbers flush;
  for (std::int64_t end = days; end > gradient_from;) {
    const std::int64_t begin = std::max(gradient_from, end - chunk);
    if (end < days) {  // the first day of the chunk after is the day after this chunk
      for (std::int64_t p = 0; p < panels_of_gates; ++p) {
        const Factor* first = gates_adjoint + p * panel_step;
        std::copy(first, first + day_step, gates_adjoint + p * panel_step + (end - begin) * day_step);
      }
    }
    for (std::int64_t t = end - 1; t >= begin; --t) {
      day.gates_adjoint = gates_adjoint + (t - begin) * day_step;
      day.later_gates = t + 1 < days ? day.gates_adjoint + day_step : nullptr;
      day.gates = gates + (t - gradient_from) * 4 * cell_block();
      day.cell_before = cells + (t - gradient_from) * cell_block();
      day.cell = day.cell_before + cell_block();
      day.output_adjoint = every.defined() ? every.const_data_ptr<Real>() + t * shape.places * units : nullptr;
      day.last_adjoint = last.defined() && t + 1 == days ? last.const_data_ptr<Real>() : nullptr;
      kernels.adjoint(day);
    }
    kernels.add_weights({shape, (end - begin) * shape.places, inputs + begin * row_block(), gates_adjoint, panel_step,
                         weight_sum.mutable_data_ptr<Real>(), scratch});
    end = begin;
  }
  return unpadded(weight_sum, place_gates_adjoint);
}

template <class Numbers>
struct HeldPass : torch::CustomClassHolder {
  Pass<Numbers> pass;
};

template <class Numbers>
struct LstmFunction : torch::autograd::Function<LstmFunction<Numbers>> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& place_gates, const at::Tensor& history_weight,
                                                const at::Tensor& state_weight,
                                                const c10::intrusive_ptr<HeldPass<Numbers>>& held) {
    Pass<Numbers>& pass = held->pass;
    pass.forward(place_gates.contiguous(), history_weight.contiguous(), state_weight.contiguous());
    if (pass.keep) {
      context->saved_data["pass"] = c10::IValue::make_capsule(held);
      context->save_for_backward({state_weight});
      context->set_materialize_grads(false);
    }
    const LstmShape& s = pass.shape;
    const auto options = state_weight.options();
    const std::shared_ptr<void> owner = pass.held.front();  // inputs or outputs: what the tensor lies in
    auto* first = pass.outputs;
    std::int64_t step = s.hidden;
    if constexpr (std::is_same_v<typename Numbers::Factor, typename Numbers::Real>) {
      first = pass.inputs + pass.row_block();
      step = s.row;
    }
    const at::Tensor every = at::from_blob(
        first, {pass.days, s.places, pass.units}, {s.places * step, step, 1}, [owner](void*) {},
        options.requires_grad(std::nullopt));
    return {every, every.select(0, pass.days - 1).clone()};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list adjoints) {
    const auto held = context->saved_data["pass"].toCapsule();
    auto& pass = static_cast<HeldPass<Numbers>&>(*held).pass;
    for (at::Tensor& adjoint : adjoints) {
      if (adjoint.defined()) adjoint = adjoint.contiguous();
    }
    const at::Tensor state_weight = context->get_saved_variables()[0].detach().contiguous();
    if (!adjoints[0].defined() && !adjoints[1].defined())
      return {at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    auto gradients = pass.adjoint(adjoints[0], adjoints[1], state_weight);
    return {gradients[0], gradients[1], gradients[2], at::Tensor()};
  }
};

void check(const LstmInputs& in) {
  const auto type = in.state_weight.scalar_type();
  if (type != at::kFloat && type != at::kDouble) fail("LSTM: weights must be float or double");
  for (const at::Tensor* other : {&in.history, &in.place_gates, &in.history_weight}) {
    if (other->scalar_type() != type) fail("LSTM: history, gates and weights must have one type");
  }
  if (in.bf16 && type != at::kFloat) fail("network.products: bf16 needs precision single");
  const std::int64_t units = in.state_weight.dim() == 2 ? in.state_weight.size(1) : 0;
  const bool fits = in.history.dim() == 3 && in.history.size(0) > 0 && in.history.size(1) > 0 &&
                    in.history.size(2) > 0 && units > 0 &&
                    in.state_weight.sizes() == at::IntArrayRef({4 * units, units}) &&
                    in.history_weight.sizes() == at::IntArrayRef({4 * units, in.history.size(2)}) &&
                    in.place_gates.sizes() == at::IntArrayRef({in.history.size(0), 4 * units});
  if (!fits) fail("LSTM: the shapes of history, gates and weights do not fit together");
  if (in.gradient_from < 0 || in.gradient_from >= in.history.size(1)) {
    fail("LSTM: the first day with gradient is {} of {} days; it must be one of them", in.gradient_from,
         in.history.size(1));
  }
}

template <class Numbers>
LstmOutputs apply(const LstmInputs& in, TapeMemory& memory) {
  auto held = c10::make_intrusive<HeldPass<Numbers>>();
  Pass<Numbers>& pass = held->pass;
  pass.memory = memory;
  const std::int64_t channels = in.history.size(2);
  pass.units = in.state_weight.size(1);
  pass.days = in.history.size(1);
  pass.gradient_from = in.gradient_from;
  pass.shape = {in.history.size(0), lstm_padded(pass.units), channels, lstm_padded(pass.units) + lstm_padded(channels)};
  pass.keep = at::GradMode::is_enabled() &&
              (in.place_gates.requires_grad() || in.history_weight.requires_grad() || in.state_weight.requires_grad());
  const std::int64_t kept = pass.keep ? pass.days - pass.gradient_from : 0;
  using Real = typename Numbers::Real;
  using Factor = typename Numbers::Factor;
  if (!std::is_same_v<Factor, Real>) pass.outputs = take<Real>(pass.memory, pass.held, pass.days * pass.cell_block());
  pass.inputs = take<Factor>(pass.memory, pass.held, (pass.days + 1) * pass.row_block());
  pass.cells = take<Real>(pass.memory, pass.held, (kept + 1) * pass.cell_block());
  if (kept > 0) pass.gates = take<Real>(pass.memory, pass.held, kept * 4 * pass.cell_block());
  pass.fill_history(in.history.detach().contiguous());
  const auto outputs = LstmFunction<Numbers>::apply(in.place_gates, in.history_weight, in.state_weight, held);
  return {outputs[0], outputs[1]};
}

}  // namespace

LstmOutputs apply_lstm(const LstmInputs& inputs, TapeMemory& memory) {
  check(inputs);
  if (inputs.bf16) return apply<LstmBf16>(inputs, memory);
  if (inputs.state_weight.scalar_type() == at::kDouble) return apply<LstmDouble>(inputs, memory);
  return apply<LstmSingle>(inputs, memory);
}

}  // namespace dpl
