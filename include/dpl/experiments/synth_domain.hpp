// A synthetic river basin from a seed: tree, places, attributes, true parameters, lateral inflow. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/base/topology.hpp"

namespace dpl {

/// Reaches in an order in which upstream comes before downstream; the outlet is the last.
struct SynthNetwork {
  std::vector<ReachId> reach_id;                   ///< in no order
  Topology topology;
  std::vector<double> length_m, slope, local_area_km2, upstream_area_km2;
  std::vector<double> x_km, y_km;                  ///< place of the reach's lower end
};

struct SynthAttributes {
  std::vector<std::string> names;                  ///< log10_uparea, a01, a02, ...
  std::vector<std::vector<double>> values;         ///< [attribute][reach]
};

struct SynthTruth {
  std::vector<double> n, p, q;                     ///< [reach]
};

/// A random tree of `config.synth.reaches` reaches: about half of them headwaters, lengths 1.5 to 20 km, slopes that fall
/// with the drained area (about 0.008 (A/20 km2)^-0.5, as the Juniata's), local areas 8 to 110 km2.
SynthNetwork make_synth_network(const RunConfig& config);

/// The drained area and attributes that vary smoothly over the basin (sums of plane waves).
SynthAttributes make_synth_attributes(const RunConfig& config, const SynthNetwork& network);

/// synth.truth `area`: n = 0.0915 A^-0.131; `attributes`: n a smooth function over a factor of 3 of the first half of the
/// attributes. p = 21, q = 0.5.
SynthTruth make_synth_truth(const RunConfig& config, const SynthNetwork& network, const SynthAttributes& attributes);

/// Lateral inflow [reach][step], m3/s: local moving storms of hours to a day, soils that fill and dry with the season, hillslopes
/// that rise over hours and recede at three speeds (equations in src/experiments/synth_inflow.cpp). Made in steps of at most 1 h.
std::vector<float> make_synth_inflow(const RunConfig& config, const SynthNetwork& network);

/// Steps of the inflow: synth.days of synth.inflow_step_h.
Count synth_steps(const RunConfig& config);

/// Gauged reaches: the outlet and reaches of smaller and smaller drained area.
std::vector<Index> choose_synth_gauges(const RunConfig& config, const SynthNetwork& network);

}  // namespace dpl
