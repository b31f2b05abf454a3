// sluice check, plan: what a pipeline would do, without doing it.
#include "app/load.h"
#include "app/owner.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/platform.h"
#include "spec/parse.h"

namespace sluice {
namespace {

struct TaskLine {
  std::string path, component, image, condition, loop;
  std::vector<std::string> after;
  std::string environment;  // key; empty: none
};

// Depth first, in the order in which tasks can start; loops are shown once, as their items are not known yet.
void collect_tasks(const Plan& plan, const Sites& sites, std::uint32_t component, const std::string& path,
                   std::vector<TaskLine>& lines) {
  for (const PlanTask& task : plan.components.at(component).tasks) {
    const PlanComponent& child = plan.components.at(task.component);
    TaskLine line{.path = path + "/" + task.spec->name, .component = task.spec->component, .condition = task.spec->condition};
    for (const std::uint32_t upstream : task.upstream)
      line.after.push_back(plan.components.at(component).tasks.at(upstream).spec->name);
    if (task.spec->iterator)
      line.loop = task.spec->iterator->items_input.empty() ? std::to_string(task.spec->iterator->items.size()) + " items"
                                                           : "over " + task.spec->iterator->items_input;
    if (child.executor != nullptr) {
      if (const auto* container = std::get_if<ContainerSpec>(&child.executor->what)) line.image = container->image;
      if (const auto site = sites.by_executor.find(child.executor->label);
          site != sites.by_executor.end() && site->second.environment)
        line.environment = site->second.environment->key;
    }
    lines.push_back(line);
    if (child.is_dag()) collect_tasks(plan, sites, task.component, line.loop.empty() ? line.path : line.path + "[*]", lines);
  }
}

std::map<std::string, EnvironmentSpec> environments_of(const Sites& sites) {
  std::map<std::string, EnvironmentSpec> environments;
  for (const auto& [label, site] : sites.by_executor)
    if (site.environment) environments.emplace(site.environment->key, *site.environment);
  return environments;
}

std::string plan_json(const Plan& plan, const Sites& sites, const std::vector<TaskLine>& lines) {
  const EnvironmentStore store(default_environment_root());
  JsonWriter json(2);
  json.begin_object()
      .field("pipeline", plan.pipeline->name)
      .field("parameters", Value(plan.parameters))
      .key("tasks")
      .begin_array();
  for (const TaskLine& line : lines) {
    json.begin_object().field("path", line.path).field("component", line.component);
    if (!line.image.empty()) json.field("image", line.image);
    if (!line.condition.empty()) json.field("condition", line.condition);
    if (!line.loop.empty()) json.field("loop", line.loop);
    if (!line.environment.empty()) json.field("environment", line.environment);
    json.key("after").begin_array();
    for (const std::string& name : line.after) json.value(name);
    json.end_array().field("cached", false).end_object();
  }
  json.end_array().key("environments").begin_array();
  for (const auto& [key, spec] : environments_of(sites)) {
    json.begin_object()
        .field("key", key)
        .field("interpreter", spec.interpreter)
        .field("built", store.has(key))
        .key("requirements")
        .begin_array();
    for (const std::string& requirement : spec.requirements) json.value(requirement);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return json.take() + "\n";
}

std::string plan_text(const Console& console, const Plan& plan, const Sites& sites, const std::vector<TaskLine>& lines) {
  const EnvironmentStore store(default_environment_root());
  std::string out = console.ink(Ink::kBold, plan.pipeline->name) + "\n";
  for (const auto& [name, value] : plan.parameters) out += "  " + name + " = " + value_text(value) + "\n";
  out += console.ink(Ink::kBold, "tasks") + " in the order in which they can start\n";
  for (const TaskLine& line : lines) {
    out += "  " + line.path;
    if (!line.loop.empty()) out += console.ink(Ink::kBlue, "  loop " + line.loop);
    if (!line.condition.empty()) out += console.ink(Ink::kYellow, "  if " + line.condition);
    if (!line.after.empty()) out += console.ink(Ink::kDim, "  after " + join(line.after, ", "));
    out += "\n";
  }
  const auto environments = environments_of(sites);
  if (!environments.empty()) out += console.ink(Ink::kBold, "environments") + "\n";
  for (const auto& [key, spec] : environments)
    out += "  " + key.substr(0, 12) + "  " +
           (store.has(key) ? console.ink(Ink::kGreen, "ready   ") : console.ink(Ink::kYellow, "to build")) + "  " +
           join(spec.requirements, ", ") + "\n";
  return out + "nothing is cached: every task would run\n";
}

}  // namespace

int check_verb(const Context& context) {
  const LoadedSubmission loaded = load_submission(context, false);
  if (!loaded.errors.empty()) return loaded.fail(context.console);
  ParsedPipeline parsed = parse_pipeline(loaded.submission.spec, loaded.submission.spec_file);
  Diagnostics errors = std::move(parsed.errors);
  Diagnostics warnings = std::move(parsed.warnings);
  if (errors.empty()) {
    for (const auto& [label, executor] : parsed.pipeline.executors)
      for (Diagnostic& warning : platform_warnings(executor.kubernetes, loaded.submission.spec_file))
        warnings.push_back(std::move(warning));
    // Conditions are compiled by plan; what is wrong with arguments is no matter of the file.
    const auto pipeline = std::make_shared<const Pipeline>(std::move(parsed.pipeline));
    for (Diagnostic& error : make_plan(pipeline, {}, {}).errors) {
      if (pipeline->root.input_parameters.contains(error.path)) continue;
      error.file = loaded.submission.spec_file;
      errors.push_back(std::move(error));
    }
  }
  if (!errors.empty()) return context.console.fail(errors);
  for (const Diagnostic& warning : warnings) context.console.warn(warning);
  context.console.out(context.console.json() ? diagnostics_json({}) : loaded.submission.spec_file + ": no errors\n");
  return 0;
}

int plan_verb(const Context& context) {
  const auto dir = DataDir::at(context.config.data_dir);
  if (!dir) return context.console.fail(dir.error());
  const LoadedSubmission loaded = load_submission(context, true);
  if (!loaded.errors.empty()) return loaded.fail(context.console);
  const Prepared prepared =
      prepare(loaded.submission, context.config.images, new_run_context(*dir, new_uuid(), SystemClock().now()));
  if (!prepared.errors.empty()) return context.console.fail(prepared.errors);
  std::vector<TaskLine> lines;
  collect_tasks(*prepared.plan, prepared.sites, 0, "root", lines);
  context.console.out(context.console.json() ? plan_json(*prepared.plan, prepared.sites, lines)
                                             : plan_text(context.console, *prepared.plan, prepared.sites, lines));
  return 0;
}

}  // namespace sluice
