#include "plan/checkpoint.h"

#include <gtest/gtest.h>

#include "plan/launch.h"
#include "plan/test_plan.h"

namespace sluice {
namespace {

class CheckpointUriTest : public testing::Test {
 protected:
  CheckpointUriTest() {
    component().input_parameters["dir"] = test::optional_input(ParameterType::kString);
    component().input_parameters["other"] = test::optional_input(ParameterType::kStruct);
  }
  Component& component() { return plan.component("step"); }
  ContainerSpec& container() { return plan.container("step"); }

  bool wanted() {
    plan.compile();
    return wants_checkpoint(plan.compiled("step"), inputs);
  }
  // What the command sees for one argument.
  std::string argument(const std::string& text) {
    container().command = {"run", text};
    plan.compile();
    const auto made = make_launch({.plan = plan.plan,
                                   .component = plan.compiled("step"),
                                   .task_name = "t",
                                   .task_uuid = "42",
                                   .inputs = inputs,
                                   .outputs = {.parameters_dir = "/o/p", .artifacts_dir = "/o/a", .executor_output = "/o/e"},
                                   .checkpoint = "/data/checkpoints/RUN/t"});
    return made ? made->argv.at(1) : "error: " + made.error().message;
  }

  test::TestPlan plan;
  TaskData inputs;
};

TEST_F(CheckpointUriTest, TheParameterIsSeenAsThePath) {
  inputs.parameters = {{"dir", "sluice://checkpoint"}};
  EXPECT_EQ(argument("{{$.inputs.parameters['dir']}}/x"), "/data/checkpoints/RUN/t/x");
  EXPECT_NE(argument("{{$}}").find(R"("parameterValues":{"dir":"/data/checkpoints/RUN/t"})"), std::string::npos);
  EXPECT_EQ(inputs.parameters.at("dir"), Value("sluice://checkpoint")) << "what the run remembers";
}

TEST_F(CheckpointUriTest, SoIsADefault) {
  component().input_parameters["dir"].default_value = Value("sluice://checkpoint");
  EXPECT_EQ(argument("{{$.inputs.parameters['dir']}}"), "/data/checkpoints/RUN/t");
  inputs.parameters = {{"dir", "/elsewhere"}};
  EXPECT_EQ(argument("{{$.inputs.parameters['dir']}}"), "/elsewhere");
}

TEST_F(CheckpointUriTest, OnlyTheWholeValueOfAStringCounts) {
  for (const char* text : {"sluice://checkpoint/", " sluice://checkpoint", "sluice://checkpoints"}) {
    inputs.parameters = {{"dir", text}};
    EXPECT_EQ(argument("{{$.inputs.parameters['dir']}}"), text);
    EXPECT_FALSE(wanted());
  }
  inputs.parameters = {{"other", Value::of({{"dir", "sluice://checkpoint"}})}};
  EXPECT_EQ(argument("{{$.inputs.parameters['other']}}"), R"({"dir":"sluice://checkpoint"})");
  EXPECT_FALSE(is_checkpoint(component(), "other", Value("sluice://checkpoint")));
  EXPECT_FALSE(is_checkpoint(component(), "nobody", Value("sluice://checkpoint")));
}

TEST_F(CheckpointUriTest, TheDirectoryIsMadeWhereItIsWanted) {
  container().command = {"true"};
  EXPECT_FALSE(wanted());
  inputs.parameters = {{"dir", "sluice://checkpoint"}};
  EXPECT_TRUE(wanted());
  inputs.parameters.clear();
  component().input_parameters["dir"].default_value = Value("sluice://checkpoint");
  EXPECT_TRUE(wanted());
  component().input_parameters.erase("dir");
  EXPECT_FALSE(wanted());
  container().command = {"sh", "-c", "train --to $SLUICE_CHECKPOINT_DIR"};
  EXPECT_TRUE(wanted());
  container().command = {"true"};
  container().env = {{"WHERE", "$(SLUICE_CHECKPOINT_DIR)"}};
  EXPECT_TRUE(wanted());
  container().env.clear();
  container().python.emplace();
  EXPECT_FALSE(wanted());
}

}  // namespace
}  // namespace sluice
