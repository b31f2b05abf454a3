#include "app/run_document.h"

#include "base/json.h"
#include "base/text.h"
#include "exec/log.h"
#include "model/artifact.h"

namespace sluice {
namespace {

constexpr int kLogLines = 12;
constexpr int kFailedTasksShown = 3;

// Rows hold JSON that we wrote; one that does not read back shows as empty rather than hiding the rest of the run.
TaskData outputs_of(const std::string& json) {
  if (json.empty()) return {};
  const auto value = parse_json(json);
  return value ? task_data_from_value(*value) : TaskData{};
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

void write_error(JsonWriter& json, const std::string& error) {
  json.key("error");
  if (error.empty())
    json.null();
  else
    json.value(error);
}

double seconds_between(Instant began, Instant ended) {
  return began == Instant{} || ended < began ? 0 : to_seconds(ended - began);
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

std::string shown_value(const Value& value) {
  const std::string text = value_text(value);
  return text.size() <= 200 ? text : text.substr(0, 197) + "…";
}

void add_outputs(std::string& out, const Console& console, const TaskData& outputs) {
  if (outputs.empty()) return;
  out += console.ink(Ink::kBold, "outputs") + "\n";
  for (const auto& [key, value] : outputs.parameters) out += "  " + padded(key, 20) + " " + shown_value(value) + "\n";
  for (const auto& [key, list] : outputs.artifacts)
    for (const Artifact& artifact : list)
      out += "  " + padded(key, 20) + " " + artifact.type.schema_title + " " + artifact.uri + "\n";
}

void add_metrics(std::string& out, const Console& console, const std::vector<TaskRow>& tasks) {
  for (const TaskRow& task : tasks) {
    if (task.outputs.find("system.Metrics") == std::string::npos) continue;
    for (const auto& [key, list] : outputs_of(task.outputs).artifacts)
      for (const Artifact& artifact : list) {
        if (artifact.type.schema_title != "system.Metrics" || artifact.metadata.empty()) continue;
        out += console.ink(Ink::kBold, key) + console.ink(Ink::kDim, " of " + task.path) + "\n";
        for (const auto& [name, value] : artifact.metadata) out += "  " + padded(name, 20) + " " + shown_value(value) + "\n";
      }
  }
}

void add_failures(std::string& out, const Console& console, const DataDir& dir, const RunRow& run,
                  const std::vector<TaskRow>& tasks) {
  int shown = 0;
  for (const TaskRow& task : tasks) {
    if (task.state != TaskState::kFailed || task.attempts == 0) continue;
    if (++shown > kFailedTasksShown) {
      out += "… and more failed tasks: sluice get run " + run.uuid.text() + "\n";
      return;
    }
    out += console.ink(Ink::kRed, task.path) + " " + task.error + "\n";
    const std::string path = log_path(dir, run, task, 0);
    const auto lines = last_log_lines(path, kLogLines);
    if (!lines || trim(*lines).empty()) continue;
    for (const std::string_view line : split(trim(*lines), '\n'))
      out += console.ink(Ink::kDim, "  | ") + std::string(line) + "\n";
    out += console.ink(Ink::kDim, "  all of it: sluice logs " + run.uuid.text() + " " + task.path) + "\n";
  }
}

}  // namespace

RunState shown_state(const RunRow& run, bool live) { return live || is_final(run.state) ? run.state : RunState::kInterrupted; }

std::string task_key(const std::string& path) {
  std::string key = path.substr(path.rfind('/') + 1);
  if (!key.empty() && key.back() == ']') key.erase(key.rfind('['));
  return key;
}

std::string log_path(const DataDir& dir, const RunRow& run, const TaskRow& task, int attempt) {
  return dir.attempt(run.uuid.text(), task.id, task_key(task.path), attempt > 0 ? attempt : std::max(1, task.attempts)) + ".log";
}

std::string run_json(const RunRow& run, const std::vector<TaskRow>& tasks, bool live) {
  const TaskData outputs = outputs_of(run.outputs);
  JsonWriter json(2);
  json.begin_object()
      .field("run_id", run.uuid.text())
      .field("name", run.name)
      .field("pipeline", run.pipeline_name)
      .field("experiment", run.experiment);
  json.field("state", state_name(shown_state(run, live)));
  write_error(json, run.error);
  json.field("seconds", seconds_between(run.began, run.ended));
  json.field("created_at", format_rfc3339(run.created));
  json.field("parameters", Value(run.parameters));
  json.field("outputs", Value(outputs.parameters)).key("output_artifacts");
  write_artifacts(json, outputs);
  json.key("tasks").begin_object();
  for (const TaskRow& task : tasks) {
    const TaskData made = outputs_of(task.outputs);
    json.key(task.path)
        .begin_object()
        .field("state", state_name(task.state))
        .field("attempts", task.attempts)
        .field("exit_code", task.exit_code);
    json.field("seconds", seconds_between(task.began, task.ended))
        .field("output_parameters", Value(made.parameters))
        .key("output_artifacts");
    write_artifacts(json, made);
    write_error(json, task.error);
    if (!task.notes.empty())
      if (const auto notes = parse_json(task.notes)) json.field("notes", *notes);
    json.end_object();
  }
  json.end_object().end_object();
  return json.take() + "\n";
}

std::string run_summary(const Console& console, const DataDir& dir, const RunRow& run, const std::vector<TaskRow>& tasks,
                        bool live) {
  const RunState state = shown_state(run, live);
  const Ink ink = state == RunState::kSucceeded ? Ink::kGreen : state == RunState::kFailed ? Ink::kRed : Ink::kYellow;
  std::string out = console.ink(ink, state_name(state)) + " " + console.ink(Ink::kBold, run.name);
  if (run.ended != Instant{}) out += " in " + format_duration(run.ended - run.began);
  out += console.ink(Ink::kDim, "  run " + run.uuid.text()) + "\n";
  if (!run.error.empty()) out += run.error.substr(0, run.error.find('\n')) + "\n";
  add_outputs(out, console, outputs_of(run.outputs));
  add_metrics(out, console, tasks);
  if (state == RunState::kFailed) add_failures(out, console, dir, run, tasks);
  if (state != RunState::kSucceeded && is_final(state))
    out += console.ink(Ink::kDim, "sluice retry " + run.uuid.text() + " runs again what failed") + "\n";
  if (state == RunState::kInterrupted)
    out += console.ink(Ink::kDim, "sluice run --resume " + run.uuid.text() + " goes on") + "\n";
  return out;
}

}  // namespace sluice
