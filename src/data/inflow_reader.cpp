// Tiles of q_lateral, and the thread that reads them ahead.
#include "dpl/data/inflow_reader.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"
#include "lateral_inflow_layout.hpp"

namespace dpl {
namespace {

// Values of a tile, as long as chunks are no larger: bounds the memory beside the result and how long others wait for the
// library.
constexpr Count kTileValues = Count{1} << 22;
constexpr std::size_t kSquare = 16;   // columns and rows turned at once: a line of the cache each way

struct Range {
  Count first = 0, end = 0;
  Count size() const { return end - first; }
  bool operator==(const Range&) const = default;
};

// Cuts a range into parts of at most about `length`, at multiples of `chunk`.
std::vector<Range> parts_of(Range whole, Count chunk, Count length) {
  const Count step = std::max(chunk, length / chunk * chunk);
  std::vector<Range> parts;
  for (Count begin = whole.first; begin < whole.end;) {
    const Count end = std::min(whole.end, begin / chunk * chunk + step);
    parts.push_back({begin, end});
    begin = end;
  }
  return parts;
}

}  // namespace

template <class Real>
struct InflowReader<Real>::Impl {
  const Communicator& comm;
  const LateralInflowHeader& header;
  const RiverNetwork& network;
  Index first_reach;
  std::optional<NetcdfFile> file;
  bool time_first = true, single = true;
  Count chunk_rows = 1, chunk_columns = 1;
  std::vector<std::pair<Count, Index>> columns;   // (column of the file, reach - first_reach), ascending
  std::atomic<Count> decoded{0};
  Range ahead;
  std::vector<Real> spare;                        // memory of rows that were given back
  std::vector<float> tile;                        // of one read at a time
  std::future<std::vector<Real>> coming;          // last: its end is waited for before the file goes

  void open(Index end_reach) {
    file.emplace(NetcdfFile::open_local(header.path));
    time_first = time_comes_first(*file);
    single = file->is_single(kLateralInflow);
    const auto chunk = file->chunk_shape(kLateralInflow);
    chunk_rows = chunk[time_first ? 0 : 1];
    chunk_columns = chunk[time_first ? 1 : 0];
    const auto ids = file->read_integers("reach_id");
    const auto found = rows_of_ids(*file, ids, {network.reach_id.begin() + first_reach, network.reach_id.begin() + end_reach});
    for (std::size_t r = 0; r < found.size(); ++r) columns.emplace_back(found[r], static_cast<Index>(r));
    std::sort(columns.begin(), columns.end());
  }

  // Into the memory of `values`: pages touched for the first time cost more than reading.
  std::vector<Real> read(Range rows, std::vector<Real> values) {
    if (rows.first < 0 || rows.end > header.time.size || rows.first > rows.end)
      fail("{}: rows {}..{} were asked for, the file has {}", header.path, rows.first, rows.end - 1, header.time.size);
    values.resize(columns.size() * static_cast<std::size_t>(rows.size()));
    if (columns.empty()) return values;
    const Range across{columns.front().first, columns.back().first + 1};
    // As wide as possible along the dimension that is contiguous in the file.
    const Count inner = time_first ? across.size() : rows.size(), outer_chunk = time_first ? chunk_rows : chunk_columns;
    const Count wide = std::min(inner, std::max<Count>(1, kTileValues / outer_chunk));
    const Count high = std::max<Count>(1, kTileValues / wide);
    for (const Range& outer : parts_of(time_first ? rows : across, outer_chunk, high))
      for (const Range& part : parts_of(time_first ? across : rows, time_first ? chunk_columns : chunk_rows, wide))
        read_tile(rows, time_first ? outer : part, time_first ? part : outer, values);
    return values;
  }

  void read_tile(Range window, Range rows, Range across, std::vector<Real>& values) {
    const auto first = std::lower_bound(columns.begin(), columns.end(), std::pair<Count, Index>{across.first, 0});
    const auto end = std::lower_bound(first, columns.end(), std::pair<Count, Index>{across.end, 0});
    if (first == end) return;   // none of this rank's
    std::vector<Count> start{rows.first, across.first}, size{rows.size(), across.size()};
    if (!time_first) std::swap(start[0], start[1]), std::swap(size[0], size[1]);
    decoded += rows.size() * across.size();
    const std::span<const std::pair<Count, Index>> mine(&*first, static_cast<std::size_t>(end - first));
    if (single) {
      file->read_single(kLateralInflow, start, size, tile);
      take(tile, mine, window, rows, across, values);
    } else {
      take(file->read(kLateralInflow, start, size), mine, window, rows, across, values);
    }
  }

