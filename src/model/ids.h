#pragma once

#include "base/id.h"

namespace sluice {

// A run's row in the store. Its public name is a Uuid.
using RunId = Id<struct RunTag>;
// A node of a run's tree: its index in the order of creation; the root is 0. Stable over replay.
using TaskId = Id<struct TaskTag>;

}  // namespace sluice
