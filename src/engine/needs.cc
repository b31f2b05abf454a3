// What attempts ask of the machine, and what was learned of that.
#include "engine/engine.h"

namespace sluice {

Result<Need> Engine::need_of(const LiveRun& run, const Node& node, const PlanComponent& component) {
  SLUICE_TRY(Need need, resources_of(component, node.inputs));
  need.priority += run.priority;
  const MemoryPast past{.learned = learned_memory(component), .shortages = node.shortages, .peak = node.usage.peak_bytes};
  grow_memory(need, past, options_.machine_memory);
  return need;
}

// Mostly nothing was ever learned: then a start costs no digest.
std::int64_t Engine::learned_memory(const PlanComponent& component) {
  if (!learned_) {
    learned_.emplace();
    // Without it, tasks begin with what they ask for.
    if (const auto rows = store_.results().all_learned())
      for (const LearnedRow& row : *rows) learned_->emplace(row.component, row.memory_bytes);
  }
  if (learned_->empty()) return 0;
  const auto found = learned_->find(component_key(component));
  return found == learned_->end() ? 0 : found->second;
}

void Engine::note_need(LiveRun& run, TaskId task, const Need& need) {
  if (need.memory_limit == 0 && need.cpu_milli == 0 && !run.facts.contains(task)) return;
  TaskFacts& facts = run.facts[task];
  facts.memory_limit = need.memory_limit;
  facts.cpu_milli = need.cpu_milli;
  facts.gpus.clear();
}

// What a task needed in the end, the next run of its component begins with.
void Engine::learn(LiveRun& run, const AttemptSucceeded& event, Instant now) {
  const Node& node = run.state.at(event.task);
  if (node.shortages == 0 || node.attempt != event.attempt || !is_success(node.state)) return;
  const PlanComponent& component = run.plan->components.at(node.component);
  const auto need = need_of(run, node, component);
  if (!need) return;
  const std::int64_t bytes = need->memory_limit > 0 ? need->memory_limit : need->memory_bytes;
  const std::string key = component_key(component);
  run.write.learned.push_back({.component = key, .memory_bytes = bytes, .at = now});
  learned_->insert_or_assign(key, bytes);
}

void Engine::note_waiting(const Uuid& uuid, TaskId task, const std::string& what) {
  const auto found = runs_.find(uuid);
  if (found == runs_.end() || found->second->state.at(task).state != TaskState::kQueued) return;
  found->second->waits[task] = what;
  found->second->changed.insert(task);
  touched_.insert(found->second);
}

}  // namespace sluice
