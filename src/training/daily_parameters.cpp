// Blocks of windows side by side in one array, on either side.
#include "dpl/training/daily_parameters.hpp"

#include <torch/types.h>

#include <algorithm>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

// As make_daily_values, by the host for its own memory.
template <class Real>
void values_of_host(const DailyBlock<Real>& b) {
  const Real* from = b.shares;
  for (Count day = 0; day < b.days; ++day) {
    Real* to = b.values + day * b.rows * b.width + b.first;
    for (Index w = 0; w < b.windows; ++w)
      for (Index row = 0, p = 0; row < b.rows; ++p)
        for (const Index end = row + b.components; row < end; ++row)
          to[Count{row} * b.width + w] = daily_value(b.lower[p], b.extent[p], *from++);
    for (Index w = b.windows; w < b.columns; ++w)
      for (Index row = 0; row < b.rows; ++row) to[Count{row} * b.width + w] = to[Count{row} * b.width + b.windows - 1];
  }
}

template <class Real>
void adjoint_of_host(const DailyBlock<Real>& b) {
  Real* to = b.shares_adjoint;
  for (Count day = 0; day < b.days; ++day) {
    const Real* from = b.values_adjoint + day * b.rows * b.width + b.first;
    for (Index w = 0; w < b.windows; ++w)
      for (Index row = 0, p = 0; row < b.rows; ++p)
        for (const Index end = row + b.components; row < end; ++row)
          *to++ = from[Count{row} * b.width + w] * b.extent[p];
  }
}

}  // namespace

template <class Real>
DailyParameters<Real>::DailyParameters(const BasinParameters& parameters, Device device)
    : parameters_(parameters),
      device_(device),
      rows_(static_cast<Index>(parameters.dynamic.size()) * parameters.components),
      values_(device),
      gradient_(device),
      staged_(device) {}

template <class Real>
void DailyParameters<Real>::begin(Index windows, Index width, Count days, bool gradient) {
  windows_ = windows;
  width_ = width;
  days_ = days;
  const auto more = [&](const DeviceArray<Real>& array) { return size() - std::min(size(), array.size()); };
  const std::size_t grown = more(values_) + (gradient ? more(gradient_) : 0);
  if (runs_device_loops(device_) && grown > 0)
    check_free_bytes(device_, static_cast<Count>(grown * sizeof(Real)),
                     fmt::format("{} windows of {} days of parameters by day", windows, days).c_str());
  values_.need(size());
  if (gradient) gradient_.need(size());
}

template <class Real>
std::span<Real> DailyParameters<Real>::gradient() {
  gradient_.need(size());
  return {gradient_.data(), size()};
}

template <class Real>
DailyBlock<Real> DailyParameters<Real>::block(Index first, const at::Tensor& shares) const {
  DailyBlock<Real> b;
  b.days = days_;
  b.components = parameters_.components;
  b.rows = rows_;
  b.first = first;
  b.windows = static_cast<Index>(shares.size(1));
  b.columns = first + b.windows == windows_ ? width_ - first : b.windows;
  b.width = width_;
  for (std::size_t k = 0; k < parameters_.dynamic.size(); ++k) {
    const RunoffParameter& p = parameters_.runoff[static_cast<std::size_t>(parameters_.dynamic[k])];
    b.lower[k] = static_cast<Real>(p.lower);
    b.extent[k] = static_cast<Real>(p.upper - p.lower);
  }
  return b;
}

template <class Real>
void DailyParameters<Real>::set(Index first, const at::Tensor& shares) {
  DailyBlock<Real> b = block(first, shares);
  b.shares = shares.const_data_ptr<Real>();
  b.values = values_.data();
  if (!runs_device_loops(device_)) return values_of_host(b);
  if (elsewhere(shares)) {
    staged_.set(b.shares, static_cast<std::size_t>(shares.numel()));
    b.shares = staged_.data();
  }
  make_daily_values(device_, b);
  if (elsewhere(shares)) wait_for(device_);  // the caller may let go of them
}

template <class Real>
at::Tensor DailyParameters<Real>::by_shares(Index first, const at::Tensor& shares) {
  at::Tensor derivative = at::empty(shares.sizes(), shares.options());
  DailyBlock<Real> b = block(first, shares);
  b.values_adjoint = gradient_.data();
  b.shares_adjoint = derivative.mutable_data_ptr<Real>();
  if (!runs_device_loops(device_)) {
    adjoint_of_host(b);
  } else if (elsewhere(shares)) {
    const auto n = static_cast<std::size_t>(shares.numel());
    staged_.need(n);
    Real* to = b.shares_adjoint;
    b.shares_adjoint = staged_.data();
    make_daily_adjoint(device_, b);
    copy_on(device_, to, staged_.data(), n * sizeof(Real));
    wait_for(device_);
  } else {
    make_daily_adjoint(device_, b);
  }
  return derivative;
}

template class DailyParameters<float>;
template class DailyParameters<double>;

}  // namespace dpl
