// The scheduler of one run: step(plan, state, event, now) -> what to do. Pure: no clock, no I/O, no randomness, every container
// ordered.
//
// The driver journals an event before it carries out the actions, so recovery is the journal read back through step().
// Slots, machines and processes are not known here: StartAttempt says that a task may run now; when it does is the driver's
// business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/artifact.h"
#include "model/ids.h"
#include "model/state.h"
#include "model/usage.h"
#include "plan/plan.h"
#include "plan/resolve.h"

namespace sluice {

// --- Events: what happened -------------------------------------------------------------------------------------------
struct RunBegan {};
struct AttemptStarted {  // its process runs; not journalled, as it decides nothing
  TaskId task;
  int attempt = 1;
  // When, if that was long ago (the process of an owner that has ended); 0, or in the future: now. Its deadline counts from here,
  // even if by a clock that stood still that was before the run.
  Instant at{};
};
struct AttemptSucceeded {
  TaskId task;
  int attempt = 1;
  TaskData outputs;
  Usage usage{};
};
// What the task would make is known: another task has made it from equal inputs. The attempt never had a process.
struct AttemptCached {
  TaskId task;
  int attempt = 1;
  TaskData outputs;
};
struct AttemptFailed {
  TaskId task;
  int attempt = 1;
  FailureKind kind = FailureKind::kExit;
  int exit_code = 0;  // 128 + N for signal N; 0 where there was no process
  std::string message;
  Usage usage{};
};
enum class TimerKind { kBackoff, kDeadline, kRunDeadline };
struct TimerFired {
  TaskId task;
  int attempt = 1;
  TimerKind kind = TimerKind::kBackoff;
};
struct CancelAsked {
  std::string reason;
};
// The run is PAUSED from now on, until ResumeAsked. What may run now is still said by StartAttempt: the driver keeps it back, as
// it does where slots are short; until it is let go it is QUEUED, and the run does not end. A run of which nothing is left to
// start ends as usual. Deadlines are not paused.
struct PauseAsked {
  std::string reason{};  // empty: somebody wants it so
};
struct ResumeAsked {};
// The run has ended badly, or its owner died in the middle: what failed, was cancelled, was cut short or was omitted because of
// that runs again, with what depends on it and with fresh retry budgets. What succeeded stays.
//
// `from`: the task (a leaf, a dag, a loop or one iteration) runs again too, with what depends on it, however it ended; then the
// run may have succeeded.
struct RetryAsked {
  std::optional<TaskId> from{};
};
using Event = std::variant<RunBegan, AttemptStarted, AttemptSucceeded, AttemptCached, AttemptFailed, TimerFired, CancelAsked,
                           PauseAsked, ResumeAsked, RetryAsked>;

// --- Actions: what to do ---------------------------------------------------------------------------------------------
struct StartAttempt {
  TaskId task;
  int attempt = 1;
  friend bool operator==(const StartAttempt&, const StartAttempt&) = default;
};
// The driver answers with AttemptFailed (or AttemptSucceeded, if that came first).
struct StopAttempt {
  TaskId task;
  int attempt = 1;
  FailureKind why = FailureKind::kExit;  // kTimeout: past its deadline; else cancelled
  friend bool operator==(const StopAttempt&, const StopAttempt&) = default;
};
struct ArmTimer {
  TaskId task;
  int attempt = 1;
  TimerKind kind = TimerKind::kBackoff;
  Instant due;
  friend bool operator==(const ArmTimer&, const ArmTimer&) = default;
};
struct EndRun {
  RunState state = RunState::kSucceeded;
  std::string error;  // why it FAILED: "task 'root/train' failed: exit code 1"
  friend bool operator==(const EndRun&, const EndRun&) = default;
};
using Action = std::variant<StartAttempt, StopAttempt, ArmTimer, EndRun>;

// --- State ------------------------------------------------------------------------------------------------------------
enum class NodeKind : std::uint8_t { kLeaf, kDag, kLoop };

// Further iterations of a loop that a retry unrolled again with more items than before.
struct MoreChildren {
  std::uint32_t from = 0;  // child `from` is `first`, and so on
  TaskId first;
  friend bool operator==(const MoreChildren&, const MoreChildren&) = default;
};

// A node of the run's tree: a task, a sub-DAG, a loop, or one iteration of a loop (a kDag or kLeaf whose parent is a kLoop).
struct Node {
  TaskId parent;  // of the root: itself
  std::uint32_t component = 0;  // index into plan.components: what it runs
  std::uint32_t task = 0;  // index into the tasks of its DAG's component, of an iteration as of its loop; unused for the root
  std::int32_t iteration = -1;  // index in the loop, -1 if it is none
  NodeKind kind = NodeKind::kLeaf;
  TaskState state = TaskState::kPending;
  bool begun = false;  // set going since it was made or last reset: a dag or loop has its children in order
  bool cancelled = false;  // by the run, not by itself
  int attempt = 0;  // number of the newest attempt; 0 = none yet. Of the root: how often the run has begun
  int failures = 0;  // that count against the retry policy since the last RetryAsked
  int losses = 0;  // likewise, of kind kLost
  int shortages = 0;  // likewise, of kind kMemory: the driver gives the next attempt twice as much for each
  int exit_code = 0;
  std::uint32_t waiting_for = 0;  // upstream tasks (before the start) or children (after it) that have not ended
  std::uint32_t running = 0;  // of a loop: iterations that have begun and not ended
  std::uint32_t next_iteration = 0;
  std::uint32_t failed = 0;  // failures that began here or below; a dag that only passes one on is not counted again
  TaskId first_failed;  // the first of them in time
  TaskId first_child;  // children are contiguous: [first_child, first_child + children), see child_of
  std::uint32_t children = 0;
  std::uint32_t children_made = 0;  // more than `children` if a retry unrolled a loop with fewer items than before
  std::vector<MoreChildren> more_children;
  TaskData inputs;
  TaskData outputs;
  LoopItems items;
  Usage usage;  // of a leaf: of its attempts since the run began
  std::string error;
  Instant began{};  // first attempt started, or the dag opened; 0 = not yet
  Instant ended{};
  Instant due{};  // of a leaf in BACKOFF: when it is tried again; of the root: the run's deadline; 0 = none
};

struct State {
  std::vector<Node> nodes;  // by TaskId; [0] is the root
  RunState run = RunState::kPending;
  std::string cancel_reason;
  std::string error;  // why it FAILED, or (past its deadline, CANCELING) will
  Instant began{};
  Instant ended{};
  const Node& at(TaskId id) const { return nodes.at(static_cast<std::size_t>(id.value)); }
  Node& at(TaskId id) { return nodes.at(static_cast<std::size_t>(id.value)); }
};

struct Outcome {
  std::vector<Action> actions;
  std::vector<TaskId> changed;  // nodes whose state, times or outputs changed, without doubles, ascending
};

// Cost: proportional to what moves, not to the size of the run (cancel and retry walk it once).
// An event about an attempt that is no longer current changes nothing: an old attempt's last words are ordinary.
Outcome step(const Plan& plan, State& state, const Event& event, Instant now);

// The id of a dag's task `index` or of a loop's iteration `index`.
TaskId child_of(const Node& node, std::uint32_t index);
// The task of a node in its DAG; an iteration has that of its loop. Not for the root.
const PlanTask& task_of(const Plan& plan, const State& state, TaskId id);
// "root", "root/for-loop-2[0]/double": the key of a task in JSON documents.
std::string task_path(const Plan& plan, const State& state, TaskId id);
// The key in its DAG: "double", of the root the pipeline's name.
const std::string& task_name(const Plan& plan, const State& state, TaskId id);
// Not so: what there is no node of, and iterations that a loop had more of before a retry. RetryAsked does not go from those.
bool is_in_play(const State& state, TaskId id);
// The dag that a task lies in; of an iteration that of its loop.
TaskId dag_of(const State& state, TaskId task);
// What a task sees: its DAG's inputs and its siblings. Valid while `state` is not changed.
class StateScope final : public Scope {
 public:
  StateScope(const State& state, TaskId dag) : state_(state), dag_(dag) {}
  const TaskData& dag_inputs() const override;
  const TaskData* outputs_of(std::uint32_t task) const override;
  FinalStatus status_of(std::uint32_t task) const override;

