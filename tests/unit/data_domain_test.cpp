// The domain's files: ids, outlets, dimensions; what is refused.
#include <gtest/gtest.h>

#include "dpl/data/attributes.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/observations.hpp"
#include "dpl/data/river_network.hpp"
#include "dpl/data/time_series.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dpl {
namespace {

void put(NetcdfFile& file, const std::string& name, const std::vector<std::string>& dimensions,
         const std::string& units) {
  file.define_variable(name, "double", dimensions);
  if (!units.empty()) file.put_attribute(name, "units", units);
}

class Domain : public testing::Test {
 protected:
  RiverNetwork network(const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& downstream,
                       const std::string& slope_units = "1") {
    const auto n = static_cast<Count>(ids.size());
    auto file = NetcdfFile::create_local(folder_ / "network.nc");
    file.define_dimension("reach", n);
    for (const char* name : {"reach_id", "downstream_id"}) file.define_variable(name, "int64", {"reach"});
    put(file, "length", {"reach"}, "m");
    put(file, "slope", {"reach"}, slope_units);
    file.write("reach_id", ids);
    if (!downstream.empty()) file.write("downstream_id", downstream);
    file.write("length", std::vector<double>(n, 1000.0));
    file.write("slope", std::vector<double>(n, 0.01));
    file.close();
    return read_river_network(comm_, folder_ / "network.nc", 1e-3);
  }

  struct Gauges {
    std::vector<std::string> ids;
    std::vector<std::int64_t> reach;
    std::string id_dimension = "gauge";
    Count id_size = 0;  // of another dimension than gauge
  };
  Observations observations(const RiverNetwork& net, const Gauges& g, const std::vector<std::string>& only = {}) {
    auto file = NetcdfFile::create_local(folder_ / "observations.nc");
    file.define_dimension("gauge", static_cast<Count>(g.reach.size()));
    if (g.id_dimension != "gauge") file.define_dimension(g.id_dimension, g.id_size);
    file.define_dimension("length", 12);
    file.define_dimension("time", 2);
    file.define_variable("gauge_id", "char", {g.id_dimension, "length"});
    file.define_variable("reach_id", "int64", {"gauge"});
    put(file, "time", {"time"}, "days since 2000-01-01");
    put(file, "discharge", {"time", "gauge"}, "m3 s-1");
    file.write_strings("gauge_id", g.ids);
    file.write("reach_id", g.reach);
    file.write("time", std::vector<double>{0, 1});
    std::vector<double> q;
    for (std::size_t k = 0; k < 2 * g.reach.size(); ++k) q.push_back(static_cast<double>(k));
    file.write("discharge", q);
    file.close();
    return read_observations(comm_, folder_ / "observations.nc", net, only);
  }

  TemporaryFolder folder_;
  Communicator comm_;
};

TEST_F(Domain, OutletsHaveDownstreamId0OrMinus1OrNone) {
  const auto outlets = std::vector<Index>{-1, -1};
  EXPECT_EQ(network({5, 6}, {0, -1}).topology.downstream, outlets);
  EXPECT_EQ(network({5, 6}, {}).topology.downstream, outlets) << "never written";
  EXPECT_EQ(network({5, -1}, {-1, 0}).topology.downstream, (std::vector<Index>{1, -1})) << "a reach with the id -1";
  EXPECT_NE(message_of([&] { network({5, 6}, {0, 7}); }).find("downstream_id names 1 reach"), std::string::npos);
}

TEST_F(Domain, TheReachId0IsRefused) {
  EXPECT_NE(message_of([&] { network({5, 0}, {0, 5}); }).find("reach_id is 0 in row 1"), std::string::npos);
}

TEST_F(Domain, SlopeUnitsMayBeLeftOut) {
  for (const char* units : {"", "1", "m/m", "m m-1", "-"})
    EXPECT_EQ(network({5, 6}, {0, 0}, units).slope[0], 0.01) << units;
  EXPECT_NE(message_of([&] { network({5, 6}, {0, 0}, "m/km"); }).find("m/km"), std::string::npos);
}

TEST_F(Domain, GaugeIdsHaveTheGaugeDimension) {
  const auto net = network({5, 6}, {0, 5});
  const auto message = message_of([&] { observations(net, {{"a", "b", "c"}, {5, 6}, "station", 3}); });
  EXPECT_NE(message.find("gauge_id has the dimensions (station, length)"), std::string::npos) << message;
}

TEST_F(Domain, GaugesKeepTheirValuesInTheOrderOfTheirIds) {
  const auto net = network({5, 6}, {0, 5});
  const auto o = observations(net, {{" 0007 ", "00001"}, {6, 5}});
  EXPECT_EQ(o.gauge_id, (std::vector<std::string>{"00001", "0007"}));
  EXPECT_EQ(o.reach, (std::vector<Index>{0, 1}));
  EXPECT_EQ(o.discharge_m3s, (std::vector<double>{1, 3, 0, 2}));
}

TEST_F(Domain, GaugesHaveAnIdAndAReachOfTheirOwn) {
  const auto net = network({5, 6}, {0, 5});
  const Gauges gauges{{"a", "b"}, {5, 99}};
  EXPECT_NE(message_of([&] { observations(net, gauges); }).find("gauge b is on reach 99"), std::string::npos);
  EXPECT_NE(message_of([&] { observations(net, {{"a", "a"}, {5, 6}}); }).find("a twice"), std::string::npos);
  EXPECT_NE(message_of([&] { observations(net, {{"a,b", "a"}, {5, 6}}); }).find("comma"), std::string::npos);
}

TEST_F(Domain, ReachIdOfAttributesHasTheReachDimension) {
  const auto net = network({5, 6}, {0, 5});
  auto file = NetcdfFile::create_local(folder_ / "attributes.nc");
  file.define_dimension("reach", 2);
  file.define_dimension("other", 3);
  file.define_variable("reach_id", "int64", {"other"});
  file.define_variable("a", "double", {"reach"});
  file.write("reach_id", std::vector<std::int64_t>{4, 5, 6});
  file.write("a", std::vector<double>{1, 2});
  file.close();
  const auto message = message_of([&] { read_attributes(comm_, folder_ / "attributes.nc", net, {"a"}, 0, 2); });
  EXPECT_NE(message.find("reach_id has the dimensions (other)"), std::string::npos) << message;
}

TEST_F(Domain, TimesMustBeTheStartsOfTheirIntervals) {
  const auto net = network({5}, {0});
  for (const double first : {0.0, -1.0, -0.5}) {  // start, end and middle of the interval
    auto file = NetcdfFile::create_local(folder_ / "inflow.nc");
    file.define_dimension("time", 2);
    file.define_dimension("reach", 1);
    file.define_dimension("two", 2);
    file.define_variable("reach_id", "int64", {"reach"});
    put(file, "time", {"time"}, "days since 2000-01-01");
    file.put_attribute("time", "bounds", std::string("time_bounds"));
    file.define_variable("time_bounds", "double", {"time", "two"});
    put(file, "q_lateral", {"reach", "time"}, "m3 s-1");
    file.write("reach_id", std::vector<std::int64_t>{5});
    file.write("time", std::vector<double>{0, 1});
    file.write("time_bounds", std::vector<double>{first, first + 1, first + 1, first + 2});
    file.write("q_lateral", std::vector<double>{1, 1});
    file.close();
    const auto message = message_of([&] { read_lateral_inflow_header(comm_, folder_ / "inflow.nc", net); });
    EXPECT_EQ(message.find("start of the interval") != std::string::npos, first != 0) << message;
  }
}

}  // namespace
}  // namespace dpl
