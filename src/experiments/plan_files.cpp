// A plan as aligned lines, as a table of comma-separated values and as JSON; calibrations read back.
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "dpl/base/error.hpp"
#include "dpl/base/version.hpp"
#include "dpl/experiments/scaling_plan.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

// Columns of plan.csv and fields of a row of plan.json.
std::vector<std::pair<const char*, double>> fields(const PlanRow& r) {
  return {{"ranks", r.ranks},
          {"largest_rank_subreaches", r.cells},
          {"imbalance", r.imbalance},
          {"depth", r.depth},
          {"pieces", r.pieces},
          {"cut_edges", r.cut_edges},
          {"most_neighbours", r.neighbours},
          {"compute_s", r.compute},
          {"imbalance_s", r.imbalance_s},
          {"fill_s", r.fill},
          {"latency_s", r.latency},
          {"bytes_s", r.bytes},
          {"reduce_s", r.reduce},
          {"input_s", r.input},
          {"update_s", r.seconds},
          {"memory_bytes", r.memory()},
          {"replicated_bytes", r.replicated},
          {"routing_bytes", r.routing},
          {"tape_bytes", r.tape},
          {"inflow_bytes", r.inflow},
          {"network_bytes", r.network},
          {"program_bytes", r.program},
          {"gpu_window_bytes", r.gpu_window},
          {"gpu_windows", r.gpu_windows},
          {"gpu_bytes_per_reach_step", r.gpu_reach_step},
          {"gpu_window_s_at_least", r.gpu_seconds}};
}

Json calibration_object(const Calibration& c) {
  Json json;
  json["made_for"] = c.made_for;
  json["measured_on_ranks"] = c.measured_on;
  json["routing"] = Json::array();
  for (const auto& cost : c.routing)
    json["routing"].push_back({{"subreaches", cost.cells},
                               {"cut", cost.cut},
                               {"ranks", cost.ranks},
                               {"steps", cost.steps},
                               {"forward_s", cost.forward_s},
                               {"adjoint_s", cost.adjoint_s}});
  json["network_reach_s"] = c.network_reach_s;
  json["transfer_reach_s"] = c.transfer_reach_s;
  json["read_value_s"] = c.read_value_s;
  json["latency_s"] = c.latency_s;
  json["further_message_s"] = c.further_message_s;
  json["byte_s"] = c.byte_s;
  json["messages_measured"] = c.messages_measured;
  json["program_bytes"] = c.program_bytes;
  return json;
}

template <class T>
void take(const Json& json, const char* field, const std::string& path, T& value) {
  if (!json.contains(field)) fail("{}: the calibration has no field {}; make it anew with dpl_hpc plan", path, field);
  try {
    json[field].get_to(value);
  } catch (const nlohmann::json::exception&) {
    fail("{}: field {} of the calibration is {}, which is of another type; make it anew with dpl_hpc plan", path, field,
         json[field].dump());
  }
  if constexpr (std::is_same_v<T, double>)
    if (!(value >= 0)) fail("{}: field {} of the calibration is {}; it must be 0 or positive", path, field, value);
}

void add_calibration(std::vector<std::string>& lines, const ScalingPlan& plan) {
  const Calibration& c = plan.calibration;
  lines.push_back(fmt::format("calibration ({}): {}", c.made_for,
                              plan.calibration_from.empty() ? fmt::format("measured here by {} rank{} at once",
                                                                          c.measured_on, c.measured_on == 1 ? "" : "s")
                                                            : plan.calibration_from));
  for (const auto& cost : c.routing)
    lines.push_back(
        fmt::format("  routing {:>9.0f} sub-reaches a rank: forward {:.0f}, adjoint {:.0f} million a second "
                    "({} steps{})",
                    cost.cells, 1e-6 / cost.forward_s, 1e-6 / cost.adjoint_s, cost.steps, cost.cut ? ", cut" : ""));
  lines.push_back(
      fmt::format("  parameter network {:.2f} us a reach, input {:.0f} MB/s a rank, message {:.2f} us + {:.2f} us "
                  "each further one, {:.2f} GB/s{}",
                  c.network_reach_s * 1e6, 4e-6 / c.read_value_s, c.latency_s * 1e6, c.further_message_s * 1e6,
                  1e-9 / c.byte_s, c.messages_measured ? "" : " (usual values, not measured)"));
}

// One rank, one GPU: what its memory holds is known, its seconds are not: a bound by the memory's bandwidth, not a measurement.
void add_gpus(std::vector<std::string>& lines, const ScalingPlan& plan) {
  if (plan.rows.front().gpu_window <= 0) return;
  lines.push_back(fmt::format("GPUs of {:.4g} GiB and {:.4g} TB/s, one a rank; seconds: no less by the bandwidth, not measured",
                              plan.gpu_memory_gib, plan.gpu_bandwidth_TBs));
  lines.push_back(fmt::format("{:>7} {:>9} {:>12} {:>12} {:>12} {:>14}", "ranks", "reaches", "GB a window", "B/reach-step",
                              "windows fit", "s a window >="));
  for (const PlanRow& r : plan.rows)
    lines.push_back(fmt::format("{:>7.0f} {:>9.0f} {:>12.3f} {:>12.1f} {:>12.0f} {:>14.5f}", r.ranks, r.cells, r.gpu_window / 1e9,
                                r.gpu_reach_step, r.gpu_windows, r.gpu_seconds));
}

}  // namespace

