#include "plan/compile.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "plan/task_order.h"

namespace sluice {
namespace {

bool reads_final_status(const TaskSpec& task) {
  return std::any_of(task.parameters.begin(), task.parameters.end(),
                     [](const auto& entry) { return std::holds_alternative<FromFinalStatus>(entry.second.source); });
}

class Compiler {
 public:
  explicit Compiler(const Pipeline& pipeline) : pipeline_(pipeline) {}

  Compiled run() {
    add_component(pipeline_.root);
    // Breadth first: compiling a component appends those that it is the first to name.
    for (std::uint32_t i = 0; i < out_.components.size(); ++i) compile_component(i);
    refuse_recursion();
    return std::move(out_);
  }

 private:
  std::uint32_t add_component(const Component& spec) {
    PlanComponent component;
    component.spec = &spec;
    if (!spec.dag) {
      const auto executor = pipeline_.executors.find(spec.executor);
      SLUICE_CHECK(executor != pipeline_.executors.end());
      component.executor = &executor->second;
    }
    out_.components.push_back(std::move(component));
    return static_cast<std::uint32_t>(out_.components.size() - 1);
  }

  std::uint32_t component_index(const std::string& name) {
    if (const auto known = indices_.find(name); known != indices_.end()) return known->second;
    const auto spec = pipeline_.components.find(name);
    SLUICE_CHECK(spec != pipeline_.components.end());
    return indices_[spec->first] = add_component(spec->second);
  }

  void compile_component(std::uint32_t index) {
    const Component& spec = *out_.components[index].spec;
    if (!spec.dag) return;
    const std::string path = index == 0 ? "root.dag.tasks" : "components." + spec.name + ".dag.tasks";
    TaskOrder order = order_tasks(*spec.dag);
    if (order.stuck != nullptr) {
      add_error(order.stuck->place, path + "." + order.stuck->name,
                "invalid dependency: task '" + order.stuck->name + "' is on a cycle of tasks, or waits for one", {});
      return;
    }
    std::vector<PlanTask> tasks;
    NameMap<std::uint32_t> task_index;
    for (std::size_t i = 0; i < order.order.size(); ++i) {
      tasks.push_back(compile_task(*order.order[i], path + "." + order.order[i]->name));
      tasks.back().upstream = std::move(order.upstream[i]);
      tasks.back().downstream = std::move(order.downstream[i]);
      task_index.emplace(order.order[i]->name, static_cast<std::uint32_t>(i));
    }
    // Only now: compile_task may have moved the components.
    out_.components[index].tasks = std::move(tasks);
    out_.components[index].task_index = std::move(task_index);
  }

  PlanTask compile_task(const TaskSpec& spec, const std::string& path) {
    PlanTask task;
    task.spec = &spec;
    task.component = component_index(spec.component);
    task.watches_end = spec.strategy == TriggerStrategy::kAllCompleted || reads_final_status(spec);
    if (!spec.condition.empty()) {
      auto condition = cel::Expression::parse(spec.condition);
      if (condition) {
        task.condition = std::move(*condition);
      } else {
        refuse_expression(spec.place, path + ".triggerPolicy.condition", "task '" + spec.name + "': the condition",
                          condition.error());
      }
    }
    for (const auto& [name, binding] : spec.parameters) {
      if (binding.selector.empty()) continue;
      auto selector = cel::Expression::parse(binding.selector);
      if (selector) {
        task.selectors.emplace(name, std::move(*selector));
      } else {
        refuse_expression(binding.place, path + ".inputs.parameters." + name + ".parameterExpressionSelector",
                          "task '" + spec.name + "': the selector of input '" + name + "'", selector.error());
      }
    }
    return task;
  }

  // A component that contains itself, perhaps through others, would be unrolled for ever. `spec` names such cycles, and those of
  // tasks, in full; here they only must not pass.
  void refuse_recursion() {
    Edges contents(out_.components.size());
    for (std::size_t i = 0; i < contents.size(); ++i)
      for (const PlanTask& task : out_.components[i].tasks) contents[i].push_back(task.component);
    const auto sorted = sorted_nodes(reversed(contents));
    if (sorted.size() == contents.size()) return;
    std::vector<bool> is_sorted(contents.size());
    for (const std::uint32_t index : sorted) is_sorted[index] = true;
    const auto first = std::find(is_sorted.begin(), is_sorted.end(), false) - is_sorted.begin();
    const Component& stuck = *out_.components[static_cast<std::size_t>(first)].spec;
    add_error(stuck.place, "components." + stuck.name,
              "component '" + stuck.name + "' contains itself, or is in one that does: a cycle", {});
  }

  void refuse_expression(Place place, std::string path, const std::string& what, const Error& error) {
    add_error(place, std::move(path), what + " is no CEL expression: " + error.message, error.hint);
  }
  void add_error(Place place, std::string path, std::string message, std::string hint) {
    out_.errors.push_back({"", place, std::move(path), Code::kInvalid, std::move(message), std::move(hint)});
  }

  const Pipeline& pipeline_;
  std::unordered_map<std::string_view, std::uint32_t> indices_;
  Compiled out_;
};

}  // namespace

Compiled compile(const Pipeline& pipeline) { return Compiler(pipeline).run(); }

}  // namespace sluice
