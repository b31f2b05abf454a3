// The work of one step(): an event is applied, then whatever ended or became ready because of it is worked off. Internal to
// sched.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "sched/sched.h"

namespace sluice {

// A node takes about half a kilobyte before its inputs: a million of them is what a server can still hold beside its other runs.
constexpr std::size_t kNodesMax = 1'000'000;
// People nest a handful of levels. Paths, retry policies and blame walk up and down them.
constexpr int kDepthMax = 100;

// A task of the dag `parent`, or iteration `index` of the loop `parent`, before anything has happened to it.
Node new_child(const Plan& plan, const Node& parent, TaskId parent_id, std::uint32_t index);

class Turn {
 public:
  Turn(const Plan& plan, State& state, Instant now) : plan_(plan), state_(state), now_(now) {}

  void on(const RunBegan&);
  void on(const AttemptStarted& event);
  void on(const AttemptSucceeded& event);
  void on(const AttemptCached& event);
  void on(const AttemptFailed& event);
  void on(const TimerFired& event);
  void on(const CancelAsked& event);
  void on(const PauseAsked&);
  void on(const ResumeAsked&);
  void on(const RetryAsked& event);

  // Works off what the event set moving. Queues instead of recursion: a chain of 20,000 skipped tasks needs no stack.
  Outcome finish() &&;

 private:
  // open.cc: how a node begins.
  void begin(TaskId id);  // a task of a dag, all upstream tasks have ended
  void begin_iteration(TaskId loop, TaskId id);
  void set_going(TaskId id);  // its inputs are there
  void open_dag(TaskId id);
  void open_loop(TaskId id);
  Status make_tasks(TaskId id);
  Status make_iterations(TaskId id, std::size_t count);
  Status room_for(TaskId parent, std::size_t children) const;
  void add(Node node);
  void start_iterations(TaskId loop);
  bool upstream_succeeded(TaskId id) const;

  // close.cc: how a node ends, and what that means for others.
  void end(TaskId id, TaskState state);
  void fail(TaskId id, std::string message);  // the failure begins here
  void close(TaskId id);                      // all children of a dag or loop have ended
  void settle_below(TaskId id, TaskState state);
  void settle(TaskId id, TaskState state);
  void tell_others(TaskId ended);
  void iteration_ended(TaskId id);
  void end_run();
  std::string blame(TaskId id) const;

  // attempt.cc: attempts of leaves.
  void start_attempt(TaskId id);
  Node* current(TaskId id, int attempt);  // null pointer: old news
  std::optional<Duration> delay_before_retry(TaskId id, FailureKind kind);
  const RetryPolicy* retry_policy(TaskId id) const;
  void arm_run_deadline();

  // cancel.cc
  void cancel();

  // reopen.cc: what a retry does to nodes that exist.
  void put_back(TaskId id);
  void reopen(TaskId id);
  void reopen_dag(TaskId id);
  void reopen_loop(TaskId id);
  void reset(TaskId id);

  Node& at(TaskId id) { return state_.at(id); }
  const Node& at(TaskId id) const { return state_.at(id); }
  void touch(TaskId id) { out_.changed.push_back(id); }

  const Plan& plan_;
  State& state_;  // references to nodes do not survive set_going: nodes may be added
  const Instant now_;
  Outcome out_;
  std::deque<TaskId> ready_;
  std::deque<TaskId> ended_;
};

}  // namespace sluice
