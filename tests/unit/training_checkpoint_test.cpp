// A checkpoint comes back bit for bit, or is refused with the reason.
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>

#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/random.hpp"
#include "dpl/base/version.hpp"
#include "dpl/training/checkpoint.hpp"

namespace fs = std::filesystem;

namespace {

template <class Real>
at::Tensor random_tensor(const std::vector<std::int64_t>& shape, std::uint64_t seed) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(sizeof(Real) == 4 ? at::kFloat : at::kDouble));
  Real* data = tensor.mutable_data_ptr<Real>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    data[i] = static_cast<Real>(dpl::random_normal({seed, dpl::Purpose::test, 0, static_cast<std::uint64_t>(i)}));
  }
  data[0] = std::numeric_limits<Real>::denorm_min();
  data[1] = -Real{0};
  return tensor;
}

bool same_bits(const std::vector<dpl::NamedTensor>& a, const std::vector<dpl::NamedTensor>& b) {
  bool same = a.size() == b.size();
  for (std::size_t k = 0; same && k < a.size(); ++k) {
    const at::Tensor &x = a[k].tensor, &y = b[k].tensor;
    same = a[k].name == b[k].name && x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type() &&
           std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
  }
  return same;
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_text(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root = fs::path(testing::TempDir()) /
           ("dpl_checkpoint_" + std::string(test->name()) + "_" + std::to_string(::getpid()));
    fs::create_directories(root);
    folder = (root / "checkpoints" / "update_000150").string();
    checkpoint.update = 150;
    checkpoint.config_yaml = "name: \"tücke\"\nseed: 42\n";
    checkpoint.network_fingerprint = "0123456789abcdef";
    checkpoint.weights = {{"hidden.0.weight", random_tensor<float>({5, 3}, 1)},
                          {"output.bias", random_tensor<float>({3}, 2)}};
    checkpoint.optimizer = {{"adam.step", random_tensor<double>({2}, 3)},
                            {"adam.m.x", random_tensor<double>({5, 3}, 4)}};
    checkpoint.attribute_names = {"area", "slope"};
    checkpoint.attribute_mean = {0.1, 1.0 / 3};
    checkpoint.attribute_std = {2e-300, 12345.678901234567};
    checkpoint.more = {{"reach_hours", "1.25"}};
  }
  void TearDown() override { fs::remove_all(root); }

  void expect_refused(const std::string& words, const std::vector<dpl::NamedTensor>& expected = {}) const {
    try {
      dpl::read_checkpoint(folder, expected);
      FAIL() << "accepted; expected: " << words;
    } catch (const dpl::Error& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find(words), std::string::npos) << text;
      EXPECT_NE(text.find(folder), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
  }

  /// Changes the manifest and, unless told otherwise, its fingerprint in DONE.
  void edit_manifest(const std::string& from, const std::string& to, bool renew_fingerprint) const {
    std::string text = text_of(folder + "/manifest.json");
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    write_text(folder + "/manifest.json", text);
    if (renew_fingerprint) write_text(folder + "/DONE", dpl::Fingerprint().add(text).hex() + "\n");
  }

  fs::path root;
  std::string folder;
  dpl::Checkpoint checkpoint;
};

TEST_F(CheckpointTest, ComesBackBitForBit) {
  dpl::write_checkpoint(folder, checkpoint);
  const dpl::Checkpoint read = dpl::read_checkpoint(folder, checkpoint.weights);
  EXPECT_TRUE(same_bits(read.weights, checkpoint.weights));
  EXPECT_TRUE(same_bits(read.optimizer, checkpoint.optimizer));
  EXPECT_EQ(read.update, checkpoint.update);
  EXPECT_EQ(read.config_yaml, checkpoint.config_yaml);
  EXPECT_EQ(read.network_fingerprint, checkpoint.network_fingerprint);
  EXPECT_EQ(read.attribute_names, checkpoint.attribute_names);
  EXPECT_EQ(read.attribute_mean, checkpoint.attribute_mean);
  EXPECT_EQ(read.attribute_std, checkpoint.attribute_std);
  EXPECT_EQ(read.more, checkpoint.more);
  EXPECT_EQ(read.program_version, dpl::kVersion);
  EXPECT_EQ(read.git_hash, dpl::kGitHash);
}

TEST_F(CheckpointTest, LeavesOnlyTheFinalFolderAndClearsLeftOvers) {
  fs::create_directories(folder + ".tmp-999999");
  write_text(folder + ".tmp-999999/tensors.nc", "half");
  dpl::write_checkpoint(folder, checkpoint);
  checkpoint.more["reach_hours"] = "2.5";
  dpl::write_checkpoint(folder, checkpoint);  // replaces
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root / "checkpoints")) names.push_back(entry.path().filename());
  EXPECT_EQ(names, std::vector<std::string>{"update_000150"});
  EXPECT_EQ(dpl::read_checkpoint(folder).more.at("reach_hours"), "2.5");
}

TEST_F(CheckpointTest, TruncationAtAnyPlaceIsRefused) {
  dpl::write_checkpoint(folder, checkpoint);
  const std::string path = folder + "/tensors.nc";
  const auto size = fs::file_size(path);
  for (const auto kept : {size - 1, size - 100, size / 2, size / 10, std::uintmax_t{4}, std::uintmax_t{0}}) {
    fs::resize_file(path, kept);
    expect_refused("truncated");
  }
  fs::remove(path);
  expect_refused("tensors.nc is missing");
}

