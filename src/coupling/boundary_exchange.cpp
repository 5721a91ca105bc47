// Cut edges as a star forest: roots are the reaches that drain into another piece, leaves the ghosts below.
#include "dpl/coupling/boundary_exchange.hpp"

#include <memory>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/coupling/device_forest.hpp"
#include "dpl/coupling/star_forest.hpp"
#include "dpl/parallel/device_messages.hpp"

namespace dpl {
namespace {

std::vector<RootPlace> ghost_places(const RankNetwork& network) {
  std::vector<RootPlace> places;
  places.reserve(network.ghosts.size());
  for (const GhostEdge& ghost : network.ghosts) places.push_back({ghost.upstream_rank, ghost.upstream_slot});
  return places;
}

void check_size(const char* what, std::size_t found, Index edges, Index steps) {
  const auto expected = static_cast<std::size_t>(edges) * static_cast<std::size_t>(steps);
  if (found != expected)
    fail("boundary exchange: {} holds {} values, {} edges x {} steps need {}", what, found, edges, steps, expected);
}

}  // namespace

template <class Real>
struct BoundaryExchange<Real>::Impl {
  Communicator comm;
  StarForest forest;
  Device memory = Device::cpu;
  std::unique_ptr<DeviceForest<Real>> on_device;   // null: messages lie in the host's memory

  Impl(const Communicator& communicator, const RankNetwork& network, Device device)
      : comm(communicator), forest(comm, static_cast<Index>(network.cut_out.size()), ghost_places(network)) {
    const auto roots = comm.sum(static_cast<std::int64_t>(network.cut_out.size()));
    if (roots != forest.all_leaves())
      fail("boundary exchange: {} reaches drain into another piece but {} ghosts receive them", roots,
           forest.all_leaves());
    if (!runs_device_loops(device) || !choose_device_messages(comm, device == Device::emulated).direct) return;
    memory = device;
    if (forest.all_leaves() > 0) on_device = std::make_unique<DeviceForest<Real>>(comm, forest, device);
  }
};

template <class Real>
BoundaryExchange<Real>::BoundaryExchange(const Communicator& comm, const RankNetwork& network, Device device)
    : impl_(std::make_unique<Impl>(comm, network, device)) {}

template <class Real>
BoundaryExchange<Real>::~BoundaryExchange() = default;

template <class Real>
Device BoundaryExchange<Real>::memory() const {
  return impl_->memory;
}

template <class Real>
bool BoundaryExchange<Real>::nothing_to_do(std::span<const Real> cut_out, std::span<const Real> ghost, Index steps) const {
  if (nothing_to_exchange()) return true;
  check_size("cut_out", cut_out.size(), impl_->forest.roots(), steps);
  check_size("ghost", ghost.size(), impl_->forest.leaves(), steps);
  return false;
}

template <class Real>
void BoundaryExchange<Real>::begin_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) {
  if (nothing_to_do(cut_out, ghost, steps)) return;
  if (impl_->on_device) return impl_->on_device->begin_to_leaves(cut_out.data(), steps);
  impl_->forest.begin_to_leaves(cut_out.data(), ghost.data(), steps);
}

template <class Real>
void BoundaryExchange<Real>::end_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) {
  if (nothing_to_do(cut_out, ghost, steps)) return;
  if (impl_->on_device) return impl_->on_device->end_to_leaves(ghost.data(), steps);
  impl_->forest.end_to_leaves(cut_out.data(), ghost.data(), steps);
}

template <class Real>
void BoundaryExchange<Real>::begin_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) {
  if (nothing_to_do(cut_out, ghost, steps)) return;
  if (impl_->on_device) return impl_->on_device->begin_to_roots(ghost.data(), steps);
  impl_->forest.begin_to_roots(ghost.data(), cut_out.data(), steps);
}

template <class Real>
void BoundaryExchange<Real>::end_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) {
  if (nothing_to_do(cut_out, ghost, steps)) return;
  if (impl_->on_device) return impl_->on_device->end_to_roots(cut_out.data(), steps);
  impl_->forest.end_to_roots(ghost.data(), cut_out.data(), steps);
}

template <class Real>
void BoundaryExchange<Real>::move_messages() {
  if (!nothing_to_exchange()) impl_->comm.move_messages();
}

template <class Real>
bool BoundaryExchange<Real>::nothing_to_exchange() const {
  return impl_->forest.all_leaves() == 0;
}

template class BoundaryExchange<float>;
template class BoundaryExchange<double>;

}  // namespace dpl
