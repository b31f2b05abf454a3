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
// For people: the first eight characters of its id, as `sluice list runs` shows them.
std::string short_id(const RunRow& run);
// State and time, outputs, metrics, and for failed tasks the last lines that they printed.
std::string run_summary(const Console& console, const DataDir& dir, const RunRow& run, const std::vector<TaskRow>& tasks,
                        bool live);

// The warnings on its tasks; one that many tasks have is said once.
std::string run_notes(const Console& console, const std::vector<TaskRow>& tasks);
std::string colored_state(const Console& console, RunState state);

// The key of a task in its DAG, from its path: "root/for-loop-2[0]/double" -> "double".
std::string task_key(const std::string& path);
// The path of what it lies in: "root/for-loop-2[0]" -> "root/for-loop-2" -> "root" -> "".
std::string parent_path(const std::string& path);
// Where the log of an attempt lies (0: the newest).
std::string log_path(const DataDir& dir, const RunRow& run, const TaskRow& task, int attempt);

}  // namespace sluice
