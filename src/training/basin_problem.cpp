// Reads lists, places and attributes in a fixed order, so that every rank meets the same error first.
#include "dpl/training/basin_problem.hpp"

#include <algorithm>
#include <set>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/log.hpp"
#include "dpl/data/basin_list.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/place_tables.hpp"
#include "dpl/learning/transfer_network.hpp"
#include "dpl/physics/runoff.hpp"
#include "dpl/training/basin_physics.hpp"
#include "dpl/training/basin_sampler.hpp"
#include "dpl/training/sampler.hpp"

namespace dpl {
namespace {

// Blocks of places: eight of a small domain, of at most 128 places in a large one. A product over fewer places costs
// more a place; more blocks would let more ranks share the work.
constexpr Index kFewestBlocks = 8, kLargestBlock = 128;

void require(const std::string& path, const char* key, const char* what) {
  if (path.empty()) fail("config: {} is not set; a run over basins needs {}", key, what);
}

void check_keys(const RunConfig& config, BasinUse use) {
  require(config.data_sources.forcing, "data_sources.forcing", "the forcing of the places");
  require(config.data_sources.attributes, "data_sources.attributes", "the attributes of the places");
  require(config.data_sources.observations, "data_sources.observations", "observed streamflow or soil moisture");
  if (config.network.input_var_names.empty())
    fail("config: network.input_var_names is empty; list the attributes the parameter network reads");
  check_runoff(config);
  if (config.network.kind == "transfer") transfer_predictors(config.network, BasinParameters(config).output_names());
  if (!(config.experiment.targets.streamflow > 0 || config.experiment.targets.soil_moisture > 0))
    fail("config: experiment.targets.streamflow and experiment.targets.soil_moisture are both 0; one must be above 0");
  if (config.parallel.replicas != 1)
    fail("config: parallel.replicas is {}; a run over basins has its basins shared by all ranks: 1 is allowed",
         config.parallel.replicas);
  if (config.experiment.windows != 1)
    fail(
        "config: experiment.windows is {}; a run over basins has one window a basin: 1 is allowed, raise "
        "experiment.batch_size instead",
        config.experiment.windows);
  if (use == BasinUse::train && !config.experiment.period.given())
    fail("config: experiment.start_time and experiment.end_time are not set; training needs a period");
  if (use == BasinUse::score && !config.test.period.given())
    fail("config: test.start_time and test.end_time are not set; scoring needs a period");
}

// All periods before anything is computed: training may take hours, and the test comes after it.
void check_days(const RunConfig& config, const ForcingHeader& header) {
  const auto check = [&](const char* section, const Period& period) {
    if (period.given() && (period.start.day < header.first_day || period.end.day >= header.end_day()))
      fail("config: {0}.start_time to {0}.end_time is {1} to {2}, but {3} has {4} to {5}; choose days among them",
           section, iso_date(period.start.day), iso_date(period.end.day), header.path, iso_date(header.first_day),
           iso_date(header.end_day() - 1));
  };
  check("experiment", config.experiment.period);
  check("validation", config.validation.period);
  check("test", config.test.period);
}

// Places asked for, by the name of their list.
struct Asked {
  std::vector<std::pair<Index, std::string>> place;
  std::set<Index> seen;
  void add(Index at, const std::string& name) {
    if (seen.insert(at).second) place.emplace_back(at, name);
  }
};

void add_list(const Communicator& comm, const ForcingHeader& header, const std::string& path, const std::string& name,
              Asked& asked) {
  if (path.empty()) {
    for (Index k = 0; k < header.size(); ++k) asked.add(k, name);
    return;
  }
  const BasinList list = read_basin_list(comm, path);
  for (const Index k : places_of(list, header.place_id, header.path)) asked.add(k, name);
}

Asked asked_places(const Communicator& comm, const RunConfig& config, const ForcingHeader& header, BasinUse use) {
  const BasinsConfig& lists = config.basins;
  if (!lists.holdout.empty() && !lists.train.empty())
    check_apart(read_basin_list(comm, lists.train), read_basin_list(comm, lists.holdout));
  Asked asked;
  if (use == BasinUse::train) {
    if (lists.train.empty() && !lists.holdout.empty()) {  // all but those held out
      Asked held;
      add_list(comm, header, lists.holdout, "holdout", held);
      for (Index k = 0; k < header.size(); ++k)
        if (!held.seen.contains(k)) asked.add(k, "train");
    } else {
      add_list(comm, header, lists.train, "train", asked);
    }
  } else {
    if (!lists.holdout.empty()) add_list(comm, header, lists.holdout, "holdout", asked);
    if (!lists.test.empty())
      add_list(comm, header, lists.test, "test", asked);
    else
      add_list(comm, header, lists.train, "train", asked);
  }
  std::sort(asked.place.begin(), asked.place.end(), [&](const auto& a, const auto& b) {
    return header.place_id[static_cast<std::size_t>(a.first)] < header.place_id[static_cast<std::size_t>(b.first)];
  });
  return asked;
}

// Whether flow must be divided by an area, as its units say; an unknown unit is refused when values are read.
bool needs_area(const Communicator& comm, const RunConfig& config, const std::string& observed) {
  if (config.runoff.variant == "2.0") return true;
  if (observed != "streamflow") return false;
  const auto file = NetcdfFile::open(comm, config.data_sources.observations);
  if (!file.has_variable(observed)) return false;
  const auto unit = file.text_attribute(observed, "units");
  return unit.find("3") != std::string::npos || unit == "cfs";
}

PlaceNeeds needs_of(const Communicator& comm, const RunConfig& config, const ForcingHeader& header, BasinUse use) {
  const Period& period = use == BasinUse::train ? config.experiment.period : config.test.period;
  PlaceNeeds needs;
  needs.variables = forcing_variables(config);
  const Count warmup = std::max<Count>(
      use == BasinUse::train ? config.experiment.warmup_days : config.runoff.warmup.days, config.network.history_days);
  needs.first_day = std::max(header.first_day, period.start.day - warmup);
  needs.end_day = period.end.day + 1;
  needs.latitude = config.runoff.pet != "given";
  needs.elevation = config.runoff.variant == "2.0";
  needs.attributes = config.data_sources.attributes;
  needs.observations = config.data_sources.observations;
  needs.observed = config.experiment.targets.streamflow > 0 ? "streamflow" : "soil_moisture";
  needs.area = needs_area(comm, config, needs.observed);
  needs.first_observed_day = period.start.day;
  needs.end_observed_day = period.end.day + 1;
  return needs;
}

std::vector<Index> positions_of(const Asked& asked) {
  std::vector<Index> positions;
  for (const auto& [at, name] : asked.place) positions.push_back(at);
  return positions;
}

// What the test would be refused for, before the training: lists, values of the forcing, no place left.
void check_test(const Communicator& comm, const RunConfig& config, const ForcingHeader& header) {
  const auto places = positions_of(asked_places(comm, config, header, BasinUse::score));
  usable_places(comm, header, places, needs_of(comm, config, header, BasinUse::score));
}

InputStatistics attribute_part(const AttributeStatistics& s) { return {s.names, s.mean, s.standard_deviation}; }

// The first of the statistics are the attributes'.
AttributeStatistics attributes_of(const RunConfig& config, const InputStatistics& s) {
  const std::size_t n = config.network.input_var_names.size();
  if (s.names.size() < n ||
      !std::equal(config.network.input_var_names.begin(), config.network.input_var_names.end(), s.names.begin()))
    fail(
        "checkpoint: the network was trained on other attributes than network.input_var_names; use the configuration "
        "of "
        "its run folder");
  const auto head = [n](const std::vector<double>& v) {
    return std::vector<double>(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(n));
  };
  return {config.network.input_var_names, head(s.mean), head(s.deviation)};
}

// What does not vary over the training basins cannot be learned from.
void tell_constant(const RunConfig& config, const AttributeStatistics& s) {
  for (std::size_t k = 0; k < s.names.size(); ++k)
    if (s.standard_deviation[k] >= kNoSpread)
      log_warning("{}: {} is {} at all training basins that have it and tells none apart; its input is 0",
                  config.data_sources.attributes, s.names[k], s.mean[k]);
}

}  // namespace

void check_runoff(const RunConfig& config) {
  runoff_parameters(runoff_variant_from_name(config.runoff.variant), config.runoff.dynamic,
                    config.runoff.precipitation_factor);
  if (config.network.history_days > 0 && (config.network.kind != "lstm" || !config.runoff.dynamic.empty()))
    fail(
        "config: network.history_days is {}, but network.kind is {} and runoff.dynamic has {} names; parameters inferred "
        "from the past need kind lstm and no dynamic parameter, else history_days must be 0",
        config.network.history_days, config.network.kind, config.runoff.dynamic.size());
}

Index places_of_block(Index places) {
  return std::clamp<Index>((places + kFewestBlocks - 1) / kFewestBlocks, 1, kLargestBlock);
}

std::vector<std::string> history_channels(const RunConfig& config) {
  if (config.network.kind != "lstm" && config.network.kind != "two_headed") return {};
  std::vector<std::string> names;
  for (const auto& name : config.network.history_var_names) {
    names.push_back(name);
    if (name == "observed_streamflow") names.emplace_back("observed_streamflow_mask");
  }
  return names;
}

std::vector<std::string> forcing_variables(const RunConfig& config) {
  std::vector<std::string> names{"precipitation", "temperature_mean"};
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  if (config.runoff.pet == "given") add("potential_evapotranspiration");
  if (config.runoff.pet == "hargreaves") add("temperature_min"), add("temperature_max");
  for (const auto& name : history_channels(config))
    if (!name.starts_with("observed_streamflow") && name != "potential_evapotranspiration") add(name);
  return names;
}

BasinProblem load_basin_problem(const Communicator& comm, const RunConfig& config, BasinUse use,
                                const InputStatistics* statistics) {
  check_keys(config, use);
  BasinProblem p{comm, config, read_forcing_header(comm, config.data_sources.forcing), {}, {}, {}, {}, {}, {}, {}, {}};
  check_days(config, p.forcing);
  const Asked asked = asked_places(comm, config, p.forcing, use);
  if (use == BasinUse::train && config.test.period.given())
    check_test(comm, config, p.forcing);
  const UsablePlaces usable =
      usable_places(comm, p.forcing, positions_of(asked), needs_of(comm, config, p.forcing, use));
  p.place = usable.place;
  p.excluded = usable.excluded;
  Fingerprint fingerprint;
  std::size_t from = 0;
  for (const Index at : p.place) {
    while (asked.place[from].first != at) ++from;
    p.list.push_back(asked.place[from].second);
    const std::string& id = p.forcing.place_id[static_cast<std::size_t>(at)];
    p.key.push_back(station_key(id));
    fingerprint.add(id + "\n");
  }
  p.fingerprint = fingerprint.hex();
  if (use == BasinUse::train) p.config.experiment.updates = updates_of_epoch(config.experiment, p.size());
  p.blocks = {p.size(), places_of_block(p.size()), comm.rank(), comm.size()};
  const std::span<const Index> own(p.place.data() + p.first_own(), static_cast<std::size_t>(p.own()));
  const Attributes attributes =
      read_place_attributes(comm, config.data_sources.attributes, p.forcing, own, config.network.input_var_names);
  const AttributeStatistics of_attributes =
      statistics ? attributes_of(config, *statistics) : attribute_statistics(comm, attributes);
  p.statistics = statistics ? *statistics : attribute_part(of_attributes);
  if (!statistics) tell_constant(config, of_attributes);
  p.inputs = standardise(attributes, of_attributes);
  return p;
}

}  // namespace dpl
