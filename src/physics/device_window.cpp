// A window's data on the device: sizes, uploads, messages.
// compiled as CUDA too
#include "dpl/physics/device_window.hpp"

#include <algorithm>

#include "dpl/physics/device_series.hpp"
#include "dpl/physics/for_each.hpp"

namespace dpl {
namespace {

// Rows fetched at a time: runs long enough for a fast copy, short enough that the first sweeps need not wait for long.
constexpr Count kRowsAhead = 512;

}  // namespace

template <class Real>
DeviceWindow<Real>::DeviceWindow(Device device)
    : a(device), b(device), c(device), initial_state(device), discharge(device), seed(device), edge_start(device),
      edge_flow(device), edge_start_adjoint(device), edge_adjoint(device), cut_start(device), cut_flow(device),
      cut_start_adjoint(device), cut_adjoint(device), inflow_adjoint(device), device_(device), ahead_(device),
      uploaded_(device) {}

template <class Real>
Count DeviceWindow<Real>::bytes(const DeviceWindowShape& s, bool uploads_inflow) {
  const Count ways = s.tape ? 2 : 1, series = s.edges + s.cuts;
  Count values = 3 * s.reaches + s.states + ways * s.probes * s.rows + ways * series * (s.steps + 1);
  if (uploads_inflow) values += s.reaches * s.input_rows();
  if (s.tape) values += s.states * s.input_rows();
  return values * static_cast<Count>(sizeof(Real));
}

template <class Real>
void DeviceWindow<Real>::begin(const DeviceWindowShape& s, const ReachParameters<Real>& parameters,
                               const LateralInflow<Real>& given, std::span<const Real> state,
                               std::vector<std::pair<Index, Index>> runs) {
  shape = s;
  a.set(parameters.a);
  b.set(parameters.b);
  c.set(parameters.c);
  given_state = !state.empty() || s.states == 0;
  initial_state.set(state.data(), state.size());
  discharge.zero(static_cast<std::size_t>(s.probes * s.rows));
  edge_start.zero(s.edges);
  edge_flow.zero(static_cast<std::size_t>(s.edges * s.steps));
  cut_start.zero(s.cuts);
  cut_flow.zero(static_cast<std::size_t>(s.cuts * s.steps));
  if (s.tape) {
    edge_start_adjoint.zero(s.edges);
    edge_adjoint.zero(static_cast<std::size_t>(s.edges * s.steps));
    cut_start_adjoint.zero(s.cuts);
    cut_adjoint.zero(static_cast<std::size_t>(s.cuts * s.steps));
  }
  given_ = given;
  runs_ = std::move(runs);
  copied_rows_ = ready_rows_ = 0;
  if (reaches(device_, given.values)) {
    inflow = given.values;
    inflow_stride = given.stride;
    copied_rows_ = ready_rows_ = s.input_rows();
    return;
  }
  inflow_stride = s.input_rows();
  uploaded_.need(static_cast<std::size_t>(s.reaches * inflow_stride));
  inflow = uploaded_.data();
  ahead_.begin();
}

template <class Real>
void DeviceWindow<Real>::need_inflow(Count end) {
  const Count rows = shape.steps == 0 && given_state ? 0 : shape.input_rows();
  const Count wanted = std::min(rows, (end + shape.hold - 1) / shape.hold);
  const auto copy_until = [&](Count row) {
    if (row <= copied_rows_) return;
    const auto width = static_cast<std::size_t>(row - copied_rows_) * sizeof(Real);
    for (const auto& [reach, count] : runs_)
      ahead_.copy_rows(uploaded_.data() + reach * inflow_stride + copied_rows_, inflow_stride * sizeof(Real),
                       given_.values + reach * given_.stride + copied_rows_, given_.stride * sizeof(Real), width, count);
    copied_rows_ = row;
  };
  if (wanted > ready_rows_) {
    copy_until(wanted);
    ahead_.await();
    ready_rows_ = copied_rows_;
  }
  copy_until(std::min(rows, (wanted / kRowsAhead + 2) * kRowsAhead));
}

template <class Real>
void DeviceWindow<Real>::begin_adjoint(std::span<const Real> given, bool wanted, Count state_rows) {
  seed.set(given.data(), given.size());
  inflow_adjoint_wanted = wanted;
  inflow_rows = state_rows;
  if (wanted) inflow_adjoint.zero(static_cast<std::size_t>(shape.states * state_rows));
}

template <class Real>
void DeviceWindow<Real>::fetch(const DeviceArray<Real>& from, std::span<Real> to) const {
  copy_on(device_, to.data(), from.data(), to.size_bytes());
  wait_for(device_);
}

template <class Real>
void DeviceWindow<Real>::load_message(const DeviceArray<Real>& series, const DeviceArray<Index>& levels, Count superstep,
                                      const Supersteps& s, DeviceMessage<Real>& message) const {
  message.size(levels.size() * s.chunk);
  for_each(device_, SeriesToMessage<Real>{levels.data(), static_cast<Index>(superstep), static_cast<Index>(s.chunks),
                                          static_cast<Index>(s.chunk), shape.steps, series.data(), message.data(), false},
           0, static_cast<Index>(message.size()));
  message.fetch();
}

template <class Real>
void DeviceWindow<Real>::store_message(const DeviceMessage<Real>& message, const DeviceArray<Index>& levels, Count superstep,
                                       const Supersteps& s, DeviceArray<Real>& series) const {
  message.upload();
  for_each(device_, SeriesToMessage<Real>{levels.data(), static_cast<Index>(superstep), static_cast<Index>(s.chunks),
                                          static_cast<Index>(s.chunk), shape.steps, series.data(), message.data(), true},
           0, static_cast<Index>(message.size()));
}

template class DeviceWindow<float>;
template class DeviceWindow<double>;

}  // namespace dpl
