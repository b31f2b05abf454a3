#include "api/run_document.h"

#include <algorithm>

#include "api/run_fields.h"
#include "base/json.h"
#include "base/text.h"
#include "model/task_facts.h"

namespace sluice {

double seconds_between(Instant began, Instant ended) {
  return began == Instant{} || ended < began ? 0 : to_seconds(ended - began);
}

Value labels_of(const RunRow& run) {
  const Value* labels = run.options.find("labels");
  return labels != nullptr && labels->is_struct() ? *labels : Value(Struct{});
}

void write_artifacts(JsonWriter& json, const TaskData& outputs) {
  json.begin_object();
  for (const auto& [key, list] : outputs.artifacts) {
    json.key(key).begin_array();
    for (const Artifact& artifact : list)
      json.begin_object()
          .field("name", artifact.name)
          .field("type", artifact.type.schema_title)
          .field("uri", artifact.uri)
          .field("digest", artifact.digest)
          .field("size_bytes", artifact.size_bytes)
          .field("metadata", Value(artifact.metadata))
          .end_object();
    json.end_array();
  }
  json.end_object();
}

void write_task_facts(JsonWriter& json, const TaskRow& task, TaskFacts facts) {
  if (task.state == TaskState::kCached) json.field("cached", true);
  if (!task.inputs.empty())
    if (const auto inputs = parse_json(task.inputs)) json.field("inputs", *inputs);
  facts.cache.document.clear();  // a program, mostly: `why` compares it
  facts.usage = {};              // a field of its own
  if (const Struct shown = task_facts_fields(facts); !shown.empty()) json.field("facts", Value(shown));
}

void write_usage(JsonWriter& json, std::string_view name, const Usage& usage) {
  json.key(name)
      .begin_object()
      .field("cpu_seconds", to_seconds(usage.cpu))
      .field("wall_seconds", to_seconds(usage.wall))
      .field("peak_memory_bytes", usage.peak_bytes)
      .field("gpu_seconds", to_seconds(usage.gpu))
      .end_object();
}

void write_text_or_null(JsonWriter& json, std::string_view name, std::string_view text) {
  json.key(name);
  if (text.empty())
    json.null();
  else
    json.value(text);
}

void write_instant(JsonWriter& json, std::string_view name, Instant instant) {
  if (instant != Instant{}) json.field(name, format_rfc3339(instant, true));
}

RunState shown_state(const RunRow& run, Service::Owner owner) {
  return owner != Service::Owner::kNone || is_final(run.state) ? run.state : RunState::kInterrupted;
}

std::string task_key(const std::string& path) {
  std::string key(base_name(path));
  if (!key.empty() && key.back() == ']') key.erase(key.rfind('['));
  return key;
}

std::string parent_path(const std::string& path) {
  if (path.ends_with(']')) return path.substr(0, path.rfind('['));
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string attempt_log_path(const DataDir& dir, const RunRow& run, const TaskRow& task, int attempt) {
  return dir.attempt(run.uuid.text(), task.id, task_key(task.path), attempt > 0 ? attempt : std::max(1, task.attempts)) + ".log";
}

namespace {

void write_tasks(JsonWriter& json, const std::vector<TaskRow>& tasks) {
  Usage all;
  json.key("tasks").begin_object();
  for (const TaskRow& task : tasks) {
    const TaskData made = task_data_from_text(task.outputs);
    json.key(task.path)
        .begin_object()
        .field("state", state_name(task.state))
        .field("attempts", task.attempts)
        .field("exit_code", task.exit_code);
    json.field("seconds", seconds_between(task.began, task.ended))
        .field("output_parameters", Value(made.parameters))
        .key("output_artifacts");
    write_artifacts(json, made);
    write_text_or_null(json, "error", task.error);
    if (!task.notes.empty())
      if (const auto notes = parse_json(task.notes)) json.field("notes", *notes);
    const TaskFacts facts = task_facts_from_text(task.facts);
    const Usage& usage = facts.usage;
    write_task_facts(json, task, facts);
    if (usage != Usage{}) write_usage(json, "usage", usage);
    all += usage;
    json.end_object();
  }
  json.end_object();
  write_usage(json, "usage", all);
}

// What /api/v1 adds to the document.
void write_more(JsonWriter& json, const RunRow& run, const std::vector<StateChange>& history) {
  json.field("description", run.description).field("experiment_id", std::to_string(run.experiment_id));
  write_instant(json, "created", run.created);
  write_instant(json, "began", run.began);
  write_instant(json, "ended", run.ended);
  json.field("storage_state", storage_state_name(run.storage)).field("spec_file", run.spec_file);
  json.field("labels", labels_of(run));
  if (run.pipeline) json.field("pipeline_id", run.pipeline->text());
  if (run.version) json.field("pipeline_version_id", run.version->text());
  json.key("state_history").begin_array();
  for (const StateChange& change : history) {
    json.begin_object().field("at", format_rfc3339(change.at, true)).field("state", state_name(change.state));
    write_text_or_null(json, "error", change.error);
    json.end_object();
  }
  json.end_array();
  if (run.state == RunState::kPaused) json.field("paused_reason", run.error.empty() ? "somebody paused it" : run.error);
}

std::string document(const RunRow& run, const std::vector<TaskRow>& tasks, Service::Owner owner,
                     const std::vector<StateChange>* history) {
  const TaskData outputs = task_data_from_text(run.outputs);
  JsonWriter json(2);
  json.begin_object()
      .field("run_id", run.uuid.text())
      .field("name", run.name)
      .field("pipeline", run.pipeline_name)
      .field("experiment", run.experiment);
  json.field("state", state_name(shown_state(run, owner)));
  write_text_or_null(json, "error", run.error);
  json.field("seconds", seconds_between(run.began, run.ended));
  json.field("created_at", format_rfc3339(run.created));
  json.field("parameters", Value(run.parameters));
  json.field("outputs", Value(outputs.parameters)).key("output_artifacts");
  write_artifacts(json, outputs);
  write_tasks(json, tasks);
  if (history != nullptr) write_more(json, run, *history);
  json.end_object();
  return json.take() + "\n";
}

}  // namespace

std::string run_document(const RunRow& run, const std::vector<TaskRow>& tasks, Service::Owner owner) {
  return document(run, tasks, owner, nullptr);
}

std::string run_document(const RunRow& run, const std::vector<TaskRow>& tasks, Service::Owner owner,
                         const std::vector<StateChange>& history) {
  return document(run, tasks, owner, &history);
}

}  // namespace sluice
