#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "model/artifact.h"
#include "model/pipeline.h"
#include "model/state.h"

namespace sluice {
namespace {

Artifact sample() {
  return {.name = "model",
          .type = {.schema_title = "system.Model", .schema_version = "0.0.1", .instance_schema = "title: Mine\n"},
          .uri = "/data/runs/1/out/model",
          .custom_path = "/data/elsewhere",
          .metadata = {{"accuracy", 0.93}, {"framework", "scikit-learn"}, {"layers", List{1, 2}}},
          .digest = "sha256:" + std::string(64, 'a'),
          .size_bytes = 1'234'567'890'123};
}

TEST(Artifact, SurvivesTheJournal) {
  const Artifact artifact = sample();
  EXPECT_EQ(artifact_from_value(parse_json(to_json(to_value(artifact))).value()), artifact);
  EXPECT_EQ(to_value(Artifact{}), Value(Struct{})) << "what is not set takes no room";
  EXPECT_EQ(artifact_from_value(Value(Struct{})), Artifact{});
}

TEST(Artifact, UnknownAndWrongFieldsAreIgnored) {
  const Value value =
      Value::of({{"name", "model"}, {"uri", 7}, {"metadata", List{1}}, {"size_bytes", "many"}, {"added_later", true}});
  EXPECT_EQ(artifact_from_value(value), Artifact{.name = "model"});
  EXPECT_EQ(artifact_from_value(Value("text")), Artifact{});
}

TEST(TaskData, SurvivesTheJournal) {
  TaskData data;
  data.parameters = {{"count", 3}, {"none", nullptr}, {"rows", List{"a", Value::of({{"b", true}})}}};
  data.artifacts = {{"model", {sample()}}, {"parts", {Artifact{.name = "p0"}, Artifact{.name = "p1"}}}, {"nothing", {}}};
  EXPECT_FALSE(data.empty());
  EXPECT_EQ(task_data_from_value(parse_json(to_json(to_value(data))).value()), data);
  EXPECT_TRUE(task_data_from_value(to_value(TaskData{})).empty());
  EXPECT_TRUE(task_data_from_value(Value(7)).empty());
}

TEST(States, EveryNameReadsBack) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(RunState::kInterrupted); ++i) {
    const auto state = static_cast<RunState>(i);
    EXPECT_EQ(run_state_from(state_name(state)), state);
    names.insert(state_name(state));
  }
  EXPECT_EQ(names.size(), 8U);
  names.clear();
  for (int i = 0; i <= static_cast<int>(TaskState::kCached); ++i) {
    const auto state = static_cast<TaskState>(i);
    EXPECT_EQ(task_state_from(state_name(state)), state);
    names.insert(state_name(state));
  }
  EXPECT_EQ(names.size(), 10U);
  for (int i = 0; i <= static_cast<int>(FailureKind::kLost); ++i) {
    const auto kind = static_cast<FailureKind>(i);
    EXPECT_EQ(failure_from(failure_name(kind)), kind);
  }
  EXPECT_EQ(state_name(RunState::kInterrupted), "INTERRUPTED");
  EXPECT_EQ(state_name(TaskState::kCached), "CACHED");
  EXPECT_EQ(failure_name(FailureKind::kLost), "lost");
  EXPECT_FALSE(run_state_from("running"));
  EXPECT_FALSE(task_state_from(""));
  EXPECT_FALSE(failure_from("exit "));
}

TEST(States, FinalOnesAreKnown) {
  for (const RunState state : {RunState::kSucceeded, RunState::kFailed, RunState::kCanceled}) EXPECT_TRUE(is_final(state));
  for (const RunState state :
       {RunState::kPending, RunState::kRunning, RunState::kPaused, RunState::kCanceling, RunState::kInterrupted})
    EXPECT_FALSE(is_final(state)) << state_name(state);
  for (const TaskState state : {TaskState::kSucceeded, TaskState::kFailed, TaskState::kSkipped, TaskState::kOmitted,
                                TaskState::kCanceled, TaskState::kCached})
    EXPECT_TRUE(is_final(state)) << state_name(state);
  for (const TaskState state : {TaskState::kPending, TaskState::kQueued, TaskState::kRunning, TaskState::kBackoff})
    EXPECT_FALSE(is_final(state)) << state_name(state);
  EXPECT_TRUE(is_success(TaskState::kCached));
  EXPECT_FALSE(is_success(TaskState::kSkipped));
}

TEST(Pipeline, ParameterTypesHaveTheNamesOfTheIr) {
  EXPECT_EQ(parameter_type_name(ParameterType::kUnspecified), "PARAMETER_TYPE_ENUM_UNSPECIFIED");
  EXPECT_EQ(parameter_type_name(ParameterType::kNumberInteger), "NUMBER_INTEGER");
  EXPECT_EQ(parameter_type_name(ParameterType::kTaskFinalStatus), "TASK_FINAL_STATUS");
  EXPECT_EQ(parameter_type_name(ParameterType::kTaskConfig), "TASK_CONFIG");
}

}  // namespace
}  // namespace sluice
