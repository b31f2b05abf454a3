#include <gtest/gtest.h>

#include "plan/resolve.h"
#include "plan/test_plan.h"

namespace sluice {
namespace {

class ResolveArtifacts : public test::ResolveTest {
 protected:
  NameMap<InputArtifact>& wanted() { return plan.component(task().component).input_artifacts; }
};

TEST_F(ResolveArtifacts, ComeFromTheDagAndFromSiblings) {
  wanted()["a"] = {};
  wanted()["b"] = {.is_list = true};
  task().artifacts["a"] = {.source = FromComponentInput{"in"}};
  task().artifacts["b"] = {.source = FromTaskOutput{"before", "out"}};
  scope.inputs.artifacts["in"] = {test::artifact("in", "/1")};
  scope.outputs["before"].artifacts["out"] = {test::artifact("out", "/2"), test::artifact("out", "/3")};
  const auto data = resolve();
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->artifacts.at("a"), scope.inputs.artifacts["in"]);
  EXPECT_EQ(data->artifacts.at("b"), scope.outputs["before"].artifacts["out"]);
}

TEST_F(ResolveArtifacts, AnOptionalOneMayBeMissing) {
  wanted()["a"] = {.optional = true};
  task().artifacts["a"] = {.source = FromComponentInput{"in"}};
  const auto data = resolve();
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_TRUE(data->artifacts.empty());
}

TEST_F(ResolveArtifacts, ARequiredOneMayNot) {
  wanted()["a"] = {};
  EXPECT_EQ(error(), R"(no artifact provided for non-optional input artifact "a")");
  task().artifacts["a"] = {.source = FromComponentInput{"in"}};
  EXPECT_EQ(error(), R"(input artifact "a": parent DAG does not have input artifact "in")");
  task().artifacts["a"] = {.source = FromTaskOutput{"before", "out"}};
  EXPECT_EQ(error(), R"(input artifact "a": task "before" made no output artifact "out")");
}

TEST_F(ResolveArtifacts, AListDoesNotFitWhereOneIsWanted) {
  wanted()["a"] = {};
  task().artifacts["a"] = {.source = FromComponentInput{"in"}};
  scope.inputs.artifacts["in"] = {test::artifact("in", "/1"), test::artifact("in", "/2")};
  EXPECT_EQ(error(), R"(input artifact "a": expect one artifact, got a list of 2)");
}

TEST_F(ResolveArtifacts, AnEmptyListIsNoArtifactWhereOneIsOptional) {
  wanted()["a"] = {.optional = true};
  task().artifacts["a"] = {.source = FromComponentInput{"in"}};
  scope.inputs.artifacts["in"] = {};
  const auto data = resolve();
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_TRUE(data->artifacts.empty());
}

TEST_F(ResolveArtifacts, ATaskThatRunsAfterAFailureCanDoWithoutAnOptionalOne) {
  wanted()["a"] = {.optional = true};
  task().artifacts["a"] = {.source = FromTaskOutput{"before", "out"}};
  EXPECT_EQ(error(), R"(input artifact "a": task "before" made no output artifact "out")");
  task().strategy = TriggerStrategy::kAllCompleted;
  EXPECT_EQ(parameters(), "{}");
}

TEST_F(ResolveArtifacts, TheListThatALoopGoesOverIsNotOneArtifact) {
  use_dag();
  wanted()["item"] = {};
  wanted()["items"] = {};
  task().artifacts["items"] = {.source = FromComponentInput{"in"}};
  task().iterator = Iterator{.over_artifacts = true, .items_input = "items", .item_input = "item"};
  scope.inputs.artifacts["in"] = {test::artifact("in", "/1"), test::artifact("in", "/2")};
  const auto data = resolve();
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->artifacts.at("items").size(), 2U);
}

}  // namespace
}  // namespace sluice
