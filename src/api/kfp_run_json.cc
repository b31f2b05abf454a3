#include "api/kfp_run_json.h"

#include <algorithm>
#include <map>

#include "api/kfp_error.h"
#include "api/run_document.h"
#include "api/run_fields.h"
#include "base/text.h"

namespace sluice {
namespace {

// What was asked for and only KFP knows, kept with the run's labels.
const Value* kept(const RunRow& run, std::string_view name) {
  const Value* labels = run.options.find("labels");
  const Value* kfp = labels == nullptr ? nullptr : labels->find("kfp");
  return kfp == nullptr ? nullptr : kfp->find(name);
}

std::string_view kept_text(const RunRow& run, std::string_view name) {
  const Value* value = kept(run, name);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

int error_code(bool is_canceled) { return static_cast<int>(is_canceled ? RpcCode::kCancelled : RpcCode::kInternal); }

void write_source(JsonWriter& json, const RunRow& run, const RunDetails& details) {
  if (run.version) {
    json.key("pipeline_version_reference").begin_object();
    FieldWriter(json)
        .text("pipeline_id", run.pipeline ? run.pipeline->text() : "")
        .text("pipeline_version_id", run.version->text());
    json.end_object();
  } else if (!details.spec.is_null()) {
    json.field("pipeline_spec", details.spec);
  }
  const std::string_view root = kept_text(run, "pipeline_root");
  if (run.parameters.empty() && root.empty()) return;
  json.key("runtime_config").begin_object();
  if (!run.parameters.empty()) json.field("parameters", Value(run.parameters));
  FieldWriter(json).text("pipeline_root", root);
  json.end_object();
}

void write_history(JsonWriter& json, const std::vector<StateChange>& history) {
  if (history.empty()) return;
  json.key("state_history").begin_array();
  for (const StateChange& change : history) {
    json.begin_object().field("update_time", format_rfc3339(change.at)).field("state", kfp_state(change.state));
    FieldWriter(json).error("error", error_code(change.state == RunState::kCanceled), change.error);
    json.end_object();
  }
  json.end_array();
}

// The jobs of a task are its attempts, under the names of their directories.
void write_executor(JsonWriter& json, const Uuid& run, const TaskRow& task, const DataDir& dir) {
  const bool is_cached = task.state == TaskState::kCached;
  if (task.attempts == 0 && !is_cached) return;
  const auto job = [&](int attempt) {
    return std::string(base_name(dir.attempt(run.text(), task.id, task_key(task.path), attempt)));
  };
  json.key("executor_detail").begin_object();
  if (task.attempts > 0) json.field("main_job", job(task.attempts));
  if (task.attempts > 1) {
    json.key("failed_main_jobs").begin_array();
    for (int attempt = 1; attempt < task.attempts; ++attempt) json.value(job(attempt));
    json.end_array();
  }
  FieldWriter(json).flag("cached", is_cached);
  json.end_object();
}

struct Tree {
  std::map<std::string, TaskId, std::less<>> ids;  // by path
  std::map<TaskId, std::vector<TaskId>> children;
  ArtifactIds artifacts;
  std::map<std::string, std::string, std::less<>> by_uri;  // ids of artifacts
};

Tree tree_of(const RunRow& run, const RunDetails& details) {
  Tree tree;
  for (const TaskRow& task : *details.tasks) tree.ids.emplace(task.path, task.id);
  for (const TaskRow& task : *details.tasks)
    if (const auto parent = tree.ids.find(parent_path(task.path)); parent != tree.ids.end())
      tree.children[parent->second].push_back(task.id);
  tree.artifacts = artifact_ids(run.uuid, details.artifacts);
  for (const ArtifactRow& artifact : details.artifacts) tree.by_uri.emplace(artifact.uri, kfp_artifact_id(run.uuid, artifact));
  return tree;
}

// Artifacts that tasks of this run made; KFP has no parameters here.
void write_inputs(JsonWriter& json, const Tree& tree, const TaskRow& task) {
  const TaskData inputs = task_data_from_text(task.inputs);
  if (inputs.artifacts.empty()) return;
  json.key("inputs").begin_object();
  for (const auto& [key, list] : inputs.artifacts) {
    json.key(key).begin_object().key("artifact_ids").begin_array();
    for (const Artifact& artifact : list)
      if (const auto id = tree.by_uri.find(artifact.uri); id != tree.by_uri.end()) json.value(id->second);
    json.end_array().end_object();
  }
  json.end_object();
}

void write_outputs(JsonWriter& json, const Tree& tree, TaskId task) {
  const auto found = tree.artifacts.find(task);
  if (found == tree.artifacts.end()) return;
  json.key("outputs").begin_object();
  for (const auto& [key, ids] : found->second) {
    json.key(key).begin_object().key("artifact_ids").begin_array();
    for (const std::string& id : ids) json.value(id);
    json.end_array().end_object();
  }
  json.end_object();
}

void write_task(JsonWriter& json, const RunRow& run, const TaskRow& task, const Tree& tree, const DataDir& dir) {
  json.begin_object();
  FieldWriter fields(json);
  fields.text("run_id", run.uuid.text())
      .text("task_id", kfp_task_id(run.uuid, task.id))
      .text("display_name", base_name(task.path))
      .time("create_time", task.began == Instant{} ? run.created : task.began)
      .time("start_time", task.began)
      .time("end_time", task.ended);
  write_executor(json, run.uuid, task, dir);
  fields.text("state", kfp_state(task.state))
      .integer64("execution_id", task.id.value)
      .error("error", error_code(task.state == TaskState::kCanceled), task.error);
  write_inputs(json, tree, task);
  write_outputs(json, tree, task.id);
  if (const auto parent = tree.ids.find(parent_path(task.path)); parent != tree.ids.end())
    fields.text("parent_task_id", kfp_task_id(run.uuid, parent->second));
  if (const auto children = tree.children.find(task.id); children != tree.children.end()) {
    json.key("child_tasks").begin_array();
    for (const TaskId child : children->second) json.begin_object().field("task_id", kfp_task_id(run.uuid, child)).end_object();
    json.end_array();
  }
  json.end_object();
}

}  // namespace

std::string_view kfp_state(RunState state) {
  switch (state) {
    case RunState::kPending: return "PENDING";
    case RunState::kRunning:
    case RunState::kInterrupted: return "RUNNING";
    case RunState::kPaused: return "PAUSED";
    case RunState::kCanceling: return "CANCELING";
    case RunState::kSucceeded: return "SUCCEEDED";
    case RunState::kFailed:
    case RunState::kCanceled: return "FAILED";
  }
  return "RUNTIME_STATE_UNSPECIFIED";
}

std::string_view kfp_state(TaskState state) {
  switch (state) {
    case TaskState::kPending:
    case TaskState::kQueued: return "PENDING";
    case TaskState::kRunning:
    case TaskState::kBackoff: return "RUNNING";
    case TaskState::kSucceeded:
    case TaskState::kCached: return "SUCCEEDED";
    case TaskState::kFailed: return "FAILED";
    case TaskState::kSkipped:
    case TaskState::kOmitted: return "SKIPPED";
    case TaskState::kCanceled: return "CANCELED";
  }
  return "RUNTIME_STATE_UNSPECIFIED";
}

std::vector<TaskRow> with_root(const RunRow& run, std::vector<TaskRow> tasks) {
  TaskState state = TaskState::kRunning;
  switch (run.state) {
    case RunState::kPending: state = TaskState::kPending; break;
    case RunState::kSucceeded: state = TaskState::kSucceeded; break;
    case RunState::kFailed: state = TaskState::kFailed; break;
    case RunState::kCanceled: state = TaskState::kCanceled; break;
    case RunState::kRunning:
    case RunState::kPaused:
    case RunState::kCanceling:
    case RunState::kInterrupted: break;
  }
  tasks.insert(tasks.begin(), {.path = "root",
                               .state = state,
                               .began = run.began,
                               .ended = is_final(run.state) ? run.ended : Instant{},
                               .error = run.error,
                               .outputs = run.outputs});
  return tasks;
}

std::string kfp_task_id(const Uuid& run, TaskId task) { return run.text() + "-" + std::to_string(task.value); }

const TaskRow* find_task(const Uuid& run, const std::vector<TaskRow>& tasks, std::string_view which) {
  const std::string prefix = run.text() + "-";
  const auto number = parse_integer(which.starts_with(prefix) ? which.substr(prefix.size()) : which);
  const auto find = [&](auto fits) {
    const auto found = std::find_if(tasks.begin(), tasks.end(), fits);
    return found == tasks.end() ? nullptr : &*found;
  };
  if (number) return find([&](const TaskRow& task) { return task.id.value == *number; });
  if (const TaskRow* task = find([&](const TaskRow& row) { return row.path == which; })) return task;
  return find([&](const TaskRow& task) { return base_name(task.path) == which; });
}

std::string kfp_artifact_id(const Uuid& run, const ArtifactRow& artifact) {
  return kfp_task_id(run, artifact.task) + "-" + std::to_string(artifact.index) + "-" + artifact.key;
}

ArtifactIds artifact_ids(const Uuid& run, const std::vector<ArtifactRow>& artifacts) {
  ArtifactIds ids;
  for (const ArtifactRow& artifact : artifacts) ids[artifact.task][artifact.key].push_back(kfp_artifact_id(run, artifact));
  return ids;
}

void write_kfp_run(JsonWriter& json, const RunRow& run, const RunDetails& details, const DataDir& dir) {
  const bool is_canceled = run.state == RunState::kCanceled;
  json.begin_object();
  FieldWriter fields(json);
  fields.text("experiment_id", std::to_string(run.experiment_id))
      .text("run_id", run.uuid.text())
      .text("display_name", run.name)
      .text("storage_state", storage_state_name(run.storage))
      .text("description", run.description);
  write_source(json, run, details);
  fields.text("service_account", kept_text(run, "service_account"))
      .time("created_at", run.created)
      .time("scheduled_at", run.created)
      .time("finished_at", is_final(run.state) ? run.ended : Instant{})
      .text("state", kfp_state(run.state))
      .error("error", error_code(is_canceled), run.error.empty() && is_canceled ? "the run was terminated" : run.error);
  if (details.tasks) {
    const Tree tree = tree_of(run, details);
    json.key("run_details").begin_object().key("task_details").begin_array();
    for (const TaskRow& task : *details.tasks) write_task(json, run, task, tree, dir);
    json.end_array().end_object();
  }
  write_history(json, details.history);
  if (const Value* input = kept(run, "plugins_input"); input != nullptr && input->is_struct() && !input->as_struct().empty())
    json.field("plugins_input", *input);
  json.end_object();
}

}  // namespace sluice
