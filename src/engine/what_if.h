// What a run would find in the cache, without running anything.
#pragma once

#include <map>
#include <string>

#include "engine/result_cache.h"
#include "sched/sched.h"

namespace sluice {

struct Foreseen {
  bool cached = false;
  std::string run, path;  // of a hit: whose result it would be
  std::string reason;     // why it would run
};

// By path, of the tasks that the run would come to: all whose upstream is known. Those behind a task that would run are not among
// them, as nobody knows what it will make. Costs as much as the scheduling of the run.
std::map<std::string, Foreseen> foresee(const Plan& plan, const Sites& sites, ResultCache& cache, bool cache_on, Instant now);

}  // namespace sluice
