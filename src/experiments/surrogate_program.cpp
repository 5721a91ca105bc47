// Files for an external program, its start without a shell, its output.
#include "dpl/experiments/surrogate_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

extern char** environ;

namespace fs = std::filesystem;

namespace dpl {
namespace {

constexpr std::size_t kTail = 400;  // of what a program printed, in a message

std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  char quote = 0;
  for (const char c : command) {
    if (quote != 0) {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\'' || c == '"') {
      quote = c, open = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (open) words.push_back(word), word.clear(), open = false;
    } else {
      word += c, open = true;
    }
  }
  if (quote != 0) fail("config: surrogate.command is '{}'; a quote in it is not closed", command);
  if (open) words.push_back(word);
  return words;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.flush();
  if (!out) fail("{}: cannot be written; check that the folder is writable and the disk is not full", path);
}

// Without the variables by which a process finds the job that started it: the program is not a rank of that job.
std::vector<char*> clean_environment() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const bool of_job = text.starts_with("OMPI_") || text.starts_with("PMIX_") || text.starts_with("PMI_") ||
                        text.starts_with("PRTE_") || text.starts_with("HYDI_") || text.starts_with("MPIR_");
    if (!of_job) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

// Starts the program and waits. Empty where it ended with status 0, else what happened.
std::string start_and_wait(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  auto environment = clean_environment();
  pid_t child = 0;
  const int problem = posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&files);
  if (problem != 0) return fmt::format("cannot be started: {}", std::strerror(problem));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fmt::format("cannot be waited for: {}", std::strerror(errno));
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return fmt::format("ended with exit status {}", WEXITSTATUS(status));
  return "";
}

std::string forcing_text(const ProgramForcing& forcing, const std::vector<std::string>& date) {
  std::string text = fmt::format("date,{}\n", fmt::join(kForcingColumns, ","));
  for (std::size_t d = 0; d < date.size(); ++d)
    fmt::format_to(std::back_inserter(text), "{},{},{},{}\n", date[d], forcing.precipitation_mm_day[d],
                   forcing.temperature_degc[d], forcing.pet_mm_day[d]);
  return text;
}

double number_in(std::string_view text) {
  double value = std::nan("");
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() ? value : std::nan("");
}

std::vector<std::string_view> cells_of(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<std::string_view> cells;
  for (std::size_t begin = 0;;) {
    const auto comma = line.find(',', begin);
    cells.push_back(line.substr(begin, comma - begin));
    if (comma == std::string_view::npos) return cells;
    begin = comma + 1;
  }
}

// Runoff [run][day] of an output file; throws what is wrong with it.
std::vector<float> output_of(const std::string& path, const std::string& column, std::size_t runs,
                             const std::vector<std::string>& date) {
  if (!fs::exists(path)) fail("it wrote no output file");
  const std::string text = text_of(path);
  const std::size_t days = date.size();
  std::vector<float> values(runs * days);
  std::vector<std::size_t> filled(runs, 0);
  std::size_t begin = 0, line_number = 0, run_at = 0, date_at = 0, value_at = 0, width = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto cells = cells_of(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    if (++line_number == 1) {
      const auto at = [&](std::string_view name) {
        const auto found = std::find(cells.begin(), cells.end(), name);
        if (found == cells.end()) fail("its output has no column {}; it has {}", name, fmt::join(cells, ", "));
        return static_cast<std::size_t>(found - cells.begin());
      };
      run_at = at("run"), date_at = at("date"), value_at = at(column), width = cells.size();
      continue;
    }
    if (cells.size() != width)
      fail("line {} of its output has {} columns, the header {}", line_number, cells.size(), width);
    const double run = number_in(cells[run_at]);
    if (!(run >= 1 && run <= static_cast<double>(runs)) || run != std::floor(run))
      fail("line {} of its output is of run '{}'; runs are 1 to {}", line_number, cells[run_at], runs);
    const auto k = static_cast<std::size_t>(run) - 1;
    if (filled[k] == days) fail("its output has more than {} days of run {}", days, k + 1);
    if (cells[date_at] != date[filled[k]])
      fail("line {} of its output is of {}; the next day of run {} is {}", line_number, cells[date_at], k + 1,
           date[filled[k]]);
    const double value = number_in(cells[value_at]);
    if (!std::isfinite(value) || value < 0)
      fail("{} of run {} on {} is '{}'; it must be a finite number from 0", column, k + 1, cells[date_at],
           cells[value_at]);
    values[k * days + filled[k]++] = static_cast<float>(value);
  }
  for (std::size_t k = 0; k < runs; ++k)
    if (filled[k] != days) fail("its output has {} days of run {}, the forcing {}", filled[k], k + 1, days);
  return values;
}

}  // namespace

