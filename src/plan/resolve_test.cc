#include "plan/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "plan/test_plan.h"

namespace sluice {
namespace {

using test::constant;
using test::from_dag;
using test::from_task;
using test::input;
using test::input_with_default;
using test::optional_input;
using testing::HasSubstr;
using Resolve = test::ResolveTest;

TEST_F(Resolve, ADagInputIsHandedDown) {
  declared()["x"] = input(ParameterType::kNumberInteger);
  task().parameters["x"] = from_dag("n");
  scope.inputs.parameters["n"] = 3;
  EXPECT_EQ(parameters(), R"({"x":3})");
}

TEST_F(Resolve, ADagInputThatDoesNotExistIsAnError) {
  declared()["x"] = optional_input(ParameterType::kString);
  task().parameters["x"] = from_dag("n");
  EXPECT_THAT(error(), HasSubstr(R"(parent DAG does not have input parameter "n")"));
}

TEST_F(Resolve, ALeafDropsANullThatItCanDoWithout) {
  declared()["x"] = optional_input(ParameterType::kString);
  task().parameters["x"] = from_dag("n");
  scope.inputs.parameters["n"] = nullptr;
  EXPECT_EQ(parameters(), "{}");
}

TEST_F(Resolve, ALeafRefusesANullForARequiredInput) {
  declared()["x"] = input(ParameterType::kString);
  task().parameters["x"] = from_dag("n");
  scope.inputs.parameters["n"] = nullptr;
  EXPECT_EQ(error(), R"(non-optional input parameter "x" has no value: input parameter "n" of the parent DAG is null)");
}

TEST_F(Resolve, ADagPassesANullOn) {
  use_dag();
  declared()["x"] = input(ParameterType::kString);
  declared()["y"] = input_with_default(ParameterType::kString, "d");
  declared()["y"].optional = true;
  task().parameters["x"] = from_dag("n");
  task().parameters["y"] = from_dag("n");
  task().parameters["hidden"] = from_dag("n");
  scope.inputs.parameters["n"] = nullptr;
  EXPECT_EQ(parameters(), R"({"hidden":null,"x":null,"y":null})");
}

TEST_F(Resolve, AnInputThatIsNotPassedStaysAwayFromALeafAndIsFilledForADag) {
  for (const char* component : {"step", "group"}) {
    auto& inputs = plan.component(component).input_parameters;
    inputs["a"] = input_with_default(ParameterType::kNumberInteger, 7);
    inputs["b"] = optional_input(ParameterType::kString);
  }
  EXPECT_EQ(parameters(), "{}");
  use_dag();
  EXPECT_EQ(parameters(), R"({"a":7,"b":null})");
}

TEST_F(Resolve, ARequiredInputThatIsNotPassedIsAnError) {
  declared()["x"] = input(ParameterType::kString);
  EXPECT_EQ(error(), R"(neither value nor default value provided for non-optional parameter "x")");
  use_dag();
  declared()["x"] = input(ParameterType::kString);
  EXPECT_EQ(error(), R"(neither value nor default value provided for non-optional parameter "x")");
}

TEST_F(Resolve, AnOutputOfASiblingIsTaken) {
  declared()["x"] = input(ParameterType::kList);
  task().parameters["x"] = from_task("before", "Output");
  scope.outputs["before"].parameters["Output"] = List{1, 2};
  EXPECT_EQ(parameters(), R"({"x":[1,2]})");
}

TEST_F(Resolve, ASiblingWithoutOutputsIsAnErrorThatNamesTaskAndKey) {
  declared()["x"] = optional_input(ParameterType::kString);
  task().parameters["x"] = from_task("before", "Output");
  EXPECT_EQ(error(), R"(input parameter "x": task "before" made no output parameter "Output")");
}

TEST_F(Resolve, ATaskThatRunsAfterAFailureSeesTheOutputAsNotGiven) {
  task().strategy = TriggerStrategy::kAllCompleted;
  task().parameters["x"] = from_task("before", "Output");
  declared()["x"] = input_with_default(ParameterType::kString, "d");
  EXPECT_EQ(parameters(), "{}");
  declared()["x"] = optional_input(ParameterType::kString);
  EXPECT_EQ(parameters(), "{}");
  declared()["x"] = input(ParameterType::kString);
  EXPECT_EQ(error(), R"(neither value nor default value provided for non-optional parameter "x")");
}

TEST_F(Resolve, AnOutputThatWasLeftUnsetIsNullToItsReader) {
  task().parameters["x"] = from_task("before", "Output");
  scope.outputs["before"].parameters["Other"] = 1;
  declared()["x"] = optional_input(ParameterType::kString);
  EXPECT_EQ(parameters(), "{}");
  declared()["x"] = input(ParameterType::kString);
  EXPECT_THAT(error(), HasSubstr(R"(task "before" left its output parameter "Output" unset)"));
}

TEST_F(Resolve, AnythingBecomesTextWhereAStringIsWanted) {
  declared()["x"] = input(ParameterType::kString);
  const std::vector<std::pair<Value, std::string>> cases{
      {3, "3"},      {0.5, "0.5"}, {1e21, "1000000000000000000000"}, {true, "true"},
      {nullptr, ""}, {"a", "a"},   {List{1, "b"}, R"([1,"b"])"},     {Value::of({{"k", false}}), R"({"k":false})"}};
  for (const auto& [value, text] : cases) {
    task().parameters["x"] = constant(value);
    const auto data = resolve();
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->parameters.at("x"), Value(text));
  }
}

TEST_F(Resolve, AStringIsNotReadAsAnythingElse) {
  for (const ParameterType type : {ParameterType::kNumberInteger, ParameterType::kNumberDouble, ParameterType::kBoolean,
                                   ParameterType::kList, ParameterType::kStruct, ParameterType::kTaskFinalStatus}) {
    declared()["x"] = input(type);
    task().parameters["x"] = constant("[1]");
    EXPECT_EQ(error(), "input parameter \"x\" type mismatch: expect " + std::string(parameter_type_name(type)) + ", got string");
  }
}

TEST_F(Resolve, AnIntegerHasNoFraction) {
  declared()["x"] = input(ParameterType::kNumberInteger);
  task().parameters["x"] = constant(2.5);
  EXPECT_EQ(error(), R"(input parameter "x" type mismatch: expect NUMBER_INTEGER, got number 2.5)");
  task().parameters["x"] = constant(2.0);
  EXPECT_EQ(parameters(), R"({"x":2})");
}

TEST_F(Resolve, AValueHasToBeOneOfTheLiterals) {
  declared()["x"] = input(ParameterType::kString);
  declared()["x"].literals = {"a", "3"};
  task().parameters["x"] = constant("b");
  EXPECT_EQ(error(), R"(input parameter "x": "b" does not match any of the allowed literal values ["a","3"])");
  task().parameters["x"] = constant(3);
  EXPECT_EQ(parameters(), R"({"x":"3"})");
}

TEST_F(Resolve, InputsThatTheComponentDoesNotDeclareAreKept) {
  task().parameters["pipelinechannel--a"] = constant(List{1});
  task().parameters["pipelinechannel--b"] = constant(nullptr);
  EXPECT_EQ(parameters(), R"({"pipelinechannel--a":[1]})");
}

TEST_F(Resolve, ASelectorSeesTheValueAsTextAndAsWhatItIs) {
  declared()["x"] = optional_input(ParameterType::kString);
  task().parameters["x"] = from_dag("item");
  task().parameters["x"].selector = R"(parseJson(string_value)["k"])";
  scope.inputs.parameters["item"] = Value::of({{"k", "v"}});
  EXPECT_EQ(parameters(), R"({"x":"v"})");
  scope.inputs.parameters["item"] = R"({"k": "w"})";
  EXPECT_EQ(parameters(), R"({"x":"w"})");
  task().parameters["x"].selector = "struct_value.k";
  scope.inputs.parameters["item"] = Value::of({{"k", "z"}});
  EXPECT_EQ(parameters(), R"({"x":"z"})");
  task().parameters["x"].selector = "list_value[1]";
  scope.inputs.parameters["item"] = List{"a", "b"};
  EXPECT_EQ(parameters(), R"({"x":"b"})");
  task().parameters["x"].selector = "string(bool_value)";
  scope.inputs.parameters["item"] = true;
  EXPECT_EQ(parameters(), R"({"x":"true"})");
  task().parameters["x"].selector = "number_value + 1.0";
  scope.inputs.parameters["item"] = 2;
  EXPECT_EQ(parameters(), R"({"x":"3"})");
}

TEST_F(Resolve, ASelectorThatFailsSaysWhichInputAndWhichText) {
  declared()["x"] = input(ParameterType::kString);
  task().parameters["x"] = from_dag("item");
  task().parameters["x"].selector = R"(parseJson(string_value)["no"])";
  scope.inputs.parameters["item"] = Value::of({{"k", "v"}});
  EXPECT_THAT(error(), HasSubstr(R"(input parameter "x": selector "parseJson(string_value)["no"]": )"));
}

TEST_F(Resolve, AJobPlaceholderIsReplacedIfItIsAllOfAConstant) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{{$.pipeline_job_name}}", "my run"},
      {"{{$.pipeline_job_resource_name}}", "train-x7k2p"},
      {"{{$.pipeline_job_uuid}}", "8f0e"},
      {"{{$.pipeline_task_name}}", "t"},
      {"{{$.pipeline_job_create_time_utc}}", "2026-11-24T05:36:21Z"},
      {"{{$.pipeline_job_schedule_time_utc}}", "2026-11-24T05:00:00Z"},
      {"{{$.pipeline_root}}", "/data/run"},
      {"{{$.workspace_path}}", "/data/ws"},
      {"{{$.workspace_path}}/a/{{$.workspace_path}}", "/data/ws/a//data/ws"},
      {"run {{$.pipeline_job_name}}", "run {{$.pipeline_job_name}}"},
      {"{{$.pipeline_google_cloud_location}}", "{{$.pipeline_google_cloud_location}}"},
      {"{{$.pipeline_task_uuid}}", "{{$.pipeline_task_uuid}}"},
  };
  declared()["x"] = input(ParameterType::kString);
  for (const auto& [text, expected] : cases) {
    task().parameters["x"] = constant(text);
    const auto data = resolve();
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->parameters.at("x"), Value(expected));
  }
}

