#include "api/run_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "model/artifact.h"
#include "model/task_facts.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// load -> train in a loop; `command` is that of train.
std::string spec(const std::string& command = "train", const std::string& image = "alpine", const std::string& rows = "3") {
  return R"(pipelineInfo: {name: test}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-load: {executorLabel: exec-load}
  comp-train: {executorLabel: exec-train, inputDefinitions: {parameters: {i: {parameterType: NUMBER_INTEGER}}}}
deploymentSpec:
  executors:
    exec-load: {container: {image: alpine, command: [load]}}
    exec-train: {container: {image: )" +
         image + ", command: [sh, -c, \"" + command + R"("]}}
root:
  inputDefinitions: {parameters: {rows: {parameterType: NUMBER_INTEGER, isOptional: true, defaultValue: )" +
         rows + R"(}}}
  dag:
    tasks:
      load: {componentRef: {name: comp-load}}
      fit: {componentRef: {name: comp-train}, dependentTasks: [load], parameterIterator: {itemInput: i, items: {raw: "[1]"}}}
)";
}

TaskRow row(std::int64_t id, const std::string& path, const std::string& digest, int y, const std::string& given = "sha256:in") {
  TaskData inputs, outputs;
  inputs.parameters.emplace("i", 1);
  inputs.artifacts["data"] = {{.name = "data", .uri = "/at/" + std::to_string(y), .digest = given}};
  outputs.parameters.emplace("y", y);
  outputs.artifacts["model"] = {{.name = "model", .uri = "/at/" + digest, .digest = digest}};
  return {.id = TaskId{id},
          .path = path,
          .state = TaskState::kSucceeded,
          .attempts = static_cast<int>(id),
          .outputs = to_json(to_value(outputs)),
          .inputs = to_json(to_value(inputs))};
}

DiffSide side() {
  DiffSide side{.run = {.spec_file = "p.yaml"}, .spec = spec()};
  side.tasks = {row(1, "root/load", "sha256:a", 1),
                {.id = TaskId{2}, .path = "root/fit", .state = TaskState::kSucceeded},
                {.id = TaskId{3}, .path = "root/fit[0]", .state = TaskState::kSucceeded}};
  side.tasks[2] = row(3, "root/fit[0]", "sha256:b", 2);
  return side;
}

std::vector<std::string> texts(const DiffSide& a, const DiffSide& b) {
  std::vector<std::string> texts;
  for (const RunDifference& difference : diff_runs(a, b)) texts.push_back((difference.follows ? "~ " : "") + difference.text());
  return texts;
}

TEST(RunDiff, EqualRunsDoNotDiffer) {
  DiffSide other = side();
  other.tasks[0].attempts = 9;
  EXPECT_THAT(texts(side(), other), IsEmpty());
}

TEST(RunDiff, ParametersAreComparedWithTheirDefaults) {
  DiffSide a = side(), b = side();
  a.run.parameters = {{"rows", 3}};
  EXPECT_THAT(texts(a, b), IsEmpty());
  b.spec = spec("train", "alpine", "4");
  EXPECT_THAT(texts(a, b), ElementsAre("parameter 'rows': 3 / 4"));
}

TEST(RunDiff, WhatATaskRunsIsComparedBeforeWhatItMade) {
  DiffSide b = side();
  b.spec = spec("train --fast", "debian");
  b.tasks[2] = row(3, "root/fit[0]", "sha256:c", 2);
  EXPECT_THAT(texts(side(), b), ElementsAre("root/fit[0]: image: alpine / debian", "root/fit[0]: code: train / train --fast",
                                            "~ root/fit[0]: output 'model': sha256:b / sha256:c"));
}

TEST(RunDiff, OutputsThatDifferFromEqualInputsAreTheNews) {
  DiffSide b = side();
  b.tasks[0] = row(1, "root/load", "sha256:A", 5);
  b.tasks[2] = row(3, "root/fit[0]", "sha256:B", 2, "sha256:A");
  EXPECT_THAT(texts(side(), b), ElementsAre("root/load: output 'y': 1 / 5", "root/load: output 'model': sha256:a / sha256:A",
                                            "~ root/fit[0]: input 'data': sha256:in / sha256:A",
                                            "~ root/fit[0]: output 'model': sha256:b / sha256:B"));
}

TEST(RunDiff, StatesTasksAndPackagesAreTold) {
  DiffSide a = side(), b = side();
  a.tasks[0].state = TaskState::kCached;
  EXPECT_THAT(texts(a, b), IsEmpty()) << "it made the same";
  b.tasks[0].state = TaskState::kFailed;
  b.tasks[0].error = "exit code 1";
  b.tasks.pop_back();
  a.tasks[2].facts = task_facts_text({.lock = "one"});
  EXPECT_THAT(texts(a, b), ElementsAre("root/load: state: CACHED / FAILED: exit code 1", "root/fit[0]: task: SUCCEEDED / -",
                                       "root/fit: task: - / SUCCEEDED"));
  b = side();
  b.tasks[2].facts = task_facts_text({.lock = "two"});
  EXPECT_THAT(texts(a, b), ElementsAre("root/fit[0]: packages: one / two"));
}

TEST(RunDiff, TheDocumentNamesTheFirst) {
  DiffSide b = side();
  b.spec = spec("other");
  const Value value = diff_value(side(), b, diff_runs(side(), b));
  EXPECT_FALSE(value.bool_or("same", true));
  EXPECT_EQ(value.find("first")->string_or("task", ""), "root/fit[0]");
  EXPECT_EQ(value.find("differences")->as_list().size(), 1U);
  EXPECT_TRUE(diff_value(b, b, {}).bool_or("same", false));
}

}  // namespace
}  // namespace sluice
