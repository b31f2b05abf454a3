// A run whose pipeline was edited: what its tasks made before is used again where a task is still the same. Whatever the caching
// options say: it is the same run, of which somebody has changed a part.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "sched/sched.h"
#include "store/run_store.h"

namespace sluice {

// The text, parameters and plan of the run from now on. Parameters that `submission` does not give are those of before, as far as
// the new pipeline has them.
Result<Prepared> prepare_restart(const RunRow& run, Submission& submission, const SiteRules& rules);

// Digest of what a leaf runs: image, command, environment, the names and types of its inputs and outputs.
std::string reuse_digest(const PlanComponent& leaf);

// Of the leaves that have succeeded. `before`, from an earlier edit, counts where there is nothing newer.
std::vector<KeptResult> results_to_keep(const Plan& plan, const State& state, const std::vector<KeptResult>& before);

// Equal parameters, equal artifacts: by content where it is known, else by URI. Where a copy lies does not matter.
bool is_same_content(const TaskData& a, const TaskData& b);

class KeptResults {
 public:
  KeptResults() = default;
  explicit KeptResults(std::vector<KeptResult> kept);

  // What the task makes: the outputs of before, if it runs the same with equal inputs.
  std::optional<TaskData> find(const std::string& path, const PlanComponent& leaf, const TaskData& inputs) const;
  // Its content is gone.
  void forget(const std::string& path) { by_path_.erase(path); }

 private:
  std::map<std::string, KeptResult> by_path_;
};

}  // namespace sluice
