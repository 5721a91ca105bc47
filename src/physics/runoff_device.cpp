// Uploads, launches and downloads of the runoff model on a device.
#include "dpl/physics/runoff_device.hpp"

#include <algorithm>
#include <limits>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr double kDefaultState = 0.001;
constexpr Count kLargestIndex = std::numeric_limits<Index>::max();

// Series by column of the days of one launch stay in a GPU's second-level cache until they are added; states at the
// beginning of chunks are scratch. Emulated both are small, so that tests meet their ends.
Count cached_bytes(Device device) { return device == Device::emulated ? Count{1} << 14 : Count{24} << 20; }
Count scratch_bytes(Device device) { return device == Device::emulated ? Count{1} << 12 : Count{512} << 20; }

Count states_on_tape(Count taped, Count interval) { return taped > 0 ? (taped + interval - 1) / interval : 0; }

template <class Real>
DeviceArray<Real> array_of(Device device, const std::vector<double>& values) {
  DeviceArray<Real> to(device);
  const std::vector<Real> rounded(values.begin(), values.end());
  to.set(rounded);
  wait_for(device);
  return to;
}

}  // namespace

template <class Real>
RunoffOnDevice<Real>::RunoffOnDevice(const RunoffOptions& options, int form, int parameters,
                                     const ColumnParameters& where)
    : options_(options), form_(form), parameters_(parameters), where_(where),
      share_(Real(1) / static_cast<Real>(options.components)) {
  const Device device = options.device;
  if (lanes() > kLargestIndex / kChunkDays)
    fail("device: {} catchments of {} components are {} columns, a GPU runs at most {}; use more ranks, each with its own",
         options.catchments, options.components, lanes(), kLargestIndex / kChunkDays);
  for (DeviceArray<Real>* array :
       {&precipitation_, &temperature_, &pet_, &fixed_, &fixed_adjoint_, &dynamic_, &dynamic_adjoint_, &cell_,
        &cell_adjoint_, &state_, &state_adjoint_, &tape_, &starts_, &by_lane_, &means_, &seeds_})
    *array = DeviceArray<Real>(device);
  if (options.variant != RunoffVariant::hbv_2_0) return;
  area_km2_ = array_of<Real>(device, options.area_km2);
  elevation_m_ = array_of<Real>(device, options.elevation_m);
}

// Whole chunks; a mean has an Index in a launch.
template <class Real>
Count RunoffOnDevice<Real>::days_of_launch(int series) const {
  const Count day = lanes() * series * static_cast<Count>(sizeof(Real));
  const Count fit = std::min(cached_bytes(options_.device) / day, kLargestIndex / options_.catchments);
  return std::max<Count>(1, fit / kChunkDays) * kChunkDays;
}

// Columns whose states at the beginning of chunks are scratch at a time: all where an interval is one chunk.
template <class Real>
Index RunoffOnDevice<Real>::lanes_of_launch(Count interval) const {
  const Count column = (interval / kChunkDays - 1) * kStateRows * static_cast<Count>(sizeof(Real));
  if (column == 0) return static_cast<Index>(lanes());
  return static_cast<Index>(std::clamp<Count>(scratch_bytes(options_.device) / column, 1, lanes()));
}

template <class Real>
Count RunoffOnDevice<Real>::bytes(const RunoffWindow& w, Count interval) const {
  const Count series = w.days * options_.catchments, launch = std::min(w.days, days_of_launch(1 + w.outputs));
  const Count forcing = w.forcing_on_device ? 0 : 3, dynamic = w.dynamic_on_device ? 0 : w.taped > 0 ? 2 : 1;
  Count values = forcing * series + (parameters_ + kCellRows + kStateRows) * lanes() + (1 + w.outputs) * series +
                 (1 + w.outputs) * launch * lanes() + dynamic * w.days * where_.dynamic_rows * lanes();
  if (w.taped > 0)  // and seeds, gradients
    values += (1 + kOutputRows) * series + (parameters_ + kCellRows + kStateRows) * lanes() +
              states_on_tape(w.taped, interval) * kStateRows * lanes() +
              (interval / kChunkDays - 1) * kStateRows * lanes_of_launch(interval);
  return (values + static_cast<Count>(area_km2_.size() + elevation_m_.size())) * static_cast<Count>(sizeof(Real));
}

