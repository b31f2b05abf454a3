// What was learned from tasks that have ended, for others: what they made from which inputs, and what they needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "model/ids.h"

namespace sluice {

// What a task made from given inputs, for others that would make the same.
struct CacheRow {
  std::string key;                // 64 hex digits
  std::string lane;               // what a key that is not there is compared with: pipeline and component
  Uuid run;                       // that made it
  TaskId task;
  std::string path;               // of the task
  Instant created;
  std::string lock;               // digest of what was installed in its environment; empty: it has none
  std::string document;           // JSON: what the key is made of
  std::string outputs;            // JSON of TaskData
};

struct LearnedRow {
  std::string component;          // digest of the component
  std::int64_t memory_bytes = 0;  // limit under which it succeeded after less was not enough
  Instant at;
};

// Rows come with a Write of the RunStore, in the transaction that says that their task has ended.
class ResultStore {
 public:
  virtual ~ResultStore() = default;
  virtual Result<std::optional<CacheRow>> cached(std::string_view key) = 0;
  // The newest of a lane that was made before `before`.
  virtual Result<std::optional<CacheRow>> newest_cached(std::string_view lane, Instant before) = 0;
  virtual Result<std::int64_t> count_cached(Instant before) = 0;  // that forget_cached() would forget
  // Few: one for each component that has ever run out of memory.
  virtual Result<std::vector<LearnedRow>> all_learned() = 0;
  // Those that were made before `before`, or (Instant::max()) all; how many there were.
  virtual Result<std::int64_t> forget_cached(Instant before) = 0;
  virtual Status forget_cached_key(std::string_view key) = 0;
};

}  // namespace sluice
