#include "app/run_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/task_facts.h"

#include "api/test_run.h"
#include "app/run_table.h"
#include "app/test_world.h"
#include "base/json.h"
#include "exec/log.h"
#include "model/artifact.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// What GET /api/v1/runs/ID and .../tasks say of a run.
const char* const kDocument = R"({"run_id": "01234567-89ab-4def-8123-456789abcdef", "name": "trip 1", "state": "SUCCEEDED",
"error": null, "seconds": 1.5, "outputs": {"Output": 10, "ratio": 0.5}, "output_artifacts": {"model": [{"name": "model",
"type": "system.Model", "uri": "/data/model", "digest": "sha256:00", "size_bytes": 7, "metadata": {"epochs": 3}}]}})";
const char* const kTasks = R"({"tasks": [{"id": 1, "path": "root/add", "state": "SUCCEEDED", "attempts": 1, "exit_code": 0,
"began": "2026-11-24T06:54:43.000000Z", "ended": "2026-11-24T06:54:43.400000Z", "error": null, "notes": ["odd image"],
"output_artifacts": {"metrics": [{"name": "m", "type": "system.Metrics", "uri": "/m", "metadata": {"accuracy": 0.9}}]}}]})";

TEST(RunSheet, IsReadFromTheDocumentsOfTheApi) {
  const RunSheet sheet = run_sheet(*parse_json(kDocument), *parse_json(kTasks));
  EXPECT_EQ(sheet.uuid.text(), "01234567-89ab-4def-8123-456789abcdef");
  EXPECT_EQ(sheet.state, RunState::kSucceeded);
  EXPECT_EQ(sheet.took, Duration(1'500'000));
  EXPECT_EQ(sheet.outputs.parameters, (Struct{{"Output", Value(10)}, {"ratio", Value(0.5)}}));
  EXPECT_EQ(sheet.outputs.artifacts.at("model").at(0).uri, "/data/model");
  ASSERT_EQ(sheet.tasks.size(), 1U);
  EXPECT_EQ(sheet.tasks[0].path, "root/add");
  EXPECT_EQ(sheet.tasks[0].began, at(0));
  EXPECT_EQ(sheet.tasks[0].ended, at(0.4));
  EXPECT_EQ(sheet.tasks[0].notes, R"(["odd image"])");
  ASSERT_EQ(sheet.metrics.size(), 1U);
  EXPECT_EQ(sheet.metrics[0].values, (Struct{{"accuracy", Value(0.9)}}));
}

TEST(RunSheet, WhatDocumentsLackIsEmpty) {
  const RunSheet sheet = run_sheet(Value(), Value::of({{"tasks", List{Value(3), Value(Struct{})}}}));
  EXPECT_EQ(sheet.name, "");
  EXPECT_FALSE(sheet.took);
  EXPECT_EQ(sheet.tasks.size(), 2U);
  EXPECT_EQ(sheet.tasks[1].began, Instant{});
}

TEST(RunSheet, OfRowsWithoutAnOwnerIsInterrupted) {
  EXPECT_EQ(run_sheet(run_row(RunState::kRunning), {}, Service::Owner::kNone).state, RunState::kInterrupted);
  EXPECT_EQ(run_sheet(run_row(RunState::kRunning), {}, Service::Owner::kServer).state, RunState::kRunning);
}

TEST(RunSheet, InstantsAreReadToTheMicrosecond) {
  EXPECT_EQ(instant_from(format_rfc3339(at(0.123456), true)), at(0.123456));
  EXPECT_EQ(instant_from("2026-11-24T06:54:43Z"), at(0));
  for (const char* bad : {"", "soon", "2026-11-24"}) EXPECT_EQ(instant_from(bad), Instant{}) << bad;
}

class Summary : public testing::Test {
 protected:
  std::string of(const RunRow& run, const std::vector<TaskRow>& tasks = {}) const {
    return run_summary(console, run_sheet(run, tasks, Service::Owner::kNone), last_lines_in(dir, run.uuid));
  }
  ScratchFolder folder;
  DataDir dir = *DataDir::at(folder.path());
  ScopedVariable no_color{"NO_COLOR", "1"};
  Console console{false};
};

TEST_F(Summary, SaysHowARunEndedAndWhatItMade) {
  RunRow run = run_row(RunState::kSucceeded);
  run.outputs = outputs_json();
  EXPECT_EQ(of(run),
            "SUCCEEDED trip 1 in 1.5s  run 01234567-89ab-4def-8123-456789abcdef\n"
            "outputs\n"
            "  Output               10\n"
            "  ratio                0.5\n"
            "  model                system.Model /data/model\n");
}

