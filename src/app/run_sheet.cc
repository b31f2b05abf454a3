#include "app/run_sheet.h"

#include "api/run_fields.h"
#include "base/json.h"
#include "model/task_facts.h"

namespace sluice {
namespace {

constexpr const char* kMetricsType = "system.Metrics";

const Struct& struct_or_empty(const Value* value) {
  static const Struct kEmpty;
  return value != nullptr && value->is_struct() ? value->as_struct() : kEmpty;
}

Artifact artifact_from_document(const Value& value) {
  return {.name = std::string(value.string_or("name", "")),
          .type = {.schema_title = std::string(value.string_or("type", ""))},
          .uri = std::string(value.string_or("uri", "")),
          .metadata = struct_or_empty(value.find("metadata"))};
}

TaskData outputs_from(const Value& document, const char* parameters) {
  TaskData out;
  out.parameters = struct_or_empty(document.find(parameters));
  for (const auto& [key, list] : struct_or_empty(document.find("output_artifacts")))
    if (list.is_list())
      for (const Value& artifact : list.as_list()) out.artifacts[key].push_back(artifact_from_document(artifact));
  return out;
}

Usage usage_from(const Value& value) {
  const auto time = [&](const char* name) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value.number_or(name, 0)));
  };
  return {.cpu = time("cpu_seconds"),
          .wall = time("wall_seconds"),
          .gpu = time("gpu_seconds"),
          .peak_bytes = value.int_or("peak_memory_bytes", 0)};
}

void add_metrics(RunSheet& sheet, const std::string& task, const TaskData& made) {
  for (const auto& [key, list] : made.artifacts)
    for (const Artifact& artifact : list)
      if (artifact.type.schema_title == kMetricsType && !artifact.metadata.empty())
        sheet.metrics.push_back({task, key, artifact.metadata});
}

}  // namespace

Instant instant_from(std::string_view text) { return parse_rfc3339(text).value_or(Instant{}); }

TaskRow task_row_from(const Value& value) {
  TaskRow row{.id = {static_cast<decltype(TaskId::value)>(value.int_or("id", 0))},
              .path = std::string(value.string_or("path", "")),
              .state = task_state_from(value.string_or("state", "")).value_or(TaskState::kPending),
              .attempts = static_cast<int>(value.int_or("attempts", 0)),
              .exit_code = static_cast<int>(value.int_or("exit_code", 0)),
              .began = instant_from(value.string_or("began", "")),
              .ended = instant_from(value.string_or("ended", "")),
              .error = std::string(value.string_or("error", ""))};
  if (const Value* notes = value.find("notes"); notes != nullptr && notes->is_list() && !notes->as_list().empty())
    row.notes = to_json(*notes);
  if (const Value* usage = value.find("usage"); usage != nullptr) row.facts = task_facts_text({.usage = usage_from(*usage)});
  return row;
}

RunSheet run_sheet(const RunRow& run, std::vector<TaskRow> tasks, Service::Owner owner) {
  RunSheet sheet{.uuid = run.uuid, .name = run.name, .state = shown_state(run, owner), .error = run.error};
  if (run.ended != Instant{}) sheet.took = run.ended - run.began;
  sheet.outputs = task_data_from_text(run.outputs);
  for (TaskRow& task : tasks) {
    if (task.outputs.find(kMetricsType) != std::string::npos) add_metrics(sheet, task.path, task_data_from_text(task.outputs));
    task.outputs.clear();
  }
  sheet.tasks = std::move(tasks);
  return sheet;
}

RunSheet run_sheet(const Value& document, const Value& tasks) {
  RunSheet sheet{.uuid = Uuid::parse(document.string_or("run_id", "")).value_or(Uuid{}),
                 .name = std::string(document.string_or("name", "")),
                 .state = run_state_from(document.string_or("state", "")).value_or(RunState::kPending),
                 .error = std::string(document.string_or("error", ""))};
  if (is_final(sheet.state))
    sheet.took = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(document.number_or("seconds", 0)));
  sheet.outputs = outputs_from(document, "outputs");
  if (const Value* list = tasks.find("tasks"); list != nullptr && list->is_list())
    for (const Value& task : list->as_list()) {
      sheet.tasks.push_back(task_row_from(task));
      add_metrics(sheet, sheet.tasks.back().path, outputs_from(task, "output_parameters"));
    }
  return sheet;
}

}  // namespace sluice
