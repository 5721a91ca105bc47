// Rows into messages and out of them: a thread a number, neighbours of a row side by side.
// compiled as CUDA too
#include "dpl/physics/row_copies.hpp"

#include "dpl/physics/for_each.hpp"
#include "dpl/physics/vector_math.hpp"

namespace dpl {
namespace {

template <class Real>
struct GatherRows {
  const Real* from;
  const Index* row;
  Index width;
  Real* to;
  DPL_HOST_DEVICE void operator()(Index index) const {
    to[index] = from[static_cast<Count>(row[index / width]) * width + index % width];
  }
};

template <class Real>
struct ScatterRows {
  const Real* from;
  const Index* row;
  Index width;
  Real* to;
  DPL_HOST_DEVICE void operator()(Index index) const {
    to[static_cast<Count>(row[index / width]) * width + index % width] = from[index];
  }
};

}  // namespace

template <class Real>
void gather_rows(Device device, const Real* from, const Index* row, Index rows, Index width, Real* to) {
  for_each(device, GatherRows<Real>{from, row, width, to}, 0, rows * width);
}

template <class Real>
void scatter_rows(Device device, const Real* from, const Index* row, Index rows, Index width, Real* to) {
  for_each(device, ScatterRows<Real>{from, row, width, to}, 0, rows * width);
}

template void gather_rows(Device, const float*, const Index*, Index, Index, float*);
template void gather_rows(Device, const double*, const Index*, Index, Index, double*);
template void scatter_rows(Device, const float*, const Index*, Index, Index, float*);
template void scatter_rows(Device, const double*, const Index*, Index, Index, double*);

}  // namespace dpl
