// The loops of a sweep as GPU kernels: the bodies of sweep_loops.hpp, the same as on the CPU.
// compiled as CUDA too
#include "dpl/physics/for_each.hpp"
#include "dpl/physics/tile_sweeps.hpp"

namespace dpl::device {
namespace {

template <class Loop>
struct WholeRange {
  Loop loop;
  DPL_HOST_DEVICE void operator()(Index i) const { loop.template run<false>(i, true); }
};

// What the sweeps do between loops is still the host's work: every loop is waited for.
template <Device kDevice, class Loop>
void run_alone(const Loop& loop, Index first, Index end) {
  for_each(kDevice, loop, first, end);
  wait_for(kDevice);
}

template <Device kDevice>
struct DeviceLoop {
  template <class Real>
  static void gather(const TileGraph& graph, const Real* above, Real* inflow, Index first, Index end) {
    run_alone<kDevice>(GatherLoop<Real>{graph.upstream0, graph.upstream1, above, inflow}, first, end);
  }
  template <class Real>
  static void message(const WindowPlaces&, const Index* downstream, const Real* below, Real* message, Index first, Index end) {
    run_alone<kDevice>(MessageLoop<Real>{downstream, below, message}, first, end);
  }
  template <class Loop>
  static void run(const Loop& loop, Index first, Index end) {
    run_alone<kDevice>(WholeRange<Loop>{loop}, first, end);
  }
};

// Lateral inflow lies in the host's memory and is turned there.
template <class Real, Device kDevice>
const SweepKernels<Real>& kernels_of(const SweepKernels<Real>& host, const char* name) {
  static const SweepKernels<Real> kernels = [&] {
    auto table = TileSweeps<DeviceLoop<kDevice>>::template of<Real>(name);
    table.lateral_to_rows = host.lateral_to_rows;
    table.lateral_to_series = host.lateral_to_series;
    return table;
  }();
  return kernels;
}

}  // namespace

template <class Real>
const SweepKernels<Real>& sweep_kernels(Device which, const SweepKernels<Real>& host) {
  if (which == Device::cuda) return kernels_of<Real, Device::cuda>(host, "cuda");
  return kernels_of<Real, Device::emulated>(host, "emulated");
}

template const SweepKernels<float>& sweep_kernels(Device, const SweepKernels<float>&);
template const SweepKernels<double>& sweep_kernels(Device, const SweepKernels<double>&);

}  // namespace dpl::device
