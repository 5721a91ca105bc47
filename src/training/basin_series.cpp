// Forcing, potential evapotranspiration, channels of the history and observations of a rank's places.
#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/data/place_tables.hpp"
#include "dpl/physics/pet.hpp"
#include "dpl/training/basin_problem.hpp"

namespace dpl {
namespace {

// [day][place] -> [place][day]
std::vector<float> by_place(const std::vector<float>& values, std::size_t places, Count days) {
  std::vector<float> out(values.size());
  const auto n = static_cast<std::size_t>(days);
  for (std::size_t day = 0; day < n; ++day)
    for (std::size_t k = 0; k < places; ++k) out[k * n + day] = values[day * places + k];
  return out;
}

int day_of_year(Count day) {
  const int year = std::stoi(iso_date(day).substr(0, 4));
  return static_cast<int>(day - day_from_civil(year, 1, 1)) + 1;
}

// [place][day] potential evapotranspiration.
std::vector<float> potential(const BasinProblem& p, const Forcing& f, std::span<const Index> own) {
  const std::size_t places = own.size();
  if (p.config.runoff.pet == "given") return by_place(f.of("potential_evapotranspiration"), places, f.days);
  const PetMethod method = pet_method_from_name(p.config.runoff.pet);
  const auto& mean = f.of("temperature_mean");
  const auto* low = method == PetMethod::hargreaves ? &f.of("temperature_min") : nullptr;
  const auto* high = method == PetMethod::hargreaves ? &f.of("temperature_max") : nullptr;
  std::vector<float> out(mean.size());
  std::vector<double> radiation(places * 367);
  for (std::size_t k = 0; k < places; ++k)
    for (int d = 1; d <= 366; ++d)
      radiation[k * 367 + static_cast<std::size_t>(d)] =
          extraterrestrial_radiation(p.forcing.latitude_deg[static_cast<std::size_t>(own[k])], d);
  for (Count day = 0; day < f.days; ++day) {
    const auto of_year = static_cast<std::size_t>(day_of_year(f.first_day + day));
    for (std::size_t k = 0; k < places; ++k) {
      const std::size_t from = static_cast<std::size_t>(day) * places + k;
      const double ra = radiation[k * 367 + of_year];
      out[k * static_cast<std::size_t>(f.days) + static_cast<std::size_t>(day)] = static_cast<float>(
          low ? hargreaves_pet(mean[from], (*low)[from], (*high)[from], ra) : oudin_pet(mean[from], ra));
    }
  }
  return out;
}

// Of the day before; NaN where missing.
std::vector<float> day_before(const std::vector<float>& observed, std::size_t places, Count days) {
  const auto n = static_cast<std::size_t>(days);
  std::vector<float> out(observed.size(), std::numeric_limits<float>::quiet_NaN());
  for (std::size_t k = 0; k < places; ++k)
    for (std::size_t d = 1; d < n; ++d) out[k * n + d] = observed[k * n + d - 1];
  return out;
}

// One channel's values [place][day] in its unit; NaN = missing.
std::vector<float> channel(const BasinSeries& s, const Forcing& f, const std::string& name, std::size_t places) {
  if (name == "potential_evapotranspiration") return s.pet_mm_day;
  if (name == "observed_streamflow") return day_before(s.streamflow_mm_day, places, s.days);
  if (name != "observed_streamflow_mask") return by_place(f.of(name), places, f.days);
  auto mask = day_before(s.streamflow_mm_day, places, s.days);
  for (float& x : mask) x = std::isnan(x) ? 0.0f : 1.0f;
  return mask;
}

// Channels into s.history, standardised by the statistics, which are made where there are none yet.
void fill_history(BasinProblem& p, const Forcing& f, const Period& period, BasinSeries& s) {
  const auto names = history_channels(p.config);
  if (names.empty()) return;
  const auto places = static_cast<std::size_t>(p.own()), days = static_cast<std::size_t>(s.days);
  const std::size_t attributes = p.config.network.input_var_names.size();
  const bool make = p.statistics.names.size() == attributes;
  if (!make && p.statistics.names.size() != attributes + names.size())
    fail(
        "checkpoint: its network reads {} channels of the forcing, network.history_var_names gives {}; use the "
        "configuration of its run folder",
        p.statistics.names.size() - attributes, names.size());
  s.channels = names.size();
  s.history.resize(places * days * s.channels);
  for (std::size_t c = 0; c < names.size(); ++c) {
    const auto values = channel(s, f, names[c], places);
    if (make) {
      const auto first = static_cast<std::size_t>(period.start.day - s.first_day);
      const auto one = input_statistics(p.comm, {names[c]}, places, [&](std::size_t k, std::size_t) {
        return std::span<const float>(values).subspan(k * days + first, static_cast<std::size_t>(period.days()));
      });
      p.statistics.names.push_back(names[c]);
      const bool mask = names[c] == "observed_streamflow_mask";  // stays 0 or 1
      p.statistics.mean.push_back(mask ? 0 : one.mean.front());
      p.statistics.deviation.push_back(mask ? 1 : one.deviation.front());
    }
    const double mean = p.statistics.mean.at(attributes + c), deviation = p.statistics.deviation.at(attributes + c);
    std::vector<float> standard(values.size());
    standardise(values, mean, deviation, standard);
    for (std::size_t i = 0; i < standard.size(); ++i) s.history[i * s.channels + c] = standard[i];
  }
}

// Warnings of all ranks about their places, in the order of the ranks: only the first one speaks.
std::vector<std::string> of_all_ranks(const Communicator& comm, const std::vector<std::string>& mine) {
  std::string lines;
  for (const auto& line : mine) lines += line + "\n";
  std::vector<std::string> all;
  for (int rank = 0; rank < comm.size(); ++rank) {
    std::istringstream in(comm.broadcast(lines, rank));
    for (std::string line; std::getline(in, line);) all.push_back(line);
  }
  return all;
}

}  // namespace

SeriesDays series_days(const BasinProblem& p, const Period& scored, Count warmup) {
  const Index past = p.config.network.history_days;
  const Count before = std::max<Count>(warmup, past > 0 ? past + 1 : 0);  // its first day knows yesterday's flow
  SeriesDays s;
  s.first_day = std::max(p.forcing.first_day, scored.start.day - before);
  s.days = scored.end.day + 1 - s.first_day;
  s.cycle = std::min<Count>(s.days, std::max<Count>(1, p.config.runoff.warmup.days));
  return s;
}

BasinSeries read_basin_series(BasinProblem& p, const Period& scored, Count warmup) {
  const Count end = scored.end.day + 1;
  if (scored.start.day < p.forcing.first_day || end > p.forcing.end_day())
    fail("{}: {} to {} is not covered by the forcing, which holds {} to {}", p.forcing.path, iso_date(scored.start.day),
         iso_date(scored.end.day), iso_date(p.forcing.first_day), iso_date(p.forcing.end_day() - 1));
  BasinSeries s;
  static_cast<SeriesDays&>(s) = series_days(p, scored, warmup);
  const std::vector<Index> own(p.place.begin() + p.first_own(), p.place.begin() + p.first_own() + p.own());
  const Forcing f = read_forcing(p.comm, p.forcing, own, forcing_variables(p.config), s.first_day, end);
  s.precipitation_mm_day = by_place(f.of("precipitation"), own.size(), f.days);
  s.temperature_degc = by_place(f.of("temperature_mean"), own.size(), f.days);
  agree(p.comm, "potential evapotranspiration", [&] { s.pet_mm_day = potential(p, f, own); });
  const auto observed = [&](const char* variable) {
    auto o =
        read_place_observations(p.comm, p.config.data_sources.observations, variable, p.forcing, own, s.first_day, end);
    s.warnings.insert(s.warnings.end(), o.warnings.begin(), o.warnings.end());
    return by_place(o.values, own.size(), s.days);
  };
  const auto channels = history_channels(p.config);
  const auto& targets = p.config.experiment.targets;
  s.has_streamflow =
      targets.streamflow > 0 || std::find(channels.begin(), channels.end(), "observed_streamflow") != channels.end();
  s.has_soil_moisture = targets.soil_moisture > 0;
  if (s.has_streamflow) s.streamflow_mm_day = observed("streamflow");
  if (s.has_soil_moisture) s.soil_moisture = observed("soil_moisture");
  s.warnings = of_all_ranks(p.comm, s.warnings);
  fill_history(p, f, scored, s);
  return s;
}

std::vector<double> observed_deviations(const BasinProblem& p, const BasinSeries& s, const std::vector<float>& observed,
                                        const Period& period) {
  std::vector<double> deviation(static_cast<std::size_t>(p.size()), 0.0);
  for (Index k = 0; k < p.own(); ++k) {
    const float* row = observed.data() + static_cast<Count>(k) * s.days + (period.start.day - s.first_day);
    double sum = 0, squares = 0;
    Count n = 0;
    for (Count d = 0; d < period.days(); ++d)
      if (!std::isnan(row[d])) sum += row[d], ++n;
    for (Count d = 0; d < period.days(); ++d)
      if (!std::isnan(row[d]))
        squares += (row[d] - sum / static_cast<double>(n)) * (row[d] - sum / static_cast<double>(n));
    if (n > 1) deviation[static_cast<std::size_t>(p.first_own() + k)] = std::sqrt(squares / static_cast<double>(n));
  }
  p.comm.gather_owned(deviation);
  return deviation;
}

}  // namespace dpl
