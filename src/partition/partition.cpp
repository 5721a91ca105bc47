// Cuts a forest into pieces: several candidate cuts, the one of least cost is taken.
#include "dpl/partition/partition.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <utility>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

// Cost of a cut, in parts of the mean load: the load of the fullest rank decides, a level of the pipeline weighs as a
// hundredth of it (a window has about a hundred chunks, and a level more is a chunk more to wait), a cut edge as the
// routing of a reach (its flow is packed, sent and unpacked). Imbalance beyond 5 % outweighs everything else.
constexpr double kAcceptedImbalance = 0.05;
constexpr double kBeyondAccepted = 1e6;
constexpr double kCostOfLevel = 1e-2;
constexpr double kCostOfCuttingAllEdges = 1;

// Pieces are at most the mean load / pieces per rank times a slack: with slack, pieces of whole reaches can fill a
// rank.
constexpr Index kPiecesPerRank[] = {1, 2, 4, 8, 16, 32};
constexpr double kSlack[] = {1, 1.03, 1.1, 1.25};
// Stems: pieces of at most this part of the mean load (whole pieces fill a rank within 5 %), which take in side rivers of at most this part of a piece.
constexpr double kStemPiece[] = {1.045, 1, 0.52, 0.34, 0.25};
constexpr double kSideRiver[] = {0, 1.0 / 64, 1.0 / 8};

struct Forest {
  const Topology& topology;
  std::vector<double> weight;   // [reach]
  std::vector<Index> order;     // upstream first
  std::vector<double> subtree;  // [reach] weight of the reach and all above it
  double total = 0;

  Forest(const Topology& network, std::span<const double> given)
      : topology(network), weight(given.begin(), given.end()), order(upstream_first_order(network)) {
    for (std::size_t reach = 0; reach < weight.size(); ++reach)
      if (!(weight[reach] >= 0) || !std::isfinite(weight[reach]))
        fail("partition: the work of reach {} is {}, it must be finite and not negative", reach, weight[reach]);
    if (std::accumulate(weight.begin(), weight.end(), 0.0) == 0) std::fill(weight.begin(), weight.end(), 1.0);
    total = std::accumulate(weight.begin(), weight.end(), 0.0);
    subtree = weight;
    for (const Index reach : order)
      if (const Index below = topology.downstream[reach]; below >= 0) subtree[below] += subtree[reach];
  }
  Index size() const { return topology.size(); }
};

// A cut before its pieces are numbered.
struct Cut {
  std::vector<Index> piece;  // [reach]
  std::vector<Index> owner;  // [piece]
};

// --- Candidate A: subtrees of at most `limit`, from the headwaters down ----------------------------------------------

// Puts reaches, which all drain to one place and carry `load` each, heaviest first into bundles of at most `limit`.
class Bundles {
 public:
  explicit Bundles(double limit) : limit_(limit) {}
  /// What comes next drains somewhere else.
  void close() { filled_ = std::numeric_limits<double>::infinity(); }
  /// The bundle that takes this load.
  Index add(double load) {
    if (count_ == 0 || filled_ + load > limit_) {
      ++count_;
      filled_ = 0;
    }
    filled_ += load;
    return count_ - 1;
  }
  Index count() const { return count_; }

 private:
  double limit_;
  double filled_ = 0;
  Index count_ = 0;
};

void sort_heaviest_first(std::vector<Index>& reaches, const std::vector<double>& load) {
  std::sort(reaches.begin(), reaches.end(),
            [&](Index a, Index b) { return load[a] != load[b] ? load[a] > load[b] : a < b; });
}

// A reach keeps the lightest of the subtrees above it that fit beside it; the others are cut off. Returns the pieces
// and their number: a piece is a set of subtrees that drain into one reach, or of whole trees.
std::vector<Index> cut_subtrees(const Forest& forest, double limit, Index& pieces) {
  const Topology& topology = forest.topology;
  std::vector<double> load = forest.weight;  // of the reach and of what is still attached above it
  std::vector<Index> begins(forest.size(), -1), tributaries;
  Bundles bundles(limit);
  for (const Index reach : forest.order) {
    double together = load[reach];
    for (const Index above : topology.upstream_of(reach)) together += load[above];
    if (together > limit) {
      const auto upstream = topology.upstream_of(reach);
      tributaries.assign(upstream.begin(), upstream.end());
      sort_heaviest_first(tributaries, load);
      bundles.close();
      for (const Index above : tributaries) {
        if (together <= limit) break;
        begins[above] = bundles.add(load[above]);
        together -= load[above];
      }
    }
    load[reach] = together;
  }
  tributaries.clear();
  for (const Index reach : forest.order)
    if (topology.downstream[reach] < 0) tributaries.push_back(reach);
  sort_heaviest_first(tributaries, load);
  bundles.close();
  for (const Index outlet : tributaries) begins[outlet] = bundles.add(load[outlet]);
  pieces = bundles.count();
  for (auto reach = forest.order.rbegin(); reach != forest.order.rend(); ++reach)
    if (begins[*reach] < 0) begins[*reach] = begins[topology.downstream[*reach]];
  return begins;
}

