// How far computed values are from those of a reference file.
#pragma once

#include <string>
#include <vector>

namespace dpl {

struct Deviation {
  std::string quantity;
  double value = 0;
  double tolerance = 0;
  bool passed() const { return value <= tolerance; }  // false for NaN
};

/// Largest |a - b| over the largest |b|; the former where all b are 0. NaN where one is.
double deviation_of_array(const std::vector<double>& a, const std::vector<double>& b);

/// Largest |a - b| / |b| of the values that are not zero.
double deviation_one_by_one(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace dpl
