#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/json.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A pipeline with one leaf component `work`, to which tests add tasks.
Pipeline small_pipeline() {
  Pipeline pipeline;
  pipeline.name = "small";
  pipeline.executors["exec-work"].label = "exec-work";
  Component work;
  work.name = "work";
  work.executor = "exec-work";
  pipeline.components["work"] = work;
  pipeline.root.name = "root";
  pipeline.root.dag.emplace();
  return pipeline;
}

TaskSpec& add_task(Component& dag, const std::string& name, std::vector<std::string> after = {},
                   const std::string& component = "work") {
  TaskSpec& task = dag.dag->tasks[name];
  task.name = name;
  task.component = component;
  task.dependent_tasks = std::move(after);
  task.place = {static_cast<int>(dag.dag->tasks.size()), 5};
  return task;
}

Component& add_dag(Pipeline& pipeline, const std::string& name) {
  Component& component = pipeline.components[name];
  component.name = name;
  component.dag.emplace();
  component.place = {90, 3};
  return component;
}

InputParameter& add_input(Pipeline& pipeline, const std::string& name, ParameterType type) {
  InputParameter& input = pipeline.root.input_parameters[name];
  input.type = type;
  input.place = {static_cast<int>(10 + pipeline.root.input_parameters.size()), 7};
  return input;
}

const RunContext kContext{.run_uuid = "5c0e2f6e-0000-4000-8000-000000000001",
                          .display_name = "Monday's run",
                          .resource_name = "small-x7k2p",
                          .created = "2026-11-23T05:06:07Z",
                          .scheduled = "2026-11-23T05:06:07Z",
                          .pipeline_root = "/data/runs/1",
                          .workspace_path = "/data/workspace"};

PlanResult plan_of(Pipeline pipeline, const Struct& given = {}, const RunContext& context = kContext) {
  return make_plan(std::make_shared<const Pipeline>(std::move(pipeline)), given, context);
}

// "path: message" of each error.
std::vector<std::string> errors_of(const PlanResult& result) {
  std::vector<std::string> out;
  for (const Diagnostic& error : result.errors) out.push_back(error.path + ": " + error.message);
  return out;
}

std::vector<std::string> order_of(const PlanComponent& component) {
  std::vector<std::string> names;
  for (const PlanTask& task : component.tasks) names.push_back(task.spec->name);
  return names;
}

TEST(Arguments, GivenValuesBeatDefaultsAndOptionalOnesWithoutEitherAreNull) {
  Pipeline pipeline = small_pipeline();
  add_input(pipeline, "given", ParameterType::kNumberInteger).default_value = 1;
  add_input(pipeline, "default", ParameterType::kString).default_value = "d";
  add_input(pipeline, "optional", ParameterType::kList).optional = true;
  InputParameter& null_given = add_input(pipeline, "null_given", ParameterType::kNumberDouble);
  null_given.optional = true;
  null_given.default_value = 0.5;
  const auto result = plan_of(pipeline, {{"given", 2}, {"null_given", nullptr}});
  ASSERT_THAT(errors_of(result), IsEmpty());
  EXPECT_EQ(to_json(result.plan->parameters), R"({"default":"d","given":2,"null_given":0.5,"optional":null})");
}

TEST(Arguments, AllErrorsComeAtOnceWithTheirPlaces) {
  Pipeline pipeline = small_pipeline();
  add_input(pipeline, "a", ParameterType::kNumberInteger);
  add_input(pipeline, "b", ParameterType::kNumberDouble);
  add_input(pipeline, "learning_rate", ParameterType::kNumberDouble).default_value = 0.1;
  const auto result = plan_of(pipeline, {{"a", "1"}, {"learning_rat", 1}, {"zzz", 1}});
  EXPECT_EQ(result.plan, nullptr);
  EXPECT_THAT(
      errors_of(result),
      ElementsAre("learning_rat: parameter(s) provided are not required by pipeline: learning_rat; did you mean 'learning_rate'?",
                  "zzz: parameter(s) provided are not required by pipeline: zzz",
                  "a: input parameter a requires type double or integer, got string",
                  "b: parameter b is not optional, yet has neither default value nor user provided value"));
  EXPECT_EQ(result.errors[0].hint, "its parameters: a, b, learning_rate");
  EXPECT_EQ(result.errors[2].place, (Place{11, 7}));
  EXPECT_EQ(result.errors[3].place, (Place{12, 7}));
  EXPECT_EQ(result.errors[3].code, Code::kInvalid);
  EXPECT_EQ(result.errors[3].file, "");
}

