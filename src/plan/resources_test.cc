#include "plan/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/test_plan.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Quantities, CpuIsReadAsKubernetesWritesItAndRoundedUp) {
  const auto milli = [](std::string_view text) { return cpu_quantity(text).value(); };
  EXPECT_EQ(milli("2"), 2000);
  EXPECT_EQ(milli("0.5"), 500);
  EXPECT_EQ(milli("500m"), 500);
  EXPECT_EQ(milli("0.1"), 100) << "a tenth in binary is a little more";
  EXPECT_EQ(milli("1.0001"), 1001);
  EXPECT_EQ(milli("100u"), 1);
  EXPECT_EQ(milli("+1.5"), 1500);
  EXPECT_EQ(milli(" 4 "), 4000);
  EXPECT_EQ(milli("0"), 0);
  EXPECT_EQ(milli("1e3m"), 1000);
}

TEST(Quantities, MemoryIsReadInDecimalAndBinaryUnits) {
  const auto bytes = [](std::string_view text) { return memory_quantity(text).value(); };
  EXPECT_EQ(bytes("128974848"), 128'974'848);
  EXPECT_EQ(bytes("200M"), 200'000'000);
  EXPECT_EQ(bytes("200Mi"), 200LL << 20U);
  EXPECT_EQ(bytes("1.5Gi"), 3LL << 29U);
  EXPECT_EQ(bytes("1e9"), 1'000'000'000);
  EXPECT_EQ(bytes("1E9"), 1'000'000'000);
  EXPECT_EQ(bytes("1E"), 1'000'000'000'000'000'000) << "without digits behind it E is a unit";
  EXPECT_EQ(bytes("2Ei"), 1LL << 61U);
  EXPECT_EQ(bytes("1500m"), 2);
  EXPECT_EQ(bytes("0.1"), 1);
}

TEST(Quantities, WhatIsNoneIsShownWithAnExampleOfWhatIs) {
  for (const char* text :
       {"", " ", "lots", "1 Gi", "-1", "1Gb", "1.2.3", "0x10", "inf", "nan", "1e", "G", ".", "1e400", "5Ei", "++1"}) {
    EXPECT_FALSE(memory_quantity(text)) << text;
    EXPECT_FALSE(cpu_quantity(text)) << text;
  }
  EXPECT_EQ(memory_quantity("1Gb").error().message, "'1Gb' is no amount of memory");
  EXPECT_THAT(memory_quantity("1Gb").error().hint, HasSubstr("1.5Gi"));
  EXPECT_FALSE(cpu_quantity("1000001")) << "a million cores are enough for everybody";
}

class Resources : public testing::Test {
 protected:
  ContainerSpec& container() { return plan.container("step"); }
  NameMap<std::string>& annotations() { return plan.pipeline->executors.at("exec-step").kubernetes.annotations; }
  Result<Need> needs() {
    plan.compile();
    return resources_of(plan.compiled("step"), inputs);
  }
  Need need() {
    const auto found = needs();
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(Need{});
  }

  test::TestPlan plan;
  TaskData inputs;
};

TEST_F(Resources, AComponentThatAsksForNothingNeedsNothing) { EXPECT_EQ(need(), Need{}); }

TEST_F(Resources, ARequestThatIsMissingIsTheLimit) {
  container().cpu_limit = "2";
  container().memory_limit = "4Gi";
  container().memory_request = "1Gi";
  const Need both = need();
  EXPECT_EQ(both.cpu_limit_milli, 2000);
  EXPECT_EQ(both.cpu_milli, 2000);
  EXPECT_EQ(both.memory_limit, 4LL << 30U);
  EXPECT_EQ(both.memory_bytes, 1LL << 30U);
}

TEST_F(Resources, ARequestAloneIsNoLimit) {
  container().cpu_request = "250m";
  container().memory_request = "100M";
  EXPECT_EQ(need(), (Need{.cpu_milli = 250, .memory_bytes = 100'000'000}));
}

TEST_F(Resources, APlaceholderIsReplacedByTheTasksInputOrItsDefault) {
  plan.component("step").input_parameters["cpu"] = test::input(ParameterType::kString);
  plan.component("step").input_parameters["memory"] = test::input_with_default(ParameterType::kString, "300Mi");
  plan.component("step").input_parameters["n"] = test::input(ParameterType::kNumberInteger);
  container().cpu_limit = "{{$.inputs.parameters['cpu']}}";
  container().memory_limit = "{{$.inputs.parameters['memory']}}";
  container().accelerator_type = "nvidia.com/gpu";
  container().accelerator_count = "{{$.inputs.parameters['n']}}";
  inputs.parameters = {{"cpu", "1500m"}, {"n", 2}};
  EXPECT_EQ(need().cpu_milli, 1500);
  EXPECT_EQ(need().memory_limit, 300LL << 20U);
  EXPECT_EQ(need().gpus, 2);
  EXPECT_EQ(need().gpu_type, "nvidia.com/gpu");
  inputs.parameters.erase("cpu");
  EXPECT_EQ(need().cpu_milli, 0) << "an input that is not given leaves the field empty";
}

TEST_F(Resources, AnErrorNamesTheFieldAndWhatWasFoundThere) {
  plan.component("step").input_parameters["memory"] = test::input(ParameterType::kString);
  container().memory_limit = "{{$.inputs.parameters['memory']}}";
  inputs.parameters = {{"memory", "much"}};
  EXPECT_EQ(needs().error().message, "resourceMemoryLimit: 'much' is no amount of memory");
  container().memory_limit = "{{$.inputs.parameters['nobody']}}";
  EXPECT_THAT(needs().error().message, HasSubstr("nobody"));
  container().memory_limit = "";
  container().accelerator_count = "1.5";
  EXPECT_EQ(needs().error().message, "accelerator.resourceCount: '1.5' is no number of accelerators");
}

TEST_F(Resources, AnAcceleratorWithoutACountIsOne) {
  container().accelerator_type = "nvidia.com/gpu";
  EXPECT_EQ(need().gpus, 1);
  container().accelerator_count = "0";
  EXPECT_EQ(need().gpus, 0);
}

TEST_F(Resources, PriorityAndPoolsAreAnnotations) {
  annotations() = {{"sluice.dev/priority", " -5 "}, {"sluice.dev/pool", "gpu-queue, database,,database"}};
  EXPECT_EQ(need().priority, -5);
  EXPECT_THAT(need().pools, ElementsAre("database", "gpu-queue"));
  annotations() = {{"sluice.dev/priority", "high"}};
  EXPECT_EQ(needs().error().message, "sluice.dev/priority: 'high' is no whole number");
}

TEST_F(Resources, AnImporterNeedsNothing) {
  plan.pipeline->executors.at("exec-step").what = ImporterSpec{};
  EXPECT_EQ(need(), Need{});
}

}  // namespace
}  // namespace sluice