 private:
  const State& state_;
  TaskId dag_;
};

// What a driver that starts again on a replayed state has to do once more: attempts that may have a process (QUEUED or RUNNING
// leaves), those of them that were told to stop because the run was cancelled, and timers that have not fired. The deadline of
// an attempt is not among them: AttemptStarted, said again, arms it.
std::vector<StartAttempt> attempts_in_flight(const State& state);
std::vector<StopAttempt> stops_in_flight(const State& state);
std::vector<ArmTimer> timers_in_flight(const State& state);

// --- Journal form -----------------------------------------------------------------------------------------------------
// Kind ("attempt_succeeded") and payload (compact JSON) of an event, and back. kCorrupt for what is neither.
std::string_view event_kind(const Event& event);
std::string event_payload(const Event& event);
Result<Event> event_from(std::string_view kind, std::string_view payload);

// The whole state as text (compact JSON), and back: state_from_snapshot(plan, snapshot_text(s)) equals s, except that a RUNNING
// leaf is QUEUED, as after a replay. kCorrupt for what is not a state of `plan`, kUnavailable for a version of the form that this
// build does not know. Costs as much as the state has nodes and different values.
constexpr int kSnapshotVersion = 1;
std::string snapshot_text(const State& state);
Result<State> state_from_snapshot(const Plan& plan, int version, std::string_view text);

}  // namespace sluice