TEST(Arguments, EveryTypeRefusesTheOtherKinds) {
  const std::vector<std::tuple<ParameterType, Value, std::string>> rows{
      {ParameterType::kNumberDouble, 1.5, ""},
      {ParameterType::kNumberDouble, true, "input parameter x requires type double or integer, got bool"},
      {ParameterType::kNumberDouble, nullptr, "input parameter x requires type double or integer, got null"},
      {ParameterType::kNumberInteger, 3.0, ""},
      {ParameterType::kNumberInteger, 1.5, "input parameter x requires type integer, got 1.5"},
      {ParameterType::kNumberInteger, "1", "input parameter x requires type double or integer, got string"},
      {ParameterType::kString, "s", ""},
      {ParameterType::kString, 1, "input parameter x requires type string, got number"},
      {ParameterType::kBoolean, false, ""},
      {ParameterType::kBoolean, "True", "input parameter x requires type bool, got string"},
      {ParameterType::kList, List{1}, ""},
      {ParameterType::kList, Struct{}, "input parameter x requires type list, got struct"},
      {ParameterType::kStruct, Struct{}, ""},
      {ParameterType::kStruct, List{}, "input parameter x requires type struct, got list"},
      {ParameterType::kTaskConfig, Struct{}, ""},
      {ParameterType::kTaskFinalStatus, Struct{}, "input parameter x: TASK_FINAL_STATUS is invalid for root component"},
      {ParameterType::kUnspecified, 1, "input parameter x has an unspecified type"},
  };
  for (const auto& [type, value, expected] : rows) {
    SCOPED_TRACE(std::string(parameter_type_name(type)) + " " + to_json(value));
    Pipeline pipeline = small_pipeline();
    add_input(pipeline, "x", type);
    const auto result = plan_of(pipeline, {{"x", value}});
    if (expected.empty())
      EXPECT_THAT(errors_of(result), IsEmpty());
    else
      EXPECT_THAT(errors_of(result), ElementsAre("x: " + expected));
  }
}

TEST(Arguments, MustBeOneOfTheLiterals) {
  Pipeline pipeline = small_pipeline();
  add_input(pipeline, "a", ParameterType::kNumberInteger).literals = {1, 2};
  EXPECT_THAT(errors_of(plan_of(pipeline, {{"a", 2}})), IsEmpty());
  const auto result = plan_of(pipeline, {{"a", 9}});
  EXPECT_THAT(errors_of(result), ElementsAre("a: input parameter a: 9 does not match any of the allowed literal values"));
  EXPECT_EQ(result.errors[0].hint, "allowed: 1, 2");
}

TEST(Arguments, ARequiredRootArtifactIsNoneOfTheirBusiness) {
  Pipeline pipeline = small_pipeline();
  pipeline.root.input_artifacts["dataset"];
  EXPECT_THAT(errors_of(plan_of(pipeline)), IsEmpty());
}

std::string expanded(const std::string& text, const RunContext& context = kContext) {
  Pipeline pipeline = small_pipeline();
  add_input(pipeline, "x", ParameterType::kString);
  return plan_of(pipeline, {{"x", text}}, context).plan->parameters.at("x").as_string();
}

TEST(Macros, StandForTheRunAndItsTimes) {
  EXPECT_EQ(expanded("run-[[RunUUID]]!"), "run-5c0e2f6e-0000-4000-8000-000000000001!");
  EXPECT_EQ(expanded("[[CurrentTime]]"), "20261123050607");
  EXPECT_EQ(expanded("[[CurrentTime.2006-01-02-15-04-05]]/[[CurrentTime.Jan _2 06, 3:4PM Monday]]"),
            "2026-11-23-05-06-07/Nov 23 26, 5:6AM Monday");
  EXPECT_EQ(expanded("{{$.currentTime.strftime('%Y-%m-%d')}} {{$.currentTime.strftime(\"%s %%s %j\")}}"),
            "2026-11-23 1795410367 %s 327");
  EXPECT_EQ(expanded("[[[RunUUID]]]"), "[5c0e2f6e-0000-4000-8000-000000000001]");
  EXPECT_EQ(expanded("[[CurrentTime.Janet % Mona]]"), "Janet % Mona");
}

