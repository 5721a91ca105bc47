// The loops of a sweep as GPU kernels: the bodies of sweep_loops.hpp, the same as on the CPU.
// compiled as CUDA too (in a build without CUDA the file is empty)
#ifdef __CUDACC__
#include "dpl/physics/for_each.hpp"
#include "dpl/physics/tile_sweeps.hpp"

namespace dpl::generic {
const SweepKernels<float>& single_kernels();
const SweepKernels<double>& double_kernels();
}  // namespace dpl::generic

namespace dpl::cuda {
namespace {

template <class Loop>
struct WholeRange {
  Loop loop;
  DPL_HOST_DEVICE void operator()(Index i) const { loop.template run<false>(i, true); }
};

struct DeviceLoop {
  template <class Real>
  static void gather(const TileGraph& graph, const Real* above, Real* inflow, Index first, Index end) {
    for_each_on_device(GatherLoop<Real>{graph.upstream0, graph.upstream1, above, inflow}, first, end);
  }
  template <class Real>
  static void message(const WindowPlaces&, const Index* downstream, const Real* below, Real* message, Index first, Index end) {
    for_each_on_device(MessageLoop<Real>{downstream, below, message}, first, end);
  }
  template <class Loop>
  static void run(const Loop& loop, Index first, Index end) {
    for_each_on_device(WholeRange<Loop>{loop}, first, end);
  }
};

// Lateral inflow lies in the host's memory and is turned there.
template <class Real>
SweepKernels<Real> make_kernels(const SweepKernels<Real>& host) {
  auto kernels = TileSweeps<DeviceLoop>::of<Real>("cuda");
  kernels.lateral_to_rows = host.lateral_to_rows;
  kernels.lateral_to_series = host.lateral_to_series;
  return kernels;
}

}  // namespace

const SweepKernels<float>& single_kernels() {
  static const SweepKernels<float> kernels = make_kernels(generic::single_kernels());
  return kernels;
}

const SweepKernels<double>& double_kernels() {
  static const SweepKernels<double> kernels = make_kernels(generic::double_kernels());
  return kernels;
}

}  // namespace dpl::cuda
#endif
