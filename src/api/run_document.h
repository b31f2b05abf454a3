// A run as programs get it: the JSON document of `sluice run --json`, `sluice get run --json` and GET /api/v1/runs/ID (cli.md,
// section 3).
#pragma once

#include <string>
#include <vector>

#include "api/service.h"
#include "store/run_store.h"

namespace sluice {

// The state to show: without an owner that carries it on, a run that is not at its end is INTERRUPTED, whatever its row says.
RunState shown_state(const RunRow& run, Service::Owner owner);

std::string run_document(const RunRow& run, const std::vector<TaskRow>& tasks, Service::Owner owner);
// With what /api/v1 adds: description, labels, instants with microseconds, the history of its states, ...
std::string run_document(const RunRow& run, const std::vector<TaskRow>& tasks, Service::Owner owner,
                         const std::vector<StateChange>& history);

// The key of a task in its DAG, from its path: "root/for-loop-2[0]/double" -> "double".
std::string task_key(const std::string& path);
// The path of what it lies in: "root/for-loop-2[0]" -> "root/for-loop-2" -> "root" -> "".
std::string parent_path(const std::string& path);
// Where the log of an attempt lies (0: of the newest).
std::string attempt_log_path(const DataDir& dir, const RunRow& run, const TaskRow& task, int attempt);

}  // namespace sluice
