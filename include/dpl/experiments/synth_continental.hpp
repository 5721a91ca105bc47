// The twin of a continent: made, routed and written by all ranks together, a chunk of time after the other.
#pragma once

#include <memory>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/experiments/synth_continent.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// **Collective.** Writes the four files of the domain and truth.nc (true parameters, true discharge at the gauges). The
/// files are the same bits on any number of ranks. Nothing but the topology is held for the whole domain by a rank.
void make_continental_twin(const Communicator& comm, const RunConfig& config);

/// Lateral inflow of the rows of a rank, one chunk of time after the other: the storms, soils and hillslopes of the single
/// basin in steps of at most 6 h, with as many storms as the area asks for. A value depends on seed, reach and time alone.
class ContinentInflow {
 public:
  ContinentInflow(const RunConfig& config, const ContinentRows& rows, double side_km);
  ~ContinentInflow();
  /// The next `count` rows of the file as [row of the file][reach], m3/s.
  std::vector<float> next(Count count);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dpl