TEST_F(Resolve, APlaceholderInAValueThatIsNoConstantStaysAsItIs) {
  declared()["x"] = input(ParameterType::kString);
  task().parameters["x"] = from_dag("n");
  scope.inputs.parameters["n"] = "{{$.pipeline_job_name}}";
  EXPECT_EQ(parameters(), R"({"x":"{{$.pipeline_job_name}}"})");
}

TEST_F(Resolve, AReferenceInAConstantIsResolvedOnce) {
  declared()["x"] = input(ParameterType::kString);
  task().parameters["pipelinechannel--a"] = from_dag("n");
  task().parameters["x"] = constant("p-{{$.inputs.parameters['pipelinechannel--a']}}-{{$.inputs.parameters['no']}}");
  scope.inputs.parameters["n"] = "{{$.inputs.parameters['x']}}";
  EXPECT_EQ(parameters(), R"({"pipelinechannel--a":"{{$.inputs.parameters['x']}}",)"
                          R"("x":"p-{{$.inputs.parameters['x']}}-{{$.inputs.parameters['no']}}"})");
}

TEST_F(Resolve, AReferenceThatIsAllOfATextIsTheValueItself) {
  declared()["x"] = input(ParameterType::kList);
  task().parameters["pipelinechannel--a"] = from_dag("n");
  task().parameters["x"] =
      constant(List{"{{$.inputs.parameters['pipelinechannel--a']}}", Value::of({{"k", "{{$.pipeline_task_name}}"}})});
  scope.inputs.parameters["n"] = 4;
  EXPECT_EQ(parameters(), R"({"pipelinechannel--a":4,"x":[4,{"k":"t"}]})");
}

