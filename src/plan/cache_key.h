// What the result of a task depends on, as a document, and the key that names it: equal keys, equal results. Neither run nor
// place is part of it: the same task in another run, of another pipeline, has the same key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "model/artifact.h"
#include "plan/plan.h"

namespace sluice {

// A Python environment as far as a result depends on it.
struct CacheEnvironment {
  std::string key;
  std::vector<std::string> requirements;  // for people: they are in the key
};

struct CacheQuestion {
  const Plan& plan;
  const PlanComponent& component;  // a leaf
  const TaskSpec& task;
  const TaskData& inputs;          // as resolved
  CacheEnvironment environment{};  // without a key: it needs none
  std::vector<std::string> volumes{};  // names of persistent volumes that are mounted
};

struct CacheKey {
  std::string key;        // 64 hex digits; empty: the cache is not asked
  std::string document;   // compact JSON with sorted keys, of which `key` is the SHA-256 (but see TaskSpec::cache_key)
  std::string not_asked;  // why
};

// The document has: image, command (without a recognised install stage), args, env and volumes as they are written; environment
// and its requirements; the outputs that the component declares; parameters as the component sees them, with defaults; of each
// input artifact digest, type and metadata. sluice://checkpoint is a parameter's value like any other. A task with a cache key
// of its own depends on that and its component's name alone.
//
// Not asked: where caching is off for the task, of an importer, and where an input has content that we hold no bytes of. Costs
// as much as the document is long.
CacheKey cache_key(const CacheQuestion& question);

// What results are compared within, to say why there is none for a key: "PIPELINE COMPONENT root/for-loop-2/train". All
// iterations of a loop share one. `path` is of the task.
std::string cache_lane(const Plan& plan, const PlanComponent& component, std::string_view path);

// Where two documents differ.
struct CacheDifference {
  std::string
      what;  // "code", "command", "args", "env 'A'", "image", "requirement 'pandas'", "parameter 'x'", "artifact 'data'", …
  std::string before, now;  // texts for people, of at most some hundred bytes; empty: there is none
  friend bool operator==(const CacheDifference&, const CacheDifference&) = default;
};
// In this order: what runs (code, command, args, image, env), what is installed, parameters, artifacts, outputs, the rest. Texts
// that are no such document have nothing in it.
std::vector<CacheDifference> explain_difference(std::string_view before, std::string_view now);

// Lists of "name==version", sorted or not, as differences "package 'pandas'".
std::vector<CacheDifference> package_differences(const std::vector<std::string>& before, const std::vector<std::string>& now);

}  // namespace sluice
