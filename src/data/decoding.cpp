// Reads _FillValue, missing_value, valid_*, scale_factor, add_offset and _Unsigned.
#include "decoding.hpp"

#include <netcdf.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

struct Variable {
  int file, id;
  const std::string& path;
  const std::string& name;
  nc_type type = NC_NAT;
};

bool is_real(nc_type type) { return type == NC_FLOAT || type == NC_DOUBLE; }

template <class T>
T from_bytes(const void* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Calls `use` with the number that never written places hold: _FillValue, else the library's default. Bytes have no
// default (all 256 are used), nor have integers of a variable that is not filled beforehand.
template <class Use>
void with_fill(int file, int variable, Use use) {
  nc_type type = NC_NAT;
  int no_fill = 0;
  alignas(8) unsigned char bytes[8] = {};
  if (nc_inq_vartype(file, variable, &type) != NC_NOERR || type > NC_UINT64 || type == NC_CHAR) return;
  const bool stated = nc_inq_attid(file, variable, "_FillValue", nullptr) == NC_NOERR;
  if (nc_inq_var_fill(file, variable, &no_fill, bytes) != NC_NOERR) return;
  if (!stated && (type == NC_BYTE || type == NC_UBYTE || (no_fill != 0 && !is_real(type)))) return;
  // Without filling the library reports 0, not its default.
  if (!stated && no_fill != 0 && type == NC_FLOAT) return use(NC_FILL_FLOAT);
  if (!stated && no_fill != 0) return use(NC_FILL_DOUBLE);
  switch (type) {
    case NC_BYTE:
      return use(from_bytes<signed char>(bytes));
    case NC_UBYTE:
      return use(from_bytes<unsigned char>(bytes));
    case NC_SHORT:
      return use(from_bytes<short>(bytes));
    case NC_USHORT:
      return use(from_bytes<unsigned short>(bytes));
    case NC_INT:
      return use(from_bytes<int>(bytes));
    case NC_UINT:
      return use(from_bytes<unsigned>(bytes));
    case NC_INT64:
      return use(from_bytes<long long>(bytes));
    case NC_UINT64:
      return use(from_bytes<unsigned long long>(bytes));
    case NC_FLOAT:
      return use(from_bytes<float>(bytes));
    default:
      return use(from_bytes<double>(bytes));
  }
}

struct Numbers {
  std::vector<double> values;
  nc_type type = NC_NAT;
};

// A numeric attribute; `length` 0 = any. Empty where there is none.
std::optional<Numbers> numbers_of(const Variable& v, const char* attribute, std::size_t length) {
  Numbers found;
  std::size_t size = 0;
  if (nc_inq_att(v.file, v.id, attribute, &found.type, &size) != NC_NOERR) return {};
  if (found.type == NC_CHAR || found.type > NC_UINT64)
    fail("{}: attribute {} of variable {} is text; it must be a number", v.path, attribute, v.name);
  if (size == 0 || (length > 0 && size != length))
    fail("{}: attribute {} of variable {} holds {} numbers, {} needed", v.path, attribute, v.name, size,
         length == 2 ? "2 are" : "1 is");
  found.values.resize(size);
  if (const int code = nc_get_att_double(v.file, v.id, attribute, found.values.data()); code != NC_NOERR)
    fail("{}: attribute {} of variable {} cannot be read: {}", v.path, attribute, v.name, nc_strerror(code));
  return found;
}

// True where an integer type of `bits` can hold the number.
bool representable(double number, nc_type type) {
  if (number != std::floor(number)) return false;
  const bool is_unsigned = type == NC_UBYTE || type == NC_USHORT || type == NC_UINT || type == NC_UINT64;
  const int bits = type == NC_BYTE || type == NC_UBYTE     ? 8
                   : type == NC_SHORT || type == NC_USHORT ? 16
                   : type == NC_INT || type == NC_UINT     ? 32
                                                           : 64;
  const double top = std::ldexp(1.0, is_unsigned ? bits : bits - 1);
  return number < top && number >= (is_unsigned ? 0 : -top);
}

// The number as the variable's type holds it: -9999.9 in double is not what a float variable stores.
double in_type(double number, nc_type type) {
  return type == NC_FLOAT ? static_cast<double>(static_cast<float>(number)) : number;
}

void read_packing(const Variable& v, Decoding& d) {
  const auto scale = numbers_of(v, "scale_factor", 1), offset = numbers_of(v, "add_offset", 1);
  if (scale) d.scale = scale->values[0];
  if (offset) d.offset = offset->values[0];
  if (d.scale == 0 || !std::isfinite(d.scale) || !std::isfinite(d.offset))
    fail("{}: variable {} has scale_factor {} and add_offset {}; both must be finite and scale_factor not 0", v.path,
         v.name, d.scale, d.offset);
  d.packed = d.scale != 1 || d.offset != 0;
  char text[8] = {};
  std::size_t length = 0;
  nc_type type = NC_NAT;
  if (nc_inq_att(v.file, v.id, "_Unsigned", &type, &length) != NC_NOERR || type != NC_CHAR || length > 7) return;
  nc_get_att_text(v.file, v.id, "_Unsigned", text);
  if (std::strcmp(text, "true") == 0)
    d.wrap = v.type == NC_BYTE ? 256.0 : v.type == NC_SHORT ? 65536.0 : v.type == NC_INT ? 4294967296.0 : 0.0;
}

void read_missing(const Variable& v, Decoding& d) {
  const auto add = [&](double number) {
    number = in_type(number, v.type);
    d.missing.push_back(number < 0 ? number + d.wrap : number);
    // Values that once were single precision: 1e20 has become 1.00000002e20.
    if (v.type == NC_DOUBLE) d.missing.push_back(in_type(number, NC_FLOAT));
  };
  with_fill(v.file, v.id, [&](auto fill) { add(static_cast<double>(fill)); });
  const auto stated = numbers_of(v, "missing_value", 0);
  if (!stated) return;
  for (const double number : stated->values) {
    if (is_real(v.type) || representable(number, v.type) || std::isnan(number))
      add(number);
    else if (d.packed)
      fail(
          "{}: missing_value of variable {} is {}, which its integers cannot hold; it must be the packed number, "
          "without "
          "scale_factor and add_offset",
          v.path, v.name, number);
  }
}

void read_range(const Variable& v, Decoding& d) {
  const auto range = numbers_of(v, "valid_range", 2), low = numbers_of(v, "valid_min", 1),
             high = numbers_of(v, "valid_max", 1);
  // A range in floating point for packed integers is one of unpacked values (netCDF users' guide).
  for (const auto* stated : {&range, &low, &high})
    if (*stated && is_real((*stated)->type) && !is_real(v.type) && d.packed) d.range_of_values = true;
  const auto bound = [&](double number) {
    number = in_type(number, v.type);
    return number < 0 && !d.range_of_values ? number + d.wrap : number;
  };
  if (range) d.low = bound(range->values[0]), d.high = bound(range->values[1]);
  if (low) d.low = bound(low->values[0]);
  if (high) d.high = bound(high->values[0]);
}

}  // namespace

