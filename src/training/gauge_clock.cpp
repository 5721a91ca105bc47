// Offsets, lengths and completeness of observed intervals.
#include "dpl/training/gauge_clock.hpp"

#include <cmath>
#include <limits>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr Count kDay = 86400;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

Count whole_rows(double seconds, double step_s, const std::string& what) {
  const double rows = seconds / step_s;
  if (std::abs(rows - std::round(rows)) > 1e-9)
    fail("{} ({} s) is not a whole number of routing steps ({} s); change it, routing.dt_s or routing.substeps", what,
         seconds, step_s);
  return std::llround(rows);
}

// Row of the observations at the first interval of a day; may lie outside the file.
Count first_row(const Observations& o, Count day) { return (day * kDay - o.time.start_s) / o.time.step_s; }

}  // namespace

GaugeClock make_gauge_clock(const RunConfig& config, const Observations& observations, double step_s) {
  GaugeClock clock;
  clock.interval_s = observations.time.step_s;
  if (kDay % clock.interval_s != 0 || observations.time.start_s % clock.interval_s != 0)
    fail("{}: the time axis starts at {} with a step of {} s; the step must divide a day and start on its multiples",
         observations.path, iso_time(observations.time.start_s), clock.interval_s);
  clock.per_day = kDay / clock.interval_s;
  const Count length = whole_rows(static_cast<double>(clock.interval_s), step_s,
                                  observations.path + ": the time step of the observations");
  for (Index g = 0; g < observations.size(); ++g) {
    // Midnight of a gauge at UTC-5 is 5 o'clock on the run's clock.
    const bool own = !observations.utc_offset_h.empty();
    const double tau_h = own ? -observations.utc_offset_h[g] : config.params.tau_h;
    const std::string what = own ? observations.path + ": utc_offset_h of gauge " + observations.gauge_id[g] : "config: params.tau";
    clock.means.push_back({length, whole_rows(tau_h * 3600, step_s, what)});
  }
  return clock;
}

std::vector<double> GaugeClock::observed(const Observations& o, Count first_day, Count days, Count warmup_days,
                                         Count discharge_rows) const {
  const Count intervals = days * per_day, row0 = first_row(o, first_day);
  std::vector<double> values(o.size() * intervals, kMissing);
  for (Index g = 0; g < o.size(); ++g)
    for (Count i = warmup_days * per_day; i < intervals; ++i) {
      const Count row = row0 + i;
      if (row >= 0 && row < o.time.size && means[g].complete(i, discharge_rows)) values[g * intervals + i] = o.at(g, row);
    }
  return values;
}

std::vector<double> observed_deviation(const Observations& o, const Period& period) {
  std::vector<double> sigma(o.size(), kMissing);
  const Count begin = std::max<Count>(0, first_row(o, period.start.day));
  const Count end = std::min(o.time.size, first_row(o, period.end.day + 1));
  for (Index g = 0; g < o.size(); ++g) {
    double sum = 0, squares = 0;
    Count count = 0;
    for (Count r = begin; r < end; ++r)
      if (!std::isnan(o.at(g, r))) sum += o.at(g, r), ++count;
    if (count < 2) continue;
    const double mean = sum / static_cast<double>(count);
    for (Count r = begin; r < end; ++r)
      if (!std::isnan(o.at(g, r))) squares += (o.at(g, r) - mean) * (o.at(g, r) - mean);
    sigma[g] = std::sqrt(squares / static_cast<double>(count));
  }
  return sigma;
}

}  // namespace dpl
