// Attempts of leaves: their start and end, retries, and the timers around them.
#include <algorithm>
#include <array>
#include <cmath>

#include "sched/turn.h"

namespace sluice {
namespace {

// What is lost says nothing about the task, so it costs none of its retries; but a task that takes its machine along must end
// some day.
constexpr std::array kDelaysAfterLoss{std::chrono::seconds(1), std::chrono::seconds(2), std::chrono::seconds(4)};
// An attempt that ran out of memory costs none of them either: the next one may use more. Twice as much, then four times.
constexpr int kShortagesMax = 2;

// min(backoff * factor^k, backoff_max). The power may well be infinite.
Duration backoff_delay(const RetryPolicy& policy, int k) {
  if (policy.backoff <= Duration::zero()) return Duration::zero();
  const double micros = static_cast<double>(policy.backoff.count()) * std::pow(policy.backoff_factor, k);
  if (!(micros < static_cast<double>(policy.backoff_max.count()))) return std::max(policy.backoff_max, Duration::zero());
  return Duration{static_cast<std::int64_t>(std::max(micros, 0.0))};
}

std::string failure_text(const AttemptFailed& event) {
  if (!event.message.empty()) return event.message;
  if (event.kind == FailureKind::kExit) return "exit code " + std::to_string(event.exit_code);
  return std::string(failure_name(event.kind));
}

// The farthest instant rather than an overflow: a deadline of a million years is none.
Instant later(Instant now, Duration delay) {
  if (delay > Instant::max() - now) return Instant::max();
  return now + delay;
}

}  // namespace

void Turn::start_attempt(TaskId id) {
  Node& node = at(id);
  node.begun = true;
  node.state = TaskState::kQueued;
  node.error.clear();
  node.exit_code = 0;
  node.due = {};
  ++node.attempt;
  touch(id);
  out_.actions.emplace_back(StartAttempt{id, node.attempt});
}

Node* Turn::current(TaskId id, int attempt) {
  if (id.value < 0 || static_cast<std::size_t>(id.value) >= state_.nodes.size()) return nullptr;
  Node& node = at(id);
  return node.kind == NodeKind::kLeaf && node.attempt == attempt ? &node : nullptr;
}

void Turn::on(const AttemptStarted& event) {
  Node* node = current(event.task, event.attempt);
  if (node == nullptr || node->state != TaskState::kQueued) return;
  node->state = TaskState::kRunning;
  const Instant began = event.at == Instant{} ? now_ : std::min(event.at, now_);
  if (node->began == Instant{}) node->began = std::max(began, std::min(state_.began, now_));
  touch(event.task);
  const std::optional<Duration>& deadline = plan_.components.at(node->component).executor->kubernetes.deadline;
  if (deadline && !node->cancelled)
    out_.actions.emplace_back(ArmTimer{event.task, event.attempt, TimerKind::kDeadline, later(began, *deadline)});
}

void Turn::on(const AttemptSucceeded& event) {
  Node* node = current(event.task, event.attempt);
  if (node == nullptr || (node->state != TaskState::kQueued && node->state != TaskState::kRunning)) return;
  node->usage += event.usage;
  node->outputs = event.outputs;
  end(event.task, TaskState::kSucceeded);
}

void Turn::on(const AttemptCached& event) {
  Node* node = current(event.task, event.attempt);
  if (node == nullptr || node->state != TaskState::kQueued) return;
  if (node->cancelled) return end(event.task, TaskState::kCanceled);
  if (node->began == Instant{}) node->began = now_;
  node->outputs = event.outputs;
  end(event.task, TaskState::kCached);
}

void Turn::on(const AttemptFailed& event) {
  Node* node = current(event.task, event.attempt);
  if (node == nullptr || (node->state != TaskState::kQueued && node->state != TaskState::kRunning)) return;
  node->usage += event.usage;
  node->exit_code = event.exit_code;
  if (node->cancelled) return end(event.task, TaskState::kCanceled);
  const std::optional<Duration> delay = delay_before_retry(event.task, event.kind);
  if (!delay) return fail(event.task, failure_text(event));
  if (*delay == Duration::zero()) return start_attempt(event.task);
  node->state = TaskState::kBackoff;
  node->error = failure_text(event);
  node->due = later(now_, *delay);
  touch(event.task);
  out_.actions.emplace_back(ArmTimer{event.task, event.attempt, TimerKind::kBackoff, node->due});
}

std::optional<Duration> Turn::delay_before_retry(TaskId id, FailureKind kind) {
  Node& node = at(id);
  if (kind == FailureKind::kLost) {
    const auto losses = static_cast<std::size_t>(node.losses++);
    if (losses >= kDelaysAfterLoss.size()) return std::nullopt;
    return kDelaysAfterLoss.at(losses);
  }
  if (kind == FailureKind::kMemory && node.shortages < kShortagesMax) {
    ++node.shortages;
    return Duration::zero();
  }
  const int failures = node.failures++;
  const RetryPolicy* policy = retry_policy(id);
  if (policy == nullptr || failures >= policy->retries_max) return std::nullopt;
  return backoff_delay(*policy, failures);
}

// Its own, else that of the nearest enclosing task that has one.
const RetryPolicy* Turn::retry_policy(TaskId id) const {
  for (TaskId up = id; up != at(up).parent; up = at(up).parent) {
    const TaskSpec& spec = *task_of(plan_, state_, up).spec;
    if (spec.retry) return &*spec.retry;
  }
  return nullptr;
}

void Turn::on(const TimerFired& event) {
  if (event.kind == TimerKind::kRunDeadline) {
    const bool runs = state_.run == RunState::kRunning || state_.run == RunState::kPaused;
    if (!runs || at(TaskId{0}).attempt != event.attempt) return;
    state_.error = "the run took longer than its deadline of " + format_duration(plan_.deadline.value_or(Duration::zero()));
    return cancel();
  }
  const Node* node = current(event.task, event.attempt);
  if (node == nullptr) return;
  if (event.kind == TimerKind::kBackoff && node->state == TaskState::kBackoff) start_attempt(event.task);
  if (event.kind == TimerKind::kDeadline && node->state == TaskState::kRunning && !node->cancelled)
    out_.actions.emplace_back(StopAttempt{event.task, event.attempt, FailureKind::kTimeout});
}

void Turn::arm_run_deadline() {
  if (!plan_.deadline) return;
  Node& root = at(TaskId{0});
  root.due = later(now_, *plan_.deadline);
  out_.actions.emplace_back(ArmTimer{TaskId{0}, root.attempt, TimerKind::kRunDeadline, root.due});
}

}  // namespace sluice