Decoding decoding_of(int file, int variable, const std::string& path, const std::string& name) {
  Variable v{file, variable, path, name};
  if (nc_inq_vartype(file, variable, &v.type) != NC_NOERR || v.type > NC_UINT64 || v.type == NC_CHAR)
    fail("{}: variable {} does not hold numbers of a basic type", path, name);
  Decoding d;
  read_packing(v, d);
  read_missing(v, d);
  read_range(v, d);
  return d;
}

// A look at the smallest and the largest number, much faster than one at each, settles most of large arrays. Lanes of their
// own let the compiler use vectors.
template <class Real>
bool Decoding::changes_nothing(const std::vector<Real>& numbers) const {
  constexpr std::size_t kLanes = 32;
  if (!is_plain() || numbers.size() < kLanes) return false;
  Real least[kLanes], most[kLanes];
  std::fill_n(least, kLanes, std::numeric_limits<Real>::infinity());   // NaN is never less nor more: it stays what it is
  std::fill_n(most, kLanes, -std::numeric_limits<Real>::infinity());
  const auto look = [&](const Real* from) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      least[k] = from[k] < least[k] ? from[k] : least[k];
      most[k] = from[k] > most[k] ? from[k] : most[k];
    }
  };
  for (std::size_t i = 0; i + kLanes <= numbers.size(); i += kLanes) look(numbers.data() + i);
  look(numbers.data() + numbers.size() - kLanes);
  const double smallest = *std::min_element(least, least + kLanes), largest = *std::max_element(most, most + kLanes);
  return smallest >= low && largest <= high && std::none_of(missing.begin(), missing.end(), [&](double number) {
    return number >= smallest && number <= largest;
  });
}

template <class Real>
void Decoding::apply(std::vector<Real>& numbers) const {
  if (changes_nothing(numbers)) return;
  for (Real& stored : numbers) {
    double number = stored;
    if (number < 0) number += wrap;
    bool gone = std::find(missing.begin(), missing.end(), number) != missing.end();
    const double value = packed ? number * scale + offset : number;
    const double judged = range_of_values ? value : number;
    gone = gone || judged < low || judged > high;
    stored = static_cast<Real>(gone ? kMissing : value);
  }
}

template void Decoding::apply(std::vector<double>&) const;
template void Decoding::apply(std::vector<float>&) const;

std::vector<std::int64_t> missing_integers(int file, int variable) {
  std::vector<std::int64_t> missing;
  with_fill(file, variable, [&](auto fill) { missing.push_back(static_cast<std::int64_t>(fill)); });
  nc_type type = NC_NAT;
  std::size_t length = 0;
  if (nc_inq_att(file, variable, "missing_value", &type, &length) != NC_NOERR || type == NC_CHAR || type > NC_UINT64)
    return missing;
  if (type == NC_UINT64) {
    std::vector<unsigned long long> numbers(length);
    nc_get_att_ulonglong(file, variable, "missing_value", numbers.data());
    for (const auto number : numbers) missing.push_back(static_cast<std::int64_t>(number));
  } else if (!is_real(type)) {
    std::vector<long long> numbers(length);
    nc_get_att_longlong(file, variable, "missing_value", numbers.data());
    missing.insert(missing.end(), numbers.begin(), numbers.end());
  } else {
    std::vector<double> numbers(length);
    nc_get_att_double(file, variable, "missing_value", numbers.data());
    for (const double number : numbers)
      if (representable(number, NC_INT64)) missing.push_back(static_cast<std::int64_t>(number));
  }
  return missing;
}

}  // namespace dpl