TEST(Macros, StayWhereTheyCannotBeAnswered) {
  const std::string once = "[[ScheduledTime]] [[ScheduledTime.2006]] {{$.scheduledTime.strftime('%Y')}} [[Index]]";
  EXPECT_EQ(expanded(once), once);
  for (const char* text : {"[[", "[[RunUUID", "[[RunUUID]", "[[runuuid]]", "[[CurrentTimes]]", "[[CurrentTime.]]",
                           "{{$.currentTime.strftime()}}", "{{$.currentTime.strftime('}}", "{{$.currentTime.strftime(')}}",
                           "{{$.currentTime.strftime('%999999d')}}", "{{$.inputs.parameters['x']}}", "{{$}}", ""})
    EXPECT_EQ(expanded(text), text);
  RunContext nonsense = kContext;
  nonsense.created = "yesterday, at noon, Z";
  EXPECT_EQ(expanded("[[CurrentTime]]", nonsense), "[[CurrentTime]]");
  const std::string brackets(1'000'000, '[');
  EXPECT_EQ(expanded(brackets + "]]"), brackets + "]]");
}

TEST(Macros, OfTheScheduleAreAnsweredForAScheduledRun) {
  RunContext context = kContext;
  context.scheduled = "2026-11-23T05:00:00.25Z";
  EXPECT_EQ(expanded("[[ScheduledTime]] [[ScheduledTime.2006]] {{$.scheduledTime.strftime('%H:%M')}}", context),
            "20261123050000 2026 05:00");
}

TEST(Macros, AreNeitherReplacedInDefaultsNorInsideOfContainers) {
  Pipeline pipeline = small_pipeline();
  add_input(pipeline, "default", ParameterType::kString).default_value = "[[RunUUID]]";
  add_input(pipeline, "list", ParameterType::kList);
  const auto result = plan_of(pipeline, {{"list", List{"[[RunUUID]]"}}});
  EXPECT_EQ(to_json(result.plan->parameters), R"({"default":"[[RunUUID]]","list":["[[RunUUID]]"]})");
}

TEST(ParseArgument, IsJsonWhereTheTypeWantsItAndElseTheText) {
  Pipeline pipeline = small_pipeline();
  add_input(pipeline, "n", ParameterType::kNumberInteger);
  add_input(pipeline, "s", ParameterType::kString);
  add_input(pipeline, "b", ParameterType::kBoolean);
  add_input(pipeline, "l", ParameterType::kList);
  add_input(pipeline, "d", ParameterType::kStruct).optional = true;
  const std::vector<std::tuple<std::string, std::string, std::string>> rows{
      {"n", "12", "12"},
      {"n", "1.5", R"("1.5")"},
      {"n", "x", R"("x")"},
      {"n", "null", R"("null")"},
      {"s", "12", R"("12")"},
      {"s", "true", R"("true")"},
      {"s", "\"q\"", R"("\"q\"")"},
      {"s", "", R"("")"},
      {"b", "true", "true"},
      {"b", "True", R"("True")"},
      {"l", "[1, 2]", "[1,2]"},
      {"l", "1", R"("1")"},
      {"d", R"({"a":1})", R"({"a":1})"},
      {"d", "null", "null"},
      {"unknown", "1", R"("1")"},
  };
  for (const auto& [name, text, expected] : rows)
    EXPECT_EQ(to_json(parse_argument(pipeline, name, text)), expected) << name << "=" << text;
}

