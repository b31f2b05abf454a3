#include "api/why.h"

#include <algorithm>
#include <optional>

#include "api/run_fields.h"
#include "model/task_facts.h"
#include "plan/cache_key.h"

namespace sluice {
namespace {

// The result that a task got, or is compared with.
struct Earlier {
  std::string run, path;
  Instant ended{};
  std::string key, document, lock;
};

std::optional<Earlier> earlier_of(RunStore& store, const CacheFacts& cache) {
  if (cache.run.empty()) return std::nullopt;
  Earlier earlier{.run = cache.run, .path = cache.path};
  const auto uuid = Uuid::parse(cache.run);
  if (!uuid) return earlier;
  if (const auto run = store.run(*uuid))
    if (const auto tasks = store.tasks(run->id))
      for (const TaskRow& row : *tasks) {
        if (row.path != cache.path) continue;
        TaskFacts facts = task_facts_from_text(row.facts);
        earlier.ended = row.ended;
        earlier.key = std::move(facts.cache.key);
        earlier.document = std::move(facts.cache.document);
        earlier.lock = std::move(facts.lock);
      }
  // Its run may be gone, or the task has run again since: the result itself may still be there.
  if (!earlier.document.empty()) return earlier;
  if (auto known = store.results().cached(earlier.key.empty() ? cache.key : earlier.key); known && *known) {
    earlier.key = (*known)->key;
    earlier.document = std::move((*known)->document);
    earlier.lock = std::move((*known)->lock);
    if (earlier.ended == Instant{}) earlier.ended = (*known)->created;
  }
  return earlier;
}

// The task of the same run that made the content.
std::string producer_of(const std::vector<TaskRow>& tasks, const std::string& digest) {
  if (!digest.starts_with("sha256:")) return {};
  for (const TaskRow& row : tasks)
    if (row.outputs.find(digest) != std::string::npos) return row.path;
  return {};
}

List differences_of(const TaskFacts& facts, const Earlier& earlier, const std::vector<TaskRow>& tasks,
                    const InstalledOf& installed) {
  List list;
  const auto add = [&](const CacheDifference& difference) {
    Struct fields{{"what", difference.what}};
    if (!difference.before.empty()) fields.emplace("before", difference.before);
    if (!difference.now.empty()) fields.emplace("now", difference.now);
    if (difference.what.starts_with("artifact "))
      if (const std::string producer = producer_of(tasks, difference.now); !producer.empty())
        fields.emplace("producer", producer);
    list.emplace_back(std::move(fields));
  };
  if (!earlier.document.empty())
    for (const CacheDifference& difference : explain_difference(earlier.document, facts.cache.document)) add(difference);
  if (!earlier.lock.empty() && !facts.lock.empty() && earlier.lock != facts.lock) {
    const auto packages = package_differences(installed(earlier.lock), installed(facts.lock));
    for (const CacheDifference& difference : packages) add(difference);
    if (packages.empty()) add({"what is installed in its environment", earlier.lock, facts.lock});
  }
  return list;
}

bool has_tasks_below(const std::vector<TaskRow>& tasks, const std::string& path) {
  return std::any_of(tasks.begin(), tasks.end(),
                     [&](const TaskRow& row) { return row.path.starts_with(path + "/") || row.path.starts_with(path + "["); });
}

std::string why_not_asked(const RunRow& run, const std::vector<TaskRow>& tasks, const TaskRow& task, const CacheFacts& cache) {
  if (!cache.not_asked.empty()) return cache.not_asked;
  if (has_tasks_below(tasks, task.path)) return "it has tasks of its own: ask for one of them";
  if (task.attempts == 0) return "no attempt of it has begun";
  if (!run.options.bool_or("cache", true)) return "the run does not use the cache (--no-cache)";
  if (!is_final(task.state)) return "it waits for its turn, or for an equal task that is under way";
  return "caching is off for this task";
}

std::string miss_reason(const TaskFacts& facts, const std::optional<Earlier>& earlier, const List& differences) {
  if (!earlier) return "it has never run before, as far as results are kept";
  if (!differences.empty()) {
    const Value& first = differences.front();
    const std::string before(first.string_or("before", "")), now(first.string_or("now", ""));
    return std::string(first.string_or("what", "")) + (before.empty() ? " is new" : now.empty() ? " is gone" : " has changed");
  }
  if (earlier->document.empty()) return "what it is compared with is gone: its run has been removed";
  return facts.cache.key == earlier->key ? "the content of an equal result was gone, or it was made at the same time"
                                         : "the form of keys has changed";
}

}  // namespace

Value why_document(RunStore& store, const RunRow& run, const std::vector<TaskRow>& tasks, const TaskRow& task,
                   const InstalledOf& installed) {
  const TaskFacts facts = task_facts_from_text(task.facts);
  const CacheFacts& cache = facts.cache;
  Struct out{{"run_id", run.uuid.text()},
             {"task", task.path},
             {"state", state_name(task.state)},
             {"attempts", static_cast<std::int64_t>(task.attempts)},
             {"cached", task.state == TaskState::kCached}};
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) out.emplace(name, text);
  };
  put("key", cache.key);
  put("process", facts.process);
  put("environment", facts.environment);
  put("lock", facts.lock);
  out.emplace("cache", cache.key.empty() ? "not asked" : cache.hit ? "hit" : "miss");
  if (cache.key.empty()) {
    out.emplace("reason", why_not_asked(run, tasks, task, cache));
    return out;
  }
  const std::optional<Earlier> earlier = earlier_of(store, cache);
  if (earlier) {
    Struct result{{"run_id", earlier->run}, {"task", earlier->path}};
    if (earlier->ended != Instant{}) result.emplace("ended", format_rfc3339(earlier->ended, true));
    out.emplace("result", std::move(result));
  }
  if (cache.hit) {
    out.emplace("reason", "an equal task has made it before: the same code, inputs and environment");
    return out;
  }
  List differences = earlier ? differences_of(facts, *earlier, tasks, installed) : List{};
  out.emplace("reason", miss_reason(facts, earlier, differences));
  out.emplace("differences", std::move(differences));
  return out;
}

}  // namespace sluice
