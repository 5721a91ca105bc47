// Where the parameters of evaluate and route come from: a checkpoint, a parameters.nc, or constants.
#pragma once

#include <string>
#include <vector>

#include "dpl/experiments/contest.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {

/// **Collective:** loads the inputs of the run and its parameters as params.source says: a run folder or checkpoint folder
/// (the stored network is evaluated, with the stored statistics of the attributes), a netCDF file written by
/// write_parameters, or nothing (params.defaults everywhere).
struct SourcedProblem {
  Problem problem;
  ContestEntry entry;
};
SourcedProblem load_with_parameters(const Communicator& comm, const RunConfig& config);

}  // namespace dpl
