#include "app/notices.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace sluice {
namespace {

const Uuid kRun = *Uuid::parse("0123456789abcdef0123456789abcdef");

// Through the text that goes over the socket.
std::optional<Notice> round_trip(const Notice& notice) {
  const auto read = parse_json(to_json(to_value(notice)));
  return read ? notice_from_value(*read) : std::nullopt;
}

TEST(Notices, ATaskComesBackAsItWas) {
  const TaskNotice sent{.run = kRun,
                        .task = {17},
                        .parent = {4},
                        .path = "root/for-loop-1[3]/训练",
                        .state = TaskState::kBackoff,
                        .is_leaf = false,
                        .attempt = 3,
                        .exit_code = 137,
                        .began = from_micros(1'795'503'283'123'456),
                        .ended = from_micros(1'795'503'284'000'001),
                        .error = "exit code 137: \"quoted\"\nsecond line"};
  const auto read = round_trip(sent);
  ASSERT_TRUE(read && std::holds_alternative<TaskNotice>(*read));
  const auto& task = std::get<TaskNotice>(*read);
  EXPECT_EQ(task.run, sent.run);
  EXPECT_EQ(task.task, sent.task);
  EXPECT_EQ(task.parent, sent.parent);
  EXPECT_EQ(task.path, sent.path);
  EXPECT_EQ(task.state, sent.state);
  EXPECT_EQ(task.is_leaf, sent.is_leaf);
  EXPECT_EQ(task.attempt, sent.attempt);
  EXPECT_EQ(task.exit_code, sent.exit_code);
  EXPECT_EQ(task.began, sent.began) << "to the microsecond";
  EXPECT_EQ(task.ended, sent.ended);
  EXPECT_EQ(task.error, sent.error);
}

TEST(Notices, EveryStateComesBack) {
  for (const TaskState state :
       {TaskState::kPending, TaskState::kQueued, TaskState::kRunning, TaskState::kBackoff, TaskState::kSucceeded,
        TaskState::kFailed, TaskState::kSkipped, TaskState::kOmitted, TaskState::kCanceled, TaskState::kCached})
    EXPECT_EQ(std::get<TaskNotice>(*round_trip(TaskNotice{.run = kRun, .state = state})).state, state);
  for (const RunState state : {RunState::kPending, RunState::kRunning, RunState::kPaused, RunState::kCanceling,
                               RunState::kSucceeded, RunState::kFailed, RunState::kCanceled, RunState::kInterrupted})
    EXPECT_EQ(std::get<RunNotice>(*round_trip(RunNotice{.run = kRun, .state = state})).state, state);
}

TEST(Notices, ARunAndABuildComeBack) {
  const auto run = std::get<RunNotice>(*round_trip(RunNotice{kRun, RunState::kFailed, "task 'x' failed"}));
  EXPECT_EQ(run.run, kRun);
  EXPECT_EQ(run.error, "task 'x' failed");
  const auto build = std::get<BuildNotice>(*round_trip(BuildNotice{.environment = "abc",
                                                                   .progress = {"downloading", 3, 40, 5'000'000'000},
                                                                   .finished = true,
                                                                   .seconds = 1.25,
                                                                   .runs = {kRun, Uuid{}}}));
  EXPECT_EQ(build.environment, "abc");
  EXPECT_EQ(build.progress.phase, "downloading");
  EXPECT_EQ(build.progress.packages_done, 3);
  EXPECT_EQ(build.progress.packages_total, 40);
  EXPECT_EQ(build.progress.bytes_done, 5'000'000'000);
  EXPECT_TRUE(build.finished);
  EXPECT_EQ(build.seconds, 1.25);
  EXPECT_EQ(build.runs, (std::vector<Uuid>{kRun, Uuid{}}));
}

TEST(Notices, WhatIsUnknownIsNothing) {
  for (const char* text : {"{}", "null", "3", "[]", R"({"kind":"weather"})", R"({"kind":7})", R"({"ok":true})"})
    EXPECT_FALSE(notice_from_value(*parse_json(text))) << text;
}

TEST(Notices, FieldsThatAreMissingOrWrongGetDefaults) {
  const auto task = std::get<TaskNotice>(*notice_from_value(*parse_json(R"({"kind":"task","task":"x","state":"ODD"})")));
  EXPECT_EQ(task.state, TaskState::kPending);
  EXPECT_EQ(task.task, TaskId{0});
  const auto build = std::get<BuildNotice>(*notice_from_value(*parse_json(R"({"kind":"build","runs":[1,null,"nope"]})")));
  EXPECT_EQ(build.runs.size(), 1U);
}

}  // namespace
}  // namespace sluice
