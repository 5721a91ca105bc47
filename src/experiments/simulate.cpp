// The verb `simulate`: HBV for a table of parameter sets, as an external program would run it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/experiments/surrogate.hpp"
#include "dpl/experiments/surrogate_program.hpp"
#include "dpl/physics/runoff.hpp"
#include "dpl/physics/unit_hydrograph.hpp"

namespace dpl {
namespace {

// [day][run], all runs alike.
std::vector<double> forcing_of(const CsvTable& table, const char* name, std::size_t runs) {
  const auto column = table.column(name);
  std::vector<double> values;
  for (std::size_t d = 0; d < table.rows.size(); ++d) values.insert(values.end(), runs, table.number(d, column));
  return values;
}

// [run]
std::vector<double> parameter_of(const CsvTable& table, const std::string& name) {
  const auto column = table.column(name);
  std::vector<double> values;
  for (std::size_t k = 0; k < table.rows.size(); ++k) values.push_back(table.number(k, column));
  return values;
}

void simulate(const std::string& forcing_path, const std::string& parameters_path, const std::string& output_path) {
  const CsvTable forcing = read_csv(forcing_path), sets = read_csv(parameters_path);
  const std::size_t runs = sets.rows.size(), days = forcing.rows.size(), run_column = sets.column("run");
  RunoffOptions options;
  options.catchments = static_cast<Index>(runs);
  options.components = 1;
  Runoff<double> model(options);
  std::vector<double> fixed;
  for (const auto& p : model.parameters()) {
    const auto values = parameter_of(sets, p.name);
    fixed.insert(fixed.end(), values.begin(), values.end());
  }
  const auto p = forcing_of(forcing, kForcingColumns[0], runs), t = forcing_of(forcing, kForcingColumns[1], runs),
             e = forcing_of(forcing, kForcingColumns[2], runs);
  std::vector<double> runoff(days * runs), flow(days * runs);
  model.forward({p.data(), t.data(), e.data(), static_cast<Count>(days)}, {fixed, {}}, {}, runoff, {},
                Runoff<double>::kNoTape);
  const auto a = parameter_of(sets, "unit_hydrograph_a"), b = parameter_of(sets, "unit_hydrograph_b");
  UnitHydrograph<double>(a, b).forward(runoff, flow);
  std::ofstream out(output_path, std::ios::binary);
  out << "run,date,runoff_mm_day\n";
  const auto date = forcing.column("date");
  for (std::size_t k = 0; k < runs; ++k)
    for (std::size_t d = 0; d < days; ++d)
      out << sets.rows[k][run_column] << ',' << forcing.rows[d][date] << ',' << fmt::format("{:.9g}", flow[d * runs + k])
          << '\n';
  out.flush();
  if (!out) fail("{}: cannot be written; check that the folder is writable and the disk is not full", output_path);
}

}  // namespace

int run_simulate(const VerbContext& context) {
  if (context.files.size() != 3)
    fail("simulate: {} files are given; it needs 3: FORCING.csv PARAMETERS.csv OUTPUT.csv", context.files.size());
  agree_on_root(context.comm, "simulate",
                [&] { simulate(context.files[0], context.files[1], context.files[2]); });
  return 0;
}

}  // namespace dpl
