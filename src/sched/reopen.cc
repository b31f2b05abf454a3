// RetryAsked: what failed or was cut short runs again, with all that depends on it. What succeeded stays.
#include <utility>

#include "sched/turn.h"

namespace sluice {

void Turn::on(const RetryAsked& event) {
  if (state_.nodes.empty()) return on(RunBegan{});
  const bool from = event.from && is_in_play(state_, *event.from);
  if (state_.run == RunState::kSucceeded && !from) return;
  if (from) put_back(*event.from);
  state_.run = RunState::kRunning;
  if (state_.began == Instant{}) state_.began = now_;
  state_.ended = {};
  state_.error.clear();
  state_.cancel_reason.clear();
  const TaskId root{0};
  ++at(root).attempt;  // the deadline of the time before is old news now
  const bool begun = at(root).begun;
  if (!begun) reset(root);
  arm_run_deadline();
  if (begun) return reopen(root);
  at(root).inputs.parameters = plan_.parameters;
  open_dag(root);
}

// The task will run again, whatever became of it: it is as if it had never begun, and what it lies in has not ended. Where that
// had not begun either (its condition was false), the question is asked again from the outermost of those on.
void Turn::put_back(TaskId id) {
  TaskId first = id;
  for (TaskId up = id; up != at(up).parent; up = at(up).parent)
    if (!at(at(up).parent).begun) first = at(up).parent;
  reset(first);
  for (TaskId up = first; up != at(up).parent; up = at(up).parent) at(at(up).parent).state = TaskState::kRunning;
}

void Turn::reopen(TaskId id) {
  Node& node = at(id);
  node.state = TaskState::kRunning;
  node.cancelled = false;
  node.failed = 0;
  node.error.clear();
  node.outputs = {};
  node.ended = {};
  touch(id);
  if (node.kind == NodeKind::kLoop)
    reopen_loop(id);
  else
    reopen_dag(id);
  if (at(id).waiting_for == 0) close(id);
}

void Turn::reopen_dag(TaskId id) {
  const std::vector<PlanTask>& tasks = plan_.components.at(at(id).component).tasks;
  std::vector<bool> again(tasks.size());
  std::uint32_t open = 0;
  for (std::uint32_t i = 0; i < tasks.size(); ++i) {
    const TaskId child = child_of(at(id), i);
    std::uint32_t waiting_for = 0;
    for (const std::uint32_t task : tasks.at(i).upstream) waiting_for += again.at(task) ? 1 : 0;
    const TaskState state = at(child).state;
    const bool done = is_success(state) || state == TaskState::kSkipped || state == TaskState::kOmitted;
    if (done && waiting_for == 0) continue;
    again.at(i) = true;
    ++open;
    if (waiting_for == 0 && at(child).begun && at(child).kind != NodeKind::kLeaf) {
      reopen(child);  // its inputs are what they were: only the failed parts of it
      continue;
    }
    reset(child);
    at(child).waiting_for = waiting_for;
    if (waiting_for == 0) ready_.push_back(child);
  }
  at(id).waiting_for = open;
}

// An iteration that began and did not succeed goes on within the limit, as it did before: once one has failed no other begins. A
// task in one that had succeeded may be one more than that; then it begins anew when its turn comes.
void Turn::reopen_loop(TaskId id) {
  const int parallelism = task_of(plan_, state_, id).spec->iterator->parallelism_max;
  std::uint32_t open = 0;
  at(id).running = 0;
  at(id).next_iteration = 0;
  for (std::uint32_t i = 0; i < at(id).children; ++i) {
    const TaskId child = child_of(at(id), i);
    if (is_success(at(child).state)) continue;
    ++open;
    const bool has_room = parallelism <= 0 || std::cmp_less(at(id).running, parallelism);
    if (at(child).begun && at(child).kind == NodeKind::kDag && has_room) {
      ++at(id).running;
      reopen(child);
    } else {
      reset(child);
    }
  }
  at(id).waiting_for = open;
  start_iterations(id);
}

// As if it had never begun, except that the children are there already and attempt numbers go on.
void Turn::reset(TaskId id) {
  Node& node = at(id);
  Node fresh;
  fresh.parent = node.parent;
  fresh.component = node.component;
  fresh.task = node.task;
  fresh.iteration = node.iteration;
  fresh.kind = node.kind;
  fresh.attempt = node.attempt;
  fresh.usage = node.usage;
  fresh.first_child = node.first_child;
  fresh.children = node.children;
  fresh.children_made = node.children_made;
  fresh.more_children = std::move(node.more_children);
  node = std::move(fresh);
  touch(id);
  for (std::uint32_t i = 0; i < at(id).children_made; ++i) reset(child_of(at(id), i));
}

}  // namespace sluice
