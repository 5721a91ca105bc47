// The star forest between blocks and pieces: roots are the reaches of a rank's blocks, leaves its own reaches.
#include "dpl/coupling/redistribution.hpp"

#include <algorithm>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/coupling/star_forest.hpp"

namespace dpl {
namespace {

// PETSc addresses the words of a rank's rows with 32-bit integers and keeps buffers as large as a message: wider rows
// go in parts of columns.
constexpr Count kMaxValues = Count{1} << 26;

std::vector<RootPlace> block_places(const BlockDistribution& blocks, std::span<const Index> piece_reach) {
  std::vector<RootPlace> places;
  places.reserve(piece_reach.size());
  for (const Index reach : piece_reach) {
    if (reach < 0 || reach >= blocks.reaches)
      fail("redistribution: reach {} lies outside the domain of {} reaches", reach, blocks.reaches);
    BlockDistribution holder = blocks;
    holder.rank = blocks.owner_of_block(reach / blocks.block_size);
    places.push_back({holder.rank, reach - holder.first_reach()});
  }
  return places;
}

template <class Real>
void check_size(const char* what, std::span<const Real> values, Index rows, Index width) {
  const auto expected = static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
  if (values.size() != expected)
    fail("redistribution: {} hold {} numbers, {} reaches x {} need {}", what, values.size(), rows, width, expected);
}

// Columns first..first + count - 1 of `rows` rows of `width`, between a wide array and a narrow one.
template <class Real>
void take_columns(std::span<const Real> wide, std::vector<Real>& narrow, Index width, Index first, Index count) {
  const std::size_t rows = wide.size() / width;
  narrow.resize(rows * count);
  for (std::size_t row = 0; row < rows; ++row)
    std::copy_n(wide.data() + row * width + first, count, narrow.data() + row * count);
}

template <class Real>
void put_columns(const std::vector<Real>& narrow, std::span<Real> wide, Index width, Index first, Index count) {
  const std::size_t rows = wide.size() / width;
  for (std::size_t row = 0; row < rows; ++row)
    std::copy_n(narrow.data() + row * count, count, wide.data() + row * width + first);
}

}  // namespace

Index BlockDistribution::blocks() const { return static_cast<Index>((Count{reaches} + block_size - 1) / block_size); }

// Block k lies on rank floor(k ranks / blocks), so a rank's first block is ceil(rank blocks / ranks).
Index BlockDistribution::first_block() const {
  return static_cast<Index>((Count{rank} * blocks() + ranks - 1) / ranks);
}

Index BlockDistribution::end_block() const {
  return static_cast<Index>(((Count{rank} + 1) * blocks() + ranks - 1) / ranks);
}

Index BlockDistribution::first_reach() const {
  return static_cast<Index>(std::min<Count>(Count{first_block()} * block_size, reaches));
}

Index BlockDistribution::end_reach() const {
  return static_cast<Index>(std::min<Count>(Count{end_block()} * block_size, reaches));
}

int BlockDistribution::owner_of_block(Index block) const { return static_cast<int>(Count{block} * ranks / blocks()); }

Index block_size_of(Index reaches) {
  Index size = 64;
  while (Count{size} * 4096 < reaches) size *= 2;
  return size;
}

struct Redistribution::Impl {
  StarForest forest;
  // Rows too wide for one message: those of the rank's own blocks are copied, the others have a forest of their own.
  std::vector<std::pair<Index, Index>> here;  // (leaf, root)
  std::vector<Index> elsewhere;               // leaves
  StarForest others;

  Impl(const Communicator& comm, Index roots, const std::vector<RootPlace>& places)
      : forest(comm, roots, places), others(comm, roots, sort_out(comm.rank(), places)) {}

  std::vector<RootPlace> sort_out(Index rank, const std::vector<RootPlace>& places) {
    std::vector<RootPlace> theirs;
    for (std::size_t leaf = 0; leaf < places.size(); ++leaf) {
      if (places[leaf].rank == rank)
        here.emplace_back(static_cast<Index>(leaf), places[leaf].row);
      else
        elsewhere.push_back(static_cast<Index>(leaf)), theirs.push_back(places[leaf]);
    }
    return theirs;
  }

  Index columns(Index width) const {
    const Count rows = std::max<Count>(forest.largest(), 1);
    return static_cast<Index>(std::clamp<Count>(kMaxValues / rows, 1, width));
  }
};

Redistribution::Redistribution(const Communicator& comm, const BlockDistribution& blocks,
                               std::span<const Index> piece_reach) {
  std::vector<RootPlace> places;
  agree(comm, "redistribution", [&] { places = block_places(blocks, piece_reach); });
  impl_ = std::make_unique<Impl>(comm, blocks.end_reach() - blocks.first_reach(), places);
}

Redistribution::~Redistribution() = default;

template <class Real>
void Redistribution::to_pieces(std::span<const Real> block_values, std::span<Real> piece_values, Index width) const {
  StarForest& forest = impl_->forest;
  check_size<Real>("block values", block_values, forest.roots(), width);
  check_size<Real>("piece values", piece_values, forest.leaves(), width);
  if (width == 0) return;
  const Index columns = impl_->columns(width);
  if (columns == width) return forest.to_leaves(block_values.data(), piece_values.data(), width);
  for (const auto& [leaf, root] : impl_->here)
    std::copy_n(block_values.data() + Count{root} * width, width, piece_values.data() + Count{leaf} * width);
  if (impl_->others.all_leaves() == 0) return;
  std::vector<Real> from, to;
  for (Index first = 0; first < width; first += columns) {
    const Index count = std::min(columns, width - first);
    take_columns(block_values, from, width, first, count);
    to.resize(impl_->elsewhere.size() * static_cast<std::size_t>(count));
    impl_->others.to_leaves(from.data(), to.data(), count);
    for (std::size_t k = 0; k < impl_->elsewhere.size(); ++k)
      std::copy_n(to.data() + static_cast<Count>(k) * count, count,
                  piece_values.data() + Count{impl_->elsewhere[k]} * width + first);
  }
}

template <class Real>
void Redistribution::to_blocks(std::span<const Real> piece_values, std::span<Real> block_values, Index width) const {
  StarForest& forest = impl_->forest;
  check_size<Real>("piece values", piece_values, forest.leaves(), width);
  check_size<Real>("block values", block_values, forest.roots(), width);
  if (width == 0) return;
  const Index columns = impl_->columns(width);
  std::fill(block_values.begin(), block_values.end(), Real{0});
  if (columns == width) return forest.to_roots(piece_values.data(), block_values.data(), width);
  std::vector<Real> from, to;
  for (Index first = 0; first < width; first += columns) {
    const Index count = std::min(columns, width - first);
    take_columns(piece_values, from, width, first, count);
    to.assign(static_cast<std::size_t>(forest.roots()) * count, Real{0});
    forest.to_roots(from.data(), to.data(), count);
    put_columns(to, block_values, width, first, count);
  }
}

template void Redistribution::to_pieces(std::span<const float>, std::span<float>, Index) const;
template void Redistribution::to_pieces(std::span<const double>, std::span<double>, Index) const;
template void Redistribution::to_blocks(std::span<const float>, std::span<float>, Index) const;
template void Redistribution::to_blocks(std::span<const double>, std::span<double>, Index) const;

}  // namespace dpl
