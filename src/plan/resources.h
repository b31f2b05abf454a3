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

// What is known of the memory of a task and of its component.
struct MemoryPast {
  std::int64_t learned = 0;  // of the component: what it succeeded with after less was not enough; 0: nothing
  int shortages = 0;  // of this task: attempts that ran out of memory
  std::int64_t peak = 0;  // of this task, of all its attempts
};
// The next attempt of a task with a limit may use what was learned, twice as much for each shortage, up to 80 % of the machine's
// memory (0: unknown) and never less than was written. One without a limit asks for as much as was used, so that it starts only
// when that is free.
void grow_memory(Need& need, const MemoryPast& past, std::int64_t machine_bytes);
// What is learned of a component holds for every task that runs the same: 64 hex digits over image, command, arguments and
// declared requirements.
std::string component_key(const PlanComponent& component);

// Kubernetes quantities: "500m", "2", "0.5" -> thousandths, rounded up; "200M", "1.5Gi", "1e9", "128974848" -> bytes, rounded up.
Result<int> cpu_quantity(std::string_view text);
Result<std::int64_t> memory_quantity(std::string_view text);

}  // namespace sluice