// Heaviest piece first to the least loaded rank (Graham 1969, "longest processing time").
std::vector<Index> deal_pieces(const Forest& forest, const std::vector<Index>& piece, Index pieces, Index ranks) {
  std::vector<double> load(pieces, 0);
  for (Index reach = 0; reach < forest.size(); ++reach) load[piece[reach]] += forest.weight[reach];
  std::vector<Index> by_load(pieces);
  std::iota(by_load.begin(), by_load.end(), 0);
  sort_heaviest_first(by_load, load);
  using Rank = std::pair<double, Index>;
  std::priority_queue<Rank, std::vector<Rank>, std::greater<>> least;
  for (Index rank = 0; rank < ranks; ++rank) least.push({0.0, rank});
  std::vector<Index> owner(pieces);
  for (const Index p : by_load) {
    const auto [held, rank] = least.top();
    least.pop();
    owner[p] = rank;
    least.push({held + load[p], rank});
  }
  return owner;
}

// --- Candidate B: equal runs of a walk in which every subtree is contiguous ------------------------------------------

// Post-order, the heaviest tributary first: at any point of the walk few subtrees wait for their downstream reach.
std::vector<Index> walk(const Forest& forest) {
  const Topology& topology = forest.topology;
  std::vector<Index> reversed, stack, tributaries;
  reversed.reserve(forest.size());
  for (Index reach = 0; reach < forest.size(); ++reach)
    if (topology.downstream[reach] < 0) stack.push_back(reach);
  sort_heaviest_first(stack, forest.subtree);
  while (!stack.empty()) {
    const Index reach = stack.back();
    stack.pop_back();
    reversed.push_back(reach);
    const auto upstream = topology.upstream_of(reach);
    tributaries.assign(upstream.begin(), upstream.end());
    sort_heaviest_first(tributaries, forest.subtree);
    stack.insert(stack.end(), tributaries.begin(), tributaries.end());
  }
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

std::vector<Index> equal_runs(const Forest& forest, Index ranks) {
  std::vector<Index> rank_of(forest.size());
  double before = 0;
  for (const Index reach : walk(forest)) {
    const double middle = before + 0.5 * forest.weight[reach];
    rank_of[reach] = std::min(ranks - 1, static_cast<Index>(middle / forest.total * ranks));
    before += forest.weight[reach];
  }
  return rank_of;
}

// --- Candidate C: long stems, so that few pieces lie above one another -----------------------------------------------

// From the headwaters down: a reach goes on the piece of the upstream reaches of the highest level where it fits, else it
// begins a piece one level further (for pieces that are paths and side rivers this is the least depth possible: every
// piece is filled before the next begins). Other side rivers join where they are small, else they end as pieces of their
// own. Returns [reach] whether a piece ends there.
std::vector<std::uint8_t> end_pieces(const Forest& forest, double limit, double small) {
  const Topology& topology = forest.topology;
  std::vector<double> load = forest.weight;  // of the open piece at the reach
  std::vector<Index> level(forest.size(), 0), tributaries;
  std::vector<std::uint8_t> ends(forest.size(), 0);
  for (const Index reach : forest.order) {
    const auto upstream = topology.upstream_of(reach);
    Index highest = 0;
    double stem = load[reach];
    for (const Index above : upstream) highest = std::max(highest, level[above]);
    for (const Index above : upstream)
      if (level[above] == highest) stem += load[above];
    const bool goes_on = stem <= limit;
    level[reach] = upstream.empty() ? 0 : highest + !goes_on;
    tributaries.clear();
    for (const Index above : upstream) {
      if (goes_on && level[above] == highest)
        load[reach] += load[above];
      else
        tributaries.push_back(above);
    }
    sort_heaviest_first(tributaries, load);
    for (auto above = tributaries.rbegin(); above != tributaries.rend(); ++above) {
      if (load[*above] <= small && load[reach] + load[*above] <= limit)
        load[reach] += load[*above];
      else
        ends[*above] = 1;
    }
    if (topology.downstream[reach] < 0) ends[reach] = 1;
  }
  return ends;
}

// Numbers the pieces from the outlets up; small ones that drain into the same piece become one of at most `limit`.
std::vector<Index> bundle_pieces(const Forest& forest, const std::vector<std::uint8_t>& ends, double limit, Index& pieces) {
  std::vector<double> load = forest.weight;
  for (const Index reach : forest.order)
    if (!ends[reach]) load[forest.topology.downstream[reach]] += load[reach];
  struct Bundle {
    Index piece = -1;
    double filled = 0;
  };
  std::vector<Bundle> open(1);  // [piece + 1] of what drains into a piece; 0: into none
  std::vector<Index> piece(forest.size());
  for (auto it = forest.order.rbegin(); it != forest.order.rend(); ++it) {
    const Index below = forest.topology.downstream[*it];
    const Index into = below < 0 ? -1 : piece[below];
    if (!ends[*it]) {
      piece[*it] = into;
      continue;
    }
    Bundle& bundle = open[into + 1];
    if (bundle.piece >= 0 && bundle.filled + load[*it] <= limit) {
      bundle.filled += load[*it];
      piece[*it] = bundle.piece;
      continue;
    }
    piece[*it] = static_cast<Index>(open.size()) - 1;
    if (bundle.piece < 0 || load[*it] < bundle.filled) bundle = {piece[*it], load[*it]};
    open.emplace_back();
  }
  pieces = static_cast<Index>(open.size()) - 1;
  return piece;
}

// ---------------------------------------------------------------------------------------------------------------------

// Fewest pieces for given ranks of the reaches: a piece is all subtrees of a rank that drain into the same piece, so
// every piece drains into at most one and there is no cycle.
Cut join(const Forest& forest, const std::vector<Index>& rank_of) {
  Cut cut;
  cut.piece.assign(forest.size(), -1);
  std::unordered_map<std::uint64_t, Index> piece_of;
  for (auto it = forest.order.rbegin(); it != forest.order.rend(); ++it) {
    const Index below = forest.topology.downstream[*it];
    const Index rank = rank_of[*it];
    if (below >= 0 && rank_of[below] == rank) {
      cut.piece[*it] = cut.piece[below];
      continue;
    }
    const Index into = below >= 0 ? cut.piece[below] : -1;
    const auto key =
        static_cast<std::uint64_t>(static_cast<std::uint32_t>(rank)) << 32 | static_cast<std::uint32_t>(into);
    const auto [found, is_new] = piece_of.try_emplace(key, static_cast<Index>(cut.owner.size()));
    if (is_new) cut.owner.push_back(rank);
    cut.piece[*it] = found->second;
  }
  return cut;
}

// Levels, cut reaches, imbalance; pieces renumbered by level, then by their first reach.
Partition number_pieces(const Forest& forest, const Cut& cut, Index ranks) {
  const Topology& topology = forest.topology;
  const auto pieces = static_cast<Index>(cut.owner.size());
  std::vector<Index> into(pieces, -1), first(pieces, -1), level(pieces, 0);
  for (Index reach = forest.size() - 1; reach >= 0; --reach) {
    const Index below = topology.downstream[reach];
    first[cut.piece[reach]] = reach;
    if (below >= 0 && cut.piece[below] != cut.piece[reach]) into[cut.piece[reach]] = cut.piece[below];
  }
  std::vector<Index> waits(pieces, 0), ready;
  for (const Index below : into)
    if (below >= 0) ++waits[below];
  for (Index piece = 0; piece < pieces; ++piece)
    if (waits[piece] == 0) ready.push_back(piece);
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const Index below = into[ready[i]];
    if (below < 0) continue;
    level[below] = std::max(level[below], level[ready[i]] + 1);
    if (--waits[below] == 0) ready.push_back(below);
  }
  std::sort(ready.begin(), ready.end(),
            [&](Index a, Index b) { return level[a] != level[b] ? level[a] < level[b] : first[a] < first[b]; });
  Partition result;
  result.ranks = ranks;
  result.piece.resize(forest.size());
  std::vector<Index> number(pieces);
  for (Index i = 0; i < pieces; ++i) {
    number[ready[i]] = i;
    result.owner.push_back(cut.owner[ready[i]]);
    result.level.push_back(level[ready[i]]);
  }
  std::vector<double> load(ranks, 0);
  for (Index reach = 0; reach < forest.size(); ++reach) {
    const Index below = topology.downstream[reach];
    result.piece[reach] = number[cut.piece[reach]];
    load[cut.owner[cut.piece[reach]]] += forest.weight[reach];
    if (below >= 0 && cut.piece[below] != cut.piece[reach]) result.cut_reach.push_back(reach);
  }
  if (forest.total > 0) result.imbalance = *std::max_element(load.begin(), load.end()) * ranks / forest.total - 1;
  return result;
}