TEST_F(Summary, ShowsWhatAFailedTaskPrintedLast) {
  RunRow run = run_row(RunState::kFailed);
  run.error = "task 'root/loop[0]/double' failed: exit code 3: bad";
  const auto tasks = task_rows();
  const std::string path = log_path(dir, run.uuid, tasks[3], 0);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  LogWriter log(path, 1 << 20U);
  for (int i = 1; i <= 30; ++i) log.write(Stream::kStdout, "line " + std::to_string(i) + "\n", at(0));
  const std::string text = of(run, tasks);
  EXPECT_THAT(text, testing::StartsWith("FAILED trip 1 in 1.5s  run 01234567-89ab-4def-8123-456789abcdef\n"
                                        "✗ root/loop[0]/double  exit code 3: bad\n"
                                        "  second line\n"
                                        "  | line 19\n"))
      << "the run's own error would say it once more";
  EXPECT_THAT(text, testing::EndsWith("  | line 30\n"
                                      "  all of it: sluice logs 01234567 root/loop[0]/double\n"
                                      "sluice retry 01234567 runs again what failed\n"));
}

TEST_F(Summary, AFailureThatIsOfNoTaskIsTheRunsOwn) {
  RunRow run = run_row(RunState::kFailed);
  run.error = "the deadline of the run has passed";
  EXPECT_THAT(of(run), HasSubstr("\nthe deadline of the run has passed\n"));
}

TEST_F(Summary, ManyFailuresAreCounted) {
  std::vector<TaskRow> tasks;
  for (int i = 0; i < 10; ++i)
    tasks.push_back(
        {.id = {i + 1}, .path = "root/t" + std::to_string(i), .state = TaskState::kFailed, .attempts = 1, .error = "x"});
  const std::string text = of(run_row(RunState::kFailed), tasks);
  EXPECT_THAT(text,
              AllOf(HasSubstr("root/t2"), Not(HasSubstr("root/t3")), HasSubstr("more failed tasks: sluice get run 01234567")));
}

TEST_F(Summary, TellsHowToGoOn) {
  EXPECT_THAT(of(run_row(RunState::kCanceled)), HasSubstr("sluice retry 01234567 runs what is left of it"));
  EXPECT_THAT(of(run_row(RunState::kRunning)), HasSubstr("INTERRUPTED trip 1"));
  EXPECT_THAT(of(run_row(RunState::kRunning)), HasSubstr("sluice run --resume 01234567 goes on"));
  EXPECT_THAT(of(run_row(RunState::kSucceeded)), Not(HasSubstr("sluice")));
}

TEST_F(Summary, OutputsThatDoNotReadBackHideNothingElse) {
  RunRow run = run_row(RunState::kSucceeded);
  run.outputs = "{broken";
  EXPECT_THAT(of(run), HasSubstr("SUCCEEDED trip 1"));
}

TEST_F(Summary, ANoteOfManyTasksIsSaidOnce) {
  std::vector<TaskRow> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back({.id = {i + 1}, .path = "root/t" + std::to_string(i), .notes = R"(["odd"])"});
  EXPECT_EQ(run_notes(console, tasks), "note: odd (5 tasks)\n");
  tasks.resize(2);
  EXPECT_EQ(run_notes(console, tasks), "note: odd (root/t0, root/t1)\n");
}

TEST_F(Summary, TheTableOfTasksIsATree) {
  EXPECT_EQ(run_table(console, task_rows()),
            "TASK        STATE      TIME  ATTEMPTS\n"
            "add         SUCCEEDED  0.4s  1\n"
            "loop        FAILED     1.0s\n"
            "  loop[0]   FAILED     1.0s\n"
            "    double  FAILED     1.0s  2         exit code 3: bad\n");
}

TEST_F(Summary, TheTableSaysWhatWasUsedWhereThatIsKnown) {
  std::vector<TaskRow> tasks{{.id = {1}, .path = "root/a", .state = TaskState::kSucceeded, .attempts = 1},
                             {.id = {2}, .path = "root/b", .state = TaskState::kPending}};
  tasks[0].facts = task_facts_text({.usage = {.cpu = std::chrono::milliseconds(1500), .peak_bytes = 200 << 20U}});
  EXPECT_EQ(run_table(console, tasks),
            "TASK  STATE      TIME  ATTEMPTS  CPU   PEAK\n"
            "a     SUCCEEDED        1         1.5s  200.0 MiB\n"
            "b     PENDING\n");
}

TEST_F(Summary, TheTableFoldsLongLoops) {
  std::vector<TaskRow> tasks{{.id = {1}, .path = "root/loop", .state = TaskState::kFailed}};
  for (int i = 0; i < 100; ++i)
    tasks.push_back({.id = {i + 2},
                     .path = "root/loop[" + std::to_string(i) + "]",
                     .state = i == 50 ? TaskState::kFailed : TaskState::kSucceeded,
                     .attempts = 1});
  EXPECT_EQ(run_table(console, tasks),
            "TASK        STATE   TIME  ATTEMPTS\n"
            "loop        FAILED                  100 of 100 done, 1 failed\n"
            "  loop[50]  FAILED        1\n");
}

}  // namespace
}  // namespace sluice
