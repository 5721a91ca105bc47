// What the log, the progress line and the stop flag do.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"

namespace dpl {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class LogTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override {
    start_log(false);
    std::filesystem::remove_all(folder);
  }
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / fmt::format("dpl_base_log_{}", getpid());
};

TEST_F(LogTest, LinesGoToTheirStreamAndTheFile) {
  start_log(true);
  add_log_file(folder / "log.txt");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log_info("reaches  {}", 213);
  log_warning("gauge {} has no observation {}", "01567000", "{}");
  report_error("first line\nsecond\tline");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "reaches  213\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: gauge 01567000 has no observation {}\nerror: first line second line\n");
  const auto file = text_of(folder / "log.txt");
  EXPECT_NE(file.find("  reaches  213\n"), std::string::npos);
  EXPECT_NE(file.find("  warning: gauge 01567000 has no observation {}\n"), std::string::npos);
  EXPECT_NE(file.find("  error: first line second line\n"), std::string::npos);
}

TEST_F(LogTest, TheFileIsAppendedTo) {
  testing::internal::CaptureStdout();
  for (const char* line : {"first", "second"}) {
    start_log(true);
    add_log_file(folder / "log.txt");
    log_info("{}", line);
  }
  testing::internal::GetCapturedStdout();
  const auto file = text_of(folder / "log.txt");
  EXPECT_LT(file.find("first"), file.find("second"));
  EXPECT_NE(file.find("second"), std::string::npos);
}

TEST_F(LogTest, OtherRanksAreSilent) {
  start_log(false);
  add_log_file(folder / "none" / "log.txt");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log_info("hello");
  log_warning("hello");
  Progress("update", 1).show(1);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
}

TEST_F(LogTest, AFileThatCannotBeWrittenIsAnError) {
  start_log(true);
  std::ofstream(folder / "file") << "x";
  try {
    add_log_file(folder / "file" / "log.txt");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), fmt::format("cannot write the log {}: the folder must exist and be writable",
                                                     (folder / "file" / "log.txt").string()));
  }
}

TEST_F(LogTest, ProgressWithoutATerminalEndsWithOneLine) {
  start_log(true);
  testing::internal::CaptureStdout();
  {
    Progress progress("update", 3, "reach-steps");
    for (Count i = 1; i <= 3; ++i) progress.show(i, 10.0 * static_cast<double>(i), "loss 1");
  }
  const auto text = testing::internal::GetCapturedStdout();
  EXPECT_EQ(text.substr(0, text.find("  ", 12)), "update 3/3  loss 1");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(Progress, Lines) {
  EXPECT_EQ(progress_line({"update", 120, 300, "loss 12.34", 96e6, "reach-steps", 8, 0}),
            "update 120/300  loss 12.34  1.2e+07 reach-steps/s  0:12 left");
  EXPECT_EQ(progress_line({"update", 9, 300, "", 0, "", 9, 0}), "update   9/300  4:51 left");
  EXPECT_EQ(progress_line({"update", 210, 300, "", 0, "", 10, 200}), "update 210/300  1:30 left");  // resumed at 200
  EXPECT_EQ(progress_line({"day", 0, 5, "", 0, "", 0, 0}), "day 0/5");
  EXPECT_EQ(progress_line({"day", 5, 5, "", 0, "", 61.2, 0}), "day 5/5  in 1:01");
}

TEST(Progress, Clock) {
  EXPECT_EQ(clock_text(0.4), "0:00");
  EXPECT_EQ(clock_text(59.6), "1:00");
  EXPECT_EQ(clock_text(3599), "59:59");
  EXPECT_EQ(clock_text(3723), "1:02:03");
}

TEST(StopFlag, SignalsOnlySetTheFlag) {
  request_stop(false);
  EXPECT_FALSE(stop_requested());
  install_stop_signals();
  for (int signal : {SIGTERM, SIGUSR1}) {
    std::raise(signal);
    EXPECT_TRUE(stop_requested());
    request_stop(false);
  }
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGUSR1, SIG_DFL);
}

}  // namespace
}  // namespace dpl
