// ranks: 1 2 4
// No rank reads or holds numbers of the whole domain: of network, parameters, lateral inflow, state and streamed discharge
// each has the rows of its blocks, counted.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "dpl/base/fingerprint.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/training/output.hpp"
#include "dpl/training/period_router.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {
namespace {

constexpr Index kReaches = 1000;
constexpr Count kRows = 48;

class RankRows : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / ("dpl_rank_rows_" + std::to_string(comm_.size()))).string();
    config_.data_sources.network = folder_ + "/network.nc";
    config_.data_sources.lateral_inflow = folder_ + "/inflow.nc";
    config_.routing.split.method = "max_length";
    config_.routing.split.max_length_m = 3000;
    config_.memory.input_gib = 0;
    config_.memory.window_days = 1;
    agree_on_root(comm_, "test", [&] { write(); });
  }

  void TearDown() override { comm_.barrier(); }   // files are open on other ranks still

  void write() const {
    std::filesystem::create_directories(folder_);
    std::vector<std::int64_t> id, down;
    std::vector<double> length, slope, n, p, q;
    std::vector<float> inflow;
    for (Index r = 0; r < kReaches; ++r) {
      id.push_back(5000 + 7 * r);
      down.push_back(r == 0 ? 0 : 5000 + 7 * ((r - 1) / 2));
      length.push_back(1000 + 37 * (r % 150));
      slope.push_back(1e-4 * (1 + r % 30));
      n.push_back(0.03 + 1e-5 * r);
      p.push_back(20);
      q.push_back(0.5);
    }
    for (Count t = 0; t < kRows; ++t)
      for (Index r = 0; r < kReaches; ++r) inflow.push_back(0.1F + 0.01F * static_cast<float>((r * 13 + t * 7) % 101));
    const auto file = [&](const std::string& name, const std::vector<std::pair<const char*, const std::vector<double>*>>& columns) {
      auto f = NetcdfFile::create_local(folder_ + "/" + name);
      f.define_dimension("reach", kReaches);
      for (const char* ids : {"reach_id", "downstream_id"}) f.define_variable(ids, "int64", {"reach"});
      for (const auto& [variable, values] : columns) f.define_variable(variable, "double", {"reach"});
      if (name == "network.nc") f.put_attribute("length", "units", "m");
      f.write("reach_id", id);
      f.write("downstream_id", down);
      for (const auto& [variable, values] : columns) f.write(variable, *values);
      f.close();
    };
    file("network.nc", {{"length", &length}, {"slope", &slope}});
    file("parameters.nc", {{"n", &n}, {"p", &p}, {"q", &q}});
    auto f = NetcdfFile::create_local(folder_ + "/inflow.nc");
    f.define_dimension("time", kRows);
    f.define_dimension("reach", kReaches);
    f.define_variable("time", "double", {"time"});
    f.put_attribute("time", "units", "hours since 2000-01-01");
    f.define_variable("reach_id", "int64", {"reach"});
    f.define_variable("q_lateral", "float", {"time", "reach"});
    f.put_attribute("q_lateral", "units", "m3 s-1");
    std::vector<double> hours;
    for (Count t = 0; t < kRows; ++t) hours.push_back(static_cast<double>(t));
    f.write("time", hours);
    f.write("reach_id", id);
    f.write("q_lateral", inflow);
    f.close();
  }

  // Numbers read since the last call.
  Count read_now() {
    const Count before = read_;
    read_ = NetcdfFile::numbers_read();
    return read_ - before;
  }

  Communicator comm_;
  std::string folder_;
  RunConfig config_;
  Count read_ = NetcdfFile::numbers_read();
};

TEST_F(RankRows, AreAllThatARankReadsAndHolds) {
  const char* ranks = std::getenv("DPL_TEST_RANKS");
  if (ranks != nullptr) ASSERT_EQ(comm_.size(), std::atoi(ranks));
  const Problem problem = load_problem(comm_, config_, {}, false);
  const Count rows = problem.blocks.end_reach() - problem.blocks.first_reach();
  ASSERT_EQ(comm_.sum(rows), kReaches);
  ASSERT_LE(rows, kReaches / comm_.size() + problem.blocks.block_size);
  EXPECT_EQ(read_now(), 2 * rows + kRows) << "length and slope of its rows, and the time axis";
  EXPECT_EQ(problem.network.rows(), rows);
  EXPECT_EQ(static_cast<Count>(problem.network.slope.size()), rows);

  const auto theta = read_parameters(folder_ + "/parameters.nc", problem);
  EXPECT_EQ(read_now(), 3 * rows);

  std::vector<Index> all(kReaches);
  for (Index r = 0; r < kReaches; ++r) all[r] = r;
  const auto domain = make_routed_domain(comm_, config_, problem.network, reaches_above(problem.network, all), problem.blocks);
  domain->use_inflow(problem.inflow, 0, kRows);
  EXPECT_EQ(read_now(), 0);
  RoutedWindow period;
  period.rows = kRows;
  period.means = {IntervalMean{6, 0}};
  PeriodRouter router(comm_, *domain, period, 0, kRows / 6, 24);
  double sum = 0;
  while (!router.finished()) {
    router.next(theta);
    const auto streamed = router.streamed();
    ASSERT_EQ(static_cast<Count>(streamed.values.size()), rows * 4);
    if (comm_.is_root()) sum += streamed.values.front();   // the outlet
  }
  EXPECT_EQ(read_now(), rows * kRows);
  EXPECT_EQ(domain->input().values_decoded, rows * kRows);
  EXPECT_EQ(static_cast<Count>(domain->state().size()), domain->state_rows().count);
  EXPECT_EQ(comm_.sum(domain->state_rows().count), domain->state_rows().all);
  EXPECT_GT(domain->state_rows().all, kReaches);

  const std::string state = folder_ + "/state.nc";
  write_state(state, problem, reaches_above(problem.network, all), 0, domain->state());
  EXPECT_EQ(read_state(comm_, state, problem, reaches_above(problem.network, all)), domain->state());
  EXPECT_EQ(read_now(), domain->state_rows().count);
  if (comm_.is_root()) EXPECT_GT(sum, 0.0);
}

TEST_F(RankRows, FingerprintOfTheNetworkIsThatOfOneRank) {
  const Problem problem = load_problem(comm_, config_, {}, false);
  const RiverNetwork whole = read_river_network(comm_, config_.data_sources.network, config_.routing.slope_min);
  ASSERT_EQ(whole.rows(), kReaches);
  Fingerprint f;
  f.add(std::span<const ReachId>(whole.reach_id)).add(std::span<const Index>(whole.topology.downstream));
  f.add(std::span<const double>(whole.length_m)).add(std::span<const double>(whole.slope));
  EXPECT_EQ(problem.fingerprint, f.hex());
}

}  // namespace
}  // namespace dpl