  // Squares of columns and rows: neighbours of one row share lines of the cache in the tile, neighbours of one column in
  // the result. Values are looked at on the way; which one is wrong is found in a second pass.
  template <class Stored>
  void take(const std::vector<Stored>& from, std::span<const std::pair<Count, Index>> mine, Range window, Range rows,
            Range across, std::vector<Real>& values) {
    const Count row_stride = time_first ? across.size() : 1, column_stride = time_first ? 1 : rows.size();
    const auto place = [&](std::size_t k) { return (mine[k].first - across.first) * column_stride; };
    Real* const to = values.data() + (rows.first - window.first);
    constexpr auto kLargest = static_cast<Stored>(std::numeric_limits<float>::max());
    bool wrong = false;
    for (std::size_t group = 0; group < mine.size(); group += kSquare) {
      const std::size_t width = std::min(kSquare, mine.size() - group);
      for (Count t = 0; t < rows.size(); t += static_cast<Count>(kSquare)) {
        const auto height = std::min(kSquare, static_cast<std::size_t>(rows.size() - t));
        Real square[kSquare][kSquare];
        for (std::size_t r = 0; r < height; ++r)
          for (std::size_t c = 0; c < width; ++c) {
            const Stored q = from[static_cast<std::size_t>(place(group + c) + (t + static_cast<Count>(r)) * row_stride)];
            wrong |= !(q >= 0 && q <= kLargest);
            square[c][r] = static_cast<Real>(q);
          }
        for (std::size_t c = 0; c < width; ++c)
          std::copy_n(square[c], height, to + mine[group + c].second * window.size() + t);
      }
    }
    for (std::size_t k = 0; wrong && k < mine.size(); ++k)
      for (Count t = 0; t < rows.size(); ++t) {
        const Stored q = from[static_cast<std::size_t>(place(k) + t * row_stride)];
        if (!(q >= 0 && q <= kLargest)) refuse(static_cast<double>(q), first_reach + mine[k].second, rows.first + t);
      }
  }

  [[noreturn]] void refuse(double q, Index reach, Count row) const {
    fail("{}: {} is {} at reach {}, {}; lateral inflow must be 0 or positive (m3 s-1) and finite everywhere", header.path,
         kLateralInflow, std::isnan(q) ? "missing" : fmt::format("{}", q), network.reach_id[reach],
         iso_time(header.time.start_s + row * header.time.step_s));
  }
};

template <class Real>
InflowReader<Real>::InflowReader(const Communicator& comm, const LateralInflowHeader& header, const RiverNetwork& network,
                                 Index first_reach, Index end_reach)
    : impl_(new Impl{comm, header, network, first_reach, {}, true, true, 1, 1, {}, {}, {}, {}, {}, {}}) {
  agree(comm, "lateral inflow", [&] { impl_->open(end_reach); });
}

template <class Real>
InflowReader<Real>::~InflowReader() = default;

template <class Real>
void InflowReader<Real>::prefetch(Count first_row, Count end_row) {
  const Range rows{first_row, end_row};
  if (impl_->coming.valid() && impl_->ahead == rows) return;
  if (impl_->coming.valid()) impl_->coming.wait();
  impl_->ahead = rows;
  impl_->coming = std::async(std::launch::async, [impl = impl_.get(), rows, memory = std::move(impl_->spare)]() mutable {
    return impl->read(rows, std::move(memory));
  });
  impl_->spare = {};
}

template <class Real>
std::vector<Real> InflowReader<Real>::read(Count first_row, Count end_row) {
  const Range rows{first_row, end_row};
  std::vector<Real> values;
  agree(impl_->comm, "lateral inflow", [&] {
    auto coming = std::move(impl_->coming);
    if (coming.valid() && impl_->ahead == rows)
      values = coming.get();
    else if (coming.valid())
      coming.wait();
    if (impl_->ahead != rows || values.empty()) values = impl_->read(rows, std::exchange(impl_->spare, {}));
    impl_->ahead = {};
  });
  return values;
}

template <class Real>
void InflowReader<Real>::give_back(std::vector<Real> rows) {
  impl_->spare = std::move(rows);
}

template <class Real>
Count InflowReader<Real>::values_decoded() const {
  return impl_->decoded;
}

template class InflowReader<float>;
template class InflowReader<double>;

}  // namespace dpl
