#include "plan/plan.h"

#include <utility>

#include "plan/arguments.h"
#include "plan/compile.h"

namespace sluice {

PlanResult make_plan(std::shared_ptr<const Pipeline> pipeline, const Struct& given, RunContext context) {
  CheckedArguments arguments = check_arguments(pipeline->root, given, context);
  Compiled compiled = compile(*pipeline);
  PlanResult result;
  result.errors = std::move(arguments.errors);
  result.errors.insert(result.errors.end(), compiled.errors.begin(), compiled.errors.end());
  if (!result.errors.empty()) return result;
  auto plan = std::make_shared<Plan>();
  plan->components = std::move(compiled.components);
  plan->parameters = std::move(arguments.parameters);
  plan->context = std::move(context);
  plan->deadline = pipeline->deadline;
  plan->pipeline = std::move(pipeline);
  result.plan = std::move(plan);
  return result;
}

Value to_value(const RunContext& context) {
  return Value::of({
      {"run_uuid", context.run_uuid},
      {"display_name", context.display_name},
      {"resource_name", context.resource_name},
      {"created", context.created},
      {"scheduled", context.scheduled},
      {"pipeline_root", context.pipeline_root},
      {"workspace_path", context.workspace_path},
  });
}

RunContext run_context_from_value(const Value& value) {
  const auto text = [&](std::string_view key) { return std::string(value.string_or(key, "")); };
  return {
      .run_uuid = text("run_uuid"),
      .display_name = text("display_name"),
      .resource_name = text("resource_name"),
      .created = text("created"),
      .scheduled = text("scheduled"),
      .pipeline_root = text("pipeline_root"),
      .workspace_path = text("workspace_path"),
  };
}

}  // namespace sluice
