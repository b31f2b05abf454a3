// Ways around the tree of nodes: names, paths, and what a task sees of its siblings.
#include "base/check.h"
#include "sched/sched.h"

namespace sluice {

TaskId child_of(const Node& node, std::uint32_t index) {
  for (auto more = node.more_children.rbegin(); more != node.more_children.rend(); ++more)
    if (index >= more->from) return TaskId{more->first.value + (index - more->from)};
  return TaskId{node.first_child.value + index};
}

const PlanTask& task_of(const Plan& plan, const State& state, TaskId id) {
  const Node* node = &state.at(id);
  const Node* parent = &state.at(node->parent);
  SLUICE_CHECK(parent != node);
  if (node->iteration >= 0) parent = &state.at(parent->parent);
  return plan.components.at(parent->component).tasks.at(node->task);
}

std::string task_path(const Plan& plan, const State& state, TaskId id) {
  const Node& node = state.at(id);
  if (id == node.parent) return "root";
  std::string path = task_path(plan, state, node.parent);
  if (node.iteration >= 0) return path + "[" + std::to_string(node.iteration) + "]";
  return path + "/" + task_name(plan, state, id);
}

const std::string& task_name(const Plan& plan, const State& state, TaskId id) {
  if (id == state.at(id).parent) return plan.pipeline->name;
  return task_of(plan, state, id).spec->name;
}

TaskId dag_of(const State& state, TaskId task) {
  const TaskId parent = state.at(task).parent;
  return state.at(parent).kind == NodeKind::kLoop ? state.at(parent).parent : parent;
}

bool is_in_play(const State& state, TaskId id) {
  if (id.value < 0 || static_cast<std::size_t>(id.value) >= state.nodes.size()) return false;
  for (const Node* node = &state.at(id); node != &state.nodes.front(); node = &state.at(node->parent))
    if (node->iteration >= 0 && static_cast<std::uint32_t>(node->iteration) >= state.at(node->parent).children) return false;
  return true;
}

const TaskData& StateScope::dag_inputs() const { return state_.at(dag_).inputs; }

const TaskData* StateScope::outputs_of(std::uint32_t task) const {
  const Node& node = state_.at(child_of(state_.at(dag_), task));
  return is_success(node.state) ? &node.outputs : nullptr;
}

FinalStatus StateScope::status_of(std::uint32_t task) const {
  const Node& node = state_.at(child_of(state_.at(dag_), task));
  return {node.state, node.error};
}

std::vector<StartAttempt> attempts_in_flight(const State& state) {
  std::vector<StartAttempt> attempts;
  for (std::size_t i = 0; i < state.nodes.size(); ++i) {
    const Node& node = state.nodes.at(i);
    if (node.kind == NodeKind::kLeaf && (node.state == TaskState::kQueued || node.state == TaskState::kRunning))
      attempts.push_back({TaskId{static_cast<std::int64_t>(i)}, node.attempt});
  }
  return attempts;
}

std::vector<StopAttempt> stops_in_flight(const State& state) {
  std::vector<StopAttempt> stops;
  for (const StartAttempt& attempt : attempts_in_flight(state))
    if (state.at(attempt.task).cancelled) stops.push_back({attempt.task, attempt.attempt, FailureKind::kExit});
  return stops;
}

std::vector<ArmTimer> timers_in_flight(const State& state) {
  std::vector<ArmTimer> timers;
  const bool runs = state.run == RunState::kRunning || state.run == RunState::kPaused;
  for (std::size_t i = 0; i < state.nodes.size(); ++i) {
    const Node& node = state.nodes.at(i);
    const TaskId id{static_cast<std::int64_t>(i)};
    if (i == 0 && runs && node.due != Instant{}) timers.push_back({id, node.attempt, TimerKind::kRunDeadline, node.due});
    if (node.state == TaskState::kBackoff) timers.push_back({id, node.attempt, TimerKind::kBackoff, node.due});
  }
  return timers;
}

}  // namespace sluice