TEST_F(Resolve, AReferenceToAnInputOfNullIsAnEmptyText) {
  declared()["x"] = input(ParameterType::kString);
  task().parameters["h"] = from_dag("n");
  task().parameters["x"] = constant("<{{$.inputs.parameters['h']}}>");
  scope.inputs.parameters["n"] = nullptr;
  EXPECT_EQ(parameters(), R"({"x":"<>"})");
}

TEST_F(Resolve, AConstantWithoutPlaceholdersIsShared) {
  declared()["x"] = input(ParameterType::kList);
  task().parameters["x"] = constant(List{1, 2, 3});
  const auto data = resolve();
  ASSERT_TRUE(data);
  EXPECT_EQ(&data->parameters.at("x").as_list(), &std::get<FromConstant>(task().parameters["x"].source).value.as_list());
}

TEST_F(Resolve, AFinalStatusSpeaksTheWordsOfTheStockBackEnd) {
  declared()["status"] = input(ParameterType::kTaskFinalStatus);
  task().strategy = TriggerStrategy::kAllCompleted;
  task().parameters["status"] = {.source = FromFinalStatus{"before"}};
  const std::vector<std::pair<TaskState, std::string>> words{
      {TaskState::kSucceeded, "COMPLETE"}, {TaskState::kCached, "CACHED"},    {TaskState::kFailed, "FAILED"},
      {TaskState::kCanceled, "CANCELED"},  {TaskState::kSkipped, "CANCELED"}, {TaskState::kOmitted, "CANCELED"}};
  for (const auto& [state, word] : words) {
    scope.ends["before"] = {.state = state};
    EXPECT_EQ(
        parameters(),
        R"({"status":{"error":{},"pipelineJobResourceName":"train-x7k2p","pipelineTaskName":"before","state":")" + word + "\"}}");
  }
  scope.ends["before"] = {.state = TaskState::kFailed, .message = "exit code 1"};
  EXPECT_THAT(parameters(), HasSubstr(R"("error":{"message":"exit code 1"})"));
}

