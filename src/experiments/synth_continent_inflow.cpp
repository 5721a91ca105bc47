// Lateral inflow of a continent, streamed: storms find the reaches below them through a grid of squares.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "dpl/experiments/synth_continental.hpp"
#include "synth_weather.hpp"

namespace dpl {
namespace {

using namespace weather;

constexpr double kSquare_km = 24;                 // of the grid of reaches
constexpr double kStormsEvery_h = 42;             // on average, in an area of:
constexpr double kStormsIn_km2 = 30000;
constexpr double kLongestStep_h = 6;

// Rows sorted by square, so that what a storm touches is a few runs.
struct Grid {
  Index squares = 1;             // of a side
  std::vector<Index> start;      // [square + 1] first slot
  std::vector<Index> row;        // [slot] row - first
  std::vector<double> x_km, y_km;  // [slot]

  Grid(const ContinentRows& rows, double side_km) : squares(static_cast<Index>(side_km / kSquare_km) + 1), row(rows.size()) {
    std::vector<Index> square(row.size());
    start.assign(static_cast<std::size_t>(squares) * squares + 1, 0);
    for (std::size_t r = 0; r < row.size(); ++r) {
      square[r] = at(rows.y_km[r]) * squares + at(rows.x_km[r]);
      ++start[square[r] + 1];
    }
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::iota(row.begin(), row.end(), 0);
    std::stable_sort(row.begin(), row.end(), [&](Index a, Index b) { return square[a] < square[b]; });
    for (const Index r : row) {
      x_km.push_back(rows.x_km[r]);
      y_km.push_back(rows.y_km[r]);
    }
  }
  Index at(double km) const { return std::clamp(static_cast<Index>(std::floor(km / kSquare_km)), 0, squares - 1); }
};

}  // namespace

struct ContinentInflow::Impl {
  RunConfig config;
  Grid grid;
  Extent box;
  double every_h, step_h;
  Count parts, steps_done = 0;          // steps of a row of the file; steps made so far
  std::vector<double> to_m3s;           // [slot] of a depth in mm a row
  std::vector<Hillslope> hillslopes;    // [slot]
  std::vector<Storm> active;            // in the order of their beginning
  std::uint64_t storms = 0;             // drawn so far
  double next_h = 0;                    // when the next one begins

  Impl(const RunConfig& c, const ContinentRows& rows, double side_km)
      : config(c), grid(rows, side_km), box{0, side_km, 0, side_km}, every_h(kStormsEvery_h * kStormsIn_km2 / (side_km * side_km)) {
    parts = std::max<Count>(1, static_cast<Count>(std::ceil(config.synth.inflow_step_h / kLongestStep_h - 1e-9)));
    step_h = config.synth.inflow_step_h / static_cast<double>(parts);
    for (const Index r : grid.row) {
      to_m3s.push_back(rows.local_area_km2[r] / (3.6 * config.synth.inflow_step_h));
      const auto id = static_cast<std::uint64_t>(kFirstContinentId + rows.first + r);
      hillslopes.emplace_back(3 + 6 * draw(config, Draw::hillslope, id, 0), step_h);
    }
    next_h = wait_h();
  }
  double wait_h() const { return -every_h * std::log(1 - draw(config, Draw::storm_time, storms, 0)); }
  void draw_storms(double until_h);
  void add_rain(const Storm& storm, Count first_step, Count end_step, std::vector<double>& rain_mm) const;
};

// Storms that begin before `until_h` join the active ones; those that are over leave.
void ContinentInflow::Impl::draw_storms(double until_h) {
  const double now_h = static_cast<double>(steps_done) * step_h;
  std::erase_if(active, [&](const Storm& s) { return s.start_h + s.duration_h <= now_h; });
  while (next_h < until_h) {
    active.push_back(make_storm(config, box, storms, next_h));
    ++storms;
    next_h += wait_h();
  }
}

void ContinentInflow::Impl::add_rain(const Storm& s, Count first_step, Count end_step, std::vector<double>& rain_mm) const {
  const auto first = std::max(first_step, static_cast<Count>(s.start_h / step_h));
  const auto end = std::min(end_step, static_cast<Count>(std::ceil((s.start_h + s.duration_h) / step_h)));
  const double reach_km = 3 * s.radius_km;
  for (Count t = first; t < end; ++t) {
    const double begin_h = static_cast<double>(t) * step_h;
    // Where the storm stands at the middle of the part of the step in which it rains.
    const double middle_h = 0.5 * (std::max(begin_h, s.start_h) + std::min(begin_h + step_h, s.start_h + s.duration_h));
    const double depth = s.depth_mm * (s.fallen(begin_h + step_h) - s.fallen(begin_h));
    const double x = s.x_km + s.east_km_h * (middle_h - s.start_h), y = s.y_km + s.north_km_h * (middle_h - s.start_h);
    if (x + reach_km < box.west || x - reach_km > box.east || y + reach_km < box.south || y - reach_km > box.north) continue;
    double* rain = rain_mm.data() + (t - first_step) * static_cast<Count>(grid.row.size());
    for (Index line = grid.at(y - reach_km); line <= grid.at(y + reach_km); ++line) {
      const Index from = grid.start[line * grid.squares + grid.at(x - reach_km)];
      const Index to = grid.start[line * grid.squares + grid.at(x + reach_km) + 1];
      for (Index slot = from; slot < to; ++slot) {
        const double dx = grid.x_km[slot] - x, dy = grid.y_km[slot] - y;
        const double distance2 = (dx * dx + dy * dy) / (s.radius_km * s.radius_km);
        if (distance2 < 9) rain[slot] += depth * std::exp(-distance2);
      }
    }
  }
}

ContinentInflow::ContinentInflow(const RunConfig& config, const ContinentRows& rows, double side_km)
    : impl_(std::make_unique<Impl>(config, rows, side_km)) {}
ContinentInflow::~ContinentInflow() = default;

std::vector<float> ContinentInflow::next(Count count) {
  Impl& m = *impl_;
  const std::size_t slots = m.grid.row.size();
  const Count first = m.steps_done, end = first + count * m.parts;
  std::vector<double> rain_mm(slots * static_cast<std::size_t>(count * m.parts), 0.0), depth_mm(slots);
  m.draw_storms(static_cast<double>(end) * m.step_h);
  for (const Storm& storm : m.active) m.add_rain(storm, first, end, rain_mm);
  std::vector<float> inflow(slots * static_cast<std::size_t>(count));
  for (Count row = 0; row < count; ++row) {
    std::fill(depth_mm.begin(), depth_mm.end(), 0.0);
    for (Count t = row * m.parts; t < (row + 1) * m.parts; ++t) {
      const double evaporation = Hillslope::evaporation_mm_h(static_cast<double>(first + t) * m.step_h);
      const double* rain = rain_mm.data() + t * static_cast<Count>(slots);
      for (std::size_t slot = 0; slot < slots; ++slot) depth_mm[slot] += m.hillslopes[slot].runoff(rain[slot], evaporation);
    }
    for (std::size_t slot = 0; slot < slots; ++slot)
      inflow[row * slots + m.grid.row[slot]] = static_cast<float>(depth_mm[slot] * m.to_m3s[slot]);
  }
  m.steps_done = end;
  return inflow;
}

}  // namespace dpl
