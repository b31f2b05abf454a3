// A run as people and programs get it: the JSON document of cli.md section 3, and the summary in words.
#pragma once

#include <string>
#include <vector>

#include "app/console.h"
#include "engine/data_dir.h"
#include "store/run_store.h"

namespace sluice {

// `live`: the directory has an owner. Without one, a run that is not at its end is INTERRUPTED, whatever its row says.
RunState shown_state(const RunRow& run, bool live);

std::string run_json(const RunRow& run, const std::vector<TaskRow>& tasks, bool live);
// State and time, outputs, metrics, and for failed tasks the last lines that they printed.
std::string run_summary(const Console& console, const DataDir& dir, const RunRow& run, const std::vector<TaskRow>& tasks,
                        bool live);

// The key of a task in its DAG, from its path: "root/for-loop-2[0]/double" -> "double".
std::string task_key(const std::string& path);
// Where the log of an attempt lies (0: the newest).
std::string log_path(const DataDir& dir, const RunRow& run, const TaskRow& task, int attempt);

}  // namespace sluice
