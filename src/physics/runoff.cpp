// The runoff model over a window: arrays of columns in tiles, the tape, both passes.
#include "dpl/physics/runoff.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/physics/aligned_vector.hpp"
#include "dpl/physics/runoff_checks.hpp"
#include "dpl/physics/runoff_device.hpp"
#include "dpl/physics/runoff_panels.hpp"

namespace dpl {
namespace {

constexpr int kParameterRows = 17;
constexpr Count kTileState = kStateRows * kTileLanes;
constexpr double kDefaultState = 0.001;

template <class T>
void check_size(const char* name, std::span<T> values, Count needed) {
  if (static_cast<Count>(values.size()) != needed)
    fail("runoff: {} has {} values, {} are needed", name, values.size(), needed);
}

// Derivatives by runoff and further series of the days on tape, divided by the number of components.
template <class Real>
struct RunoffSeeds {
  PanelRows<Real> runoff;
  std::vector<PanelRows<Real>> outputs;    // none, or all, those not given without panels
  std::vector<Real> zeros = std::vector<Real>(kTileLanes, Real(0));
};

RunoffOptions checked(RunoffOptions o) {
  if (o.catchments < 1) fail("runoff: {} catchments, allowed: from 1", o.catchments);
  if (o.components < 1) fail("runoff.nmul is {}, allowed: from 1", o.components);
  check_device(o.device);
  return o;
}

}  // namespace

template <class Real>
struct Runoff<Real>::Impl {
  RunoffOptions options;
  std::vector<RunoffParameter> parameters;
  int form = 0;
  std::vector<DynamicRow> dynamic;         // of options.dynamic
  std::vector<bool> is_dynamic;            // [parameter]
  std::vector<int> row;                    // [parameter] its place in HbvParameters
  const RunoffKernels<Real>& kernels = runoff_kernels<Real>();
  Panels panels;
  std::unique_ptr<RunoffOnDevice<Real>> on_device;   // where the tiles below are not used

  // Of the last forward pass:
  Count days = 0, tape_from = kNoTape, interval = 0;   // days between states on tape
  PanelRows<Real> precipitation, temperature, pet;
  PanelRows<Real> runoff_sums, output_sums[kOutputRows];   // over components
  RunoffParameters<Real> given;
  AlignedVector<Real> cell;                 // [tile][kCellRows][kTileLanes]
  AlignedVector<Real> tape;                 // [tile][state on tape][kStateRows][kTileLanes]
  AlignedVector<Real> record;               // [day of a chunk + 1][kRecordRows][kTileLanes]
  std::vector<Real> final_states;
  std::pair<Count, Index> not_finite{-1, -1};

  explicit Impl(RunoffOptions o);
  Count lanes() const { return static_cast<Count>(options.components) * options.catchments; }
  Count tiles() const { return static_cast<Count>(panels.tiles().size()); }
  const Panels::Tile& tile_of(Count tile) const { return panels.tiles()[tile]; }
  Index catchment_of(Count lane) const { return static_cast<Index>(lane % options.catchments); }
  Count dynamic_stride() const { return static_cast<Count>(dynamic.size()) * lanes(); }
  Count interval_for(Count taped) const;
  Count state_on_tape() const { return on_device ? kStateRows * lanes() : tiles() * kTileState; }   // values
  Count states_on_tape() const { return (days - tape_from + interval - 1) / interval; }
  Real* on_tape(Count tile, Count k) { return tape.data() + (tile * states_on_tape() + k) * kTileState; }

  HbvParameters<Real> parameters_of(Count lane) const;
  Real area_of(Count lane) const { return of_catchment(options.area_km2, lane); }
  Real elevation_of(Count lane) const { return of_catchment(options.elevation_m, lane); }
  Real of_catchment(const std::vector<double>& values, Count lane) const {
    return values.empty() ? Real(0) : static_cast<Real>(values[catchment_of(lane)]);
  }
  template <class F>
  auto with_form(F f) const {
    switch (form) {
      case 0: return f(HbvForm0{});
      case 1: return f(HbvForm1{});
      case 2: return f(HbvForm2{});
      default: return f(HbvForm3{});
    }
  }

