// Cox-de Boor recursion as tensor operations.
#include "dpl/learning/spline_basis.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/logical_and.h>

#include "dpl/base/error.hpp"

namespace dpl {

at::Tensor spline_basis(const at::Tensor& x, std::int64_t grid, std::int64_t order) {
  if (grid < 1) fail("network.grid: {} intervals are impossible, at least 1 is needed", grid);
  if (order < 1) fail("network.spline_order: {} is not allowed, at least 1 is needed (3 is usual)", order);
  const double spacing = 2.0 / static_cast<double>(grid);
  const std::int64_t knots = grid + 2 * order + 1;
  at::Tensor knot = at::empty({knots}, at::TensorOptions().dtype(at::kDouble));
  for (std::int64_t k = 0; k < knots; ++k) {
    knot.mutable_data_ptr<double>()[k] = -1.0 + spacing * static_cast<double>(k - order);
  }
  knot = knot.to(x.options());
  const at::Tensor position = x.unsqueeze(-1);
  at::Tensor basis = at::logical_and(position >= knot.narrow(0, 0, knots - 1), position < knot.narrow(0, 1, knots - 1))
                         .to(x.scalar_type());
  for (std::int64_t degree = 1; degree <= order; ++degree) {
    const std::int64_t splines = knots - 1 - degree;
    const double width = spacing * static_cast<double>(degree);
    const at::Tensor rising = (position - knot.narrow(0, 0, splines)) / width;
    const at::Tensor falling = (knot.narrow(0, degree + 1, splines) - position) / width;
    basis = rising * basis.narrow(-1, 0, splines) + falling * basis.narrow(-1, 1, splines);
  }
  return basis;
}

}  // namespace dpl
