// Runs and their tasks as KFP's messages.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/kfp_json.h"
#include "engine/data_dir.h"
#include "store/run_store.h"

namespace sluice {

// PENDING, RUNNING, ...: CANCELED is shown as FAILED, because the SDK waits for ever for a run that is CANCELED; INTERRUPTED as
// RUNNING, because it goes on.
std::string_view kfp_state(RunState state);
// QUEUED is PENDING, BACKOFF RUNNING, CACHED SUCCEEDED, OMITTED SKIPPED.
std::string_view kfp_state(TaskState state);

// The run's tasks with an entry for its root DAG in front, which has no row of its own: it is as the run is.
std::vector<TaskRow> with_root(const RunRow& run, std::vector<TaskRow> tasks);

// "<run's uuid>-17": unique among all runs; the root is number 0.
std::string kfp_task_id(const Uuid& run, TaskId task);
// The task that a client means: by kfp_task_id, number, path, or the last name of the path. Null if there is none.
const TaskRow* find_task(const Uuid& run, const std::vector<TaskRow>& tasks, std::string_view which);
// "<run's uuid>-17-0-model"
std::string kfp_artifact_id(const Uuid& run, const ArtifactRow& artifact);

// What a run has besides its row.
struct RunDetails {
  std::vector<StateChange> history;
  Value spec;  // null for a run that was made of an uploaded version
  std::optional<std::vector<TaskRow>> tasks;  // with_root(); lists have none
  std::vector<ArtifactRow> artifacts;
};
void write_kfp_run(JsonWriter& json, const RunRow& run, const RunDetails& details, const DataDir& dir);

// {"KEY": {"artifact_ids": [...]}} by task.
using ArtifactIds = std::map<TaskId, std::map<std::string, std::vector<std::string>>>;
ArtifactIds artifact_ids(const Uuid& run, const std::vector<ArtifactRow>& artifacts);

}  // namespace sluice
