// The competitive evolution of complexes, one trial at a time.
#include "dpl/learning/sce_ua.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr double kWorst = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kFirstPoints = ~std::uint64_t{0};

}  // namespace

bool SceUa::better(const Point& a, const Point& b) { return a.value < b.value; }

SceUa::SceUa(std::vector<double> lower, std::vector<double> upper, const SceUaOptions& options, const RandomKey& key)
    : lower_(std::move(lower)),
      upper_(std::move(upper)),
      options_(options),
      key_(key),
      points_of_complex_(2 * lower_.size() + 1),
      simplex_size_(lower_.size() + 1) {
  if (lower_.empty() || lower_.size() != upper_.size())
    fail("SCE-UA: {} lower and {} upper ends of ranges", lower_.size(), upper_.size());
  for (std::size_t d = 0; d < lower_.size(); ++d)
    if (!(std::isfinite(lower_[d]) && std::isfinite(upper_[d]) && lower_[d] < upper_[d]))
      fail("SCE-UA: range {} is {} to {}", d, lower_[d], upper_[d]);
  const auto points = static_cast<Count>(points_of_complex_) * options_.complexes;
  if (options_.complexes < 1) fail("SCE-UA: {} complexes, at least 1 is needed", options_.complexes);
  if (options_.evaluations < points)
    fail("SCE-UA: a budget of {} evaluations is less than the {} first points ({} complexes of {} for {} parameters)",
         options_.evaluations, points, options_.complexes, points_of_complex_, lower_.size());
  best_.value = kWorst;
  best_.at = lower_;
  for (Count k = 0; k < points; ++k) {
    RandomKey first = key_;
    first.update = kFirstPoints;
    Point point{{}, kWorst};
    for (std::size_t d = 0; d < lower_.size(); ++d) {
      const double u = random_uniform(first, static_cast<std::uint32_t>(static_cast<std::size_t>(k) * lower_.size() + d));
      point.at.push_back(lower_[d] + u * (upper_[d] - lower_[d]));
    }
    asked_.insert(asked_.end(), point.at.begin(), point.at.end());
    population_.push_back(std::move(point));
  }
}

void SceUa::record(const std::vector<double>& at, double value) {
  ++evaluations_;
  if (!(value < best_.value)) return;
  best_ = {at, value};
  curve_.push_back({evaluations_, value});
}

double SceUa::draw(Complex& complex) const {
  RandomKey key = key_;
  key.update = loop_ * static_cast<std::uint64_t>(options_.complexes) + complex.number;
  return random_uniform(key, complex.draws++);
}

// A complex takes every p-th of the sorted points.
void SceUa::deal() {
  std::stable_sort(population_.begin(), population_.end(), better);
  const auto p = static_cast<std::size_t>(options_.complexes);
  complexes_.assign(p, {});
  for (std::size_t k = 0; k < population_.size(); ++k) complexes_[k % p].points.push_back(std::move(population_[k]));
  population_.clear();
  for (std::size_t c = 0; c < p; ++c) {
    complexes_[c].number = c;
    begin_step(complexes_[c]);
  }
}

// Points of rank i (from 0) are taken with probability proportional to m - i, without repetition; the worst of them is
// reflected at the centre of the others.
void SceUa::begin_step(Complex& complex) {
  const auto m = static_cast<double>(points_of_complex_);
  complex.simplex.assign(1, 0);  // the best point takes part in every simplex
  while (complex.simplex.size() < simplex_size_) {
    const double u = draw(complex);
    const auto i = static_cast<std::size_t>(m + 0.5 - std::sqrt((m + 0.5) * (m + 0.5) - m * (m + 1) * u));
    if (std::find(complex.simplex.begin(), complex.simplex.end(), i) == complex.simplex.end() && i < points_of_complex_)
      complex.simplex.push_back(i);
  }
  std::sort(complex.simplex.begin(), complex.simplex.end());
  const auto& worst = complex.points[complex.simplex.back()].at;
  complex.centre.assign(lower_.size(), 0.0);
  for (std::size_t k = 0; k + 1 < simplex_size_; ++k)
    for (std::size_t d = 0; d < lower_.size(); ++d) complex.centre[d] += complex.points[complex.simplex[k]].at[d];
  complex.kind = Trial::reflection;
  complex.trial.resize(lower_.size());
  bool inside = true;
  for (std::size_t d = 0; d < lower_.size(); ++d) {
    complex.centre[d] /= static_cast<double>(simplex_size_ - 1);
    complex.trial[d] = 2 * complex.centre[d] - worst[d];
    inside = inside && complex.trial[d] >= lower_[d] && complex.trial[d] <= upper_[d];
  }
  if (!inside) {
    mutate(complex);
    complex.kind = Trial::reflection;  // it stands for the point outside: where it is no better, contraction follows
  }
}