TEST_F(CheckpointTest, ChangedBytesAreRefused) {
  dpl::write_checkpoint(folder, checkpoint);
  const std::string path = folder + "/tensors.nc", bytes = text_of(path);
  for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_text(path, changed);
    expect_refused("tensors.nc was changed");
  }
}

TEST_F(CheckpointTest, EditedManifestIsRefused) {
  dpl::write_checkpoint(folder, checkpoint);
  edit_manifest("seed: 42", "seed: 43", false);
  expect_refused("manifest.json was changed");
  write_text(folder + "/manifest.json", text_of(folder + "/manifest.json").substr(0, 200));
  expect_refused("manifest.json is damaged");
}

TEST_F(CheckpointTest, TensorsMustFitTheManifest) {
  dpl::write_checkpoint(folder, checkpoint);
  const std::string whole = text_of(folder + "/manifest.json");
  const auto at = whole.find("\"checksum\": \"") + 13;
  edit_manifest(whole.substr(at, 16), "0000000000000000", true);
  expect_refused("checksum");
  write_text(folder + "/manifest.json", whole);
  edit_manifest("weight.output.bias", "weight.output.bios", true);
  expect_refused("'weight.output.bios' is missing");
  write_text(folder + "/manifest.json", whole);
  edit_manifest("\"update\"", "\"updates\"", true);
  expect_refused("lacks an entry");
}

TEST_F(CheckpointTest, NewerFormatIsRefused) {
  dpl::write_checkpoint(folder, checkpoint);
  edit_manifest("\"format_version\": 1", "\"format_version\": 2", true);
  expect_refused("it has format 2, this program reads up to 1");
}

TEST_F(CheckpointTest, MissingAndIncompleteFoldersAreRefused) {
  expect_refused("there is no such folder");
  dpl::write_checkpoint(folder, checkpoint);
  fs::remove(folder + "/DONE");
  expect_refused("incomplete (no DONE)");
}

TEST_F(CheckpointTest, AnotherNetworksWeightsAreRefused) {
  dpl::write_checkpoint(folder, checkpoint);
  auto expected = checkpoint.weights;
  expected[0].tensor = random_tensor<float>({5, 4}, 1);
  expect_refused("'hidden.0.weight' [5x3] float, the configured network needs 'hidden.0.weight' [5x4] float", expected);
  expected[0].tensor = random_tensor<double>({5, 3}, 1);
  expect_refused("needs 'hidden.0.weight' [5x3] double", expected);
  expected = checkpoint.weights;
  expected.pop_back();
  expect_refused("needs nothing", expected);
}

TEST_F(CheckpointTest, UnwritableFolderIsNamed) {
  write_text(root / "file", "in the way");
  EXPECT_THROW(
      {
        try {
          dpl::write_checkpoint((root / "file" / "update_000001").string(), checkpoint);
        } catch (const dpl::Error& error) {
          EXPECT_NE(std::string(error.what()).find("update_000001"), std::string::npos) << error.what();
          throw;
        }
      },
      dpl::Error);
}

TEST_F(CheckpointTest, StatisticsThatAreNotFiniteAreRefusedAtWriting) {
  checkpoint.attribute_std[1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(dpl::write_checkpoint(folder, checkpoint), dpl::Error);
  EXPECT_FALSE(fs::exists(folder));
}

/// Writes checkpoints 1, 2, 3, ... until it is killed.
[[noreturn]] void write_for_ever(const std::string& checkpoints, dpl::Checkpoint checkpoint) {
  for (checkpoint.update = 1;; ++checkpoint.update) {
    dpl::write_checkpoint(checkpoints + "/update_" + std::to_string(checkpoint.update), checkpoint);
  }
}

TEST_F(CheckpointTest, KilledWriterLeavesOnlyWholeCheckpoints) {
  checkpoint.weights.push_back({"large", random_tensor<float>({200, 100}, 5)});
  int inside_a_write = 0;
  for (std::uint64_t round = 0; round < 12; ++round) {
    fs::remove_all(root / "checkpoints");
    fs::create_directories(root / "checkpoints");
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) write_for_ever((root / "checkpoints").string(), checkpoint);
    ::usleep(static_cast<useconds_t>(2000 + dpl::random_index({17, dpl::Purpose::test, 0, round}, 40000)));
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    for (const auto& entry : fs::directory_iterator(root / "checkpoints")) {
      const std::string name = entry.path().filename();
      if (name.find(".tmp-") != std::string::npos) {
        ++inside_a_write;
      } else {
        EXPECT_TRUE(same_bits(dpl::read_checkpoint(entry.path().string()).weights, checkpoint.weights)) << name;
      }
    }
  }
  EXPECT_GT(inside_a_write, 0) << "no kill fell inside a write: the test shows nothing";
}

TEST_F(CheckpointTest, LatestIsTheCompleteOneWithTheLargestNumber) {
  EXPECT_FALSE(dpl::latest_checkpoint(root.string()));
  for (const char* name : {"update_000050", "update_000100", "update_1000000", "update_000150", "update_x", "other"}) {
    fs::create_directories(root / "checkpoints" / name);
    if (std::string(name) != "update_1000000") write_text(root / "checkpoints" / name / "DONE", "");
  }
  fs::create_directories(root / "checkpoints" / "update_000200.tmp-12");
  write_text(root / "checkpoints" / "update_000200.tmp-12" / "DONE", "");
  const auto latest = dpl::latest_checkpoint(root.string());
  ASSERT_TRUE(latest);
  EXPECT_EQ(fs::path(*latest).filename(), "update_000150");
}

}  // namespace
