// Private to plan: names to indices, conditions and selectors parsed, tasks in order.
#pragma once

#include <vector>

#include "base/diagnostic.h"
#include "plan/plan.h"

namespace sluice {

struct Compiled {
  std::vector<PlanComponent> components;  // [0] is the root
  Diagnostics errors;
};
// Costs n log n in tasks, dependencies and bytes of expressions. Pointers in the result lead into `pipeline`, whose names lead
// somewhere.
Compiled compile(const Pipeline& pipeline);

}  // namespace sluice
