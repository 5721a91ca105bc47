// Windows of a period and the means that grow through them.
#include "dpl/training/period_router.hpp"

#include <algorithm>
#include <limits>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr double kWindowReachSteps = 0x1p27;

// Intervals of `mean` that end within the first `rows` discharge rows.
Count complete_intervals(const IntervalMean& mean, Count rows, Count intervals) {
  return rows < mean.offset ? 0 : std::clamp<Count>((rows - mean.offset) / mean.length, 0, intervals);
}

// Adds rows first.. of a run to the means they belong to, as IntervalMean::apply does; `sum` is the one begun and not ended.
template <class Complete>
void add_rows(const IntervalMean& mean, Count first, std::span<const double> rows, Count intervals, double& sum,
              const Complete& complete) {
  const Count end = first + static_cast<Count>(rows.size());
  const Count from = std::max(first, mean.offset);
  for (Count k = (from - mean.offset) / mean.length; k < intervals && k * mean.length + mean.offset < end; ++k) {
    const Count begins = k * mean.length + mean.offset, ends = begins + mean.length;
    if (begins < 0) continue;   // reaches out of the run
    if (begins >= first) sum = 0;
    for (Count row = std::max(begins, first); row < std::min(ends, end); ++row) sum += rows[row - first];
    if (ends <= end) complete(k, sum / static_cast<double>(mean.length));
  }
}

}  // namespace

PeriodRouter::PeriodRouter(const Communicator& comm, RoutedDomain& domain, RoutedWindow period, Index gathered,
                           Count streamed_intervals, Count window_rows)
    : comm_(comm), domain_(domain), period_(std::move(period)), gathered_(gathered),
      streamed_intervals_(streamed_intervals), window_rows_(std::clamp<Count>(window_rows, 1, std::max<Count>(1, period_.rows))) {
  means_.assign(static_cast<std::size_t>(gathered_) * period_.intervals, 0.0);
  sums_.assign(gathered_, 0.0);
  own_sums_.assign(streamed_intervals_ > 0 ? domain_.own_reaches() : 0, 0.0);
  for (Index probe : domain_.own_probes())
    if (probe < gathered_) std::fill_n(means_.begin() + probe * period_.intervals, period_.intervals, kMissing);
}

void PeriodRouter::next(std::span<const double> theta) {
  RoutedWindow window;
  window.first_row = period_.first_row + done_rows_;
  window.rows = std::min(window_rows_, period_.rows - done_rows_);
  window.from_state = done_rows_ > 0 || period_.from_state;
  window.wanted = period_.wanted;
  window.next_first_row = window.first_row + window.rows;
  window.next_rows = std::min(window_rows_, period_.rows - done_rows_ - window.rows);
  // Instants: row 0 of a window is the last row of the window before.
  const Count instants = domain_.discharge_rows(0), skipped = done_rows_ > 0 ? instants : 0;
  window.first_step = domain_.discharge_rows(done_rows_) - instants;
  const Count seen_rows = domain_.discharge_rows(done_rows_ + window.rows);
  const bool last = done_rows_ + window.rows == period_.rows;
  if (streamed_intervals_ > 0) {
    streamed_first_ = streamed_end_;
    streamed_end_ = last ? streamed_intervals_ : complete_intervals(period_.means.back(), seen_rows, streamed_intervals_);
    own_streamed_.assign(static_cast<std::size_t>(domain_.own_reaches()) * (streamed_end_ - streamed_first_), kMissing);
  }
  domain_.forward_rows(theta, window, [&](Index probe, Index own, std::span<const double> rows) {
    see(probe, own, window.first_step + skipped, rows.subspan(skipped));
  });
  if (const auto where = domain_.describe_not_finite(); !where.empty())
    fail("routing: discharge is not finite, first at {}; check the inflow and parameters", where);
  const WaterVolumes water = domain_.water_volumes();
  water_.lateral_inflow += water.lateral_inflow;
  water_.outflow += water.outflow;
  water_.storage_change += water.storage_change;
  water_.created_by_floor += water.created_by_floor;
  done_rows_ += window.rows;
  ++windows_;
}

void PeriodRouter::see(Index probe, Index own, Count first_row, std::span<const double> rows) {
  const IntervalMean& mean = period_.means[std::min(probe, gathered_)];
  if (probe < gathered_) {
    add_rows(mean, first_row, rows, period_.intervals, sums_[probe],
             [&](Count k, double value) { means_[probe * period_.intervals + k] = value; });
    return;
  }
  const Count width = streamed_end_ - streamed_first_;
  add_rows(mean, first_row, rows, streamed_intervals_, own_sums_[own],
           [&](Count k, double value) { own_streamed_[own * width + k - streamed_first_] = value; });
}

PeriodRouter::Streamed PeriodRouter::streamed() const {
  const Count count = streamed_end_ - streamed_first_;
  if (count == 0) return {streamed_first_, 0, {}};
  return {streamed_first_, count, domain_.to_blocks(own_streamed_, static_cast<Index>(count))};
}

std::vector<double> PeriodRouter::means() const {
  auto all = means_;
  comm_.gather_owned(all);
  return all;
}

PeriodRouter::Progress PeriodRouter::progress() const {
  Progress p{done_rows_, windows_, streamed_end_, water_, means(), sums_, domain_.state(), {}};
  comm_.gather_owned(p.sums);
  if (streamed_intervals_ > 0) p.block_sums = domain_.to_blocks(own_sums_, 1);
  return p;
}

void PeriodRouter::restore(const Progress& p) {
  done_rows_ = p.done_rows;
  windows_ = p.windows;
  streamed_first_ = streamed_end_ = p.streamed_intervals;
  water_ = p.water;
  domain_.set_state(p.block_state);
  if (streamed_intervals_ > 0) own_sums_ = domain_.to_own(p.block_sums, 1);
  for (Index probe : domain_.own_probes()) {
    if (probe >= gathered_) continue;
    std::copy_n(p.means.begin() + probe * period_.intervals, period_.intervals, means_.begin() + probe * period_.intervals);
    sums_[probe] = p.sums[probe];
  }
}

Count rows_of_window(const RunConfig& config, const RoutedDomain& domain, Count rows_per_day, Count rows) {
  if (config.memory.window_days > 0) return std::min<Count>(rows, config.memory.window_days * rows_per_day);
  const double reaches = static_cast<double>(domain.partition().piece.size());
  const double day = std::max(1.0, reaches * 86400 / domain.step_s());
  if (static_cast<double>(rows) / static_cast<double>(rows_per_day) * day <= kWindowReachSteps) return rows;
  return std::max<Count>(1, static_cast<Count>(kWindowReachSteps / day)) * rows_per_day;
}

std::vector<double> route_period(const Communicator& comm, RoutedDomain& domain, const RunConfig& config,
                                 const RoutedWindow& period, Count rows_per_day, std::span<const double> theta) {
  PeriodRouter router(comm, domain, period, static_cast<Index>(period.means.size()), 0,
                      rows_of_window(config, domain, rows_per_day, period.rows));
  while (!router.finished()) router.next(theta);
  return router.means();
}

}  // namespace dpl
