// From a task's bindings to the values it is given (contract: KFP IR, "Resolving task inputs").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/artifact.h"
#include "model/state.h"
#include "plan/plan.h"

namespace sluice {

// How a sibling ended, for dsl.PipelineTaskFinalStatus.
struct FinalStatus {
  TaskState state = TaskState::kPending;
  std::string message;
};

// What a task can see: the inputs of its DAG and its siblings. `sched` implements it over its state.
class Scope {
 public:
  virtual ~Scope() = default;
  virtual const TaskData& dag_inputs() const = 0;
  // Null pointer: that task made no outputs (failed, skipped, omitted, cancelled).
  virtual const TaskData* outputs_of(std::uint32_t task) const = 0;
  virtual FinalStatus status_of(std::uint32_t task) const = 0;
};

// The inputs of `task`, before its condition is tested and before a loop is unrolled. In order: take from the source, apply the
// selector, replace job placeholders, resolve {{$.inputs.parameters['x']}} in constants once, convert and check kinds and
// literals, drop optional inputs that are not there (a leaf) or pass them on as null (a dag). Inputs that the component does not
// declare are kept. Where a producer has no outputs and the strategy is kAllCompleted the input counts as not given.
Result<TaskData> resolve_inputs(const Plan& plan, const PlanComponent& dag, std::uint32_t task, const Scope& scope);

// Is the condition true? kInvalid with the text of the condition in the message if it cannot be evaluated.
Result<bool> test_condition(const PlanTask& task, const TaskData& inputs);

// The items of a loop: values, or artifacts (as ArtifactList) if the iterator goes over artifacts.
struct LoopItems {
  List values;
  ArtifactList artifacts;
  std::size_t size() const { return values.size() + artifacts.size(); }
};
Result<LoopItems> loop_items(const TaskSpec& task, const TaskData& inputs);
// The inputs of iteration `index`: all of `inputs` (the list itself stays, shared) and the item.
TaskData iteration_inputs(const TaskSpec& task, const TaskData& inputs, const LoopItems& items, std::size_t index);

// The outputs of a dag whose tasks have all ended. An output whose producer has none is left out unless nobody can make it:
// OneOf without any candidate is an error.
Result<TaskData> dag_outputs(const Plan& plan, const PlanComponent& dag, const Scope& scope);

// The outputs of a loop from those of its iterations, in index order: parameters become lists (nested for nested loops),
// artifacts one flat list. An iteration without the output contributes nothing. Null pointers are iterations that did not
// succeed.
TaskData collect_outputs(const PlanComponent& body, const std::vector<const TaskData*>& iterations);

// A parameter of the platform configuration, resolved against the enclosing DAG. Nothing: skip the entry.
Result<std::optional<Value>> resolve_binding(const Plan& plan, const PlanComponent& dag, const ParameterBinding& binding,
                                             const Scope& scope);

}  // namespace sluice
