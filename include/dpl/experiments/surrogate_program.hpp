// An external program that runs a hydrological model: its files, its start, its output (docs/surrogate.md).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"

namespace dpl {

/// A table of text with a header line, separated by commas.
struct CsvTable {
  std::string path;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
  /// Throws Error naming the columns there are.
  std::size_t column(const std::string& name) const;
  /// Throws Error naming file, line, column and the text that is no finite number.
  double number(std::size_t row, std::size_t column) const;
};

/// **Local.** Throws Error for a file that cannot be read, has no header, or a row of another length.
CsvTable read_csv(const std::string& path);

/// Daily forcing of a place, each [day].
struct ProgramForcing {
  Count first_day = 0;
  std::vector<float> precipitation_mm_day, temperature_degc, pet_mm_day;
  Count days() const { return static_cast<Count>(precipitation_mm_day.size()); }
};

/// Columns of the forcing file that programs are given, after `date`.
inline constexpr const char* kForcingColumns[] = {"precipitation_mm_day", "temperature_degc",
                                                  "potential_evapotranspiration_mm_day"};

/// surrogate.command. Words are separated by blanks; quotes (' or ") keep blanks inside a word. No shell sees it.
class ExternalProgram {
 public:
  /// Throws Error for a quote that is not closed, an unknown {name}, a command without {parameters} or {output}.
  explicit ExternalProgram(const SurrogateConfig& config);

  /// **Local.** One start of the program for all runs of a place: runoff [run][day] mm/day. Files are made in `folder`,
  /// which is removed unless the program failed. MPI's variables are kept from the program, so that it may be an MPI
  /// program itself. Throws Error naming command, place and what was wrong: exit status and the end of what it printed,
  /// an output that is missing, too short, in another order, negative or not finite.
  /// @param physical [run][parameter]
  std::vector<float> run(const std::string& place, const ProgramForcing& forcing, std::span<const double> physical,
                         const std::string& folder) const;

 private:
  std::vector<std::string> words_;
  std::string command_, column_;
  std::vector<std::string> names_;
};

/// In place: shares of the ranges [..][parameter] -> values of the program.
void to_physical(const std::vector<ProgramParameter>& parameters, std::span<double> shares);

}  // namespace dpl
