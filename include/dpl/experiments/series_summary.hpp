// Medians and quartiles over the basins of a series of trainings, as JSON text and as numbers.
#pragma once

#include <string>
#include <vector>

#include "dpl/experiments/basin_contest.hpp"

namespace dpl {

/// Values of a metric where it is defined.
std::vector<double> metric_values(const std::vector<const BasinScore*>& scores, const std::string& metric);

/// {"nse": {"median": , "q25": , "q75": , "count": }, ...} of all metrics.
std::string metric_summary(const std::vector<const BasinScore*>& scores);

/// "" for NaN, else the shortest text that reads back the same.
std::string csv_number(double value);

/// `,count,bias,...` and the values of one basin under it.
std::string score_columns();
std::string score_cells(const BasinScore& score);

/// **Collective:** what metrics.json of a series says about data, period, basins and program: text of a JSON object.
std::string series_origin(const BasinProblem& probe);

}  // namespace dpl
