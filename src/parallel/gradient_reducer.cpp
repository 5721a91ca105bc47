// Buckets of gradients: their extremes set out, then their integers, each while later ones are still being made.
#include "dpl/parallel/gradient_reducer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/parallel/exchange.hpp"
#include "exact_scaling.hpp"

namespace dpl {
namespace {

// Of a tensor on this rank.
struct Gathered {
  std::size_t size = 0;
  std::vector<double> items;  // [block][number]: floats become doubles exactly
  std::int64_t count = 0;
  double largest = 0;
  bool bad = false, closed = false;
};

}  // namespace

struct GradientReducer::State {
  struct Bucket : GradientBucket {
    std::vector<double> extremes;      // [tensor]{largest magnitude, 1 where a number is not finite}
    std::vector<std::int64_t> counts;  // [tensor] blocks
    std::vector<std::int64_t> sums;    // [tensor][number]
    std::unique_ptr<Exchange::Pending> of_extremes, of_counts, of_sums;
  };

  std::shared_ptr<Exchange> exchange;
  std::vector<Gathered> tensors;
  std::vector<Bucket> buckets;  // in the order they set out
  std::size_t next = 0;         // the first that has not

  bool closed(const Bucket& b) const {
    return std::all_of(tensors.begin() + static_cast<std::ptrdiff_t>(b.first),
                       tensors.begin() + static_cast<std::ptrdiff_t>(b.end),
                       [](const Gathered& t) { return t.closed; });
  }

  void send_extremes(Bucket& b) {
    for (std::size_t t = b.first; t < b.end; ++t) {
      b.extremes.push_back(tensors[t].bad ? 0.0 : tensors[t].largest);
      b.extremes.push_back(tensors[t].bad ? 1.0 : 0.0);
      b.counts.push_back(tensors[t].count);
    }
    b.of_extremes = exchange->begin_max(b.extremes);
    b.of_counts = exchange->begin_sum(b.counts);
  }

  bool has_sum(const Bucket& b, std::size_t t) const {
    return b.extremes[2 * (t - b.first) + 1] == 0 && b.extremes[2 * (t - b.first)] != 0;
  }

  int shift(const Bucket& b, std::size_t t) const {
    return shift_for(b.extremes[2 * (t - b.first)], b.counts[t - b.first]);
  }

  void send_integers(Bucket& b) {
    b.of_extremes->wait();
    b.of_counts->wait();
    std::size_t size = 0;
    for (std::size_t t = b.first; t < b.end; ++t) size += tensors[t].size;
    b.sums.assign(size, 0);
    auto to = b.sums.begin();
    for (std::size_t t = b.first; t < b.end; ++t) {
      const Gathered& g = tensors[t];
      if (has_sum(b, t)) {
        const PowerOfTwo scale(shift(b, t));
        for (std::int64_t item = 0; item < g.count; ++item)
          for (std::size_t i = 0; i < g.size; ++i)
            to[static_cast<std::ptrdiff_t>(i)] += scale.scaled(g.items[static_cast<std::size_t>(item) * g.size + i]);
      }
      to += static_cast<std::ptrdiff_t>(g.size);
    }
    b.of_sums = exchange->begin_sum(b.sums);
  }

  // The order of exchanges is fixed, whenever the ranks come to them: extremes 0, extremes 1, integers 0, extremes 2,
  // ...
  void advance() {
    for (; next < buckets.size() && closed(buckets[next]); ++next) {
      send_extremes(buckets[next]);
      if (next > 0) send_integers(buckets[next - 1]);
    }
  }

  bool on_its_way() const {
    return std::any_of(buckets.begin(), buckets.end(), [](const Bucket& b) { return b.of_extremes != nullptr; });
  }
};

GradientReducer::GradientReducer(const Communicator& comm, std::vector<std::size_t> sizes, std::size_t bucket)
    : state_(std::make_unique<State>()) {
  state_->exchange = comm.exchange() ? comm.exchange() : make_mpi_exchange(comm);
  for (const std::size_t size : sizes) state_->tensors.push_back({.size = size, .items = {}});
  for (const GradientBucket& tensors : buckets(sizes, bucket)) {
    State::Bucket b;
    b.first = tensors.first;
    b.end = tensors.end;
    state_->buckets.push_back(std::move(b));
  }
}

std::vector<GradientBucket> GradientReducer::buckets(std::span<const std::size_t> sizes, std::size_t bucket) {
  std::vector<GradientBucket> all;
  for (std::size_t end = sizes.size(); end > 0;) {
    GradientBucket b{end, end};
    for (std::size_t filled = 0; b.first > 0 && (b.first == b.end || filled + sizes[b.first - 1] <= bucket);)
      filled += sizes[--b.first];
    end = b.first;
    all.push_back(b);
  }
  return all;
}

GradientReducer::~GradientReducer() {
  if (state_ && state_->on_its_way()) static_cast<void>(state_.release());  // NOLINT: the library still writes there
}

template <class Real>
void GradientReducer::give(std::size_t tensor, std::span<const Real> values) {
  Gathered& t = state_->tensors.at(tensor);
  if (t.closed || values.size() != t.size)
    fail(
        "gradient reducer: {} numbers were given for tensor {}, which {}; this is a defect of the program, please "
        "report it",
        values.size(), tensor, t.closed ? "is closed" : fmt::format("has {}", t.size));
  for (const Real each : values) {
    const double value = std::abs(static_cast<double>(each));
    t.bad = t.bad || !std::isfinite(value);
    if (value > t.largest) t.largest = value;
  }
  t.items.insert(t.items.end(), values.begin(), values.end());
  ++t.count;
}

template void GradientReducer::give(std::size_t, std::span<const float>);
template void GradientReducer::give(std::size_t, std::span<const double>);

void GradientReducer::close(std::size_t tensor) {
  state_->tensors.at(tensor).closed = true;
  if (on_main_thread()) state_->advance();
}

void GradientReducer::give_up() {
  for (Gathered& t : state_->tensors) {
    t.bad = t.bad || !t.closed;
    t.closed = true;
  }
  state_->advance();
}

std::vector<std::vector<double>> GradientReducer::finish() {
  State& s = *state_;
  for (Gathered& t : s.tensors) t.closed = true;
  s.advance();
  if (!s.buckets.empty()) s.send_integers(s.buckets.back());
  std::vector<std::vector<double>> result(s.tensors.size());
  for (State::Bucket& b : s.buckets) {
    b.of_sums->wait();
    auto from = b.sums.begin();
    for (std::size_t t = b.first; t < b.end; ++t) {
      auto& sums = result[t];
      const bool bad = b.extremes[2 * (t - b.first) + 1] != 0, some = s.has_sum(b, t);
      sums.assign(s.tensors[t].size, bad ? std::numeric_limits<double>::quiet_NaN() : 0.0);
      if (some)
        for (std::size_t i = 0; i < sums.size(); ++i)
          sums[i] = std::ldexp(static_cast<double>(from[static_cast<std::ptrdiff_t>(i)]), -s.shift(b, t));
      from += static_cast<std::ptrdiff_t>(sums.size());
    }
    b.of_extremes.reset();
  }
  return result;
}

}  // namespace dpl
