// Cancelling a run: what has a process is told to stop, what has none ends at once. Pausing one.
#include "sched/turn.h"

namespace sluice {

void Turn::on(const CancelAsked& event) {
  if (is_final(state_.run) || state_.run == RunState::kCanceling) return;
  state_.cancel_reason = event.reason;
  if (state_.nodes.empty()) {  // it has not even begun
    Node root;
    root.kind = NodeKind::kDag;
    root.inputs.parameters = plan_.parameters;
    add(std::move(root));
  }
  cancel();
}

void Turn::on(const PauseAsked&) {
  if (state_.run == RunState::kRunning) state_.run = RunState::kPaused;
}

void Turn::on(const ResumeAsked&) {
  if (state_.run == RunState::kPaused) state_.run = RunState::kRunning;
}

void Turn::cancel() {
  state_.run = RunState::kCanceling;
  // Parents come before their children. Below a dag that has not begun nodes are left from before a retry: `end` has settled
  // them.
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(state_.nodes.size()); ++i) {
    const TaskId id{i};
    Node& node = at(id);
    if (is_final(node.state)) continue;
    if (node.state == TaskState::kPending || node.state == TaskState::kBackoff) {
      end(id, TaskState::kCanceled);
      continue;
    }
    node.cancelled = true;
    if (node.kind == NodeKind::kLeaf) out_.actions.emplace_back(StopAttempt{id, node.attempt, FailureKind::kExit});
  }
}

}  // namespace sluice
