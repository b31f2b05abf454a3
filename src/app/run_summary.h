// How a run ended, in words for people.
#pragma once

#include <functional>
#include <string>

#include "app/console.h"
#include "app/run_sheet.h"
#include "engine/data_dir.h"

namespace sluice {

// The last lines that a task printed; empty if there are none.
using LastLines = std::function<std::string(const TaskRow& task, int lines)>;
// From the files of the directory.
LastLines last_lines_in(const DataDir& dir, const Uuid& run);

// State and time, outputs, metrics, and for failed tasks the last lines that they printed.
std::string run_summary(const Console& console, const RunSheet& sheet, const LastLines& last_lines);
// The warnings on its tasks; one that many tasks have is said once.
std::string run_notes(const Console& console, const std::vector<TaskRow>& tasks);

// The first eight characters of its id, as `sluice list runs` shows them.
std::string short_id(const Uuid& run);
std::string colored_state(const Console& console, RunState state);
// Where the log of an attempt lies (0: the newest).
std::string log_path(const DataDir& dir, const Uuid& run, const TaskRow& task, int attempt);

}  // namespace sluice
