// Checks of what a runoff model is given; each throws Error naming variable, day or component, catchment.
#pragma once

#include <span>
#include <vector>

#include "dpl/physics/runoff.hpp"

namespace dpl {

/// Each [day][catchment]: finite, precipitation and potential evapotranspiration from 0.
template <class Real>
void check_forcing(const RunoffForcing<Real>& forcing, Index catchments);
/// Whether these values of one series would pass that; `lowest`: 0, or that of their type.
template <class Real>
bool all_finite_from(const Real* values, Count n, Real lowest);

/// [parameter][component][catchment]: in their ranges but for rounding; those with one value a day are not looked at.
template <class Real>
void check_parameters(const std::vector<RunoffParameter>& parameters, const std::vector<bool>& is_dynamic,
                      std::span<const Real> fixed, Index catchments, Count lanes);

/// [state][component][catchment] mm, or none: finite, from 0, SM from 1e-6.
template <class Real>
void check_states(std::span<const Real> states, Index catchments, Count lanes);

/// Place of the first value that is not finite; -1: there is none.
template <class Real>
Count first_not_finite_of(std::span<const Real> values);

}  // namespace dpl
