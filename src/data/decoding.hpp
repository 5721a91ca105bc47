// From stored numbers to values: which of them mean "missing", and how packed ones are unpacked (CF 1.8, 2.5.1
// and 8.1).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace dpl {

/// What the attributes of a variable say about its numbers. Comparisons are made with the stored ("packed") numbers.
struct Decoding {
  bool packed = false;  ///< value = scale * stored + offset
  double scale = 1, offset = 0;
  double wrap = 0;              ///< added to negative numbers (attribute _Unsigned), 0 = none
  std::vector<double> missing;  ///< stored numbers that mean "missing", as the variable's type holds them
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool range_of_values = false;  ///< low and high are of unpacked values

  /// Stored numbers become values, missing ones NaN. Single precision for numbers that are stored so and not packed.
  template <class Real>
  void apply(std::vector<Real>& numbers) const;
  bool is_plain() const { return !packed && wrap == 0; }

 private:
  template <class Real>
  bool changes_nothing(const std::vector<Real>& numbers) const;
};

/// Throws Error for attributes that are text or have the wrong length, and for a scale_factor of 0.
Decoding decoding_of(int file, int variable, const std::string& path, const std::string& name);

/// Stored integers that mean "missing", exact; those of an unsigned 64-bit variable as the same bits.
std::vector<std::int64_t> missing_integers(int file, int variable);

}  // namespace dpl
