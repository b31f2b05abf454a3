// Runs as they are: lists, one of them, its tasks, its text.
#include <algorithm>

#include "api/own.h"
#include "api/own_list.h"
#include "api/run_document.h"
#include "base/text.h"

namespace sluice {
namespace {

void write_run(JsonWriter& json, const RunRow& run, const Service& service) {
  const RunState state = shown_state(run, service.owner());
  const bool goes_on = run.ended == Instant{} && !is_final(state) && state != RunState::kInterrupted;
  json.begin_object().field("run_id", run.uuid.text()).field("name", run.name).field("description", run.description);
  json.field("state", state_name(state));
  write_text_or_null(json, "error", run.error);
  json.field("pipeline", run.pipeline_name).field("experiment", run.experiment);
  json.field("experiment_id", std::to_string(run.experiment_id)).field("storage_state", storage_state_name(run.storage));
  write_instant(json, "created", run.created);
  write_instant(json, "began", run.began);
  write_instant(json, "ended", run.ended);
  json.field("seconds", seconds_between(run.began, goes_on ? service.now() : run.ended));
  json.field("parameters", Value(run.parameters));
  json.field("labels", labels_of(run)).end_object();
}

// Without an owner, runs that are not at their end are shown as INTERRUPTED, so they are found as such.
Result<Predicate> state_predicate(std::string_view name, Service::Owner owner) {
  const auto state = run_state_from(name);
  std::vector<std::string> names;
  for (const RunState known : {RunState::kPending, RunState::kRunning, RunState::kPaused, RunState::kCanceling,
                               RunState::kSucceeded, RunState::kFailed, RunState::kCanceled, RunState::kInterrupted})
    names.emplace_back(state_name(known));
  if (!state)
    return fail(Code::kInvalid, "there is no state '" + std::string(name) + "'" + did_you_mean(name, names),
                "states: " + join(names, ", "));
  if (owner != Service::Owner::kNone || is_final(*state)) return Predicate{"state", Compare::kEquals, {std::string(name)}};
  if (*state != RunState::kInterrupted) return Predicate{"id", Compare::kEquals, {std::int64_t{-1}}};
  Predicate active{"state", Compare::kIn, {}};
  for (const RunState known :
       {RunState::kPending, RunState::kRunning, RunState::kPaused, RunState::kCanceling, RunState::kInterrupted})
    active.values.emplace_back(std::string(state_name(known)));
  return active;
}

Result<Predicate> experiment_predicate(std::string_view text, Catalog& catalog) {
  if (const auto known = catalog.experiment_by_name(text)) return Predicate{"experiment", Compare::kEquals, {known->id}};
  if (const auto id = experiment_id(text)) return Predicate{"experiment", Compare::kEquals, {*id}};
  return Predicate{"experiment_name", Compare::kEquals, {std::string(text)}};
}

Result<std::vector<Predicate>> run_predicates(const Call& call, RunStore& store, const Service& service) {
  std::vector<Predicate> where;
  if (const auto state = call.argument("state"); !state.empty()) {
    SLUICE_TRY(Predicate predicate, state_predicate(state, service.owner()));
    where.push_back(std::move(predicate));
  }
  if (const auto experiment = call.argument("experiment"); !experiment.empty()) {
    SLUICE_TRY(Predicate predicate, experiment_predicate(experiment, store.catalog()));
    where.push_back(std::move(predicate));
  }
  if (const auto pipeline = call.argument("pipeline"); !pipeline.empty()) {
    const auto uuid = Uuid::parse(pipeline);
    where.push_back({uuid ? "pipeline" : "pipeline_name", Compare::kEquals, {uuid ? uuid->text() : std::string(pipeline)}});
  }
  if (const auto name = call.argument("name"); !name.empty()) where.push_back({"name", Compare::kContains, {std::string(name)}});
  SLUICE_TRY_STATUS(add_storage_predicate(call, "storage", where));
  return where;
}

Result<HttpResponse> list_runs(const Call& call, RunStore& store, const Service& service) {
  SLUICE_TRY(ListQuery query, list_query(call, {"created", "name", "ended", "state"}, "created desc"));
  SLUICE_TRY(query.where, run_predicates(call, store, service));
  SLUICE_TRY(const auto listed, store.list_runs(query));
  JsonWriter json;
  json.begin_object().key("runs").begin_array();
  for (const RunRow& run : listed.rows) write_run(json, run, service);
  json.end_array();
  write_list_end(json, call, listed.total, listed.next);
  return json_response(json.end_object().take() + "\n");
}

void write_task(JsonWriter& json, const TaskRow& task, const std::map<std::string, TaskId>& ids) {
  json.begin_object().field("id", task.id.value);
  if (const auto parent = ids.find(parent_path(task.path)); parent != ids.end()) json.field("parent", parent->second.value);
  json.field("path", task.path).field("name", base_name(task.path)).field("state", state_name(task.state));
  json.field("attempts", task.attempts).field("exit_code", task.exit_code);
  write_instant(json, "began", task.began);
  write_instant(json, "ended", task.ended);
  json.field("seconds", seconds_between(task.began, task.ended));
  write_text_or_null(json, "error", task.error);
  const auto notes = task.notes.empty() ? Value(List{}) : parse_json(task.notes).value_or(Value(List{}));
  const TaskData made = task_data_from_text(task.outputs);
  json.field("notes", notes);
  const TaskFacts facts = task_facts_from_text(task.facts);
  if (facts.usage != Usage{}) write_usage(json, "usage", facts.usage);
  json.field("output_parameters", Value(made.parameters)).key("output_artifacts");
  write_artifacts(json, made);
  write_task_facts(json, task, facts);
  json.end_object();
}

Result<HttpResponse> list_tasks(const Call& call, RunStore& store) {
  SLUICE_TRY(const RunRow run, run_of(call, store));
  SLUICE_TRY(const auto tasks, store.tasks(run.id));
  std::map<std::string, TaskId> ids;
  for (const TaskRow& task : tasks) ids.emplace(task.path, task.id);
  JsonWriter json;
  json.begin_object().key("tasks").begin_array();
  for (const TaskRow& task : tasks) write_task(json, task, ids);
  return json_response(json.end_array().end_object().take() + "\n");
}

Result<HttpResponse> get_run(const Call& call, RunStore& store, const Service& service) {
  SLUICE_TRY(const RunRow run, run_of(call, store));
  SLUICE_TRY(const auto tasks, store.tasks(run.id));
  SLUICE_TRY(const auto history, store.state_history(run.id));
  return json_response(run_document(run, tasks, service.owner(), history));
}

Result<HttpResponse> get_spec(const Call& call, RunStore& store) {
  SLUICE_TRY(const RunRow run, run_of(call, store));
  SLUICE_TRY(std::string spec, store.spec(run.spec_digest));
  return HttpResponse{.content_type = "text/plain; charset=utf-8", .body = std::move(spec)};
}

}  // namespace

void add_run_routes(OwnRoutes& routes) {
  const Service& service = routes.service();
  std::vector<RouteArgument> query{{"state", "only runs in this state"},
                                   {"experiment", "only of this experiment: its name or id"},
                                   {"pipeline", "only of this pipeline: its name, or the id of an uploaded one"},
                                   {"name", "only runs with this in their name"}};
  add_list_arguments(query);
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs",
               .summary = "Runs, the newest first unless asked otherwise",
               .query = std::move(query),
               .response_schema = "RunList"},
              [&service](const Call& call, RunStore& store) { return list_runs(call, store, service); });
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}",
               .summary = "One run with its outputs and tasks",
               .response_schema = "RunDocument"},
              [&service](const Call& call, RunStore& store) { return get_run(call, store, service); });
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}/tasks",
               .summary = "The tasks of a run in the order in which they came to be",
               .response_schema = "TaskList"},
              list_tasks);
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}/spec",
               .summary = "The text of the run's pipeline, as it was given",
               .response_type = "text/plain"},
              get_spec);
}

}  // namespace sluice