double cost(const Partition& partition) {
  const double edges = std::max<double>(1, static_cast<double>(partition.piece.size()));
  return partition.imbalance + kBeyondAccepted * std::max(0.0, partition.imbalance - kAcceptedImbalance) +
         kCostOfLevel * partition.depth() +
         kCostOfCuttingAllEdges * static_cast<double>(partition.cut_reach.size()) / edges;
}

void keep_better(Partition& best, Partition candidate) {
  if (best.piece.empty() || cost(candidate) < cost(best)) best = std::move(candidate);
}

Partition deal_and_number(const Forest& forest, Cut cut, Index pieces, Index ranks, bool joined) {
  cut.owner = deal_pieces(forest, cut.piece, pieces, ranks);
  if (joined) {
    std::vector<Index> rank_of(forest.size());
    for (Index reach = 0; reach < forest.size(); ++reach) rank_of[reach] = cut.owner[cut.piece[reach]];
    cut = join(forest, rank_of);
  }
  return number_pieces(forest, cut, ranks);
}

Partition subtree_partition(const Forest& forest, Index ranks, Index pieces_per_rank, double slack, bool joined) {
  Index pieces = 0;
  Cut cut;
  cut.piece = cut_subtrees(forest, forest.total / ranks / pieces_per_rank * slack, pieces);
  return deal_and_number(forest, std::move(cut), pieces, ranks, joined);
}

