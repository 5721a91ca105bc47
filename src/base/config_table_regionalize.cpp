// Rows of section regionalize.
#include "dpl/base/config_table.hpp"

namespace dpl {

std::vector<ConfigKey> regionalize_keys();

std::vector<ConfigKey> regionalize_keys() {
  using C = RunConfig;
  return {
      {"regionalize.methods",
       [](C& c) { return &c.regionalize.methods; },
       "",
       {.words = {"transfer_sce_ua", "nearest_attributes", "nearest_map", "uniform"}, .empty = false},
       "What is compared; []: all that the configuration gives what they need."},
      {"regionalize.donors", [](C& c) { return &c.regionalize.donors; }, "", {.path = true},
       "nearest_attributes, nearest_map: run folder of a calibration of the same model over the same days."},
      {"regionalize.neighbours", [](C& c) { return &c.regionalize.neighbours; }, "", {.low = 1, .high = 1000},
       "Donors of a basin."},
      {"regionalize.average", [](C& c) { return &c.regionalize.average; }, "",
       {.words = {"series", "parameters"}, .empty = false},
       "What is averaged over several donors: their simulated series, or (one component only) their parameters."},
      {"regionalize.leave_one_out", [](C& c) { return &c.regionalize.leave_one_out; }, "", {},
       "nearest_attributes, nearest_map: every basin of basins.train as if it were ungauged, all others are donors."},
      {"regionalize.largest_intercept", [](C& c) { return &c.regionalize.largest_intercept; }, "",
       {.low = 0, .high = 100, .low_excluded = true},
       "transfer_sce_ua: intercepts are searched between minus this and this; a parameter is its sigmoid's share of "
       "its range."},
      {"regionalize.largest_slope", [](C& c) { return &c.regionalize.largest_slope; }, "",
       {.low = 0, .high = 100, .low_excluded = true},
       "transfer_sce_ua: the same for the coefficients of standardised attributes."},
  };
}

}  // namespace dpl
