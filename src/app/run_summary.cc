#include "app/run_summary.h"

#include <algorithm>
#include <map>

#include "app/columns.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/log.h"

namespace sluice {
namespace {

constexpr int kLogLines = 12;
constexpr int kFailedTasksShown = 3;
constexpr std::size_t kNotedTasksShown = 3;

std::string shown_value(const Value& value) { return clip_columns(one_line(value_text(value)), 200); }

void add_outputs(std::string& out, const Console& console, const TaskData& outputs) {
  if (outputs.empty()) return;
  out += console.ink(Ink::kBold, "outputs") + "\n";
  for (const auto& [key, value] : outputs.parameters) out += "  " + pad_columns(key, 20) + " " + shown_value(value) + "\n";
  for (const auto& [key, list] : outputs.artifacts)
    for (const Artifact& artifact : list)
      out += "  " + pad_columns(key, 20) + " " + artifact.type.schema_title + " " + artifact.uri + "\n";
}

void add_metrics(std::string& out, const Console& console, const std::vector<RunSheet::Metrics>& all) {
  for (const RunSheet::Metrics& metrics : all) {
    out += console.ink(Ink::kBold, metrics.key) + console.ink(Ink::kDim, " of " + metrics.task) + "\n";
    for (const auto& [name, value] : metrics.values) out += "  " + pad_columns(name, 20) + " " + shown_value(value) + "\n";
  }
}

std::string indented(std::string_view text, const std::string& front) {
  std::string out;
  for (const std::string_view line : split(trim(text), '\n')) out += front + one_line(line) + "\n";
  return out;
}

// Whether it says all that the run's own error says.
bool add_failures(std::string& out, const Console& console, const RunSheet& sheet, const LastLines& last_lines) {
  bool says_all = false;
  int shown = 0;
  for (const TaskRow& task : sheet.tasks) {
    if (task.state != TaskState::kFailed || task.attempts == 0) continue;
    if (++shown > kFailedTasksShown) {
      out += "… and more failed tasks: sluice get run " + short_id(sheet.uuid) + "\n";
      break;
    }
    says_all = says_all || sheet.error.find("'" + task.path + "'") != std::string::npos;
    out += console.ink(Ink::kRed, "✗ " + task.path) + "  " + one_line(task.error) + "\n";
    if (const auto end = task.error.find('\n'); end != std::string::npos) out += indented(task.error.substr(end + 1), "  ");
    const std::string lines = last_lines(task, kLogLines);
    if (trim(lines).empty()) continue;
    out += indented(lines, console.ink(Ink::kDim, "  | "));
    out += console.ink(Ink::kDim, "  all of it: sluice logs " + short_id(sheet.uuid) + " " + task.path) + "\n";
  }
  return says_all;
}

}  // namespace

LastLines last_lines_in(const DataDir& dir, const Uuid& run) {
  return [&dir, run](const TaskRow& task, int lines) {
    return last_log_lines(log_path(dir, run, task, 0), lines).value_or(std::string());
  };
}

std::string short_id(const Uuid& run) { return run.text().substr(0, 8); }

std::string colored_state(const Console& console, RunState state) {
  const Ink ink = state == RunState::kSucceeded                                ? Ink::kGreen
                  : state == RunState::kFailed                                 ? Ink::kRed
                  : state == RunState::kRunning || state == RunState::kPending ? Ink::kBlue
                                                                               : Ink::kYellow;
  return console.ink(ink, state_name(state));
}

std::string log_path(const DataDir& dir, const Uuid& run, const TaskRow& task, int attempt) {
  return dir.attempt(run.text(), task.id, task_key(task.path), attempt > 0 ? attempt : std::max(1, task.attempts)) + ".log";
}

std::string run_summary(const Console& console, const RunSheet& sheet, const LastLines& last_lines) {
  const std::string id = short_id(sheet.uuid);
  std::string out = colored_state(console, sheet.state) + " " + console.ink(Ink::kBold, one_line(sheet.name));
  if (sheet.took) out += " in " + format_duration(*sheet.took);
  out += console.ink(Ink::kDim, "  run " + sheet.uuid.text()) + "\n";
  std::string failures;
  const bool says_all = sheet.state == RunState::kFailed && add_failures(failures, console, sheet, last_lines);
  if (!sheet.error.empty() && !says_all) out += one_line(sheet.error) + "\n";
  add_outputs(out, console, sheet.outputs);
  add_metrics(out, console, sheet.metrics);
  out += failures;
  if (sheet.state == RunState::kFailed) out += console.ink(Ink::kDim, "sluice retry " + id + " runs again what failed") + "\n";
  if (sheet.state == RunState::kCanceled) out += console.ink(Ink::kDim, "sluice retry " + id + " runs what is left of it") + "\n";
  if (sheet.state == RunState::kInterrupted) out += console.ink(Ink::kDim, "sluice run --resume " + id + " goes on") + "\n";
  if (sheet.state == RunState::kPaused) out += console.ink(Ink::kDim, "sluice resume " + id + " goes on") + "\n";
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
