// How a node ends, and what that means for its siblings and its parent.
#include "sched/turn.h"

namespace sluice {

void Turn::end(TaskId id, TaskState state) {
  Node& node = at(id);
  node.state = state;
  node.ended = now_;
  node.due = {};
  touch(id);
  // It may have children from before a retry; they will not run now.
  if (!node.begun) settle_below(id, state == TaskState::kCanceled ? TaskState::kCanceled : TaskState::kOmitted);
  ended_.push_back(id);
}

void Turn::fail(TaskId id, std::string message) {
  at(id).error = std::move(message);
  for (TaskId up = id;; up = at(up).parent) {
    Node& node = at(up);
    if (node.failed++ == 0) node.first_failed = id;
    if (up == node.parent) break;
  }
  end(id, TaskState::kFailed);
}

void Turn::close(TaskId id) {
  Node& node = at(id);
  if (node.cancelled) return end(id, TaskState::kCanceled);
  if (node.failed > 0) {
    node.error = blame(id);
    return end(id, TaskState::kFailed);
  }
  const PlanComponent& component = plan_.components.at(node.component);
  if (node.kind == NodeKind::kLoop) {
    std::vector<const TaskData*> iterations;
    iterations.reserve(node.children);
    for (std::uint32_t i = 0; i < node.children; ++i) {
      const Node& iteration = at(child_of(node, i));
      iterations.push_back(is_success(iteration.state) ? &iteration.outputs : nullptr);
    }
    node.outputs = collect_outputs(component, iterations);
  } else {
    Result<TaskData> outputs = dag_outputs(plan_, component, StateScope(state_, id));
    if (!outputs) return fail(id, outputs.error().message);
    node.outputs = std::move(*outputs);
  }
  end(id, TaskState::kSucceeded);
}

void Turn::settle_below(TaskId id, TaskState state) {
  for (std::uint32_t i = 0; i < at(id).children_made; ++i) settle(child_of(at(id), i), state);
}

// Ends what is out of play, without news for anybody: nobody waits for it.
void Turn::settle(TaskId id, TaskState state) {
  Node& node = at(id);
  if (node.state == TaskState::kPending) {
    node.state = state;
    node.ended = now_;
    touch(id);
  }
  settle_below(id, state);
}

void Turn::tell_others(TaskId ended) {
  const Node& node = at(ended);
  const TaskId parent = node.parent;
  if (parent == ended) return end_run();
  if (node.iteration >= 0) return iteration_ended(ended);
  for (const std::uint32_t task : task_of(plan_, state_, ended).downstream) {
    const TaskId sibling = child_of(at(parent), task);
    Node& waiting = at(sibling);
    if (waiting.state == TaskState::kPending && --waiting.waiting_for == 0) ready_.push_back(sibling);
  }
  if (--at(parent).waiting_for == 0) close(parent);
}

void Turn::iteration_ended(TaskId id) {
  const TaskId loop = at(id).parent;
  if (at(id).begun) --at(loop).running;
  if (at(id).state == TaskState::kFailed) {
    // The loop has failed: those that run may finish, no others begin.
    for (std::uint32_t& next = at(loop).next_iteration; next < at(loop).children; ++next) {
      const TaskId child = child_of(at(loop), next);
      if (at(child).state == TaskState::kPending) end(child, TaskState::kOmitted);
    }
  }
  if (--at(loop).waiting_for == 0) return close(loop);
  start_iterations(loop);
}

void Turn::end_run() {
  const Node& root = at(TaskId{0});
  if (root.state == TaskState::kFailed) state_.error = root.error;
  if (root.state == TaskState::kSucceeded)
    state_.run = RunState::kSucceeded;
  else
    state_.run = state_.error.empty() ? RunState::kCanceled : RunState::kFailed;
  state_.ended = now_;
  out_.actions.emplace_back(EndRun{state_.run, state_.error});
}

// "task 'root/train' failed: exit code 1 (and 2 more)"
std::string Turn::blame(TaskId id) const {
  const Node& node = at(id);
  std::string text = "task '" + task_path(plan_, state_, node.first_failed) + "' failed: " + at(node.first_failed).error;
  if (node.failed > 1) text += " (and " + std::to_string(node.failed - 1) + " more)";
  return text;
}

}  // namespace sluice
