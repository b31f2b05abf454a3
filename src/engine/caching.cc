// The engine and the cache: tasks whose result is known get it instead of a process, and of equal tasks that are under way at the
// same time one runs and the others wait for it, QUEUED.
#include "base/json.h"
#include "base/match.h"
#include "engine/engine.h"
#include "engine/reuse.h"

namespace sluice {
namespace {

// Volumes are told apart by the names of their claims; one whose name does not resolve is mounted nowhere.
std::vector<std::string> volumes_of(const Plan& plan, const PlanComponent& dag, const Executor& executor, const Scope& scope) {
  std::vector<std::string> names;
  for (const NamedMount& mount : executor.kubernetes.pvc_mounts)
    if (const auto name = resolve_binding(plan, dag, mount.name, scope); name && *name && (*name)->is_string())
      names.push_back((*name)->as_string());
  return names;
}

}  // namespace

// False: the order is not to be given now.
bool Engine::ask_cache(LiveRun& run, const StartAttempt& start, AttemptOrder& order) {
  const TaskSpec& task = *task_of(*run.plan, run.state, start.task).spec;
  if (!run.cache || !task.cache_enabled || order.site == nullptr) return true;  // importers and tasks that make volumes
  const Node& node = run.state.at(start.task);
  const Flights::Attempt attempt{run.uuid, start.task, start.attempt};
  if (!order.again && (node.cancelled || node.attempt != start.attempt || node.state != TaskState::kQueued)) {
    // It has waited for another one, and is not wanted any more.
    start_again(flights_.leave(attempt));
    push(run.uuid, AttemptFailed{start.task, start.attempt, FailureKind::kExit, 0, "stopped before it began"});
    return false;
  }
  const TaskId dag = dag_of(run.state, start.task);
  auto answer = cache_.look({.plan = *run.plan,
                             .component = *order.component,
                             .task = task,
                             .inputs = node.inputs,
                             .site = order.site,
                             .path = task_path(*run.plan, run.state, start.task),
                             .volumes = volumes_of(*run.plan, run.plan->components.at(run.state.at(dag).component),
                                                   *order.component->executor, StateScope(run.state, dag))},
                            last_now_);
  const std::string key = answer.facts.key;
  run.facts[start.task].cache = std::move(answer.facts);
  if (key.empty()) return true;
  if (answer.outputs && !(run.is_asked_again && start.attempt > 1)) {
    order.cached = std::move(answer.outputs);
    if (!order.again) run.facts[start.task].cache.document.clear();  // it is that of the result
    start_again(flights_.leave(attempt));
    return true;
  }
  if (order.again)
    flights_.fly(key, attempt);
  else if (!flights_.join(key, attempt))
    return false;
  ++figures_.cache_misses;
  return true;
}

// Attempts that were kept back ask the cache once more, after the commit of this turn.
void Engine::start_again(const std::vector<Flights::Attempt>& attempts) {
  for (const Flights::Attempt& attempt : attempts) {
    const auto found = runs_.find(attempt.run);
    if (found == runs_.end()) continue;
    found->second->actions.emplace_back(StartAttempt{attempt.task, attempt.attempt});
    touched_.insert(found->second);
  }
}

// True: it waited for an equal one, and the hands do not know it.
bool Engine::stop_waiting(LiveRun& run, const StopAttempt& stop) {
  const Flights::Attempt attempt{run.uuid, stop.task, stop.attempt};
  if (!flights_.is_waiting(attempt)) return false;
  start_again(flights_.leave(attempt));
  push(run.uuid, AttemptFailed{stop.task, stop.attempt, stop.why, 0, "stopped before it began"});
  return true;
}

// The entry is written in the commit that says that the task has succeeded.
void Engine::note_result(LiveRun& run, const Event& event, Instant now) {
  std::visit(Match{[&](const AttemptStarted& e) {
                     if (!flights_.empty()) flights_.begin({run.uuid, e.task, e.attempt});
                   },
                   [&](const AttemptSucceeded& e) {
                     const bool is_known = keep_result(run, e, now);
                     if (flights_.empty()) return;
                     const Flights::Attempt attempt{run.uuid, e.task, e.attempt};
                     start_again(is_known ? flights_.land(attempt) : flights_.leave(attempt));
                   },
                   [&](const AttemptFailed& e) {
                     note_lock(run, e.task);
                     if (!flights_.empty()) start_again(flights_.leave({run.uuid, e.task, e.attempt}));
                   },
                   [](const auto&) {}},
             event);
}

bool Engine::keep_result(LiveRun& run, const AttemptSucceeded& event, Instant now) {
  if (event.task.value < 0 || static_cast<std::size_t>(event.task.value) >= run.state.nodes.size()) return false;
  const Node& node = run.state.at(event.task);
  if (node.attempt != event.attempt || node.state != TaskState::kSucceeded) return false;
  note_lock(run, event.task);
  const auto facts = run.facts.find(event.task);
  if (facts == run.facts.end() || facts->second.cache.key.empty()) return false;
  CacheFacts& cache = facts->second.cache;
  cache.hit = false;  // of content that was gone, so that it ran after all
  std::string path = task_path(*run.plan, run.state, event.task);
  run.write.cached.push_back({.key = cache.key,
                              .lane = cache_lane(*run.plan, run.plan->components.at(node.component), path),
                              .run = run.uuid,
                              .task = event.task,
                              .path = std::move(path),
                              .created = now,
                              .lock = facts->second.lock,
                              .document = cache.document,
                              .outputs = to_json(to_value(event.outputs))});
  return true;
}

// What its environment holds is known when it has run in it.
void Engine::note_lock(LiveRun& run, TaskId task) {
  if (task.value < 0 || static_cast<std::size_t>(task.value) >= run.state.nodes.size()) return;
  const PlanComponent& component = run.plan->components.at(run.state.at(task).component);
  if (component.executor == nullptr) return;
  const auto site = run.sites.by_executor.find(component.executor->label);
  if (site == run.sites.by_executor.end() || !site->second.environment) return;
  TaskFacts& facts = run.facts[task];
  facts.environment = site->second.environment->key;
  facts.lock = cache_.lock_of(&site->second);
}

// The hands did not find the content of a result: it is forgotten, and the task asks again.
void Engine::on_uncached(const Uuid& uuid, TaskId task, int attempt) {
  on_answer_to_removed(uuid, AttemptFailed{task, attempt});
  const auto found = runs_.find(uuid);
  if (found == runs_.end()) return;
  LiveRun& run = *found->second;
  if (const auto facts = run.facts.find(task); facts != run.facts.end() && !facts->second.cache.key.empty())
    cache_.forget(facts->second.cache.key);
  if (run.kept != nullptr) run.kept->forget(task_path(*run.plan, run.state, task));
  start_again({{uuid, task, attempt}});
}

void Engine::hold_back(LiveRun& run) {
  hands_.hold(run.uuid);
  start_again(flights_.hold(run.uuid));
}

void Engine::let_go(LiveRun& run) {
  hands_.let_go(run.uuid);
  start_again(flights_.let_go(run.uuid));
}

}  // namespace sluice
