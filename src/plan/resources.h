// What a task asks of a machine: from the strings of its container to numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/artifact.h"
#include "plan/plan.h"

namespace sluice {

struct Need {
  int cpu_milli = 0;               // thousandths of a core that must be free; 0: one slot, whatever that is
  int cpu_limit_milli = 0;         // it may use no more; 0: no limit
  std::int64_t memory_bytes = 0;   // that must be free; 0: unknown, not counted
  std::int64_t memory_limit = 0;   // it may use no more; 0: no limit
  int gpus = 0;
  std::string gpu_type;            // "nvidia.com/gpu", as written
  int priority = 0;                // higher goes first
  std::vector<std::string> pools;  // each has a limit, by name
  friend bool operator==(const Need&, const Need&) = default;
};

// Requests and limits of the component's container, with placeholders of inputs resolved; a request that is missing is the limit.
// Priority and pools come from the annotations sluice.dev/priority and sluice.dev/pool ("a,b"). kInvalid names the field and what
// was found there.
Result<Need> resources_of(const PlanComponent& component, const TaskData& inputs);

// Kubernetes quantities: "500m", "2", "0.5" -> thousandths, rounded up; "200M", "1.5Gi", "1e9", "128974848" -> bytes, rounded up.
Result<int> cpu_quantity(std::string_view text);
Result<std::int64_t> memory_quantity(std::string_view text);

}  // namespace sluice
