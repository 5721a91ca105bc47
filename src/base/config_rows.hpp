// What the rows of the table of keys are written with.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dpl/base/config_table.hpp"

namespace dpl::config_rows {

using C = RunConfig;
using Keys = std::vector<ConfigKey>;

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline Allowed from(double low, double high = kInfinity) { return {.low = low, .high = high}; }
inline Allowed above(double low, double high = kInfinity) { return {.low = low, .high = high, .low_excluded = true}; }
inline Allowed one_of(std::vector<std::string> words) { return {.words = std::move(words), .empty = false}; }
inline Allowed path_or(std::vector<std::string> words) { return {.words = std::move(words), .path = true, .empty = false}; }
inline Allowed path() { return {.path = true}; }
inline Allowed anything() { return {}; }
inline Allowed some_text() { return {.empty = false}; }

/// Rows of runs over basins: sections runoff and basins, calibration, scaling, regionalize, surrogate.
Keys runoff_keys();
Keys calibration_keys();
Keys scaling_keys();
Keys regionalize_keys();
Keys surrogate_keys();

}  // namespace dpl::config_rows
