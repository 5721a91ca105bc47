// SCE-UA, shuffled complex evolution (Duan, Sorooshian and Gupta 1992, doi 10.1029/91WR02985; 1994,
// doi 10.1016/0022-1694(94)90057-4), as a search that asks for values and is told them: many searches, and the complexes
// of each, are evaluated together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/random.hpp"
#include "dpl/base/types.hpp"

namespace dpl {

/// With n dimensions a complex has 2n+1 points, a simplex n+1 of them, and a complex takes 2n+1 steps between two
/// shuffles (Duan et al. 1994, section 4).
struct SceUaOptions {
  Index complexes = 5;
  Count evaluations = 10000;  ///< budget; the search asks for exactly so many values unless it stops before
  Index stop_loops = 10;      ///< stops when over so many shuffles the best value fell by less than ...
  double stop_change = 1e-4;  ///< ... this share of their mean size; 0: never
  double stop_range = 1e-6;   ///< stops when the points fill less than this share of the ranges (geometric mean); 0: never
};

/// Minimises one function over a box. **Local.** Draws depend on the key and on the values told, on nothing else.
class SceUa {
 public:
  /// Throws Error for ranges that are empty or not finite, or fewer evaluations than the first points.
  SceUa(std::vector<double> lower, std::vector<double> upper, const SceUaOptions& options, const RandomKey& key);

  bool finished() const { return asked_.empty(); }
  /// [point][dimension], whose values are wanted next: the first points, later one of each complex that waits.
  std::span<const double> asked() const { return asked_; }
  Index asked_count() const { return static_cast<Index>(asked_.size() / lower_.size()); }
  /// Values of asked(), same order; what is not finite is worse than everything.
  void tell(std::span<const double> values);

  std::span<const double> best() const { return best_.at; }
  double best_value() const { return best_.value; }
  Count evaluations() const { return evaluations_; }
  /// Whenever the best value fell: after how many evaluations, and to what.
  struct Improvement {
    Count evaluations = 0;
    double value = 0;
  };
  const std::vector<Improvement>& curve() const { return curve_; }
  /// Why it finished: budget | no improvement | small range.
  const std::string& why() const { return why_; }

 private:
  struct Point {
    std::vector<double> at;
    double value = 0;
  };
  enum class Trial { reflection, contraction, mutation };
  struct Complex {
    std::vector<Point> points;          // best first
    std::vector<std::size_t> simplex;   // positions in it, ascending: the last is the worst
    std::vector<double> centre, trial;  // of the simplex without its worst point; the point that waits for its value
    Trial kind = Trial::reflection;
    Index steps = 0;
    std::uint32_t draws = 0;
    std::uint64_t number = 0;
  };
  static bool better(const Point& a, const Point& b);
  double draw(Complex& complex) const;
  void begin_step(Complex& complex);
  void mutate(Complex& complex);
  void take(Complex& complex, double value);
  void record(const std::vector<double>& at, double value);
  void deal();
  void shuffle();
  void ask();
  void finish(const char* why);

  std::vector<double> lower_, upper_;
  SceUaOptions options_;
  RandomKey key_;
  std::size_t points_of_complex_, simplex_size_;
  std::vector<Point> population_;  // between two deals
  std::vector<Complex> complexes_;
  std::vector<std::size_t> waiting_;  // complexes whose trials are asked
  std::vector<double> asked_;
  std::vector<double> best_of_loop_;
  std::uint64_t loop_ = 0;
  Count evaluations_ = 0;
  Point best_;
  std::vector<Improvement> curve_;
  std::string why_;
};

}  // namespace dpl
