// What a run would do, for --validate: sizes and counts from the configuration and the file headers.
#pragma once

#include "dpl/experiments/verb.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {

/// **Collective:** prints reaches, gauges, windows, updates, ranks and memory of a run. `training`: the run trains;
/// `scores`: it needs observations in the test period.
void print_plan(const Problem& problem, bool training, bool scores);

}  // namespace dpl
