#include "app/run_document.h"

#include <map>

#include "app/columns.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/log.h"
#include "model/artifact.h"

namespace sluice {
namespace {

constexpr int kLogLines = 12;
constexpr int kFailedTasksShown = 3;
constexpr std::size_t kNotedTasksShown = 3;

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

std::string shown_value(const Value& value) { return clip_columns(one_line(value_text(value)), 200); }

void add_outputs(std::string& out, const Console& console, const TaskData& outputs) {
  if (outputs.empty()) return;
  out += console.ink(Ink::kBold, "outputs") + "\n";
  for (const auto& [key, value] : outputs.parameters) out += "  " + pad_columns(key, 20) + " " + shown_value(value) + "\n";
  for (const auto& [key, list] : outputs.artifacts)
    for (const Artifact& artifact : list)
      out += "  " + pad_columns(key, 20) + " " + artifact.type.schema_title + " " + artifact.uri + "\n";
}

void add_metrics(std::string& out, const Console& console, const std::vector<TaskRow>& tasks) {
  for (const TaskRow& task : tasks) {
    if (task.outputs.find("system.Metrics") == std::string::npos) continue;
    for (const auto& [key, list] : outputs_of(task.outputs).artifacts)
      for (const Artifact& artifact : list) {
        if (artifact.type.schema_title != "system.Metrics" || artifact.metadata.empty()) continue;
        out += console.ink(Ink::kBold, key) + console.ink(Ink::kDim, " of " + task.path) + "\n";
        for (const auto& [name, value] : artifact.metadata) out += "  " + pad_columns(name, 20) + " " + shown_value(value) + "\n";
      }
  }
}

std::string indented(std::string_view text, const std::string& front) {
  std::string out;
  for (const std::string_view line : split(trim(text), '\n')) out += front + one_line(line) + "\n";
  return out;
}

// Whether it says all that the run's own error says.
bool add_failures(std::string& out, const Console& console, const DataDir& dir, const RunRow& run,
                  const std::vector<TaskRow>& tasks) {
  bool says_all = false;
  int shown = 0;
  for (const TaskRow& task : tasks) {
    if (task.state != TaskState::kFailed || task.attempts == 0) continue;
    if (++shown > kFailedTasksShown) {
      out += "… and more failed tasks: sluice get run " + short_id(run) + "\n";
      break;
    }
    says_all = says_all || run.error.find("'" + task.path + "'") != std::string::npos;
    out += console.ink(Ink::kRed, "✗ " + task.path) + "  " + one_line(task.error) + "\n";
    if (const auto end = task.error.find('\n'); end != std::string::npos) out += indented(task.error.substr(end + 1), "  ");
    const auto lines = last_log_lines(log_path(dir, run, task, 0), kLogLines);
    if (!lines || trim(*lines).empty()) continue;
    out += indented(*lines, console.ink(Ink::kDim, "  | "));
    out += console.ink(Ink::kDim, "  all of it: sluice logs " + short_id(run) + " " + task.path) + "\n";
  }
  return says_all;
}

}  // namespace

RunState shown_state(const RunRow& run, bool live) { return live || is_final(run.state) ? run.state : RunState::kInterrupted; }

std::string task_key(const std::string& path) {
  std::string key = path.substr(path.rfind('/') + 1);
  if (!key.empty() && key.back() == ']') key.erase(key.rfind('['));
  return key;
}

std::string parent_path(const std::string& path) {
  if (path.ends_with(']')) return path.substr(0, path.rfind('['));
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string short_id(const RunRow& run) { return run.uuid.text().substr(0, 8); }

std::string colored_state(const Console& console, RunState state) {
  const Ink ink = state == RunState::kSucceeded                                ? Ink::kGreen
                  : state == RunState::kFailed                                 ? Ink::kRed
                  : state == RunState::kRunning || state == RunState::kPending ? Ink::kBlue
                                                                               : Ink::kYellow;
  return console.ink(ink, state_name(state));
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
  std::string out = colored_state(console, state) + " " + console.ink(Ink::kBold, one_line(run.name));
  if (run.ended != Instant{}) out += " in " + format_duration(run.ended - run.began);
  out += console.ink(Ink::kDim, "  run " + run.uuid.text()) + "\n";
  std::string failures;
  const bool says_all = state == RunState::kFailed && add_failures(failures, console, dir, run, tasks);
  if (!run.error.empty() && !says_all) out += one_line(run.error) + "\n";
  add_outputs(out, console, outputs_of(run.outputs));
  add_metrics(out, console, tasks);
  out += failures;
  if (state == RunState::kFailed)
    out += console.ink(Ink::kDim, "sluice retry " + short_id(run) + " runs again what failed") + "\n";
  if (state == RunState::kCanceled)
    out += console.ink(Ink::kDim, "sluice retry " + short_id(run) + " runs what is left of it") + "\n";
  if (state == RunState::kInterrupted) out += console.ink(Ink::kDim, "sluice run --resume " + short_id(run) + " goes on") + "\n";
  return out;
}

std::string run_notes(const Console& console, const std::vector<TaskRow>& tasks) {
  std::map<std::string, std::vector<std::string>> paths;
  for (const TaskRow& task : tasks) {
    if (task.notes.empty()) continue;
    const auto notes = parse_json(task.notes);
    if (!notes || !notes->is_list()) continue;
    for (const Value& note : notes->as_list())
      if (note.is_string()) paths[note.as_string()].push_back(task.path);
  }
  std::string out;
  for (const auto& [note, of] : paths)
    out += console.ink(Ink::kYellow, "note: ") + one_line(note) + " (" +
           (of.size() <= kNotedTasksShown ? join(of, ", ") : std::to_string(of.size()) + " tasks") + ")\n";
  return out;
}

}  // namespace sluice
