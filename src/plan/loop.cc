// Loops and what leaves a dag: items, the inputs of an iteration, the outputs of a dag and of a loop.
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "plan/resolve.h"

namespace sluice {
namespace {

Result<List> list_of(const Value& value, const std::string& who) {
  if (value.is_list()) return value.as_list();
  if (!value.is_string()) return fail(Code::kInvalid, who + ": expect a list, got " + std::string(kind_name(value.kind())));
  auto parsed = parse_json(value.as_string());
  if (!parsed) return fail(Code::kInvalid, who + ": expect a JSON array, got a text that is none: " + parsed.error().message);
  if (!parsed->is_list())
    return fail(Code::kInvalid, who + ": expect a JSON array, got JSON " + std::string(kind_name(parsed->kind())));
  return parsed->as_list();
}

// The task whose output counts; null pointer: none. More than one selector is OneOf.
const FromTaskOutput* pick(const PlanComponent& dag, const std::vector<FromTaskOutput>& selectors, const Scope& scope) {
  for (const FromTaskOutput& selector : selectors)
    if (is_success(scope.status_of(dag.task_index.find(selector.producer)->second).state)) return &selector;
  return nullptr;
}

// Copies each output from the task that made it; `member` is TaskData::parameters or TaskData::artifacts.
template <class Map>
Status gather(const PlanComponent& dag, const NameMap<std::vector<FromTaskOutput>>& outputs, const Scope& scope,
              Map TaskData::* member, Map& out) {
  for (const auto& [name, selectors] : outputs) {
    const FromTaskOutput* from = pick(dag, selectors, scope);
    if (from == nullptr && selectors.size() != 1)
      return fail(Code::kInvalid, "output \"" + name + "\": none of the " + std::to_string(selectors.size()) +
                                      " tasks that could make it (OneOf) succeeded");
    const TaskData* made = from == nullptr ? nullptr : scope.outputs_of(dag.task_index.find(from->producer)->second);
    if (made == nullptr) continue;
    const auto found = (made->*member).find(from->key);
    if (found != (made->*member).end()) out.emplace(name, found->second);
  }
  return {};
}

}  // namespace

Result<LoopItems> loop_items(const TaskSpec& task, const TaskData& inputs) {
  SLUICE_CHECK(task.iterator.has_value());
  const Iterator& iterator = *task.iterator;
  LoopItems out;
  if (iterator.items_input.empty()) {
    out.values = iterator.items;
    return out;
  }
  const std::string who = "loop over input \"" + iterator.items_input + "\"";
  if (iterator.over_artifacts) {
    const auto found = inputs.artifacts.find(iterator.items_input);
    if (found == inputs.artifacts.end()) return fail(Code::kInvalid, who + ": the task was not given this artifact");
    out.artifacts = found->second;
    return out;
  }
  const auto found = inputs.parameters.find(iterator.items_input);
  if (found == inputs.parameters.end()) return fail(Code::kInvalid, who + ": the task was not given this parameter");
  SLUICE_TRY(out.values, list_of(found->second, who));
  return out;
}

TaskData iteration_inputs(const TaskSpec& task, const TaskData& inputs, const LoopItems& items, std::size_t index) {
  SLUICE_CHECK(task.iterator.has_value() && index < items.size());
  const Iterator& iterator = *task.iterator;
  TaskData out = inputs;
  if (iterator.over_artifacts) {
    out.artifacts.insert_or_assign(iterator.item_input, ArtifactList{items.artifacts[index]});
  } else {
    out.parameters.insert_or_assign(iterator.item_input, items.values[index]);
  }
  return out;
}

Result<TaskData> dag_outputs(const Plan&, const PlanComponent& dag, const Scope& scope) {
  TaskData out;
  SLUICE_CHECK(dag.spec->dag.has_value());
  SLUICE_TRY_STATUS(gather(dag, dag.spec->dag->output_parameters, scope, &TaskData::parameters, out.parameters));
  SLUICE_TRY_STATUS(gather(dag, dag.spec->dag->output_artifacts, scope, &TaskData::artifacts, out.artifacts));
  return out;
}

TaskData collect_outputs(const PlanComponent& body, const std::vector<const TaskData*>& iterations) {
  TaskData out;
  for (const auto& [name, declared] : body.spec->output_parameters) {
    List values;
    for (const TaskData* iteration : iterations) {
      if (iteration == nullptr) continue;
      const auto found = iteration->parameters.find(name);
      if (found != iteration->parameters.end()) values.push_back(found->second);
    }
    out.parameters.emplace(name, std::move(values));
  }
  for (const auto& [name, declared] : body.spec->output_artifacts) {
    ArtifactList& all = out.artifacts[name];
    for (const TaskData* iteration : iterations) {
      if (iteration == nullptr) continue;
      const auto found = iteration->artifacts.find(name);
      if (found != iteration->artifacts.end()) all.insert(all.end(), found->second.begin(), found->second.end());
    }
  }
  return out;
}

}  // namespace sluice
