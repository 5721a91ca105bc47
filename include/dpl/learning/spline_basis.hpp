// B-splines on a uniform grid over [-1, 1], the basis of a Kolmogorov-Arnold layer (method section 7).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace dpl {

/// Values of the `grid` + `order` B-splines of degree `order` at every element of x (Cox-de Boor recursion on uniform
/// knots; de Boor 1978, chapter X). The knots divide [-1, 1] into `grid` intervals and continue by `order` knots on
/// both sides; the splines sum to 1 inside [-1, 1] and are zero beyond the last knots.
/// @param x any shape, float or double   @return shape of x + [grid + order], differentiable
at::Tensor spline_basis(const at::Tensor& x, std::int64_t grid, std::int64_t order);

}  // namespace dpl
