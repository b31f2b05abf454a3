// From text to something that can run: the road that `run`, `check` and `retry` share.
#include "engine/engine.h"
#include "engine/notify_targets.h"
#include "spec/parse.h"

namespace sluice {

Value to_value(const Submission& submission) {
  return Value::of({{"spec", submission.spec},
                    {"spec_file", submission.spec_file},
                    {"parameters", submission.parameters},
                    {"name", submission.name},
                    {"description", submission.description},
                    {"experiment", submission.experiment},
                    {"cache", submission.cache},
                    {"keep_checkpoints", submission.keep_checkpoints},
                    {"pipeline", submission.pipeline ? Value(submission.pipeline->text()) : Value()},
                    {"version", submission.version ? Value(submission.version->text()) : Value()},
                    {"key", submission.key},
                    {"notify", submission.notify},
                    {"labels", submission.labels},
                    {"priority", submission.priority},
                    {"budget", budget_fields(submission.budget)}});
}

Submission submission_from_value(const Value& value) {
  Submission submission{.spec = std::string(value.string_or("spec", "")),
                        .spec_file = std::string(value.string_or("spec_file", "")),
                        .name = std::string(value.string_or("name", "")),
                        .description = std::string(value.string_or("description", "")),
                        .experiment = std::string(value.string_or("experiment", "Default")),
                        .cache = value.bool_or("cache", true),
                        .keep_checkpoints = value.bool_or("keep_checkpoints", false),
                        .pipeline = Uuid::parse(value.string_or("pipeline", "")),
                        .version = Uuid::parse(value.string_or("version", "")),
                        .key = std::string(value.string_or("key", "")),
                        .notify = std::string(value.string_or("notify", ""))};
  if (const Value* parameters = value.find("parameters"); parameters != nullptr && parameters->is_struct())
    submission.parameters = parameters->as_struct();
  if (const Value* labels = value.find("labels"); labels != nullptr && labels->is_struct())
    submission.labels = labels->as_struct();
  submission.priority = static_cast<int>(value.int_or("priority", 0));
  if (const Value* budget = value.find("budget"); budget != nullptr)
    submission.budget = budget_from_value(*budget).value_or(Budget{});
  return submission;
}

RunContext new_run_context(const DataDir& dir, const Uuid& uuid, Instant now) {
  const std::string text = uuid.text();
  return {.run_uuid = text,
          .created = format_rfc3339(now),
          .scheduled = format_rfc3339(now),
          .pipeline_root = dir.run(text),
          .workspace_path = dir.run(text) + "/workspace"};
}

Prepared prepare(const Submission& submission, const SiteRules& rules, RunContext context) {
  Prepared prepared{.cache = submission.cache};
  ParsedPipeline parsed = parse_pipeline(submission.spec, submission.spec_file);
  prepared.errors = std::move(parsed.errors);
  prepared.warnings = std::move(parsed.warnings);
  if (!prepared.errors.empty()) return prepared;
  prepared.pipeline = std::make_shared<const Pipeline>(std::move(parsed.pipeline));
  check_notify(submission, *prepared.pipeline, prepared.errors);
  if (context.display_name.empty())
    context.display_name = submission.name.empty() ? prepared.pipeline->name + " " + context.created : submission.name;
  if (context.resource_name.empty()) context.resource_name = prepared.pipeline->name + "-" + context.run_uuid.substr(0, 5);
  PlanResult planned = make_plan(prepared.pipeline, submission.parameters, std::move(context));
  for (Diagnostic& error : planned.errors) {
    error.file = submission.spec_file;
    prepared.errors.push_back(std::move(error));
  }
  prepared.plan = std::move(planned.plan);
  if (prepared.plan == nullptr) return prepared;
  prepared.sites = find_sites(*prepared.plan, rules, submission.spec_file);
  for (Diagnostic error : prepared.sites.errors) {
    error.file = submission.spec_file;
    prepared.errors.push_back(std::move(error));
  }
  return prepared;
}

}  // namespace sluice
