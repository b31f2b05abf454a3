#include "plan/resolve.h"

#include <functional>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "base/match.h"
#include "plan/parameters.h"
#include "plan/placeholders.h"

namespace sluice {
namespace {

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

const Value* find_in(const Struct& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

std::uint32_t index_of(const PlanComponent& dag, std::string_view task) {
  const auto found = dag.task_index.find(task);
  SLUICE_CHECK(found != dag.task_index.end());  // spec has checked the names of producers
  return found->second;
}

// The words of the stock back end's metadata store. A task that its condition skipped is CANCELED there too; one that was
// omitted has no record there, and CANCELED is the nearest of the four: it did not run, and not by a fault of its own.
std::string_view final_state_word(TaskState state) {
  switch (state) {
    case TaskState::kSucceeded: return "COMPLETE";
    case TaskState::kCached: return "CACHED";
    case TaskState::kFailed: return "FAILED";
    default: return "CANCELED";
  }
}

Value final_status(const Plan& plan, std::string_view producer, const FinalStatus& status) {
  Struct error;
  if (!status.message.empty()) error.emplace("message", status.message);
  return Value::of({{"state", final_state_word(status.state)},
                    {"pipelineJobResourceName", plan.context.resource_name},
                    {"pipelineTaskName", producer},
                    {"error", std::move(error)}});
}

// Nothing: not given, as if the task did not name the input. Null: given, as null.
using Taken = std::optional<Value>;

Result<Taken> take_output(const PlanComponent& dag, const FromTaskOutput& from, const Scope& scope, bool may_be_missing) {
  const TaskData* outputs = scope.outputs_of(index_of(dag, from.producer));
  if (outputs == nullptr) {
    if (may_be_missing) return Taken();
    return fail(Code::kInvalid, "task " + quoted(from.producer) + " made no output parameter " + quoted(from.key));
  }
  const auto found = outputs->parameters.find(from.key);
  if (found != outputs->parameters.end()) return Taken(found->second);
  // A Python component leaves an output of None unset.
  return may_be_missing ? Taken() : Taken(Value());
}

Result<Taken> take_parameter(const Plan& plan, const PlanComponent& dag, const ParameterBinding& binding, const Scope& scope,
                             bool may_be_missing) {
  return std::visit(Match{
                        [&](const FromConstant& from) -> Result<Taken> { return Taken(from.value); },
                        [&](const FromComponentInput& from) -> Result<Taken> {
                          const Value* value = find_in(scope.dag_inputs().parameters, from.name);
                          if (value == nullptr)
                            return fail(Code::kInvalid, "parent DAG does not have input parameter " + quoted(from.name));
                          return Taken(*value);
                        },
                        [&](const FromTaskOutput& from) { return take_output(dag, from, scope, may_be_missing); },
                        [&](const FromFinalStatus& from) -> Result<Taken> {
                          return Taken(final_status(plan, from.producer, scope.status_of(index_of(dag, from.producer))));
                        },
                    },
                    binding.source);
}

// Applies an expression to a value. Its variables are the fields of google.protobuf.Value.
Result<Value> select(const cel::Expression& selector, const Value& value) {
  Struct variables{{"string_value", value_text(value)}};
  switch (value.kind()) {
    case Value::Kind::kNumber: variables.emplace("number_value", value); break;
    case Value::Kind::kBool: variables.emplace("bool_value", value); break;
    case Value::Kind::kStruct: variables.emplace("struct_value", value); break;
    case Value::Kind::kList: variables.emplace("list_value", value); break;
    case Value::Kind::kNull:
    case Value::Kind::kString: break;
  }
  return selector.evaluate(std::move(variables));
}

// What a constant may refer to. The stock rule: a job placeholder counts only if it is the whole text, the workspace also inside
// a longer one.
References references(const RunContext& run, const std::string& task_name,
                      std::function<const Value*(const std::string&)> input) {
  return {.input = std::move(input),
          .whole = [&run, &task_name](const Placeholder& placeholder) { return job_placeholder(placeholder, run, task_name); },
          .inside = [&run](const Placeholder& placeholder) -> std::optional<std::string> {
            if (placeholder.shape != ".workspace_path") return std::nullopt;
            return run.workspace_path;
          }};
}

// Why a required input has no value, in words.
std::string missing_reason(const ParameterBinding& binding) {
  return std::visit(
      Match{
          [](const FromComponentInput& from) { return "input parameter " + quoted(from.name) + " of the parent DAG is null"; },
          [](const FromTaskOutput& from) {
            return "task " + quoted(from.producer) + " left its output parameter " + quoted(from.key) + " unset";
          },
          [](const auto&) { return std::string("its value is null"); },
      },
      binding.source);
}

class Resolver {
 public:
  Resolver(const Plan& plan, const PlanComponent& dag, const PlanTask& task, const Scope& scope)
      : plan_(plan),
        dag_(dag),
        task_(task),
        spec_(*task.spec),
        component_(plan.components.at(task.component)),
        declared_(*component_.spec),
        scope_(scope) {}

  Result<TaskData> resolve() {
    SLUICE_TRY_STATUS(take_all());
    fill_constants();
    TaskData out;
    SLUICE_TRY_STATUS(place_given(out.parameters));
    SLUICE_TRY_STATUS(place_missing(out.parameters));
    SLUICE_TRY_STATUS(place_artifacts(out));
    return out;
  }

 private:
  bool may_be_missing() const { return spec_.strategy == TriggerStrategy::kAllCompleted; }
  // The component's input that each iteration of a loop receives; the loop itself does not have it yet.
  bool is_item(std::string_view input) const { return spec_.iterator && spec_.iterator->item_input == input; }

  Status take_all() {
    for (const auto& [name, binding] : spec_.parameters) {
      auto taken = take_parameter(plan_, dag_, binding, scope_, may_be_missing());
      if (!taken) return fail(std::move(taken).error().with_context("input parameter " + quoted(name) + ": "));
      if (!taken->has_value()) continue;
      Value value = std::move(**taken);
      const auto selector = task_.selectors.find(name);
      if (selector != task_.selectors.end() && !value.is_null()) {
        auto selected = select(selector->second, value);
        if (!selected)
          return fail(std::move(selected).error().with_context("input parameter " + quoted(name) + ": selector " +
                                                               quoted(binding.selector) + ": "));
        value = std::move(*selected);
      }
      taken_.emplace(name, std::move(value));
    }
    return {};
  }

  // References in a constant see the values of the task's other inputs, but what those bring in is not looked at again.
  void fill_constants() {
    const References job = references(plan_.context, spec_.name, [](const std::string&) { return nullptr; });
    Struct seen;
    for (const auto& [name, value] : taken_) seen.emplace(name, is_constant(name) ? fill_references(value, job) : value);
    const Value null;
    const References all = references(plan_.context, spec_.name, [&](const std::string& name) {
      const Value* value = find_in(seen, name);
      return value == nullptr && spec_.parameters.contains(name) ? &null : value;
    });
    for (auto& [name, value] : taken_)
      if (is_constant(name)) value = fill_references(value, all);
  }

  bool is_constant(const std::string& name) const {
    return std::holds_alternative<FromConstant>(spec_.parameters.at(name).source);
  }

  Status place_given(Struct& out) {
    for (auto& [name, value] : taken_) {
      const auto declared = declared_.input_parameters.find(name);
      if (value.is_null()) {
        SLUICE_TRY(const bool keep,
                   keep_null(name, declared == declared_.input_parameters.end() ? nullptr : &declared->second, value));
        if (!keep) continue;
      }
      if (declared == declared_.input_parameters.end() || value.is_null()) {
        out.emplace(name, std::move(value));
        continue;
      }
      SLUICE_TRY(Value fitting, fit_input(name, declared->second, std::move(value)));
      out.emplace(name, std::move(fitting));
    }
    return {};
  }

  // A dag hands null down to whoever reads it. A leaf drops it where it can do without; a constant null (or a selected one) is a
  // text where a text is wanted, so `value` becomes "".
  Result<bool> keep_null(const std::string& name, const InputParameter* declared, Value& value) const {
    if (component_.is_dag()) return true;
    if (declared == nullptr || declared->optional) return false;
    const ParameterBinding& binding = spec_.parameters.at(name);
    const bool computed = std::holds_alternative<FromConstant>(binding.source) || task_.selectors.contains(name);
    if (!computed || declared->type != ParameterType::kString)
      return fail(Code::kInvalid, "non-optional input parameter " + quoted(name) + " has no value: " + missing_reason(binding));
    value = "";
    return true;
  }

  Status place_missing(Struct& out) const {
    for (const auto& [name, declared] : declared_.input_parameters) {
      if (out.contains(name) || is_item(name)) continue;
      if (declared.type == ParameterType::kTaskConfig) {
        out.emplace(name, Struct{});
      } else if (!declared.default_value && !declared.optional) {
        return fail(Code::kInvalid, "neither value nor default value provided for non-optional parameter " + quoted(name));
      } else if (component_.is_dag()) {
        out.emplace(name, declared.default_value.value_or(Value()));
      }
    }
    return {};
  }

  Status place_artifacts(TaskData& out) const {
    for (const auto& [name, binding] : spec_.artifacts) {
      const auto declared = declared_.input_artifacts.find(name);
      const bool optional = declared != declared_.input_artifacts.end() && declared->second.optional;
      SLUICE_TRY(const ArtifactList* artifacts, take_artifact(name, binding, optional));
      if (artifacts == nullptr) continue;
      const bool single = declared != declared_.input_artifacts.end() && !declared->second.is_list && !is_items(name);
      if (single && artifacts->empty() && optional) continue;
      if (single && artifacts->size() != 1)
        return fail(Code::kInvalid, "input artifact " + quoted(name) + ": expect one artifact, got a list of " +
                                        std::to_string(artifacts->size()));
      out.artifacts.emplace(name, *artifacts);
    }
    for (const auto& [name, declared] : declared_.input_artifacts)
      if (!declared.optional && !is_item(name) && !out.artifacts.contains(name))
        return fail(Code::kInvalid, "no artifact provided for non-optional input artifact " + quoted(name));
    return {};
  }

  bool is_items(std::string_view input) const { return spec_.iterator && spec_.iterator->items_input == input; }

  // Null pointer: not given.
  Result<const ArtifactList*> take_artifact(const std::string& name, const ArtifactBinding& binding, bool optional) const {
    const auto* from_input = std::get_if<FromComponentInput>(&binding.source);
    const auto* from_output = std::get_if<FromTaskOutput>(&binding.source);
    const TaskData* data =
        from_input != nullptr ? &scope_.dag_inputs() : scope_.outputs_of(index_of(dag_, from_output->producer));
    const std::string& key = from_input != nullptr ? from_input->name : from_output->key;
    if (data != nullptr)
      if (const auto found = data->artifacts.find(key); found != data->artifacts.end()) return &found->second;
    if (optional && (data != nullptr || may_be_missing())) return nullptr;
    const std::string why = from_input != nullptr
                                ? "parent DAG does not have input artifact " + quoted(key)
                                : "task " + quoted(from_output->producer) + " made no output artifact " + quoted(key);
    return fail(Code::kInvalid, "input artifact " + quoted(name) + ": " + why);
  }

  const Plan& plan_;
  const PlanComponent& dag_;
  const PlanTask& task_;
  const TaskSpec& spec_;
  const PlanComponent& component_;
  const Component& declared_;
  const Scope& scope_;
  Struct taken_;  // what the bindings yield
};

Value condition_artifacts(const TaskData& inputs) {
  Struct out;
  for (const auto& [name, artifacts] : inputs.artifacts) {
    List items;
    for (const Artifact& artifact : artifacts)
      items.push_back(Value::of({{"name", artifact.name},
                                 {"uri", artifact.uri},
                                 {"metadata", artifact.metadata},
                                 {"type", Value::of({{"schema_title", artifact.type.schema_title},
                                                     {"schema_version", artifact.type.schema_version}})}}));
    out.emplace(name, Value::of({{"artifacts", std::move(items)}}));
  }
  return out;
}

}  // namespace

Result<TaskData> resolve_inputs(const Plan& plan, const PlanComponent& dag, std::uint32_t task, const Scope& scope) {
  return Resolver(plan, dag, dag.tasks.at(task), scope).resolve();
}

Result<bool> test_condition(const PlanTask& task, const TaskData& inputs) {
  if (!task.condition) return true;
  const Value variables =
      Value::of({{"inputs", Value::of({{"parameter_values", inputs.parameters}, {"artifacts", condition_artifacts(inputs)}})}});
  auto holds = task.condition->test(variables);
  if (!holds)
    return fail(Code::kInvalid, "condition " + quoted(task.spec->condition) + ": " + holds.error().message, holds.error().hint);
  return *holds;
}

Result<std::optional<Value>> resolve_binding(const Plan& plan, const PlanComponent& dag, const ParameterBinding& binding,
                                             const Scope& scope) {
  SLUICE_TRY(Taken taken, take_parameter(plan, dag, binding, scope, false));
  if (!taken || taken->is_null()) return std::optional<Value>();
  Value value = std::move(*taken);
  if (!binding.selector.empty()) {
    SLUICE_TRY(const auto selector, cel::Expression::parse(binding.selector));
    SLUICE_TRY(value, select(selector, value));
  }
  if (std::holds_alternative<FromConstant>(binding.source)) {
    const Struct& inputs = scope.dag_inputs().parameters;
    const std::string no_task;
    value =
        fill_references(value, references(plan.context, no_task, [&](const std::string& name) { return find_in(inputs, name); }));
  }
  if (value.is_null()) return std::optional<Value>();
  return std::optional<Value>(std::move(value));
}

}  // namespace sluice