template <class Real>
ColumnInputs<Real> RunoffOnDevice<Real>::inputs() const {
  ColumnInputs<Real> in;
  in.catchments = options_.catchments;
  in.lanes = static_cast<Index>(lanes());
  in.precipitation = forcing_.precipitation_mm_day;
  in.temperature = forcing_.temperature_degc;
  in.pet = forcing_.pet_mm_day;
  in.cell = cell_.data();
  in.dynamic_stride = where_.dynamic_rows * lanes();
  for (int k = 0; k < kDynamicRows; ++k)
    if (where_.dynamic[k] >= 0) in.dynamic[k] = dynamic_given_ + where_.dynamic[k] * lanes();
  return in;
}

template <class Real>
ColumnCells<Real> RunoffOnDevice<Real>::cells() const {
  ColumnCells<Real> c;
  c.where = where_;
  c.catchments = options_.catchments;
  c.lanes = static_cast<Index>(lanes());
  c.fixed = fixed_.data();
  c.area_km2 = area_km2_.data();
  c.elevation_m = elevation_m_.data();
  c.cell = cell_.data();
  return c;
}

template <class Real>
void RunoffOnDevice<Real>::upload(const RunoffForcing<Real>& forcing, const RunoffParameters<Real>& given,
                                  std::span<const Real> states) {
  forcing_ = forcing;
  if (!forcing.on_device) {
    const auto series = static_cast<std::size_t>(days_ * options_.catchments);
    precipitation_.set(forcing.precipitation_mm_day, series);
    temperature_.set(forcing.temperature_degc, series);
    pet_.set(forcing.pet_mm_day, series);
    forcing_ = {precipitation_.data(), temperature_.data(), pet_.data(), days_, true};
  }
  fixed_.set(given.fixed.data(), given.fixed.size());
  dynamic_given_ = given.dynamic.data();
  if (!given.dynamic_on_device && !given.dynamic.empty()) {
    dynamic_.set(given.dynamic.data(), given.dynamic.size());
    dynamic_given_ = dynamic_.data();
  }
  state_.need(static_cast<std::size_t>(kStateRows * lanes()));
  if (states.empty())
    fill_states(options_.device, state_.data(), kStateRows * lanes(), static_cast<Real>(kDefaultState));
  else
    state_.set(states.data(), states.size());
}

template <class Real>
void RunoffOnDevice<Real>::forward(const RunoffForcing<Real>& forcing, const RunoffParameters<Real>& given,
                                   std::span<const Real> states, std::span<Real> runoff,
                                   const RunoffSeries<Real>& outputs, Count tape_from, Count interval,
                                   std::span<Real> final_states) {
  const Device device = options_.device;
  days_ = forcing.days;
  tape_from_ = tape_from;
  interval_ = interval;
  const Count series = days_ * options_.catchments;
  const Count taped = tape_from < 0 ? 0 : days_ - tape_from, kept = states_on_tape(taped, interval);
  std::vector<int> wanted;   // outputs
  for (int k = 0; k < kOutputRows; ++k)
    if (!outputs[k].empty()) wanted.push_back(k);
  const int made = 1 + static_cast<int>(wanted.size());
  const Count needed = bytes({days_, taped, made - 1, forcing.on_device, given.dynamic_on_device}, interval);
  if (needed > checked_bytes_)
    check_free_bytes(device, needed - checked_bytes_,
                     fmt::format("the runoff of {} days, {} of them on tape, of {} catchments with {} components", days_,
                                 taped, options_.catchments, options_.components)
                         .c_str());
  checked_bytes_ = std::max(checked_bytes_, needed);

  upload(forcing, given, states);
  cell_.need(static_cast<std::size_t>(kCellRows * lanes()));
  make_cells(device, form_, cells());
  const Count launch = std::min(days_, days_of_launch(made));
  by_lane_.need(static_cast<std::size_t>(made * launch * lanes()));
  means_.need(static_cast<std::size_t>(made * series));
  tape_.need(static_cast<std::size_t>(kept * kStateRows * lanes()));
  ColumnForward<Real> f;
  f.in = inputs();
  f.state = state_.data();
  f.tape = kept > 0 ? tape_.data() : nullptr;
  f.tape_from = tape_from;
  f.interval = interval;
  f.runoff = by_lane_.data();
  for (int o = 1; o < made; ++o)
    f.outputs[wanted[static_cast<std::size_t>(o - 1)]] = by_lane_.data() + o * launch * lanes();
  for (f.first_day = 0; f.first_day < days_; f.first_day = f.end_day) {
    f.end_day = std::min(days_, f.first_day + launch);
    run_columns(device, form_, made > 1, f);
    for (int o = 0; o < made; ++o)
      add_columns(device, ColumnMeans<Real>{options_.catchments, options_.components, f.end_day - f.first_day,
                                            by_lane_.data() + o * launch * lanes(),
                                            means_.data() + o * series + f.first_day * options_.catchments, share_});
  }
  const auto bytes_of = [](auto values) { return values.size() * sizeof(Real); };
  copy_on(device, runoff.data(), means_.data(), bytes_of(runoff));
  for (int o = 1; o < made; ++o) {
    const std::span<Real> to = outputs[static_cast<std::size_t>(wanted[static_cast<std::size_t>(o - 1)])];
    copy_on(device, to.data(), means_.data() + o * series, bytes_of(to));
  }
  copy_on(device, final_states.data(), state_.data(), bytes_of(final_states));
  wait_for(device);
}