Partition stem_partition(const Forest& forest, Index ranks, double part, double side) {
  const double limit = forest.total / ranks * part;
  Index pieces = 0;
  Cut cut;
  cut.piece = bundle_pieces(forest, end_pieces(forest, limit, side * limit), limit, pieces);
  return deal_and_number(forest, std::move(cut), pieces, ranks, true);
}

Partition best_partition(const Forest& forest, Index ranks, Index pieces_per_rank) {
  if (pieces_per_rank > 0) return subtree_partition(forest, ranks, pieces_per_rank, 1.0, false);
  Partition best = number_pieces(forest, join(forest, equal_runs(forest, ranks)), ranks);
  if (ranks == 1) return best;
  for (const Index pieces : kPiecesPerRank)
    for (const double slack : kSlack) keep_better(best, subtree_partition(forest, ranks, pieces, slack, true));
  for (const double part : kStemPiece)
    for (const double side : kSideRiver) keep_better(best, stem_partition(forest, ranks, part, side));
  return best;
}

}  // namespace

Index Partition::depth() const { return level.empty() ? 1 : *std::max_element(level.begin(), level.end()) + 1; }

std::string Partition::summary() const {
  return fmt::format("{} pieces, {} cut edges, pipeline depth {}, imbalance {:.1f} %", owner.size(), cut_reach.size(),
                     depth(), 100 * imbalance);
}

void set_roles(const Topology& topology, std::span<const double> weight, Partition& partition) {
  const auto same_piece = [&](Index a, Index b) { return partition.piece[a] == partition.piece[b]; };
  const auto order = upstream_first_order(topology);
  auto& role = partition.role;
  role.assign(topology.size(), CutRole::independent);
  for (const Index reach : order)
    for (const Index above : topology.upstream_of(reach))
      if (!same_piece(above, reach) || role[above] == CutRole::fed) role[reach] = CutRole::fed;
  for (auto reach = order.rbegin(); reach != order.rend(); ++reach) {
    const Index below = topology.downstream[*reach];
    if (role[*reach] == CutRole::fed || below < 0) continue;
    if (!same_piece(*reach, below) || role[below] != CutRole::independent) role[*reach] = CutRole::before_cut;
  }
  partition.load = {{}, partition.ranks, partition.depth()};
  for (std::size_t p = 0; p < partition.owner.size(); ++p)
    partition.load.pieces.push_back({partition.owner[p], partition.level[p], {}});
  for (Index reach = 0; reach < topology.size(); ++reach)
    partition.load.pieces[partition.piece[reach]].work[static_cast<int>(role[reach])] += weight[reach];
}

Partition make_partition(const Topology& topology, std::span<const double> weight, Index ranks, Index pieces_per_rank) {
  if (ranks < 1) fail("partition: {} ranks were asked for, at least 1 is needed", ranks);
  if (pieces_per_rank < 0) fail("partition: {} pieces per rank were asked for, 0 (chosen) or more", pieces_per_rank);
  if (static_cast<Index>(weight.size()) != topology.size())
    fail("partition: {} weights were given for {} reaches", weight.size(), topology.size());
  const Forest forest(topology, weight);
  Partition best;
  if (topology.size() == 0) {
    best.ranks = best.load.ranks = ranks;
    return best;
  }
  best = best_partition(forest, ranks, pieces_per_rank);
  set_roles(topology, forest.weight, best);
  return best;
}

}  // namespace dpl
