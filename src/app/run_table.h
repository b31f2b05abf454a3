// The tasks of a run as a table for people.
#pragma once

#include <string>
#include <vector>

#include "app/console.h"
#include "store/run_store.h"

namespace sluice {

// One line a task, each below and to the right of what it lies in. Of a loop with many iterations only those are listed in which
// something runs or failed; --json has them all.
std::string run_table(const Console& console, const std::vector<TaskRow>& tasks);

}  // namespace sluice
