// What stored numbers mean: packed, missing, never written, out of the valid range; truncated classic files.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "dpl/data/netcdf_file.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dpl {
namespace {

using Attributes = std::vector<std::pair<std::string, double>>;

// A file with the variable v(row); values stay unwritten where there are none.
std::string file_with(const TemporaryFolder& folder, const std::string& type, const std::vector<double>& values,
                      const Attributes& attributes, Count rows = 4) {
  const std::string path = folder / "file.nc";
  auto file = NetcdfFile::create_local(path);
  file.define_dimension("row", rows);
  file.define_variable("v", type, {"row"});
  for (const auto& [name, value] : attributes) file.put_attribute("v", name, value);
  if (!values.empty()) file.write("v", values);
  file.close();
  return path;
}

TEST(NetcdfFile, PackedValuesAreUnpacked) {
  const TemporaryFolder folder;
  const auto v =
      NetcdfFile::open_local(file_with(folder, "int", {0, 1, -2, 100}, {{"scale_factor", 0.5}, {"add_offset", 10}}))
          .read("v");
  EXPECT_EQ(v, (std::vector<double>{10, 10.5, 9, 60}));
}

TEST(NetcdfFile, PackedValuesAreComparedBeforeUnpacking) {
  const TemporaryFolder folder;
  const auto path = file_with(folder, "int", {-9, 1, -2, 100},
                              {{"_FillValue", -9}, {"missing_value", 100}, {"scale_factor", -9}, {"add_offset", 0}});
  const auto v = NetcdfFile::open_local(path).read("v");
  EXPECT_TRUE(std::isnan(v[0]));
  EXPECT_EQ(v[1], -9) << "a value that is -9 only after unpacking is a value";
  EXPECT_EQ(v[2], 18);
  EXPECT_TRUE(std::isnan(v[3]));
}

TEST(NetcdfFile, UnusablePackingIsRefused) {
  const TemporaryFolder folder;
  const auto zero = file_with(folder, "int", {1, 2, 3, 4}, {{"scale_factor", 0}});
  EXPECT_NE(message_of([&] { NetcdfFile::open_local(zero).read("v"); }).find("scale_factor 0"), std::string::npos);
  const auto unpacked = file_with(folder, "int", {1, 2, 3, 4}, {{"scale_factor", 0.1}, {"missing_value", -999.9}});
  EXPECT_NE(message_of([&] { NetcdfFile::open_local(unpacked).read("v"); }).find("missing_value"), std::string::npos);
  auto text = NetcdfFile::create_local(folder / "text.nc");
  text.define_dimension("row", 2);
  text.define_variable("v", "float", {"row"});
  text.put_attribute("v", "missing_value", std::string("-9999"));
  text.close();
  EXPECT_NE(message_of([&] { NetcdfFile::open_local(folder / "text.nc").read("v"); }).find("is text"),
            std::string::npos);
}

TEST(NetcdfFile, MissingValueInDoubleMatchesASinglePrecisionVariable) {
  const TemporaryFolder folder;
  const auto v =
      NetcdfFile::open_local(file_with(folder, "float", {1, -9999.9, 2, -9999}, {{"missing_value", -9999.9}}))
          .read("v");
  EXPECT_EQ(v[0], 1);
  EXPECT_TRUE(std::isnan(v[1]));
  EXPECT_EQ(v[3], -9999) << "another number is a value";
  const double single = 1e20F;  // stored in single precision by the writer before
  const auto w =
      NetcdfFile::open_local(file_with(folder, "double", {1, 1e20, single, 2}, {{"missing_value", 1e20}})).read("v");
  EXPECT_TRUE(std::isnan(w[1]));
  EXPECT_TRUE(std::isnan(w[2]));
  EXPECT_EQ(w[3], 2);
}

TEST(NetcdfFile, ValuesNeverWrittenAreMissing) {
  const TemporaryFolder folder;
  for (const char* type : {"float", "double", "int", "int64"})
    for (const double v : NetcdfFile::open_local(file_with(folder, type, {}, {})).read("v"))
      EXPECT_TRUE(std::isnan(v)) << type;
  const auto path = file_with(folder, "int64", {}, {});
  EXPECT_NE(message_of([&] { NetcdfFile::open_local(path).read_integers("v"); }).find("no value in row 0"),
            std::string::npos);
  EXPECT_EQ(NetcdfFile::open_local(path).read_integers("v", 7), (std::vector<std::int64_t>(4, 7)));
}

TEST(NetcdfFile, ValuesOutsideTheValidRangeAreMissing) {
  const TemporaryFolder folder;
  const auto v =
      NetcdfFile::open_local(file_with(folder, "float", {-1, 0, 0.1, 5}, {{"valid_min", 0}, {"valid_max", 0.1}}))
          .read("v");
  EXPECT_TRUE(std::isnan(v[0]));
  EXPECT_EQ(v[1], 0);
  EXPECT_FALSE(std::isnan(v[2])) << "the bound itself is valid, as the variable's type holds it";
  EXPECT_TRUE(std::isnan(v[3]));
}

TEST(NetcdfFile, IntegersKeepEveryDigitOrAreRefused) {
  const TemporaryFolder folder;
  const std::string path = folder / "ids.nc";
  auto file = NetcdfFile::create_local(path);
  file.define_dimension("row", 2);
  file.define_variable("wide", "int64", {"row"});
  file.define_variable("single", "float", {"row"});
  const std::vector<std::int64_t> ids{9007199254740993, 9223372036854775807};
  file.write("wide", ids);
  file.write("single", std::vector<double>{73005302, 73005303});
  file.close();
  EXPECT_EQ(NetcdfFile::open_local(path).read_integers("wide"), ids);
  EXPECT_NE(message_of([&] { NetcdfFile::open_local(path).read_integers("single"); }).find("whole numbers below"),
            std::string::npos)
      << "both ids have become 73005304";
}

// Header and data of a classic file with q(t) of two floats.
std::string classic_file(std::size_t bytes) {
  const auto word = [](unsigned n) { return std::string{char(n >> 24), char(n >> 16), char(n >> 8), char(n)}; };
  std::string text =
      "CDF\x01" + word(0) + word(10) + word(1) + word(1) + std::string("t\0\0\0", 4) + word(2) + word(0) + word(0);
  text += word(11) + word(1) + word(1) + std::string("q\0\0\0", 4) + word(1) + word(0) + word(0) + word(0) + word(5) +
          word(8);
  text += word(static_cast<unsigned>(text.size()) + 4) + std::string("\x3f\x80\0\0\x40\0\0\0", 8);
  return text.substr(0, text.size() - bytes);
}

TEST(NetcdfFile, TruncatedClassicFilesAreRefused) {
  const TemporaryFolder folder;
  for (const std::size_t cut : {0, 4, 40}) {
    std::ofstream(folder / "classic.nc", std::ios::binary) << classic_file(cut);
    const auto message = message_of([&] {
      EXPECT_EQ(NetcdfFile::open_local(folder / "classic.nc").read("q"), (std::vector<double>{1, 2}));
    });
    EXPECT_EQ(message.find("truncated") != std::string::npos, cut > 0) << cut << " bytes cut: " << message;
  }
}

}  // namespace
}  // namespace dpl