// Uploads the seeds and runs all columns from the end to the first day on tape.
template <class Real>
void RunoffOnDevice<Real>::run_back(const RunoffSeries<const Real>& outputs, Real* dynamic_adjoint) {
  const Device device = options_.device;
  ColumnAdjoint<Real> a;
  a.in = inputs();
  a.days = days_;
  a.tape_from = tape_from_;
  a.interval = interval_;
  a.tape = tape_.data();
  a.share = share_;
  a.runoff_seed = seeds_.data();
  const Count series = days_ * options_.catchments;
  bool further = false;
  for (int k = 0; k < kOutputRows; ++k) {
    if (outputs[k].empty()) continue;
    further = true;
    Real* seed = seeds_.data() + (1 + k) * series;
    copy_on(device, seed, outputs[k].data(), outputs[k].size() * sizeof(Real));
    a.output_seed[k] = seed;
  }
  a.state_adjoint = state_adjoint_.data();
  a.cell_adjoint = cell_adjoint_.data();
  for (int k = 0; k < kDynamicRows; ++k)
    if (where_.dynamic[k] >= 0 && dynamic_adjoint) a.dynamic_adjoint[k] = dynamic_adjoint + where_.dynamic[k] * lanes();
  const Index step = lanes_of_launch(interval_);
  starts_.need(static_cast<std::size_t>((interval_ / kChunkDays - 1) * kStateRows * step));
  a.starts = starts_.data();
  for (Index lane = 0; lane < a.in.lanes; lane = a.end_lane) {
    a.first_lane = lane;
    a.end_lane = std::min(a.in.lanes - lane, step) + lane;
    run_columns_back(device, form_, further, a);
  }
}

template <class Real>
void RunoffOnDevice<Real>::adjoint(std::span<const Real> runoff, const RunoffSeries<const Real>& outputs,
                                   const RunoffGradient<Real>& gradient) {
  const Device device = options_.device;
  const auto bytes_of = [](auto values) { return values.size() * sizeof(Real); };
  seeds_.need((1 + kOutputRows) * runoff.size());
  copy_on(device, seeds_.data(), runoff.data(), bytes_of(runoff));
  cell_adjoint_.need(static_cast<std::size_t>(kCellRows * lanes()));
  state_adjoint_.need(static_cast<std::size_t>(kStateRows * lanes()));
  Real* dynamic_adjoint = gradient.dynamic.empty() ? nullptr : gradient.dynamic.data();
  if (dynamic_adjoint && !gradient.dynamic_on_device) {
    dynamic_adjoint_.need(gradient.dynamic.size());
    dynamic_adjoint = dynamic_adjoint_.data();
  }
  if (dynamic_adjoint)  // days without tape
    zero_on(device, dynamic_adjoint,
            static_cast<std::size_t>(tape_from_ * where_.dynamic_rows * lanes()) * sizeof(Real));
  run_back(outputs, dynamic_adjoint);
  if (!gradient.fixed.empty()) {
    fixed_adjoint_.zero(gradient.fixed.size());
    ColumnCells<Real> c = cells();
    c.cell_adjoint = cell_adjoint_.data();
    c.fixed_adjoint = fixed_adjoint_.data();
    make_fixed_adjoint(device, form_, c);
    copy_on(device, gradient.fixed.data(), fixed_adjoint_.data(), bytes_of(gradient.fixed));
  }
  if (!gradient.states.empty())
    copy_on(device, gradient.states.data(), state_adjoint_.data(), bytes_of(gradient.states));
  if (dynamic_adjoint && !gradient.dynamic_on_device)
    copy_on(device, gradient.dynamic.data(), dynamic_adjoint, bytes_of(gradient.dynamic));
  wait_for(device);
}

template class RunoffOnDevice<float>;
template class RunoffOnDevice<double>;

}  // namespace dpl