TEST_F(Resolve, ATaskConfigIsAnEmptyStruct) {
  declared()["config"] = input(ParameterType::kTaskConfig);
  EXPECT_EQ(parameters(), R"({"config":{}})");
}

TEST_F(Resolve, TheItemOfALoopIsNotMissedAndItsListIsKept) {
  use_dag();
  declared()["item"] = input(ParameterType::kString);
  declared()["items"] = input(ParameterType::kList);
  task().parameters["items"] = constant(List{1});
  task().iterator = Iterator{.items_input = "items", .item_input = "item"};
  EXPECT_EQ(parameters(), R"({"items":[1]})");
}

TEST_F(Resolve, AConditionSeesParametersAndArtifacts) {
  task().condition = "inputs.parameter_values['x'] == 'a' && inputs.artifacts['m'].artifacts[0].uri == '/m'";
  plan.compile();
  TaskData data{.parameters = {{"x", "a"}}, .artifacts = {{"m", {test::artifact("m", "/m")}}}};
  EXPECT_EQ(test_condition(plan.compiled_task("t"), data).value(), true);
  data.parameters["x"] = "b";
  EXPECT_EQ(test_condition(plan.compiled_task("t"), data).value(), false);
}

TEST_F(Resolve, ATaskWithoutAConditionRuns) {
  plan.compile();
  EXPECT_EQ(test_condition(plan.compiled_task("t"), {}).value(), true);
}

TEST_F(Resolve, AConditionThatCannotBeEvaluatedIsQuoted) {
  task().condition = "inputs.parameter_values['x'] == 1";
  plan.compile();
  const auto holds = test_condition(plan.compiled_task("t"), {.parameters = {{"x", "a"}}});
  ASSERT_FALSE(holds);
  EXPECT_EQ(holds.error().code, Code::kInvalid);
  EXPECT_THAT(holds.error().message, HasSubstr(task().condition));
}

class Binding : public Resolve {
 protected:
  Result<std::optional<Value>> bind(const ParameterBinding& binding) {
    plan.compile();
    return resolve_binding(plan.plan, plan.root(), binding, scope);
  }
};

TEST_F(Binding, IsResolvedAgainstTheEnclosingDag) {
  scope.inputs.parameters["n"] = "secret";
  scope.outputs["before"].parameters["Output"] = "claim";
  EXPECT_EQ(bind(from_dag("n")).value(), Value("secret"));
  EXPECT_EQ(bind(from_task("before", "Output")).value(), Value("claim"));
  EXPECT_EQ(bind(constant("{{$.workspace_path}}/{{$.inputs.parameters['n']}}")).value(), Value("/data/ws/secret"));
  ParameterBinding selected = from_dag("n");
  selected.selector = "string_value + '!'";
  EXPECT_EQ(bind(selected).value(), Value("secret!"));
}

TEST_F(Binding, OfNullSaysThatItsEntryIsSkipped) {
  scope.inputs.parameters["n"] = nullptr;
  EXPECT_EQ(bind(from_dag("n")).value(), std::nullopt);
  EXPECT_EQ(bind(constant(nullptr)).value(), std::nullopt);
}

TEST_F(Binding, ToNothingIsAnError) {
  EXPECT_THAT(bind(from_dag("n")).error().message, HasSubstr(R"(parent DAG does not have input parameter "n")"));
  EXPECT_THAT(bind(from_task("before", "Output")).error().message,
              HasSubstr(R"(task "before" made no output parameter "Output")"));
}

}  // namespace
}  // namespace sluice