// A random point of the smallest box that holds the complex.
void SceUa::mutate(Complex& complex) {
  complex.kind = Trial::mutation;
  for (std::size_t d = 0; d < lower_.size(); ++d) {
    double low = kWorst, high = -kWorst;
    for (const auto& point : complex.points) low = std::min(low, point.at[d]), high = std::max(high, point.at[d]);
    complex.trial[d] = low + draw(complex) * (high - low);
  }
}

void SceUa::take(Complex& complex, double value) {
  Point& worst = complex.points[complex.simplex.back()];
  record(complex.trial, value);
  if (!(value < worst.value) && complex.kind != Trial::mutation) {
    if (complex.kind == Trial::reflection) {
      complex.kind = Trial::contraction;
      for (std::size_t d = 0; d < lower_.size(); ++d) complex.trial[d] = 0.5 * (complex.centre[d] + worst.at[d]);
    } else {
      mutate(complex);
    }
    return;
  }
  worst = {complex.trial, value};
  std::stable_sort(complex.points.begin(), complex.points.end(), better);
  if (++complex.steps < static_cast<Index>(points_of_complex_)) begin_step(complex);
}

void SceUa::finish(const char* why) {
  why_ = why;
  asked_.clear();
  waiting_.clear();
}

void SceUa::shuffle() {
  for (auto& complex : complexes_)
    for (auto& point : complex.points) population_.push_back(std::move(point));
  ++loop_;
  best_of_loop_.push_back(best_.value);
  double log_range = 0;
  for (std::size_t d = 0; d < lower_.size(); ++d) {
    double low = kWorst, high = -kWorst;
    for (const auto& point : population_) low = std::min(low, point.at[d]), high = std::max(high, point.at[d]);
    log_range += std::log(std::max((high - low) / (upper_[d] - lower_[d]), 1e-300)) / static_cast<double>(lower_.size());
  }
  if (options_.stop_range > 0 && log_range < std::log(options_.stop_range)) return finish("small range");
  const auto loops = static_cast<std::size_t>(options_.stop_loops);
  if (options_.stop_change > 0 && best_of_loop_.size() > loops) {
    const auto from = best_of_loop_.end() - static_cast<std::ptrdiff_t>(loops) - 1;
    double size = 0;
    for (auto v = from + 1; v != best_of_loop_.end(); ++v) size += std::abs(*v) / static_cast<double>(loops);
    if (*from - best_.value <= options_.stop_change * size) return finish("no improvement");
  }
  deal();
}

// Trials in the order of the complexes, as many as the budget allows.
void SceUa::ask() {
  asked_.clear();
  waiting_.clear();
  const bool round_done = std::all_of(complexes_.begin(), complexes_.end(), [&](const Complex& c) {
    return c.steps >= static_cast<Index>(points_of_complex_);
  });
  if (round_done) {
    shuffle();
    if (!why_.empty()) return;
  }
  for (std::size_t c = 0; c < complexes_.size(); ++c) {
    if (complexes_[c].steps >= static_cast<Index>(points_of_complex_)) continue;
    if (evaluations_ + static_cast<Count>(waiting_.size()) >= options_.evaluations) break;
    waiting_.push_back(c);
    asked_.insert(asked_.end(), complexes_[c].trial.begin(), complexes_[c].trial.end());
  }
  if (waiting_.empty()) finish("budget");
}

void SceUa::tell(std::span<const double> values) {
  if (static_cast<Index>(values.size()) != asked_count())
    fail("SCE-UA: {} values for {} points", values.size(), asked_count());
  const auto sane = [](double value) { return std::isfinite(value) ? value : kWorst; };
  if (complexes_.empty()) {
    for (std::size_t k = 0; k < values.size(); ++k) {
      population_[k].value = sane(values[k]);
      record(population_[k].at, population_[k].value);
    }
    deal();
  } else {
    for (std::size_t k = 0; k < values.size(); ++k) take(complexes_[waiting_[k]], sane(values[k]));
  }
  ask();
}

}  // namespace dpl