std::size_t CsvTable::column(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail("{}: has no column {}; it has {}", path, name, fmt::join(names, ", "));
  return static_cast<std::size_t>(found - names.begin());
}

double CsvTable::number(std::size_t row, std::size_t at) const {
  const double value = number_in(rows[row][at]);
  if (!std::isfinite(value))
    fail("{}:{}: {} is '{}'; it must be a finite number", path, row + 2, names[at], rows[row][at]);
  return value;
}

CsvTable read_csv(const std::string& path) {
  if (!std::ifstream(path)) fail("{}: cannot be read: {}", path, std::strerror(errno));
  const std::string text = text_of(path);
  CsvTable table{path, {}, {}};
  for (std::size_t begin = 0, line = 1; begin < text.size(); ++line) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto cells = cells_of(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    if (line > 1 && cells.size() != table.names.size())
      fail("{}:{}: has {} columns, the header {}", path, line, cells.size(), table.names.size());
    std::vector<std::string> row(cells.begin(), cells.end());
    if (line == 1) table.names = std::move(row);
    else table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) fail("{}: holds no row below a header", path);
  return table;
}

ExternalProgram::ExternalProgram(const SurrogateConfig& config)
    : words_(words_of(config.command)), command_(config.command), column_(config.output_column) {
  for (const auto& p : config.parameters) names_.push_back(p.name);
  for (const char* needed : {"{parameters}", "{output}"})
    if (command_.find(needed) == std::string::npos)
      fail("config: surrogate.command is '{}'; {} is missing in it: the program must be told that file", command_, needed);
  std::string rest = command_;
  for (const char* known : {"{forcing}", "{parameters}", "{output}", "{place}"}) replace_all(rest, known, "");
  if (const auto brace = rest.find('{'); brace != std::string::npos)
    fail("config: surrogate.command holds '{}'; allowed: {{forcing}}, {{parameters}}, {{output}}, {{place}}",
         rest.substr(brace, rest.find('}', brace) - brace + 1));
}

std::vector<float> ExternalProgram::run(const std::string& place, const ProgramForcing& forcing,
                                        std::span<const double> physical, const std::string& folder) const {
  const std::size_t runs = physical.size() / names_.size();
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  fs::create_directories(folder, ignored);
  std::vector<std::string> date;
  for (Count d = 0; d < forcing.days(); ++d) date.push_back(iso_date(forcing.first_day + d));
  const std::string forcing_path = folder + "/forcing.csv", parameters_path = folder + "/parameters.csv",
                    output_path = folder + "/output.csv", log = folder + "/program.log";
  write_file(forcing_path, forcing_text(forcing, date));
  std::string parameters = fmt::format("run,{}\n", fmt::join(names_, ","));
  for (std::size_t k = 0; k < runs; ++k)
    parameters += fmt::format("{},{}\n", k + 1, fmt::join(physical.subspan(k * names_.size(), names_.size()), ","));
  write_file(parameters_path, parameters);

  std::vector<std::string> words = words_;
  for (auto& word : words) {
    replace_all(word, "{forcing}", forcing_path);
    replace_all(word, "{parameters}", parameters_path);
    replace_all(word, "{output}", output_path);
    replace_all(word, "{place}", place);
  }
  const std::string problem = start_and_wait(words, log);
  if (!problem.empty()) {
    const std::string printed = text_of(log);
    fail("external program '{}', place {}: {}{}; its files are in {}", command_, place, problem,
         printed.empty() ? "" : "; it printed: " + printed.substr(printed.size() - std::min(printed.size(), kTail)),
         folder);
  }
  std::vector<float> values;
  try {
    values = output_of(output_path, column_, runs, date);
  } catch (const Error& wrong) {
    fail("external program '{}', place {}: {}; its files are in {}", command_, place, wrong.what(), folder);
  }
  fs::remove_all(folder, ignored);
  return values;
}

void to_physical(const std::vector<ProgramParameter>& parameters, std::span<double> shares) {
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const ProgramParameter& p = parameters[i % parameters.size()];
    const double value = p.log_space ? p.low * std::pow(p.high / p.low, shares[i]) : p.low + shares[i] * (p.high - p.low);
    shares[i] = std::clamp(value, p.low, p.high);
  }
}

}  // namespace dpl
