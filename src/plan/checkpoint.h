// A task's checkpoint directory, as far as its pipeline speaks of it.
#pragma once

#include <string_view>

#include "model/artifact.h"
#include "plan/plan.h"

namespace sluice {

// The value of a STRING parameter that stands for the directory's path. The task sees the path; the run's records, and so the key
// of a cached result, keep this text.
constexpr std::string_view kCheckpointUri = "sluice://checkpoint";
constexpr std::string_view kCheckpointVariable = "SLUICE_CHECKPOINT_DIR";

// Whether this is a STRING parameter of that value.
bool is_checkpoint(const Component& component, std::string_view parameter, const Value& value);

// Whether the directory must be there when the task starts: a parameter of it (given, or by default) stands for the directory, or
// its command (of a Python component, its source) names the variable. Any other task knows the path as well, and may make it
// itself.
bool wants_checkpoint(const PlanComponent& leaf, const TaskData& inputs);

}  // namespace sluice
