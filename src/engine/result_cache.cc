#include "engine/result_cache.h"

#include <utility>

#include "base/json.h"

namespace sluice {

std::string ResultCache::lock_of(const Site* site) const {
  return lock_of_ && site != nullptr && site->environment ? lock_of_(site->environment->key) : std::string();
}

void ResultCache::forget(const std::string& key) {
  (void)results_.forget_cached_key(key).has_value();  // it is found again, and its content missed again
}

ResultCache::Answer ResultCache::look(const CacheCandidate& candidate, Instant now) {
  CacheEnvironment environment;
  if (candidate.site != nullptr && candidate.site->environment)
    environment = {candidate.site->environment->key, candidate.site->environment->requirements};
  CacheKey key = cache_key({.plan = candidate.plan,
                            .component = candidate.component,
                            .task = candidate.task,
                            .inputs = candidate.inputs,
                            .environment = std::move(environment),
                            .volumes = candidate.volumes});
  Answer answer;
  answer.facts.not_asked = std::move(key.not_asked);
  if (key.key.empty()) return answer;
  answer.facts.key = std::move(key.key);
  answer.facts.document = std::move(key.document);
  auto known = results_.cached(answer.facts.key);
  std::optional<CacheRow> row = known ? std::move(*known) : std::nullopt;
  if (row) {
    const std::string lock = lock_of(candidate.site);
    if (lock.empty() || lock == row->lock) {
      const auto outputs = parse_json(row->outputs.empty() ? "{}" : row->outputs);
      if (outputs) {
        answer.outputs = task_data_from_value(*outputs);
        answer.facts.hit = true;
      }
    }
  } else if (auto newest = results_.newest_cached(cache_lane(candidate.plan, candidate.component, candidate.path), now)) {
    row = std::move(*newest);
  }
  if (!row) return answer;
  answer.facts.run = row->run.text();
  answer.facts.path = std::move(row->path);
  answer.compared_with = std::move(row->document);
  return answer;
}

}  // namespace sluice
