// Why a task ran, or why it did not: the document of GET /api/v1/runs/ID/why.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/value.h"
#include "store/run_store.h"

namespace sluice {

// "name==version" of what a lock stands for; empty if that is not known any more.
using InstalledOf = std::function<std::vector<std::string>(const std::string& lock)>;

// {"run_id", "task", "state", "attempts", "cache": "hit", "miss" or "not asked", "reason", "key", "result": {"run_id", "task",
// "ended"} (of a hit: whose it is; of a miss: what it is compared with), "differences": [{"what", "before", "now", "producer"}],
// "process", "environment", "lock"}; what is not known is missing. `tasks` are all of the run. What another run says of the
// result is read from the store, as far as that run is still there.
Value why_document(RunStore& store, const RunRow& run, const std::vector<TaskRow>& tasks, const TaskRow& task,
                   const InstalledOf& installed);

}  // namespace sluice
