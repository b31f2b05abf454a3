#include "api/run_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_run.h"
#include "base/json.h"
#include "model/task_facts.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;
using Owner = Service::Owner;

TEST(RunDocument, HasTheFieldsOfTheContract) {
  RunRow run = run_row(RunState::kSucceeded);
  run.outputs = outputs_json();
  const std::string text = run_document(run, task_rows(), Owner::kNone);
  const auto read = parse_json(text);
  ASSERT_TRUE(read) << text;
  const Value model = Value(List{Value::of({{"name", "model"},
                                            {"type", "system.Model"},
                                            {"uri", "/data/model"},
                                            {"digest", "sha256:00"},
                                            {"size_bytes", 7},
                                            {"metadata", Value::of({{"epochs", 3}})}})});
  EXPECT_EQ(*read->find("run_id"), Value("01234567-89ab-4def-8123-456789abcdef"));
  EXPECT_EQ(*read->find("name"), Value("trip 1"));
  EXPECT_EQ(*read->find("state"), Value("SUCCEEDED"));
  EXPECT_TRUE(read->find("error")->is_null());
  EXPECT_EQ(*read->find("seconds"), Value(1.5));
  EXPECT_EQ(*read->find("outputs"), Value::of({{"Output", 10}, {"ratio", 0.5}}));
  EXPECT_EQ(*read->find("output_artifacts"), Value::of({{"model", model}}));
  EXPECT_EQ(*read->find("parameters"), Value::of({{"rows", 3}}));
  const Struct& tasks = read->find("tasks")->as_struct();
  EXPECT_EQ(tasks.at("root/add"), Value::of({{"state", "SUCCEEDED"},
                                             {"attempts", 1},
                                             {"exit_code", 0},
                                             {"seconds", 0.4},
                                             {"output_parameters", Value::of({{"Output", 10}, {"ratio", 0.5}})},
                                             {"output_artifacts", Value::of({{"model", model}})},
                                             {"error", nullptr},
                                             {"notes", List{"odd image"}}}));
  EXPECT_EQ(tasks.at("root/loop[0]/double"), Value::of({{"state", "FAILED"},
                                                        {"attempts", 2},
                                                        {"exit_code", 3},
                                                        {"seconds", 1},
                                                        {"output_parameters", Struct{}},
                                                        {"output_artifacts", Struct{}},
                                                        {"error", "exit code 3: bad\nsecond line"}}));
}

TEST(RunDocument, IntegralNumbersPrintAsIntegersAndTasksInTheirOrder) {
  RunRow run = run_row(RunState::kSucceeded);
  run.outputs = outputs_json();
  const std::string text = run_document(run, task_rows(), Owner::kNone);
  EXPECT_THAT(text, HasSubstr("\"Output\":10,"));
  EXPECT_THAT(text, Not(HasSubstr("10.0")));
  EXPECT_LT(text.find("root/add"), text.find("root/loop"));
  EXPECT_THAT(text, testing::EndsWith("}\n"));
}

TEST(RunDocument, SaysWhatWasUsed) {
  std::vector<TaskRow> tasks(2);
  tasks[0] = {.id = {1}, .path = "root/a"};
  tasks[1] = {.id = {2}, .path = "root/b"};
  using std::chrono::seconds;
  tasks[0].facts = task_facts_text({.usage = {.cpu = seconds(1), .wall = seconds(2), .gpu = seconds(4), .peak_bytes = 100}});
  tasks[1].facts = task_facts_text({.usage = {.cpu = Duration{500'000}, .wall = seconds(1), .peak_bytes = 300}});
  const auto read = parse_json(run_document(run_row(RunState::kSucceeded), tasks, Owner::kNone)).value();
  EXPECT_EQ(*read.find("tasks")->find("root/a")->find("usage"),
            Value::of({{"cpu_seconds", 1}, {"wall_seconds", 2}, {"peak_memory_bytes", 100}, {"gpu_seconds", 4}}));
  EXPECT_EQ(*read.find("usage"),
            Value::of({{"cpu_seconds", 1.5}, {"wall_seconds", 3}, {"peak_memory_bytes", 300}, {"gpu_seconds", 4}}));
  tasks[0].facts = "{broken";
  EXPECT_EQ(
      parse_json(run_document(run_row(RunState::kSucceeded), tasks, Owner::kNone))->find("tasks")->find("root/a")->find("usage"),
      nullptr);
}

TEST(RunDocument, AnErrorIsText) {
  RunRow run = run_row(RunState::kFailed);
  run.error = "task 'root/x' failed";
  EXPECT_EQ(*parse_json(run_document(run, {}, Owner::kNone))->find("error"), Value("task 'root/x' failed"));
}

TEST(RunDocument, WhatHasNotEndedTookNoTime) {
  EXPECT_EQ(*parse_json(run_document(run_row(RunState::kRunning), {}, Owner::kServer))->find("seconds"), Value(0));
}

TEST(RunDocument, ARunWithoutOwnerIsInterrupted) {
  EXPECT_EQ(shown_state(run_row(RunState::kRunning), Owner::kRun), RunState::kRunning);
  EXPECT_EQ(shown_state(run_row(RunState::kRunning), Owner::kNone), RunState::kInterrupted);
  EXPECT_EQ(shown_state(run_row(RunState::kFailed), Owner::kNone), RunState::kFailed);
}

TEST(RunDocument, PathsKnowTheirKeyAndTheirParent) {
  EXPECT_EQ(task_key("root/for-loop-2[0]/double"), "double");
  EXPECT_EQ(task_key("root/for-loop-2[10]"), "for-loop-2");
  EXPECT_EQ(parent_path("root/for-loop-2[0]/double"), "root/for-loop-2[0]");
  EXPECT_EQ(parent_path("root/for-loop-2[0]"), "root/for-loop-2");
  EXPECT_EQ(parent_path("root/for-loop-2"), "root");
  EXPECT_EQ(parent_path("root"), "");
}

TEST(RunDocument, RowsThatDoNotReadBackShowAsEmpty) {
  RunRow run = run_row(RunState::kSucceeded);
  run.outputs = "{not json";
  const auto read = parse_json(run_document(run, {{.id = {1}, .path = "root/a", .outputs = "[", .notes = "["}}, Owner::kNone));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read->find("outputs"), Value(Struct{}));
}

TEST(RunDocument, ALogLiesBesideItsAttempt) {
  const DataDir dir = DataDir::at("/d").value();
  const TaskRow task{.id = {17}, .path = "root/loop[3]/train", .attempts = 2};
  const std::string run = "/d/runs/01234567-89ab-4def-8123-456789abcdef";
  EXPECT_EQ(attempt_log_path(dir, run_row(RunState::kRunning), task, 0), run + "/17-train.2.log");
  EXPECT_EQ(attempt_log_path(dir, run_row(RunState::kRunning), task, 1), run + "/17-train.1.log");
}

}  // namespace
}  // namespace sluice
