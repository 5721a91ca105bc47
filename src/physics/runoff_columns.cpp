// Launches of the runoff model's loops on a device.
// compiled as CUDA too
#include "dpl/physics/runoff_columns.hpp"

#include "dpl/physics/for_each.hpp"
#include "dpl/physics/runoff_column_loops.hpp"

namespace dpl {
namespace {

// Small blocks: a few thousand columns are to meet all multiprocessors of a GPU. At least so many blocks at a time leave
// the compiler the registers it needs (255 a thread): without a number it spills some of them for more blocks.
constexpr int kBlockThreads = 64;
[[maybe_unused]] constexpr int kFewestBlocks = 4;

#ifdef __CUDACC__
template <class Loop>
__global__ void __launch_bounds__(kBlockThreads, kFewestBlocks) column_kernel(Loop loop, Index first, Index end) {
  const Index i = first + static_cast<Index>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < end) loop(i);
}
#endif

template <class Loop>
void for_each_column(Device device, const Loop& loop, Index first, Index end) {
  if (end <= first) return;
#ifdef __CUDACC__
  if (device == Device::cuda) {
    const Index blocks = (end - first + kBlockThreads - 1) / kBlockThreads;
    column_kernel<<<blocks, kBlockThreads, 0, launch_stream()>>>(loop, first, end);
    check_cuda(cudaGetLastError());
    return;
  }
#endif
  (void)device;
  for (Index i = first; i < end; ++i) loop(i);
}

template <class F>
void with_form(int form, F f) {
  switch (form) {
    case 0: return f(HbvForm0{});
    case 1: return f(HbvForm1{});
    case 2: return f(HbvForm2{});
    default: return f(HbvForm3{});
  }
}

Index hydrograph_runs(Count days) { return static_cast<Index>((days + kHydrographRun - 1) / kHydrographRun); }

}  // namespace

template <class Real>
void make_cells(Device device, int form, const ColumnCells<Real>& c) {
  with_form(form, [&]<class Form>(Form) { for_each_column(device, ColumnCellLoop<Real, Form>{c}, 0, c.lanes); });
}

template <class Real>
void make_fixed_adjoint(Device device, int form, const ColumnCells<Real>& c) {
  with_form(form, [&]<class Form>(Form) { for_each_column(device, ColumnCellAdjointLoop<Real, Form>{c}, 0, c.lanes); });
}

template <class Real>
void fill_states(Device device, Real* state, Count n, Real value) {
  for_each(device, FillLoop<Real>{state, value}, 0, static_cast<Index>(n));
}

template <class Real>
void run_columns(Device device, int form, bool outputs, const ColumnForward<Real>& f) {
  with_form(form, [&]<class Form>(Form) {
    if (outputs)
      for_each_column(device, ColumnForwardLoop<Real, Form, true>{f}, 0, f.in.lanes);
    else
      for_each_column(device, ColumnForwardLoop<Real, Form, false>{f}, 0, f.in.lanes);
  });
}

template <class Real>
void add_columns(Device device, const ColumnMeans<Real>& m) {
  for_each(device, ColumnMeanLoop<Real>{m}, 0, static_cast<Index>(m.days * m.catchments));
}

template <class Real>
void run_columns_back(Device device, int form, bool output_seeds, const ColumnAdjoint<Real>& a) {
  with_form(form, [&]<class Form>(Form) {
    if (output_seeds)
      for_each_column(device, ColumnAdjointLoop<Real, Form, true>{a}, a.first_lane, a.end_lane);
    else
      for_each_column(device, ColumnAdjointLoop<Real, Form, false>{a}, a.first_lane, a.end_lane);
  });
}

template <class Real>
void run_hydrograph(Device device, const HydrographBlock<Real>& b) {
  for_each(device, HydrographLoop<Real>{b}, 0, static_cast<Index>(b.catchments) * hydrograph_runs(b.days));
}

template <class Real>
void run_hydrograph_back(Device device, const HydrographBlock<Real>& b) {
  for_each(device, HydrographAdjointLoop<Real>{b}, 0, static_cast<Index>(b.catchments) * hydrograph_runs(b.days));
}

template <class Real>
void run_hydrograph_weights(Device device, const HydrographBlock<Real>& b) {
  for_each_column(device, HydrographWeightsLoop<Real>{b}, 0, static_cast<Index>(b.catchments) * b.length);
}

#define DPL_COLUMNS(Real)                                                              \
  template void make_cells(Device, int, const ColumnCells<Real>&);                     \
  template void make_fixed_adjoint(Device, int, const ColumnCells<Real>&);             \
  template void fill_states(Device, Real*, Count, Real);                               \
  template void run_columns(Device, int, bool, const ColumnForward<Real>&);            \
  template void add_columns(Device, const ColumnMeans<Real>&);                         \
  template void run_columns_back(Device, int, bool, const ColumnAdjoint<Real>&);       \
  template void run_hydrograph(Device, const HydrographBlock<Real>&);                  \
  template void run_hydrograph_back(Device, const HydrographBlock<Real>&);             \
  template void run_hydrograph_weights(Device, const HydrographBlock<Real>&);
DPL_COLUMNS(float)
DPL_COLUMNS(double)
#undef DPL_COLUMNS

}  // namespace dpl
