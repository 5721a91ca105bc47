// A window's supersteps: the pieces of a rank, tile by tile, and what goes over cut edges between them.
#include <algorithm>

#include "dpl/physics/router_impl.hpp"

namespace dpl {

// Tiles in the order of their work. Whole tiles that are needed first come first, within a piece upstream first.
template <class Real>
void Router<Real>::Impl::plan_window() {
  const auto planned = rank_steps(network.load, supersteps, network.rank);
  plan.assign(supersteps.count(), {});
  std::vector<RoutedTile<Real>*> whole;
  for (auto* tile : routed) {
    if (!supersteps.in_chunks(tile->role(), level(*tile)))
      whole.push_back(tile);
    else
      for (Count chunk = 0; chunk < supersteps.chunks; ++chunk) plan[level(*tile) + chunk].chunked.push_back(tile);
  }
  const auto needed_by = [&](const RoutedTile<Real>* tile) {
    return tile->role() == CutRole::before_cut ? level(*tile) : supersteps.count();
  };
  std::stable_sort(whole.begin(), whole.end(), [&](auto* a, auto* b) { return needed_by(a) < needed_by(b); });
  double done = 0, aim = 0;
  auto tile = whole.begin();
  for (Count s = 0; s < supersteps.count(); ++s) {
    const auto take = [&](std::vector<RoutedTile<Real>*>& list) {
      done += static_cast<double>((*tile)->layout().cells) * static_cast<double>(window.steps);
      list.push_back(*tile++);
    };
    while (tile != whole.end() && needed_by(*tile) <= s) take(plan[s].needed);
    aim += planned.needed[s] + planned.further[s];
    while (tile != whole.end() && (done < aim || s + 1 == supersteps.count())) take(plan[s].further);
  }
}

template <class Real>
void Router<Real>::Impl::size_window() {
  const auto cuts = network.cut_out.size();
  const auto edges = static_cast<std::size_t>(tiling.edges);
  if (supersteps.steps != window.steps || supersteps.chunks == 0) supersteps = supersteps_of(window.steps);
  if (device) return;   // has arrays of its own
  const auto series = static_cast<std::size_t>(window.steps);
  window.edge_start.assign(edges, Real(0));
  window.edge_flow.assign(edges * series, Real(0));
  window.cut_start.assign(cuts, Real(0));
  window.cut_flow.assign(cuts * series, Real(0));
  if (!keep_tape) return;
  window.edge_start_adjoint.assign(edges, Real(0));
  window.edge_adjoint.assign(edges * series, Real(0));
  window.cut_start_adjoint.assign(cuts, Real(0));
  window.cut_adjoint.assign(cuts * series, Real(0));
}

template <class Real>
void Router<Real>::Impl::exchange_start() {
  if (boundary.nothing_to_exchange()) return;
  if (!device) return boundary.send_downstream(window.cut_start, std::span(window.edge_start).first(network.ghosts.size()), 1);
  device->load_start();
  boundary.send_downstream(device->sent(), device->came(), 1);
  device->store_start();
}

// Rows of a message: of series [edge][steps] those of chunk (superstep - level of the edge), where there is such a chunk.
template <class Copy>
void for_chunks(const Supersteps& supersteps, Count superstep, std::span<const Index> levels, const Copy& copy) {
  for (std::size_t e = 0; e < levels.size(); ++e)
    if (const Count c = superstep - levels[e]; c >= 0 && c < supersteps.chunks)
      copy(static_cast<Count>(e) * supersteps.chunk, static_cast<Count>(e) * supersteps.steps + c * supersteps.chunk,
           supersteps.steps_of(c));
}

template <class Real>
void Router<Real>::Impl::begin_flow(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  if (device) {
    device->load_flow(superstep, supersteps);
    return boundary.begin_downstream(device->sent(), device->came(), static_cast<Index>(supersteps.chunk));
  }
  sent.assign(network.cut_out.size() * supersteps.chunk, Real(0));
  came.resize(network.ghosts.size() * supersteps.chunk);
  for_chunks(supersteps, superstep, cut_from_level, [&](Count message, Count series, Count steps) {
    std::copy_n(window.cut_flow.begin() + series, steps, sent.begin() + message);
  });
  boundary.begin_downstream(sent, came, static_cast<Index>(supersteps.chunk));
}

template <class Real>
void Router<Real>::Impl::end_flow(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  if (device) {
    boundary.end_downstream(device->sent(), device->came(), static_cast<Index>(supersteps.chunk));
    return device->store_flow(superstep, supersteps);
  }
  boundary.end_downstream(sent, came, static_cast<Index>(supersteps.chunk));
  for_chunks(supersteps, superstep, ghost_from_level, [&](Count message, Count series, Count steps) {
    std::copy_n(came.begin() + message, steps, window.edge_flow.begin() + series);
  });
}

template <class Real>
void Router<Real>::Impl::exchange_start_adjoint() {
  if (boundary.nothing_to_exchange()) return;
  if (!device)
    return boundary.send_upstream(std::span<const Real>(window.edge_start_adjoint).first(network.ghosts.size()),
                                  window.cut_start_adjoint, 1);
  device->load_start_adjoint();
  boundary.send_upstream(device->sent(), device->came(), 1);
  device->store_start_adjoint();
}

template <class Real>
void Router<Real>::Impl::begin_adjoint(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  if (device) {
    device->load_adjoint(superstep, supersteps);
    return boundary.begin_upstream(device->sent(), device->came(), static_cast<Index>(supersteps.chunk));
  }
  sent.assign(network.ghosts.size() * supersteps.chunk, Real(0));
  came.resize(network.cut_out.size() * supersteps.chunk);
  for_chunks(supersteps, superstep, ghost_level, [&](Count message, Count series, Count steps) {
    std::copy_n(window.edge_adjoint.begin() + series, steps, sent.begin() + message);
  });
  boundary.begin_upstream(sent, came, static_cast<Index>(supersteps.chunk));
}

template <class Real>
void Router<Real>::Impl::end_adjoint(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  if (device) {
    boundary.end_upstream(device->sent(), device->came(), static_cast<Index>(supersteps.chunk));
    return device->store_adjoint(superstep, supersteps);
  }
  boundary.end_upstream(sent, came, static_cast<Index>(supersteps.chunk));
  for_chunks(supersteps, superstep, network.cut_out_level, [&](Count message, Count series, Count steps) {
    std::copy_n(came.begin() + message, steps, window.cut_adjoint.begin() + series);
  });
}

template <class Real>
void Router<Real>::Impl::forward() {
  const Count every = keep_tape ? keep_every(window.steps) : 0, last = supersteps.count() - 1;
  for (auto* tile : routed) tile->begin(window, chunk_of(*tile, supersteps), every);
  for (Index level = 0; level < network.levels; ++level) {
    for (auto* tile : routed)
      if (this->level(*tile) == level) tile->start(window);
    if (level + 1 < network.levels) exchange_start();
  }
  if (keep_balance) begin_balance();
  const auto run_whole = [&](const std::vector<RoutedTile<Real>*>& list) {
    for (auto* tile : list) {
      tile->forward_chunk(window, 0);
      boundary.move_messages();
    }
  };
  for (Count s = 0; s <= last; ++s) {
    run_whole(plan[s].needed);
    if (s > 0) end_flow(s - 1);
    for (auto* tile : plan[s].chunked) tile->forward_chunk(window, s - level(*tile));
    if (s < last) begin_flow(s);
    run_whole(plan[s].further);
  }
  if (keep_balance) end_balance();
}

// The forward pass from its end to its beginning.
template <class Real>
void Router<Real>::Impl::adjoint() {
  const Count last = supersteps.count() - 1;
  const auto backward = [&](const std::vector<RoutedTile<Real>*>& list) {
    for (auto tile = list.rbegin(); tile != list.rend(); ++tile) {
      (*tile)->adjoint_chunk(window, 0);
      boundary.move_messages();
    }
  };
  for (Count s = last; s >= 0; --s) {
    backward(plan[s].further);
    if (s < last) end_adjoint(s + 1);
    const auto& chunked = plan[s].chunked;
    for (auto tile = chunked.rbegin(); tile != chunked.rend(); ++tile) (*tile)->adjoint_chunk(window, s - level(**tile));
    if (s > 0) begin_adjoint(s);
    backward(plan[s].needed);
  }
  for (Index level = network.levels - 1; level >= 0; --level) {
    for (auto tile = routed.rbegin(); tile != routed.rend(); ++tile)
      if (this->level(**tile) == level) (*tile)->start_adjoint(window);
    if (level > 0) exchange_start_adjoint();
  }
}

template struct Router<float>::Impl;
template struct Router<double>::Impl;

}  // namespace dpl
