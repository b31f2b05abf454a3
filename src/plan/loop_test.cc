#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "plan/resolve.h"
#include "plan/test_plan.h"

namespace sluice {
namespace {

using testing::HasSubstr;

TaskSpec loop_over(std::string items_input, bool over_artifacts = false) {
  TaskSpec task;
  task.iterator = Iterator{.over_artifacts = over_artifacts, .items_input = std::move(items_input), .item_input = "item"};
  return task;
}

std::string items_of(const TaskSpec& task, Struct parameters) {
  const auto items = loop_items(task, {.parameters = std::move(parameters)});
  return items ? to_json(items->values) : "error: " + items.error().message;
}

TEST(Loop, TakesItsItemsFromTheSpecFromAListOrFromATextThatHoldsOne) {
  TaskSpec raw = loop_over("");
  raw.iterator->items = {1, "b"};
  EXPECT_EQ(items_of(raw, {}), R"([1,"b"])");
  EXPECT_EQ(items_of(loop_over("xs"), {{"xs", List{1, 2}}}), "[1,2]");
  EXPECT_EQ(items_of(loop_over("xs"), {{"xs", R"([{"a": 1}, "b"])"}}), R"([{"a":1},"b"])");
  EXPECT_EQ(items_of(loop_over("xs"), {{"xs", List{}}}), "[]");
}

TEST(Loop, OverWhatIsNoListIsAnError) {
  EXPECT_THAT(items_of(loop_over("xs"), {}), HasSubstr("loop over input \"xs\": the task was not given this parameter"));
  EXPECT_THAT(items_of(loop_over("xs"), {{"xs", 5}}), HasSubstr("expect a list, got number"));
  EXPECT_THAT(items_of(loop_over("xs"), {{"xs", nullptr}}), HasSubstr("expect a list, got null"));
  EXPECT_THAT(items_of(loop_over("xs"), {{"xs", "a,b"}}), HasSubstr("expect a JSON array, got a text that is none"));
  EXPECT_THAT(items_of(loop_over("xs"), {{"xs", "{}"}}), HasSubstr("expect a JSON array, got JSON struct"));
}

TEST(Loop, GivesEachIterationItsItemAndKeepsTheListShared) {
  const TaskSpec task = loop_over("xs");
  const TaskData inputs{.parameters = {{"xs", List{"a", "b"}}, {"n", 1}}};
  const auto items = loop_items(task, inputs);
  ASSERT_TRUE(items);
  const TaskData second = iteration_inputs(task, inputs, *items, 1);
  EXPECT_EQ(to_json(second.parameters), R"({"item":"b","n":1,"xs":["a","b"]})");
  EXPECT_EQ(&second.parameters.at("xs").as_list(), &inputs.parameters.at("xs").as_list());
}

TEST(Loop, GoesOverArtifacts) {
  const TaskSpec task = loop_over("models", true);
  const TaskData inputs{.artifacts = {{"models", {test::artifact("m", "/1"), test::artifact("m", "/2")}}}};
  const auto items = loop_items(task, inputs);
  ASSERT_TRUE(items);
  EXPECT_EQ(items->size(), 2U);
  EXPECT_EQ(iteration_inputs(task, inputs, *items, 1).artifacts.at("item"), ArtifactList{test::artifact("m", "/2")});
  EXPECT_THAT(loop_items(task, {}).error().message, HasSubstr("the task was not given this artifact"));
}

// Two tasks, "one" and "two", whose outputs the root dag hands out.
class DagOutputs : public testing::Test {
 protected:
  void SetUp() override {
    plan.task("one");
    plan.task("two");
    plan.compile();
  }
  Dag& dag() { return *plan.pipeline->root.dag; }
  Result<TaskData> outputs() { return dag_outputs(plan.plan, plan.root(), scope); }

  test::TestPlan plan;
  test::TestScope scope{plan};
};

TEST_F(DagOutputs, ComeFromTheTaskThatIsSelected) {
  dag().output_parameters["p"] = {{"one", "Output"}};
  dag().output_artifacts["a"] = {{"two", "model"}};
  scope.outputs["one"].parameters["Output"] = 5;
  scope.outputs["two"].artifacts["model"] = {test::artifact("model", "/m")};
  const auto made = outputs();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(to_json(made->parameters), R"({"p":5})");
  EXPECT_EQ(made->artifacts.at("a"), scope.outputs["two"].artifacts["model"]);
}

TEST_F(DagOutputs, AreLeftOutIfTheirOnlyTaskDidNotRun) {
  dag().output_parameters["p"] = {{"one", "Output"}};
  dag().output_artifacts["a"] = {{"one", "model"}};
  scope.ends["one"] = {.state = TaskState::kSkipped};
  const auto made = outputs();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->empty());
}

TEST_F(DagOutputs, OneOfTakesTheFirstTaskThatSucceeded) {
  dag().output_parameters["p"] = {{"one", "Output"}, {"two", "Output"}};
  dag().output_artifacts["a"] = {{"one", "m"}, {"two", "m"}};
  scope.ends["one"] = {.state = TaskState::kSkipped};
  scope.ends["two"] = {.state = TaskState::kCached};
  scope.outputs["two"] = {.parameters = {{"Output", "second"}}, .artifacts = {{"m", {test::artifact("m", "/2")}}}};
  EXPECT_EQ(to_json(outputs().value().parameters), R"({"p":"second"})");
  EXPECT_EQ(outputs().value().artifacts.at("a")[0].uri, "/2");
  scope.ends["one"] = {.state = TaskState::kSucceeded};
  scope.outputs["one"] = {.parameters = {{"Output", "first"}}};
  EXPECT_EQ(to_json(outputs().value().parameters), R"({"p":"first"})");
}

TEST_F(DagOutputs, OneOfWithoutACandidateIsAnError) {
  dag().output_parameters["p"] = {{"one", "Output"}, {"two", "Output"}};
  scope.ends["one"] = {.state = TaskState::kSkipped};
  scope.ends["two"] = {.state = TaskState::kOmitted};
  EXPECT_EQ(outputs().error().message, R"(output "p": none of the 2 tasks that could make it (OneOf) succeeded)");
}

class Collect : public testing::Test {
 protected:
  void SetUp() override {
    plan.component("group").output_parameters["p"] = {.type = ParameterType::kNumberInteger};
    plan.component("group").output_artifacts["a"] = {};
    plan.compile();
  }
  test::TestPlan plan;
};

TEST_F(Collect, PutsParametersIntoAListAndArtifactsIntoOneFlatList) {
  const TaskData first{.parameters = {{"p", List{1, 2}}},
                       .artifacts = {{"a", {test::artifact("a", "/1"), test::artifact("a", "/2")}}}};
  const TaskData without;
  const TaskData last{.parameters = {{"p", List{3}}}, .artifacts = {{"a", {test::artifact("a", "/3")}}}};
  const TaskData all = collect_outputs(plan.compiled("group"), {&first, nullptr, &without, &last});
  EXPECT_EQ(to_json(all.parameters), R"({"p":[[1,2],[3]]})");
  ASSERT_EQ(all.artifacts.at("a").size(), 3U);
  EXPECT_EQ(all.artifacts.at("a")[2].uri, "/3");
}

TEST_F(Collect, OfAnEmptyLoopIsEmptyLists) {
  const TaskData all = collect_outputs(plan.compiled("group"), {});
  EXPECT_EQ(to_json(all.parameters), R"({"p":[]})");
  EXPECT_TRUE(all.artifacts.at("a").empty());
}

}  // namespace
}  // namespace sluice
