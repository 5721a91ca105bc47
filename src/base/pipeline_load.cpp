// Supersteps as long as the fullest rank needs, and the chunk of least time.
#include "dpl/base/pipeline_load.hpp"

#include <algorithm>
#include <limits>

namespace dpl {
namespace {

// A visit of a tile costs as much as so many of its steps, a message as much as the routing of so many sub-reaches for a step
// (20 microseconds): docs/performance.md.
constexpr double kStepsOfVisit = 24, kWorkOfMessage = 15000;
constexpr Count kShortestChunk = 16, kGrain = 64;  // whole blocks of large tiles from there on

double window_work(const Supersteps& supersteps) {
  const double visit = 1 + kStepsOfVisit / static_cast<double>(supersteps.chunk);
  double all = 0;
  for (Count s = 0; s < supersteps.count(); ++s)
    all += supersteps.work[s] * (s > 0 || supersteps.sources_in_chunks ? visit : 1) + kWorkOfMessage;
  return all;
}

// What a piece routes in a superstep with one of its chunks.
double chunked_reaches(const PipelineLoad::Piece& piece, const Supersteps& supersteps) {
  double work = 0;
  for (const auto role : {CutRole::fed, CutRole::before_cut})
    if (supersteps.in_chunks(role, piece.level)) work += piece.of(role);
  return work;
}

// What other pieces may wait for, and is routed whole.
double needed_reaches(const PipelineLoad::Piece& piece, const Supersteps& supersteps) {
  return supersteps.in_chunks(CutRole::before_cut, piece.level) ? 0 : piece.of(CutRole::before_cut);
}

}  // namespace

Supersteps make_supersteps(const PipelineLoad& load, Count steps, Count chunk, bool sources_in_chunks) {
  Supersteps s;
  s.steps = steps;
  s.chunk = std::max<Count>(1, std::min(chunk, steps));
  s.chunks = std::max<Count>(1, (steps + s.chunk - 1) / s.chunk);
  s.sources_in_chunks = sources_in_chunks;
  std::vector<double> sources(load.ranks, 0.0), active(load.ranks, 0.0);
  for (const auto& piece : load.pieces)
    if (piece.level == 0) sources[piece.rank] += needed_reaches(piece, s);
  auto joins = load.pieces.begin(), leaves = load.pieces.begin();
  for (Count n = 0; n < s.chunks + load.levels - 1; ++n) {
    for (; joins != load.pieces.end() && joins->level <= n; ++joins) active[joins->rank] += chunked_reaches(*joins, s);
    for (; leaves != load.pieces.end() && leaves->level <= n - s.chunks; ++leaves)
      active[leaves->rank] -= chunked_reaches(*leaves, s);
    double work = std::max(0.0, *std::max_element(active.begin(), active.end())) * static_cast<double>(s.chunk);
    if (n == 0) work += *std::max_element(sources.begin(), sources.end()) * static_cast<double>(steps);
    s.work.push_back(work);
  }
  return s;
}

Supersteps choose_supersteps(const PipelineLoad& load, Count steps, Count chunk) {
  const Count all = std::max<Count>(1, steps);
  if (load.levels == 1) return make_supersteps(load, steps, all, false);
  Supersteps best;
  double least = std::numeric_limits<double>::infinity();
  const auto offer = [&](Count length) {
    for (const bool in_chunks : {false, true}) {
      auto candidate = make_supersteps(load, steps, length, in_chunks);
      if (const double work = window_work(candidate); work < least) best = std::move(candidate), least = work;
    }
  };
  if (chunk > 0) {
    offer(chunk);
    return best;
  }
  for (Count chunks = 1; chunks == 1 || all / chunks >= kShortestChunk; chunks += std::max<Count>(1, chunks / 3)) {
    const Count even = (all + chunks - 1) / chunks, grain = even > kGrain ? kGrain : kShortestChunk;
    offer((even + grain - 1) / grain * grain);
  }
  return best;
}

RankSteps rank_steps(const PipelineLoad& load, const Supersteps& supersteps, Index rank) {
  const auto count = static_cast<std::size_t>(supersteps.count());
  const std::vector<double> nothing(count, 0.0);
  RankSteps r{nothing, nothing, nothing};
  std::vector<double> wanted(count, 0.0);  // by then
  double left = 0;
  for (const auto& piece : load.pieces) {
    if (piece.rank != rank) continue;
    const double needed = needed_reaches(piece, supersteps) * static_cast<double>(supersteps.steps);
    wanted[piece.level] += needed;
    left += needed + piece.of(CutRole::independent) * static_cast<double>(supersteps.steps);
    for (Count c = 0; c < supersteps.chunks; ++c)
      r.chunked[piece.level + c] += chunked_reaches(piece, supersteps) * static_cast<double>(supersteps.steps_of(c));
  }
  double ahead = 0;  // done before it was needed
  for (std::size_t s = 0; s < count; ++s) {
    r.needed[s] = std::max(0.0, wanted[s] - ahead);
    ahead = std::max(0.0, ahead - wanted[s]);
    left = std::max(0.0, left - r.needed[s]);
    const double spare = std::max(0.0, supersteps.work[s] - r.chunked[s] - r.needed[s]);
    r.further[s] = s + 1 == count ? left : std::min(left, spare);
    ahead += r.further[s];
    left -= r.further[s];
  }
  return r;
}

}  // namespace dpl
