// How a node begins: its inputs, its condition, then an attempt, the tasks of its DAG, or the iterations of its loop.
#include <algorithm>
#include <limits>

#include "sched/turn.h"

namespace sluice {

Node new_child(const Plan& plan, const Node& parent, TaskId parent_id, std::uint32_t index) {
  Node child;
  child.parent = parent_id;
  if (parent.kind == NodeKind::kLoop) {
    child.component = parent.component;
    child.task = parent.task;
    child.iteration = static_cast<std::int32_t>(index);
  } else {
    const PlanTask& task = plan.components.at(parent.component).tasks.at(index);
    child.component = task.component;
    child.task = index;
    if (task.spec->iterator) child.kind = NodeKind::kLoop;
  }
  if (child.kind != NodeKind::kLoop && plan.components.at(child.component).is_dag()) child.kind = NodeKind::kDag;
  return child;
}

void Turn::on(const RunBegan&) {
  if (state_.run != RunState::kPending) return;
  state_.run = RunState::kRunning;
  state_.began = now_;
  Node root;
  root.kind = NodeKind::kDag;
  root.attempt = 1;
  root.inputs.parameters = plan_.parameters;
  add(std::move(root));
  arm_run_deadline();
  open_dag(TaskId{0});
}

void Turn::begin(TaskId id) {
  const PlanTask& task = task_of(plan_, state_, id);
  if (task.spec->strategy == TriggerStrategy::kAllSucceeded && !upstream_succeeded(id)) return end(id, TaskState::kOmitted);

  Node& node = at(id);
  Result<TaskData> inputs =
      resolve_inputs(plan_, plan_.components.at(at(node.parent).component), node.task, StateScope(state_, node.parent));
  if (!inputs) return fail(id, inputs.error().message);
  if (task.condition) {
    const Result<bool> holds = test_condition(task, *inputs);
    if (!holds) return fail(id, holds.error().message);
    if (!*holds) return end(id, TaskState::kSkipped);
  }
  node.inputs = std::move(*inputs);
  set_going(id);
}

bool Turn::upstream_succeeded(TaskId id) const {
  const Node& dag = at(at(id).parent);
  const std::vector<std::uint32_t>& upstream = task_of(plan_, state_, id).upstream;
  return std::all_of(upstream.begin(), upstream.end(),
                     [&](std::uint32_t task) { return is_success(at(child_of(dag, task)).state); });
}

void Turn::begin_iteration(TaskId loop, TaskId id) {
  const Node& node = at(loop);
  at(id).inputs =
      iteration_inputs(*task_of(plan_, state_, loop).spec, node.inputs, node.items, static_cast<std::size_t>(at(id).iteration));
  set_going(id);
}

void Turn::set_going(TaskId id) {
  switch (at(id).kind) {
    case NodeKind::kLeaf: return start_attempt(id);
    case NodeKind::kDag: return open_dag(id);
    case NodeKind::kLoop: return open_loop(id);
  }
}

Status Turn::room_for(TaskId parent, std::size_t children) const {
  int depth = 1;
  for (TaskId up = parent; up != at(up).parent; up = at(up).parent) ++depth;
  if (depth > kDepthMax) return sluice::fail(Code::kInvalid, "it is nested deeper than " + std::to_string(kDepthMax) + " levels");
  const std::size_t room = kNodesMax - std::min(kNodesMax, state_.nodes.size());
  if (children <= room) return {};
  return sluice::fail(Code::kInvalid, "no room for " + std::to_string(children) + " more tasks: a run holds at most " +
                                          std::to_string(kNodesMax));
}

void Turn::open_dag(TaskId id) {
  if (const Status made = make_tasks(id); !made) return fail(id, made.error().message);
  Node& node = at(id);
  node.begun = true;
  node.state = TaskState::kRunning;
  node.began = now_;
  node.waiting_for = node.children;
  touch(id);
  const std::vector<PlanTask>& tasks = plan_.components.at(node.component).tasks;
  for (std::uint32_t i = 0; i < node.children; ++i) {
    const TaskId child = child_of(node, i);
    at(child).waiting_for = static_cast<std::uint32_t>(tasks.at(i).upstream.size());
    if (at(child).waiting_for == 0) ready_.push_back(child);
  }
  if (node.children == 0) close(id);
}

Status Turn::make_tasks(TaskId id) {
  const std::vector<PlanTask>& tasks = plan_.components.at(at(id).component).tasks;
  if (at(id).children_made == 0 && !tasks.empty()) {
    SLUICE_TRY_STATUS(room_for(id, tasks.size()));
    at(id).first_child = TaskId{static_cast<std::int64_t>(state_.nodes.size())};
    at(id).children_made = static_cast<std::uint32_t>(tasks.size());
    for (std::uint32_t i = 0; i < tasks.size(); ++i) add(new_child(plan_, at(id), id, i));
  }
  at(id).children = at(id).children_made;
  return {};
}

void Turn::add(Node node) {
  touch(TaskId{static_cast<std::int64_t>(state_.nodes.size())});
  state_.nodes.push_back(std::move(node));
}

void Turn::open_loop(TaskId id) {
  Result<LoopItems> items = loop_items(*task_of(plan_, state_, id).spec, at(id).inputs);
  if (!items) return fail(id, items.error().message);
  if (const Status made = make_iterations(id, items->size()); !made) return fail(id, made.error().message);
  Node& node = at(id);
  node.begun = true;
  node.items = std::move(*items);
  node.state = TaskState::kRunning;
  node.began = now_;
  node.waiting_for = node.children;
  node.running = 0;
  node.next_iteration = 0;
  touch(id);
  if (node.children == 0) return close(id);
  start_iterations(id);
}

// After a retry a loop may have another number of items. Iterations that exist are used again, so that a path is one task for
// ever.
Status Turn::make_iterations(TaskId id, std::size_t count) {
  const std::uint32_t made = at(id).children_made;
  if (count > made) {
    SLUICE_TRY_STATUS(room_for(id, count - made));
    const TaskId first{static_cast<std::int64_t>(state_.nodes.size())};
    if (made == 0)
      at(id).first_child = first;
    else if (first.value != child_of(at(id), made - 1).value + 1)
      at(id).more_children.push_back({made, first});
    for (std::size_t i = made; i < count; ++i) add(new_child(plan_, at(id), id, static_cast<std::uint32_t>(i)));
    at(id).children_made = static_cast<std::uint32_t>(count);
  }
  at(id).children = static_cast<std::uint32_t>(count);
  for (std::uint32_t i = at(id).children; i < made; ++i) settle(child_of(at(id), i), TaskState::kOmitted);
  return {};
}

void Turn::start_iterations(TaskId loop) {
  const int parallelism = task_of(plan_, state_, loop).spec->iterator->parallelism_max;
  const std::uint32_t limit =
      parallelism > 0 ? static_cast<std::uint32_t>(parallelism) : std::numeric_limits<std::uint32_t>::max();
  while (at(loop).running < limit && at(loop).next_iteration < at(loop).children) {
    const TaskId child = child_of(at(loop), at(loop).next_iteration++);
    if (at(child).state != TaskState::kPending) continue;  // ended, or was reopened, before a retry
    ++at(loop).running;
    begin_iteration(loop, child);
  }
}

}  // namespace sluice