TEST(Compile, ProducersComeBeforeConsumersAndElseNamesDecide) {
  Pipeline pipeline = small_pipeline();
  add_task(pipeline.root, "a", {"z"});
  add_task(pipeline.root, "b");
  add_task(pipeline.root, "c").parameters["x"].source = FromTaskOutput{"d", "Output"};
  add_task(pipeline.root, "d", {"b", "b"}).artifacts["x"].source = FromTaskOutput{"b", "data"};
  add_task(pipeline.root, "z");
  const auto result = plan_of(pipeline);
  const PlanComponent& root = result.plan->components.at(0);
  EXPECT_THAT(order_of(root), ElementsAre("b", "d", "c", "z", "a"));
  EXPECT_THAT(root.tasks[1].upstream, ElementsAre(0));
  EXPECT_THAT(root.tasks[2].upstream, ElementsAre(1));
  EXPECT_THAT(root.tasks[4].upstream, ElementsAre(3));
  EXPECT_THAT(root.tasks[0].downstream, ElementsAre(1));
  EXPECT_THAT(root.tasks[1].downstream, ElementsAre(2));
  EXPECT_EQ(root.task_index.at("a"), 4);
}

TEST(Compile, AFinalStatusIsWatchedButNotWaitedFor) {
  Pipeline pipeline = small_pipeline();
  add_task(pipeline.root, "body");
  add_task(pipeline.root, "cleanup").strategy = TriggerStrategy::kAllCompleted;
  add_task(pipeline.root, "exit").parameters["status"].source = FromFinalStatus{"body"};
  const auto result = plan_of(pipeline);
  const PlanComponent& root = result.plan->components.at(0);
  EXPECT_FALSE(root.tasks[0].watches_end);
  EXPECT_TRUE(root.tasks[1].watches_end);
  EXPECT_TRUE(root.tasks[2].watches_end);
  EXPECT_THAT(root.tasks[2].upstream, IsEmpty());
}

TEST(Compile, HoldsEveryComponentInUseOnceWithTheRootFirst) {
  Pipeline pipeline = small_pipeline();
  add_task(add_dag(pipeline, "inner"), "leaf");
  add_task(add_dag(pipeline, "outer"), "inside", {}, "inner");
  add_dag(pipeline, "unused");
  add_task(pipeline.root, "first", {}, "outer");
  add_task(pipeline.root, "leaf");
  add_task(pipeline.root, "second", {}, "inner");
  const auto result = plan_of(pipeline);
  ASSERT_THAT(errors_of(result), IsEmpty());
  const Plan& plan = *result.plan;
  std::vector<std::string> names;
  for (const PlanComponent& component : plan.components) names.push_back(component.spec->name);
  EXPECT_THAT(names, ElementsAre("root", "outer", "work", "inner"));
  EXPECT_EQ(plan.components[1].tasks[0].component, 3);
  EXPECT_EQ(plan.components[0].tasks[2].component, 3);
  EXPECT_EQ(plan.components[3].tasks[0].component, 2);
  EXPECT_TRUE(plan.components[0].is_dag());
  EXPECT_FALSE(plan.components[2].is_dag());
  EXPECT_EQ(plan.components[2].executor, &plan.pipeline->executors.at("exec-work"));
  EXPECT_EQ(plan.components[0].spec, &plan.pipeline->root);
}

TEST(Compile, ParsesConditionsAndSelectorsAndRefusesThemWithTheirPlace) {
  Pipeline pipeline = small_pipeline();
  TaskSpec& good = add_task(pipeline.root, "good");
  good.condition = "inputs.parameter_values['x'] == 1";
  good.parameters["item"].selector = R"(parseJson(string_value)["a"])";
  const auto plan = plan_of(pipeline).plan;
  const PlanTask& task = plan->components[0].tasks[0];
  ASSERT_TRUE(task.condition.has_value());
  EXPECT_EQ(task.condition->test(Value::of({{"inputs", Value::of({{"parameter_values", Value::of({{"x", 1}})}})}})), true);
  EXPECT_TRUE(task.selectors.contains("item"));

  TaskSpec& bad = add_task(add_dag(pipeline, "comp-inner"), "bad");
  bad.condition = "x = 1";
  bad.place = {40, 9};
  bad.parameters["item"].selector = "(";
  bad.parameters["item"].place = {44, 11};
  add_task(pipeline.root, "inside", {}, "comp-inner");
  const auto result = plan_of(pipeline, {{"unknown", 1}});
  EXPECT_THAT(
      errors_of(result),
      ElementsAre(
          HasSubstr("not required by pipeline"),
          "components.comp-inner.dag.tasks.bad.triggerPolicy.condition: task 'bad': the condition is no CEL expression: "
          "column 3: unexpected '='; did you mean '=='?",
          "components.comp-inner.dag.tasks.bad.inputs.parameters.item.parameterExpressionSelector: task 'bad': the selector of "
          "input 'item' is no CEL expression: column 2: expected a value, found the end"));
  EXPECT_EQ(result.errors[1].place, (Place{40, 9}));
  EXPECT_EQ(result.errors[2].place, (Place{44, 11}));
}

