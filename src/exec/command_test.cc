#include "exec/command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace sluice {
namespace {

using testing::ElementsAre;

const std::atomic<bool> kNever{false};

TEST(Command, BothStreamsComeAsLinesAndTheExitCodeIsKept) {
  std::vector<std::string> seen;
  const auto result = run_command({.argv = {"sh", "-c", "echo one; echo two >&2; printf three; exit 7"},
                                   .on_line = [&](std::string_view line) { seen.emplace_back(line); }},
                                  kNever);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->exit_code, 7);
  EXPECT_THAT(result->last_lines, ElementsAre("one", "two", "three"));
  EXPECT_EQ(seen, result->last_lines);
}

TEST(Command, VariablesAreSetAndRemovedOnTopOfOurs) {
  ::setenv("SLUICE_COMMAND_TEST", "ours", 1);
  const auto kept =
      run_command({.argv = {"sh", "-c", "echo $SLUICE_COMMAND_TEST-$OTHER"}, .variables = {{"OTHER", "set"}}}, kNever);
  const auto removed = run_command(
      {.argv = {"sh", "-c", "echo ${SLUICE_COMMAND_TEST-gone}"}, .variables = {{"SLUICE_COMMAND_TEST", std::nullopt}}}, kNever);
  ::unsetenv("SLUICE_COMMAND_TEST");
  ASSERT_TRUE(kept && removed);
  EXPECT_THAT(kept->last_lines, ElementsAre("ours-set"));
  EXPECT_THAT(removed->last_lines, ElementsAre("gone"));
}

TEST(Command, OnlyTheLastLinesAreKept) {
  int lines = 0;
  const auto result = run_command({.argv = {"seq", "1000"}, .on_line = [&](std::string_view) { ++lines; }}, kNever);
  ASSERT_TRUE(result);
  EXPECT_EQ(lines, 1000);
  ASSERT_EQ(result->last_lines.size(), 200U);
  EXPECT_EQ(result->last_lines.front(), "801");
  EXPECT_EQ(result->last_lines.back(), "1000");
}

TEST(Command, AMissingProgramIsNotFound) {
  const auto result = run_command({.argv = {"sluice-no-such-program"}}, kNever);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kNotFound);
}

TEST(Command, DeathByASignalIsAnExitCodeAbove128) {
  const auto result = run_command({.argv = {"sh", "-c", "kill -9 $$"}}, kNever);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 128 + SIGKILL);
}

TEST(Command, CancellingEndsTheWholeGroupEvenIfItIgnoresSigterm) {
  std::atomic<bool> cancelled{false};
  bool ready = false;
  pid_t grandchild = 0;
  const auto result = run_command({.argv = {"sh", "-c", "(trap '' TERM; echo ready; exec sleep 600) & echo $!; wait"},
                                   .on_line =
                                       [&](std::string_view line) {
                                         // The two lines come in either order.
                                         if (line == "ready")
                                           ready = true;
                                         else
                                           grandchild = std::atoi(std::string(line).c_str());
                                         cancelled = ready && grandchild > 0;
                                       }},
                                  cancelled);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kCancelled);
  ASSERT_GT(grandchild, 0);
  // It may be a zombie for a moment until its new parent reaps it; it must not run on.
  std::string state = "gone";
  if (const auto status = run_command({.argv = {"ps", "-o", "state=", "-p", std::to_string(grandchild)}}, kNever);
      status && !status->last_lines.empty())
    state = status->last_lines[0];
  EXPECT_TRUE(state == "gone" || state.starts_with("Z")) << state;
}

TEST(Command, WhatTakesTooLongIsEnded) {
  const auto result = run_command({.argv = {"sleep", "600"}, .time_max = std::chrono::milliseconds(20)}, kNever);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kTimeout);
}

TEST(Command, ItsEndCountsEvenIfSomethingKeepsItsOutputOpen) {
  pid_t left = 0;
  const auto result = run_command({.argv = {"sh", "-c", "sleep 600 & echo $!"},
                                   .on_line = [&](std::string_view line) { left = std::atoi(std::string(line).c_str()); }},
                                  kNever);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 0);
  ASSERT_GT(left, 0);
  ::kill(left, SIGKILL);
}

TEST(Command, AKeptDescriptorIsNumberThree) {
  const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const auto result = run_command({.argv = {"readlink", "/proc/self/fd/3"}, .keep_fd = fd}, kNever);
  ::close(fd);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->last_lines, ElementsAre("/dev/null"));
}

}  // namespace
}  // namespace sluice
