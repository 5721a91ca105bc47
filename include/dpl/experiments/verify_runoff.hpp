// Forward and adjoint of the runoff model and its unit hydrograph against a reference file.
#pragma once

#include <vector>

#include "dpl/experiments/deviation.hpp"
#include "dpl/experiments/runoff_reference_case.hpp"

namespace dpl {

/// **Local.** Deviations and what is allowed (method section 5): values 1e-9 in double, also one by one, 2e-5 in
/// single; gradients 1e-8 and 2e-4.
template <class Real>
std::vector<Deviation> compare_runoff(const RunoffReferenceCase& c);

extern template std::vector<Deviation> compare_runoff<float>(const RunoffReferenceCase&);
extern template std::vector<Deviation> compare_runoff<double>(const RunoffReferenceCase&);

}  // namespace dpl
