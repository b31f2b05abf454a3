// What is known of a task besides its state: where it ran, what it used, why it was or was not taken from the cache. Kept as JSON
// with its row; shown by `why`, `get run --json` and the APIs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/value.h"
#include "model/usage.h"

namespace sluice {

// How the cache was asked.
struct CacheFacts {
  std::string key;  // empty: it was not asked
  std::string not_asked;  // why: "caching is off for this task", "input 'x' lies in storage that we do not hold", …
  bool hit = false;
  std::string run, path;  // of a hit: whose result it is; of a miss: the newest result of the same component, if there is one
  std::string document;  // JSON: what the key is made of
};

struct TaskFacts {
  std::string process;  // "warm", "cold: <why>"; empty: no Python
  Usage usage;
  std::int64_t memory_limit = 0;  // of the newest attempt, bytes; 0: none
  int cpu_milli = 0;
  std::string gpus;  // indices, "0,1"
  std::string environment;  // key
  std::string lock;  // digest of what was installed in it
  CacheFacts cache;
};

// Compact JSON without what is not known; empty if nothing is.
std::string task_facts_text(const TaskFacts& facts);
// The same as fields, for a document.
Struct task_facts_fields(const TaskFacts& facts);
// Fields that are missing or of another kind are not known; of a text that is no JSON nothing is.
TaskFacts task_facts_from(const Value& value);
TaskFacts task_facts_from_text(std::string_view text);

}  // namespace sluice