  ColumnParameters column_parameters() const;
  void make_cells();
  RunoffBlock<Real> block_of(Count tile, Count first_day, Count days);
  void forward_tiles(const RunoffForcing<Real>& forcing, std::span<const Real> states, std::span<Real> runoff,
                     const RunoffSeries<Real>& outputs);
  void forward_group(Count group, std::span<const Real> states, const RunoffSeries<Real>& outputs);
  RunoffBlock<Real> record_chunk(Count tile, Count first_day, Real* state);
  void adjoint_chunk(Count tile, Count first_day, Real* state, const RunoffSeeds<Real>& seeds, Real* state_adjoint,
                     Real* cell_adjoint, const RunoffGradient<Real>& gradient);
  void adjoint_group(Count group, const RunoffSeeds<Real>& seeds, const RunoffGradient<Real>& gradient);
  void adjoint_tiles(std::span<const Real> runoff, const RunoffSeries<const Real>& outputs,
                     const RunoffGradient<Real>& gradient);
  void store_gradient(Count tile, const Real* cell_adjoint, const Real* state_adjoint,
                      const RunoffGradient<Real>& gradient);
};

template <class Real>
Runoff<Real>::Impl::Impl(RunoffOptions o)
    : options(checked(std::move(o))), parameters(runoff_parameters(options.variant, options.dynamic, options.precipitation_factor)),
      panels(options.catchments, options.components) {
  is_dynamic.assign(parameters.size(), false);
  for (std::size_t k = 0; k < parameters.size(); ++k) row.push_back(static_cast<int>(k));
  if (!options.precipitation_factor.empty()) row.back() = kParameterRows - 1;
  bool exponent = false;
  for (const std::string& name : options.dynamic) {
    dynamic.push_back(name == "BETA" ? kBETA : name == "K0" ? kK0 : kBETAET);
    exponent = exponent || name == "BETAET";
    for (std::size_t p = 0; p < parameters.size(); ++p)
      if (name == parameters[p].name) is_dynamic[p] = true;
  }
  form = options.variant == RunoffVariant::hbv_2_0    ? 3
         : options.variant == RunoffVariant::hbv_1_1p ? 2
         : exponent                                   ? 1
                                                      : 0;
  if (options.variant != RunoffVariant::hbv_2_0) return;
  const auto check = [&](const char* name, const std::vector<double>& values, double lowest) {
    if (static_cast<Index>(values.size()) != options.catchments)
      fail("runoff: variant 2.0 needs {} of all {} catchments, {} are given", name, options.catchments, values.size());
    for (std::size_t c = 0; c < values.size(); ++c)
      if (!std::isfinite(values[c]) || values[c] < lowest)
        fail("runoff: {} of catchment {} (from 0) is {}, allowed: finite and from {}", name, c, values[c], lowest);
  };
  check("area_km2", options.area_km2, 0);
  check("elevation_m", options.elevation_m, -1000);
}

// Days between states on tape: a multiple of kChunkDays, the smallest whose tape is not beyond the limit.
template <class Real>
Count Runoff<Real>::Impl::interval_for(Count taped) const {
  const Count state = state_on_tape() * static_cast<Count>(sizeof(Real));
  const Count chunks = std::max<Count>(1, (taped + kChunkDays - 1) / kChunkDays);
  if (options.tape_bytes <= 0) return kChunkDays;
  const Count allowed = std::max<Count>(1, options.tape_bytes / state);
  return (chunks + allowed - 1) / allowed * kChunkDays;
}

template <class Real>
ColumnParameters Runoff<Real>::Impl::column_parameters() const {
  ColumnParameters where;
  std::fill(std::begin(where.parameter), std::end(where.parameter), -1);
  std::fill(std::begin(where.dynamic), std::end(where.dynamic), -1);
  for (std::size_t k = 0; k < parameters.size(); ++k)
    if (!is_dynamic[k]) where.parameter[row[k]] = static_cast<int>(k);
  for (const DynamicRow k : dynamic) where.dynamic[k] = where.dynamic_rows++;
  return where;
}

template <class Real>
HbvParameters<Real> Runoff<Real>::Impl::parameters_of(Count lane) const {
  std::array<Real, kParameterRows> p;
  p.fill(Real(1));  // dynamic, or not of this variant: not used
  for (std::size_t k = 0; k < parameters.size(); ++k)
    if (!is_dynamic[k]) p[static_cast<std::size_t>(row[k])] = given.fixed[k * lanes() + lane];
  return std::bit_cast<HbvParameters<Real>>(p);
}

template <class Real>
void Runoff<Real>::Impl::make_cells() {
  cell.assign(tiles() * kCellRows * kTileLanes, Real(0));
  with_form([&]<class Form>(Form) {
    for (Count tile = 0; tile < tiles(); ++tile)
      for (Index i = 0; i < tile_of(tile).lanes; ++i) {
        const Count lane = tile_of(tile).lane + i;
        const HbvCell<Real> c = hbv_cell<Form>(parameters_of(lane), area_of(lane), elevation_of(lane));
        const auto rows = std::bit_cast<std::array<Real, kCellRows>>(c);
        Real* to = cell.data() + tile * kCellRows * kTileLanes + i;
        for (int k = 0; k < kCellRows; ++k) to[k * kTileLanes] = rows[k];
      }
  });
}

template <class Real>
RunoffBlock<Real> Runoff<Real>::Impl::block_of(Count number, Count first_day, Count n) {
  RunoffBlock<Real> b;
  const Panels::Tile& tile = tile_of(number);
  b.lanes = tile.lanes;
  b.days = n;
  b.first_catchment = tile.catchment;
  b.catchments = panels.size_of(tile.panel);
  b.precipitation = precipitation.reading(tile, first_day);
  b.temperature = temperature.reading(tile, first_day);
  b.pet = pet.reading(tile, first_day);
  b.cell = cell.data() + number * kCellRows * kTileLanes;
  for (std::size_t k = 0; k < dynamic.size(); ++k)
    b.dynamic[dynamic[k]] = {
        given.dynamic.data() + first_day * dynamic_stride() + static_cast<Count>(k) * lanes() + tile.lane,
        dynamic_stride()};
  return b;
}

template <class Real>
void Runoff<Real>::Impl::forward_tiles(const RunoffForcing<Real>& forcing, std::span<const Real> states,
                                       std::span<Real> runoff, const RunoffSeries<Real>& outputs) {
  const Index catchments = options.catchments;
  const auto copy = [&](PanelRows<Real>& to, const Real* from) {
    to.resize(panels, days);
    for (Count day = 0; day < days; ++day) to.set(day, from + day * catchments, Real(1));
  };
  copy(precipitation, forcing.precipitation_mm_day);
  copy(temperature, forcing.temperature_degc);
  copy(pet, forcing.pet_mm_day);
  make_cells();
  if (tape_from != kNoTape)
    if (const Count size = states_on_tape() * state_on_tape(); static_cast<Count>(tape.size()) < size) tape.resize(size);
  const Real share = Real(1) / static_cast<Real>(options.components);
  const auto prepare = [&](PanelRows<Real>& sums) {
    sums.resize(panels, days);
    sums.zero();
  };
  const auto store = [&](PanelRows<Real>& sums, std::span<Real> to) {
    for (Count day = 0; day < days; ++day) sums.get(day, to.data() + day * catchments, share);
  };
  prepare(runoff_sums);
  for (int k = 0; k < kOutputRows; ++k)
    if (!outputs[k].empty()) prepare(output_sums[k]);
  for (Count group = 0; group < panels.groups(); ++group) forward_group(group, states, outputs);
  store(runoff_sums, runoff);
  for (int k = 0; k < kOutputRows; ++k)
    if (!outputs[k].empty()) store(output_sums[k], outputs[k]);
}

template <class Real>
void Runoff<Real>::Impl::forward_group(Count group, std::span<const Real> states, const RunoffSeries<Real>& outputs) {
  const Count first = panels.first_tile(group), end = panels.first_tile(group + 1);
  AlignedVector<Real> state((end - first) * kTileState);
  for (Count tile = first; tile < end; ++tile)
    for (int k = 0; k < kStateRows; ++k)
      for (Index i = 0; i < tile_of(tile).lanes; ++i)
        state[(tile - first) * kTileState + k * kTileLanes + i] =
            states.empty() ? static_cast<Real>(kDefaultState) : states[k * lanes() + tile_of(tile).lane + i];
  const bool further = std::any_of(outputs.begin(), outputs.end(), [](const auto& o) { return !o.empty(); });
  for (Count day = 0, next; day < days; day = next) {
    next = std::min(days, day + kChunkDays);
    if (day < tape_from) next = std::min(next, tape_from);
    for (Count tile = first; tile < end; ++tile) {
      RunoffBlock<Real> b = block_of(tile, day, next - day);
      b.state = state.data() + (tile - first) * kTileState;
      if (tape_from >= 0 && day >= tape_from && (day - tape_from) % interval == 0)
        std::copy_n(b.state, kTileState, on_tape(tile, (day - tape_from) / interval));
      b.days_after = days - next;
      b.runoff = {runoff_sums.row(tile_of(tile).panel, day), panels.stride()};
      for (int k = 0; k < kOutputRows; ++k)
        if (!outputs[k].empty()) b.outputs[k] = {output_sums[k].row(tile_of(tile).panel, day), panels.stride()};
      kernels.forward[form][further](b);
    }
  }
  for (Count tile = first; tile < end; ++tile)
    for (int k = 0; k < kStateRows; ++k)
      std::copy_n(state.data() + (tile - first) * kTileState + k * kTileLanes, tile_of(tile).lanes,
                  final_states.data() + k * lanes() + tile_of(tile).lane);
}

// Records the days of a chunk from `state`.
template <class Real>
RunoffBlock<Real> Runoff<Real>::Impl::record_chunk(Count tile, Count first_day, Real* state) {
  RunoffBlock<Real> b = block_of(tile, first_day, std::min(kChunkDays, days - first_day));
  b.state = state;
  b.record = record.data();
  kernels.record[form](b);
  return b;
}

template <class Real>
void Runoff<Real>::Impl::adjoint_chunk(Count tile, Count first_day, Real* state, const RunoffSeeds<Real>& seeds,
                                       Real* state_adjoint, Real* cell_adjoint, const RunoffGradient<Real>& gradient) {
  RunoffBlock<Real> b = record_chunk(tile, first_day, state);
  b.days_before = first_day - tape_from;
  b.runoff_seed = seeds.runoff.reading(tile_of(tile), first_day - tape_from);
  for (std::size_t o = 0; o < seeds.outputs.size(); ++o)
    b.output_seed[o] = seeds.outputs[o].panels ? seeds.outputs[o].reading(tile_of(tile), first_day - tape_from)
                                               : DayRows<const Real*>{seeds.zeros.data(), 0};
  b.state_adjoint = state_adjoint;
  b.cell_adjoint = cell_adjoint;
  for (std::size_t d = 0; d < dynamic.size() && !gradient.dynamic.empty(); ++d)
    b.dynamic_adjoint[dynamic[d]] = {
        gradient.dynamic.data() + first_day * dynamic_stride() + static_cast<Count>(d) * lanes() + tile_of(tile).lane,
        dynamic_stride()};
  kernels.adjoint[form][!seeds.outputs.empty()](b);
}

template <class Real>
void Runoff<Real>::Impl::adjoint_group(Count group, const RunoffSeeds<Real>& seeds,
                                       const RunoffGradient<Real>& gradient) {
  const Count first = panels.first_tile(group), end = panels.first_tile(group + 1);
  const Count starts_of_tile = interval / kChunkDays * kTileState, cell_size = kCellRows * kTileLanes;
  AlignedVector<Real> state_adjoint((end - first) * kTileState), cell_adjoint((end - first) * cell_size);
  AlignedVector<Real> starts((end - first) * starts_of_tile);   // states at the beginning of chunks
  record.resize((kChunkDays + 1) * kRecordRows * kTileLanes);
  const auto start = [&](Count tile, Count chunk) {
    return starts.data() + (tile - first) * starts_of_tile + chunk * kTileState;
  };
  for (Count k = states_on_tape() - 1; k >= 0; --k) {
    const Count begin = tape_from + k * interval,
                chunks = (std::min(days - begin, interval) + kChunkDays - 1) / kChunkDays;
    for (Count tile = first; tile < end; ++tile) {
      std::copy_n(on_tape(tile, k), kTileState, start(tile, 0));
      for (Count j = 0; j + 1 < chunks; ++j) {
        record_chunk(tile, begin + j * kChunkDays, start(tile, j));
        std::copy_n(record.data() + kChunkDays * kRecordRows * kTileLanes, kTileState, start(tile, j + 1));
      }
    }
    for (Count j = chunks - 1; j >= 0; --j)
      for (Count tile = first; tile < end; ++tile)
        adjoint_chunk(tile, begin + j * kChunkDays, start(tile, j), seeds,
                      state_adjoint.data() + (tile - first) * kTileState,
                      cell_adjoint.data() + (tile - first) * cell_size, gradient);
  }
  for (Count tile = first; tile < end; ++tile)
    store_gradient(tile, cell_adjoint.data() + (tile - first) * cell_size,
                   state_adjoint.data() + (tile - first) * kTileState, gradient);
}

template <class Real>
void Runoff<Real>::Impl::store_gradient(Count tile, const Real* cell_adjoint, const Real* state_adjoint,
                                        const RunoffGradient<Real>& gradient) {
  for (Index i = 0; i < tile_of(tile).lanes; ++i) {
    const Count lane = tile_of(tile).lane + i;
    if (!gradient.states.empty())
      for (int k = 0; k < kStateRows; ++k) gradient.states[k * lanes() + lane] = state_adjoint[k * kTileLanes + i];
    if (gradient.fixed.empty()) continue;
    std::array<Real, kCellRows> sums;
    for (int k = 0; k < kCellRows; ++k) sums[k] = cell_adjoint[k * kTileLanes + i];
    const auto g = with_form([&]<class Form>(Form) {
      return hbv_cell_adjoint<Form>(parameters_of(lane), area_of(lane), elevation_of(lane),
                                    std::bit_cast<HbvCellAdjoint<Real>>(sums));
    });
    const auto values = std::bit_cast<std::array<Real, kParameterRows>>(g);
    for (std::size_t p = 0; p < parameters.size(); ++p)
      gradient.fixed[p * lanes() + lane] = is_dynamic[p] ? Real(0) : values[static_cast<std::size_t>(row[p])];
  }
}

template <class Real>
Runoff<Real>::Runoff(RunoffOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
  if (runs_device_loops(impl_->options.device))
    impl_->on_device = std::make_unique<RunoffOnDevice<Real>>(
        impl_->options, impl_->form, static_cast<int>(impl_->parameters.size()), impl_->column_parameters());
}
template <class Real>
Runoff<Real>::~Runoff() = default;
template <class Real>
Runoff<Real>::Runoff(Runoff&&) noexcept = default;
template <class Real>
Runoff<Real>& Runoff<Real>::operator=(Runoff&&) noexcept = default;

template <class Real>
const RunoffOptions& Runoff<Real>::options() const { return impl_->options; }
template <class Real>
const std::vector<RunoffParameter>& Runoff<Real>::parameters() const { return impl_->parameters; }
template <class Real>
Count Runoff<Real>::lanes() const { return impl_->lanes(); }
template <class Real>
Count Runoff<Real>::fixed_size() const { return static_cast<Count>(impl_->parameters.size()) * lanes(); }
template <class Real>
Count Runoff<Real>::dynamic_size(Count days) const { return days * impl_->dynamic_stride(); }
template <class Real>
Count Runoff<Real>::state_size() const { return kStateRows * lanes(); }
template <class Real>
std::span<const Real> Runoff<Real>::final_states() const { return impl_->final_states; }
template <class Real>
std::pair<Count, Index> Runoff<Real>::first_not_finite() const { return impl_->not_finite; }

template <class Real>
Count Runoff<Real>::tape_bytes(Count days) const {
  const Count interval = impl_->interval_for(days);
  return (days + interval - 1) / interval * impl_->state_on_tape() * static_cast<Count>(sizeof(Real));
}

template <class Real>
Count Runoff<Real>::device_bytes(const RunoffWindow& window) const {
  return impl_->on_device ? impl_->on_device->bytes(window, impl_->interval_for(window.taped)) : 0;
}

template <class Real>
void Runoff<Real>::forward(const RunoffForcing<Real>& forcing, const RunoffParameters<Real>& parameters,
                           std::span<const Real> states, std::span<Real> runoff, const RunoffSeries<Real>& outputs,
                           Count tape_from) {
  Impl& m = *impl_;
  const Index catchments = m.options.catchments;
  m.tape_from = kNoTape;  // none either where what follows fails
  if (forcing.days < 1) fail("runoff: {} days, allowed: from 1", forcing.days);
  if (tape_from != kNoTape && (tape_from < 0 || tape_from >= forcing.days))
    fail("runoff: the tape is to begin on day {}, allowed: 0 to {}", tape_from, forcing.days - 1);
  check_size("fixed parameters", parameters.fixed, fixed_size());
  check_size("dynamic parameters", parameters.dynamic, dynamic_size(forcing.days));
  check_size("runoff", runoff, forcing.days * catchments);
  for (int k = 0; k < kRunoffOutputs; ++k)
    if (!outputs[k].empty())
      check_size(runoff_output_info(static_cast<RunoffOutput>(k)).name, outputs[k], forcing.days * catchments);
  if (!forcing.on_device) check_forcing(forcing, catchments);
  if (!states.empty()) check_size("states", states, state_size());
  check_states(states, catchments, lanes());
  if (parameters.dynamic_on_device && !m.on_device) fail("runoff: dynamic parameters lie on a device, the model on the CPU");
  if (forcing.on_device && !m.on_device) fail("runoff: the forcing lies on a device, the model on the CPU");
  m.given = parameters;
  check_parameters(m.parameters, m.is_dynamic, parameters.fixed, catchments, lanes());

  m.days = forcing.days;
  if (tape_from != kNoTape) m.interval = m.interval_for(m.days - tape_from);
  const std::vector<Real> start(states.begin(), states.end());  // may be those of final_states()
  m.final_states.resize(state_size());
  if (m.on_device)
    m.on_device->forward(forcing, parameters, start, runoff, outputs, tape_from, m.interval, m.final_states);
  m.tape_from = tape_from;
  if (!m.on_device) m.forward_tiles(forcing, start, runoff, outputs);
  m.not_finite = {-1, -1};
  if (const Count i = first_not_finite_of<Real>(runoff); i >= 0)
    m.not_finite = {i / catchments, static_cast<Index>(i % catchments)};
}

template <class Real>
void Runoff<Real>::adjoint(std::span<const Real> runoff, const RunoffSeries<const Real>& outputs,
                           const RunoffGradient<Real>& gradient) {
  Impl& m = *impl_;
  if (m.tape_from == kNoTape) fail("runoff: there is no tape; forward() must be told from which day on to keep it");
  const Index catchments = m.options.catchments;
  check_size("the derivative by runoff", runoff, m.days * catchments);
  for (int k = 0; k < kRunoffOutputs; ++k) {
    const char* name = runoff_output_info(static_cast<RunoffOutput>(k)).name;
    if (!outputs[k].empty()) check_size(name, outputs[k], m.days * catchments);
    if (!outputs[k].empty() && static_cast<RunoffOutput>(k) == RunoffOutput::water_made)
      fail("runoff: {} has no adjoint", name);
  }
  if (!gradient.fixed.empty()) check_size("the gradient of fixed parameters", gradient.fixed, fixed_size());
  if (!gradient.dynamic.empty())
    check_size("the gradient of dynamic parameters", gradient.dynamic, dynamic_size(m.days));
  if (!gradient.states.empty()) check_size("the gradient of states", gradient.states, state_size());
  if (gradient.dynamic_on_device && !m.on_device) fail("runoff: a gradient lies on a device, the model on the CPU");
  if (m.on_device)
    m.on_device->adjoint(runoff, outputs, gradient);
  else
    m.adjoint_tiles(runoff, outputs, gradient);
}

template <class Real>
void Runoff<Real>::Impl::adjoint_tiles(std::span<const Real> runoff, const RunoffSeries<const Real>& outputs,
                                       const RunoffGradient<Real>& gradient) {
  const Real share = Real(1) / static_cast<Real>(options.components);
  const Count taped = days - tape_from;
  const auto copy = [&](PanelRows<Real>& to, std::span<const Real> from) {
    to.resize(panels, taped);
    for (Count day = 0; day < taped; ++day) to.set(day, from.data() + (tape_from + day) * options.catchments, share);
  };
  RunoffSeeds<Real> seeds;
  copy(seeds.runoff, runoff);
  if (std::any_of(outputs.begin(), outputs.end(), [](const auto& o) { return !o.empty(); })) {
    seeds.outputs.resize(kRunoffOutputs);
    for (int k = 0; k < kRunoffOutputs; ++k)
      if (!outputs[k].empty()) copy(seeds.outputs[k], outputs[k]);
  }
  if (!gradient.dynamic.empty()) std::fill_n(gradient.dynamic.begin(), tape_from * dynamic_stride(), Real(0));
  for (Count group = 0; group < panels.groups(); ++group) adjoint_group(group, seeds, gradient);
}

template class Runoff<float>;
template class Runoff<double>;

}  // namespace dpl
