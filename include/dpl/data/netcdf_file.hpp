// netCDF-4 files through one checked wrapper: parallel reading, serial or parallel writing. The only door to netCDF.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// An open file. Every function throws Error that names the file and the variable.
/// Open with a communicator: calls marked Collective are made by all ranks. Without: private to the calling rank.
/// Any thread may use a file of its own: calls of all files wait for one another.
class NetcdfFile {
 public:
  /// **Collective** with comm. Error text distinguishes: does not exist, is not netCDF, may not be read.
  static NetcdfFile open(const Communicator& comm, const std::string& path);
  static NetcdfFile open_local(const std::string& path);
  /// Serial file written by the calling rank alone; an existing file is replaced.
  static NetcdfFile create_local(const std::string& path);
  /// **Collective.** File written by all ranks together; an existing file is replaced. All calls on it are
  /// collective.
  static NetcdfFile create(const Communicator& comm, const std::string& path);
  ~NetcdfFile();
  NetcdfFile(NetcdfFile&&) noexcept;

  const std::string& path() const;
  bool has_variable(const std::string& name) const;
  std::vector<std::string> variable_names() const;
  std::vector<std::string> dimension_names(const std::string& variable) const;
  std::vector<Count> shape(const std::string& variable) const;
  /// Extents of a chunk, the unit of compression and reading; ones where the variable is not stored in chunks.
  std::vector<Count> chunk_shape(const std::string& variable) const;
  /// Empty string where the attribute does not exist. `variable` "" = global.
  std::string text_attribute(const std::string& variable, const std::string& name) const;
  bool is_text(const std::string& variable) const;     ///< char or string type

  /// Hyperslab as double, unpacked (scale_factor, add_offset); missing values become NaN: _FillValue or else the
  /// library's default, missing_value, what lies outside valid_min, valid_max, valid_range (all compared in the variable's
  /// own type, before unpacking). Collective when opened with a communicator.
  std::vector<double> read(const std::string& variable, std::span<const Count> start,
                           std::span<const Count> count) const;
  std::vector<double> read(const std::string& variable) const;   ///< whole variable
  /// The same without a detour over double, for variables that is_single.
  std::vector<float> read_single(const std::string& variable, std::span<const Count> start,
                                 std::span<const Count> count) const;
  void read_single(const std::string& variable, std::span<const Count> start, std::span<const Count> count,
                   std::vector<float>& values) const;   ///< into memory that is there
  /// Numbers that `read` and `read_single` of any file gave this process so far: what tests hold a rank's share against.
  static Count numbers_read();
  bool is_single(const std::string& variable) const;   ///< numbers of type float, not packed
  /// Whole variable; a missing value becomes `missing`, without it an Error.
  std::vector<std::int64_t> read_integers(const std::string& variable, std::optional<std::int64_t> missing = {}) const;
  double number_attribute(const std::string& variable, const std::string& name) const;   ///< NaN where it does not exist
  /// char(n, len) or string(n); blanks around the text are cut, and what follows a NUL.
  std::vector<std::string> read_strings(const std::string& variable) const;

  /// Writing: define everything, then write. In a file of all ranks, `write` takes the same values on every rank,
  /// write_rows and write_slab each rank's own part (which may be empty).
  void define_dimension(const std::string& name, Count size);
  void define_variable(const std::string& name, const std::string& type /* float double int int64 char */,
                       const std::vector<std::string>& dimensions, int deflate_level = 0);
  void set_chunks(const std::string& variable, const std::vector<Count>& extents);   ///< before anything is written
  void put_attribute(const std::string& variable, const std::string& name, const std::string& text);
  void put_attribute(const std::string& variable, const std::string& name, double value);
  void write(const std::string& variable, std::span<const double> values);
  void write(const std::string& variable, std::span<const float> values);
  void write(const std::string& variable, std::span<const std::int64_t> values);
  void write_strings(const std::string& variable, std::span<const std::string> values);  ///< char(n, len)
  void write_slab(const std::string& variable, std::span<const Count> start, std::span<const Count> count,
                  std::span<const float> values);
  void write_slab(const std::string& variable, std::span<const Count> start, std::span<const Count> count,
                  std::span<const double> values);
  /// Rows first.. of a variable of one dimension.
  void write_rows(const std::string& variable, Count first, std::span<const double> values);
  void write_rows(const std::string& variable, Count first, std::span<const std::int64_t> values);
  void close();                                        ///< throws where the destructor could not

 private:
  struct Impl;
  explicit NetcdfFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dpl
