// sluice check, plan: what a pipeline would do, without doing it.
#include <algorithm>

#include "app/directory.h"
#include "app/load.h"
#include "app/owner.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/platform.h"
#include "engine/what_if.h"
#include "spec/parse.h"

namespace sluice {
namespace {

struct TaskLine {
  std::string path, component, image, condition, loop;
  std::vector<std::string> after;
  std::string environment;  // key; empty: none
  bool is_leaf = true;
  int cached = 0, seen = 0;  // of it and, in a loop, of its iterations: known to the cache, and looked for there
  std::string reason;        // of the first that would run
};

// "root/for-loop-1[*]/double" of "root/for-loop-1[2]/double"; an iteration that is a leaf is its loop.
std::string line_of(const std::string& path) {
  std::string line;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '[') {
      line += path[i];
      continue;
    }
    while (i < path.size() && path[i] != ']') ++i;
    if (i + 1 < path.size()) line += "[*]";
  }
  return line;
}

// Nothing of it is known where there is no data yet, or where it cannot be read.
void look_into_cache(const Context& context, const DataDir& dir, const Prepared& prepared, const EnvironmentStore& environments,
                     std::vector<TaskLine>& lines) {
  Directory directory(dir, context.config);
  const auto reader = directory.reader();
  if (!reader) return;
  ResultCache cache((*reader)->results(), [&](const std::string& key) { return environments.lock(key); });
  const auto foreseen = foresee(*prepared.plan, prepared.sites, cache, prepared.cache, SystemClock().now());
  for (const auto& [path, task] : foreseen) {
    const auto line = std::find_if(lines.begin(), lines.end(), [&](const TaskLine& each) { return each.path == line_of(path); });
    if (line == lines.end()) continue;
    ++line->seen;
    line->cached += task.cached ? 1 : 0;
    if (!task.cached && line->reason.empty()) line->reason = task.reason;
  }
}

bool is_cached(const TaskLine& line) { return line.seen > 0 && line.cached == line.seen; }

// Why it would run.
std::string reason_of(const TaskLine& line) {
  if (line.seen == 0) return "it depends on what is made before it";
  return line.reason;
}

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
    line.is_leaf = !child.is_dag();
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

std::string plan_json(const EnvironmentStore& store, const Plan& plan, const Sites& sites, const std::vector<TaskLine>& lines) {
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
    json.end_array().field("cached", is_cached(line));
    if (line.is_leaf && !is_cached(line)) json.field("reason", reason_of(line));
    json.end_object();
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

std::string plan_text(const Console& console, const EnvironmentStore& store, const Plan& plan, const Sites& sites,
                      const std::vector<TaskLine>& lines) {
  std::string out = console.ink(Ink::kBold, plan.pipeline->name) + "\n";
  for (const auto& [name, value] : plan.parameters) out += "  " + name + " = " + value_text(value) + "\n";
  out += console.ink(Ink::kBold, "tasks") + " in the order in which they can start\n";
  for (const TaskLine& line : lines) {
    out += "  " + line.path;
    if (!line.loop.empty()) out += console.ink(Ink::kBlue, "  loop " + line.loop);
    if (!line.condition.empty()) out += console.ink(Ink::kYellow, "  if " + line.condition);
    if (!line.after.empty()) out += console.ink(Ink::kDim, "  after " + join(line.after, ", "));
    if (is_cached(line))
      out += console.ink(Ink::kGreen, "  cached");
    else if (line.is_leaf && line.seen > 0)
      out += console.ink(Ink::kDim, "  runs: " + reason_of(line));
    out += "\n";
  }
  const auto environments = environments_of(sites);
  if (!environments.empty()) out += console.ink(Ink::kBold, "environments") + "\n";
  for (const auto& [key, spec] : environments)
    out += "  " + key.substr(0, 12) + "  " +
           (store.has(key) ? console.ink(Ink::kGreen, "ready   ") : console.ink(Ink::kYellow, "to build")) + "  " +
           join(spec.requirements, ", ") + "\n";
  const auto leaves = std::count_if(lines.begin(), lines.end(), [](const TaskLine& line) { return line.is_leaf; });
  const auto cached =
      std::count_if(lines.begin(), lines.end(), [](const TaskLine& line) { return line.is_leaf && is_cached(line); });
  if (cached == 0) return out + "nothing is cached: every task would run\n";
  return out + std::to_string(cached) + " of " + std::to_string(leaves) + " tasks would be taken from the cache\n";
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
      prepare(loaded.submission, context.config.sites(), new_run_context(*dir, new_uuid(), SystemClock().now()));
  if (!prepared.errors.empty()) return context.console.fail(prepared.errors);
  std::vector<TaskLine> lines;
  collect_tasks(*prepared.plan, prepared.sites, 0, "root", lines);
  const EnvironmentStore environments(context.config.environment_root(), context.config.environments);
  look_into_cache(context, *dir, prepared, environments, lines);
  context.console.out(context.console.json() ? plan_json(environments, *prepared.plan, prepared.sites, lines)
                                             : plan_text(context.console, environments, *prepared.plan, prepared.sites, lines));
  return 0;
}

}  // namespace sluice
