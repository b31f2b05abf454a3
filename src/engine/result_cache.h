// Whether what a task would make is known: its key, the look into the store of results, the row that the next one finds.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/site.h"
#include "model/task_facts.h"
#include "plan/cache_key.h"
#include "store/result_store.h"

namespace sluice {

// A leaf that may start.
struct CacheCandidate {
  const Plan& plan;
  const PlanComponent& component;
  const TaskSpec& task;
  const TaskData& inputs;
  const Site* site = nullptr;  // null for an importer
  std::string path;            // of the task
  std::vector<std::string> volumes{};
};

// The digest of what is installed in the environment of this key; empty if it is not built.
using LockOf = std::function<std::string(const std::string& environment)>;

class ResultCache {
 public:
  ResultCache(ResultStore& results, LockOf lock_of) : results_(results), lock_of_(std::move(lock_of)) {}

  struct Answer {
    CacheFacts facts;                 // without a key: the cache is not asked, and `not_asked` says why
    std::optional<TaskData> outputs;  // of a hit, at the places where its maker left them
    std::string compared_with;        // the document of what facts.run and facts.path name
  };
  // A result counts unless the task's environment is there with other contents than the one that made it. A store that cannot
  // be read knows nothing. Costs two look-ups by key at most.
  Answer look(const CacheCandidate& candidate, Instant now);

  // Empty for a task without an environment, or if that is not built.
  std::string lock_of(const Site* site) const;
  // The result is not to be found any more.
  void forget(const std::string& key);

 private:
  ResultStore& results_;
  const LockOf lock_of_;
};

}  // namespace sluice