std::vector<std::string> plan_table(const ScalingPlan& plan) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {} reaches, {} of them above {} gauges; windows of {} days, {} steps", plan.network,
                              plan.reaches, plan.active, plan.gauges, plan.window_days, plan.steps));
  add_calibration(lines, plan);
  lines.push_back(
      fmt::format("{:>7} {:>9} {:>6} {:>6} {:>8} {:>8} | {:>8} {:>8} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>6}  {}",
                  "ranks", "reaches", "imbal.", "depth", "cut", "memory", "compute", "wait", "exchange", "reduce",
                  "input", "update", "speed-up", "eff.", "limited by"));
  lines.push_back(fmt::format("{:>7} {:>9} {:>6} {:>6} {:>8} {:>8} | {:>8} {:>8} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>6}",
                              "", "a rank", "%", "", "edges", "GB/rank", "s", "s", "s", "s", "s", "s", "", "%"));
  const PlanRow& first = plan.rows.front();
  for (const PlanRow& r : plan.rows) {
    const double speed_up = first.seconds / r.seconds * first.ranks;
    lines.push_back(fmt::format(
        "{:>7.0f} {:>9.0f} {:>6.1f} {:>6.0f} {:>8.0f} {:>8.2f} | {:>8.4f} {:>8.4f} {:>8.4f} {:>8.4f} {:>8.4f} | "
        "{:>8.4f} {:>8.1f} {:>6.1f}  {}",
        r.ranks, r.cells, r.imbalance * 100, r.depth, r.cut_edges, r.memory() / 1e9, r.compute, r.wait(), r.exchange(),
        r.reduce, r.input, r.seconds, speed_up, speed_up / r.ranks * 100, limit_of(r)));
  }
  add_gpus(lines, plan);
  if (const auto cores = std::thread::hardware_concurrency(); plan.rows.back().ranks > cores)
    lines.push_back(
        fmt::format("each rank has a core of its own; this machine has {}: more ranks than that are as on other "
                    "nodes of the same kind",
                    cores));
  return lines;
}

std::string plan_csv(const ScalingPlan& plan) {
  std::string csv;
  for (const auto& [name, value] : fields(plan.rows.front())) csv += fmt::format("{},", name);
  csv += "limit\n";
  for (const auto& row : plan.rows) {
    for (const auto& [name, value] : fields(row)) csv += fmt::format("{:.9g},", value);
    csv += fmt::format("{}\n", limit_of(row));
  }
  return csv;
}

std::string plan_json(const ScalingPlan& plan) {
  Json json;
  json["network"] = plan.network;
  json["reaches"] = plan.reaches;
  json["reaches_above_gauges"] = plan.active;
  json["gauges"] = plan.gauges;
  json["window_days"] = plan.window_days;
  json["steps"] = plan.steps;
  json["program"] = {{"version", kVersion}, {"git", kGitHash}};
  json["calibration_from"] = plan.calibration_from;
  json["calibration"] = calibration_object(plan.calibration);
  json["plan"] = Json::array();
  for (const auto& row : plan.rows) {
    Json item;
    for (const auto& [name, value] : fields(row)) item[name] = value;
    item["limit"] = limit_of(row);
    json["plan"].push_back(item);
  }
  return json.dump(2) + "\n";
}

std::string calibration_json(const Calibration& calibration) {
  return Json{{"calibration", calibration_object(calibration)}}.dump(2) + "\n";
}

Calibration read_calibration(const std::string& text, const std::string& path) {
  const auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object() || !json.contains("calibration") || !json["calibration"].is_object())
    fail("{}: is no plan.json: it has no object `calibration`; give a file that dpl_hpc plan wrote", path);
  const Json& c = json["calibration"];
  Calibration calibration;
  take(c, "made_for", path, calibration.made_for);
  take(c, "measured_on_ranks", path, calibration.measured_on);
  take(c, "network_reach_s", path, calibration.network_reach_s);
  take(c, "transfer_reach_s", path, calibration.transfer_reach_s);
  take(c, "read_value_s", path, calibration.read_value_s);
  take(c, "latency_s", path, calibration.latency_s);
  take(c, "further_message_s", path, calibration.further_message_s);
  take(c, "byte_s", path, calibration.byte_s);
  take(c, "messages_measured", path, calibration.messages_measured);
  take(c, "program_bytes", path, calibration.program_bytes);
  if (!c.contains("routing") || !c["routing"].is_array() || c["routing"].empty())
    fail("{}: the calibration has no list `routing`; make it anew with dpl_hpc plan", path);
  for (const Json& item : c["routing"]) {
    RoutingCost cost;
    take(item, "subreaches", path, cost.cells);
    take(item, "cut", path, cost.cut);
    take(item, "ranks", path, cost.ranks);
    take(item, "steps", path, cost.steps);
    take(item, "forward_s", path, cost.forward_s);
    take(item, "adjoint_s", path, cost.adjoint_s);
    if (!(cost.cells > 0)) fail("{}: field subreaches of the calibration is {}; it must be positive", path, cost.cells);
    if (!calibration.routing.empty() && cost.cells < calibration.routing.back().cells)
      fail("{}: the sizes in `routing` of the calibration do not ascend", path);
    calibration.routing.push_back(cost);
  }
  return calibration;
}

}  // namespace dpl
