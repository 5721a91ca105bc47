// A window of hourly routing on a synthetic continent, on one core or on a GPU.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "dpl/base/random.hpp"
#include "dpl/experiments/synth_continent.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/aligned_vector.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl::bench {

/// Rivers of a continent (trees of all sizes, the largest half of the reaches), parameters and inflow drawn; single
/// precision, one row of lateral inflow a step, 64 probes.
class RoutingRun {
 public:
  RoutingRun(Index reaches, Count steps, Scheme scheme, Device device = Device::cpu) : steps_(steps), device_inflow_(device) {
    const Continent continent = make_continent(1, reaches);
    network_ = make_rank_network(continent.topology,
                                 make_partition(continent.topology, std::vector<double>(reaches, 1.0), 1), 0);
    const ContinentRows rows = make_continent_rows(1, continent, 0, reaches);
    RoutingOptions options;
    options.scheme = scheme;
    options.chunk_steps = 512;
    options.device = device;
    const bool muskingum = scheme == Scheme::muskingum;
    inflow_.resize(static_cast<std::size_t>(reaches) * steps);
    for (Index own = 0; own < reaches; ++own) {
      const Index r = network_.reach[own];
      const auto draw = [&](int k) { return random_uniform({4, Purpose::test, 0, static_cast<std::uint64_t>(r)}, k); };
      properties_.length_m.push_back(rows.length_m[r]);
      properties_.slope.push_back(rows.slope[r]);
      properties_.sub_reaches.push_back(1);
      parameters_.a.push_back(static_cast<float>(muskingum ? 4000 + 9000 * draw(2) : 0.02 + 0.08 * draw(2)));
      parameters_.b.push_back(static_cast<float>(muskingum ? 0.3 : 5 + 30 * draw(3)));
      parameters_.c.push_back(static_cast<float>(draw(4)));
      const double base = 0.02 * rows.local_area_km2[r], phase = 100 * draw(5);
      for (Count t = 0; t < steps; ++t)
        inflow_[own * steps + t] = static_cast<float>(base * (1.1 + std::sin(0.05 * static_cast<double>(t) + phase)));
    }
    router_ = std::make_unique<Router<float>>(network_, properties_, options, boundary_);
    for (Index k = 0; k < 64; ++k) probes_.push_back(static_cast<Index>(static_cast<Count>(k) * reaches / 64));
    discharge_.resize(probes_.size() * router_->output_rows(steps));
    seed_.assign(discharge_.size(), 1.0f);
    if (!runs_device_loops(device)) return;
    device_inflow_.set(inflow_.data(), inflow_.size());  // it lies there: uploads are timed apart (copy_inflow)
    wait_for(device);
  }
  void forward(bool tape) {
    router_->forward(parameters_, {device_inflow_.size() > 0 ? device_inflow_.data() : inflow_.data(), steps_, 1}, steps_, {}, probes_, discharge_, tape);
  }
  /// Gradients of n, p, q and of the lateral inflow.
  void adjoint() {
    inflow_adjoint_.resize(inflow_.size());
    router_->adjoint(seed_, gradient_, inflow_adjoint_);
  }
  /// Of the network's parameters only, as a training without runoff asks for them.
  void adjoint_of_parameters() { router_->adjoint(seed_, gradient_, {}); }
  void copy_inflow() {
    device_inflow_.set(inflow_.data(), inflow_.size());
  }
  Count device_bytes(bool tape) const { return router_->device_bytes(steps_, 1, static_cast<Index>(probes_.size()), tape); }
  const std::vector<float>& discharge() const { return discharge_; }
  double reach_steps() const { return static_cast<double>(inflow_.size()); }
  double tape_bytes() const { return static_cast<double>(router_->tape_bytes(steps_)); }

 private:
  Count steps_;
  DeviceArray<float> device_inflow_;
  RankNetwork network_;
  ReachProperties properties_;
  ReachParameters<float> parameters_, gradient_;
  AlignedVector<float> inflow_, inflow_adjoint_;
  std::vector<float> discharge_, seed_;
  std::vector<Index> probes_;
  NoBoundary<float> boundary_;
  std::unique_ptr<Router<float>> router_;
};

}  // namespace dpl::bench
