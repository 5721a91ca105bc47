// Loops between shares [day][window][row] and values [day][row][window].
// compiled as CUDA too
#include "dpl/physics/daily_values.hpp"

#include <algorithm>
#include <limits>

#include "dpl/physics/for_each.hpp"

namespace dpl {
namespace {

// A launch numbers the values of some days.
template <class Body>
void for_days(Device device, Count days, Count values_of_day, const Body& body) {
  const Count launch = std::max<Count>(1, std::numeric_limits<Index>::max() / values_of_day);
  for (Count day = 0; day < days; day += launch) {
    Body of_launch = body;
    of_launch.first_day = day;
    for_each(device, of_launch, 0, static_cast<Index>(std::min(days - day, launch) * values_of_day));
  }
}

// Neighbouring threads write neighbouring columns; what they read of other rows is in the cache for the next ones.
template <class Real>
struct DailyValueLoop {
  DailyBlock<Real> b;
  Count first_day;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index column = i % b.columns, row = i / b.columns % b.rows, p = row / b.components;
    const Count day = first_day + i / b.columns / b.rows;
    const Index w = column < b.windows ? column : b.windows - 1;
    b.values[(day * b.rows + row) * b.width + b.first + column] =
        daily_value(b.lower[p], b.extent[p], b.shares[(day * b.windows + w) * b.rows + row]);
  }
};

template <class Real>
struct DailyAdjointLoop {
  DailyBlock<Real> b;
  Count first_day;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index row = i % b.rows, w = i / b.rows % b.windows;
    const Count day = first_day + i / b.rows / b.windows;
    b.shares_adjoint[(day * b.windows + w) * b.rows + row] =
        b.values_adjoint[(day * b.rows + row) * b.width + b.first + w] * b.extent[row / b.components];
  }
};

}  // namespace

template <class Real>
void make_daily_values(Device device, const DailyBlock<Real>& b) {
  for_days(device, b.days, Count{b.rows} * b.columns, DailyValueLoop<Real>{b, 0});
}

template <class Real>
void make_daily_adjoint(Device device, const DailyBlock<Real>& b) {
  for_days(device, b.days, Count{b.rows} * b.windows, DailyAdjointLoop<Real>{b, 0});
}

template void make_daily_values(Device, const DailyBlock<float>&);
template void make_daily_values(Device, const DailyBlock<double>&);
template void make_daily_adjoint(Device, const DailyBlock<float>&);
template void make_daily_adjoint(Device, const DailyBlock<double>&);

}  // namespace dpl