TEST(Compile, RefusesCyclesOfTasks) {
  Pipeline pipeline = small_pipeline();
  add_task(pipeline.root, "a");
  add_task(pipeline.root, "b", {"a", "d"});
  add_task(pipeline.root, "c", {"b"});
  add_task(pipeline.root, "d", {"c"});
  EXPECT_THAT(errors_of(plan_of(pipeline)),
              ElementsAre("root.dag.tasks.b: invalid dependency: task 'b' is on a cycle of tasks, or waits for one"));

  Pipeline selfish = small_pipeline();
  add_task(selfish.root, "me", {"me"});
  EXPECT_THAT(errors_of(plan_of(selfish)), ElementsAre(HasSubstr("task 'me' is on a cycle of tasks")));
}

TEST(Compile, RefusesAComponentThatContainsItself) {
  Pipeline pipeline = small_pipeline();
  add_task(pipeline.root, "start", {}, "a");
  add_task(add_dag(pipeline, "a"), "down", {}, "b");
  add_task(add_dag(pipeline, "b"), "up", {}, "a");
  add_task(pipeline.components["b"], "leaf");
  const auto result = plan_of(pipeline);
  EXPECT_THAT(errors_of(result), ElementsAre("components.a: component 'a' contains itself, or is in one that does: a cycle"));
  EXPECT_EQ(result.errors[0].place, (Place{90, 3}));
}

TEST(Compile, FiftyThousandTasksTakeWellUnderASecond) {
  Pipeline pipeline = small_pipeline();
  for (int i = 0; i < 50'000; ++i) {
    TaskSpec& task = add_task(pipeline.root, "task-" + std::to_string(i));
    if (i > 0) task.dependent_tasks.push_back("task-" + std::to_string(i % 2 == 0 ? 0 : i - 1));
  }
  const auto shared = std::make_shared<const Pipeline>(std::move(pipeline));
  const auto before = std::chrono::steady_clock::now();
  const auto result = make_plan(shared, {}, kContext);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  ASSERT_THAT(errors_of(result), IsEmpty());
  const PlanComponent& root = result.plan->components[0];
  EXPECT_EQ(root.tasks.size(), 50'000);
  EXPECT_EQ(root.tasks[root.task_index.at("task-0")].downstream.size(), 25'000);
  for (std::uint32_t i = 0; i < root.tasks.size(); ++i)
    for (const std::uint32_t upstream : root.tasks[i].upstream) ASSERT_LT(upstream, i);
  // Anything quadratic would take minutes; the sanitizers and a busy machine are forgiven.
  EXPECT_LT(took.count(), 10);
}

TEST(Plan, CarriesTheContextAndTheDeadline) {
  Pipeline pipeline = small_pipeline();
  pipeline.deadline = std::chrono::seconds(20);
  const auto result = plan_of(pipeline);
  EXPECT_EQ(result.plan->deadline, Duration(std::chrono::seconds(20)));
  const RunContext copy = run_context_from_value(to_value(result.plan->context));
  EXPECT_EQ(
      to_json(to_value(copy)),
      R"({"created":"2026-11-23T05:06:07Z","display_name":"Monday's run","pipeline_root":"/data/runs/1",)"
      R"("resource_name":"small-x7k2p","run_uuid":"5c0e2f6e-0000-4000-8000-000000000001","scheduled":"2026-11-23T05:06:07Z",)"
      R"("workspace_path":"/data/workspace"})");
}

}  // namespace
}  // namespace sluice
