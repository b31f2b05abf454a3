// For tests: a Plan put together by hand, and a Scope that answers from tables.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/json.h"
#include "plan/resolve.h"

namespace sluice::test {

inline InputParameter input(ParameterType type) {
  InputParameter out;
  out.type = type;
  return out;
}
inline InputParameter optional_input(ParameterType type) {
  InputParameter out = input(type);
  out.optional = true;
  return out;
}
inline InputParameter input_with_default(ParameterType type, Value value) {
  InputParameter out = input(type);
  out.default_value = std::move(value);
  return out;
}
inline ParameterBinding constant(Value value) { return {.source = FromConstant{std::move(value)}}; }
inline ParameterBinding from_dag(std::string name) { return {.source = FromComponentInput{std::move(name)}}; }
inline ParameterBinding from_task(std::string task, std::string key) {
  return {.source = FromTaskOutput{std::move(task), std::move(key)}};
}

// A pipeline of one root dag. Fill in the specs, then compile() and use plan.
class TestPlan {
 public:
  TestPlan() {
    pipeline->root.name = "root";
    pipeline->root.dag.emplace();
    leaf("step");
    dag("group");
    plan.context = {.run_uuid = "8f0e",
                    .display_name = "my run",
                    .resource_name = "train-x7k2p",
                    .created = "2026-11-24T05:36:21Z",
                    .scheduled = "2026-11-24T05:00:00Z",
                    .pipeline_root = "/data/run",
                    .workspace_path = "/data/ws"};
  }

  Component& leaf(const std::string& name) {
    Component& component = pipeline->components[name];
    component.name = name;
    component.executor = "exec-" + name;
    Executor& executor = pipeline->executors[component.executor];
    executor.label = component.executor;
    executor.what = ContainerSpec{.command = {"true"}};
    return component;
  }
  Component& dag(const std::string& name) {
    Component& component = pipeline->components[name];
    component.name = name;
    component.dag.emplace();
    return component;
  }
  Component& component(const std::string& name) { return pipeline->components.at(name); }
  ContainerSpec& container(const std::string& name) {
    return std::get<ContainerSpec>(pipeline->executors.at("exec-" + name).what);
  }
  Executor& executor(const std::string& name) { return pipeline->executors.at("exec-" + name); }
  TaskSpec& task(const std::string& name, const std::string& component = "step") {
    TaskSpec& spec = pipeline->root.dag->tasks[name];
    spec.name = name;
    spec.component = component;
    return spec;
  }

  void compile() {
    plan.pipeline = pipeline;
    plan.components.clear();
    std::map<std::string, std::uint32_t> index;
    plan.components.push_back({.spec = &pipeline->root});
    for (const auto& [name, spec] : pipeline->components) {
      index[name] = static_cast<std::uint32_t>(plan.components.size());
      plan.components.push_back({.spec = &spec, .executor = spec.dag ? nullptr : &pipeline->executors.at(spec.executor)});
    }
    for (const auto& [name, spec] : pipeline->root.dag->tasks) add_task(plan.components[0], spec, index.at(spec.component));
  }
  const PlanComponent& root() const { return plan.components[0]; }
  const PlanComponent& compiled(const std::string& name) const {
    for (const PlanComponent& one : plan.components)
      if (one.spec->name == name) return one;
    throw std::out_of_range(name);
  }
  std::uint32_t index_of(const std::string& task) const { return root().task_index.at(task); }
  const PlanTask& compiled_task(const std::string& task) const { return root().tasks.at(index_of(task)); }

  std::shared_ptr<Pipeline> pipeline = std::make_shared<Pipeline>();
  Plan plan;

 private:
  static void add_task(PlanComponent& dag, const TaskSpec& spec, std::uint32_t component) {
    PlanTask task{.spec = &spec, .component = component};
    if (!spec.condition.empty()) task.condition = cel::Expression::parse(spec.condition).value();
    for (const auto& [name, binding] : spec.parameters)
      if (!binding.selector.empty()) task.selectors.emplace(name, cel::Expression::parse(binding.selector).value());
    dag.task_index.emplace(spec.name, static_cast<std::uint32_t>(dag.tasks.size()));
    dag.tasks.push_back(std::move(task));
  }
};

class TestScope final : public Scope {
 public:
  explicit TestScope(const TestPlan& plan) : plan_(plan) {}
  const TaskData& dag_inputs() const override { return inputs; }
  const TaskData* outputs_of(std::uint32_t task) const override {
    const auto found = outputs.find(plan_.root().tasks.at(task).spec->name);
    return found == outputs.end() ? nullptr : &found->second;
  }
  FinalStatus status_of(std::uint32_t task) const override {
    const std::string& name = plan_.root().tasks.at(task).spec->name;
    if (const auto found = ends.find(name); found != ends.end()) return found->second;
    return {.state = outputs.contains(name) ? TaskState::kSucceeded : TaskState::kFailed};
  }

  TaskData inputs;
  std::map<std::string, TaskData> outputs;
  std::map<std::string, FinalStatus> ends;

 private:
  const TestPlan& plan_;
};

inline Artifact artifact(std::string name, std::string uri) {
  return {.name = std::move(name), .type = {.schema_title = "system.Dataset", .schema_version = "0.0.1"}, .uri = std::move(uri)};
}

// One task "t" of the component "step" (a leaf) or "group" (a dag), and its sibling "before".
class ResolveTest : public testing::Test {
 protected:
  void SetUp() override {
    plan.leaf("other");
    plan.task("before", "other");
    plan.task("t");
  }
  TaskSpec& task() { return plan.task("t", plan.pipeline->root.dag->tasks.at("t").component); }
  NameMap<InputParameter>& declared() { return plan.component(task().component).input_parameters; }
  void use_dag() { task().component = "group"; }

  Result<TaskData> resolve() {
    plan.compile();
    return resolve_inputs(plan.plan, plan.root(), plan.index_of("t"), scope);
  }
  std::string parameters() {
    const auto data = resolve();
    return data ? to_json(data->parameters) : "error: " + data.error().message;
  }
  std::string error() {
    const auto data = resolve();
    return data ? "no error: " + to_json(data->parameters) : data.error().message;
  }

  TestPlan plan;
  TestScope scope{plan};
};

}  // namespace sluice::test
