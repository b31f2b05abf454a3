// Random pipelines with random luck: failures, late and repeated news, cancels, crashes, retries. A seed is the whole bug report:
// SLUICE_SEED=n replays one, SLUICE_SEEDS=n runs so many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "sched/random_pipeline.h"
#include "sched/testing.h"

namespace sluice::testing {
namespace {

struct JournalRow {
  Instant at;
  std::string kind;
  std::string payload;
};

struct Live {
  int attempt = 0;
  bool started = false;
  std::optional<FailureKind> stopped;  // told to stop, and why
};

// What has happened in all worlds together: a simulation that never meets a thing does not test it.
struct Seen {
  std::uint64_t cancels = 0, pauses = 0, snapshots = 0, crashes = 0, old_news = 0, retries = 0, timeouts = 0, run_deadlines = 0,
                grown_loops = 0, cached = 0, retries_from = 0, retries_of_success = 0;
};

// The driver, its processes and its clock. Everything that step() asks for is checked before it is done.
class World {
 public:
  World(std::uint64_t seed, std::shared_ptr<const Plan> plan, Seen& seen)
      : dice_(seed ^ 0x9e3779b97f4a7c15ULL), plan_(std::move(plan)), seen_(seen) {}

  void run_until_success() {
    send(RunBegan{});
    constexpr int kRoundsMax = 12;
    for (int round = 0; round < kRoundsMax; ++round) {
      calm_ = round >= 6;  // from here on nothing goes wrong any more
      run_until_quiet();
      if (::testing::Test::HasFailure()) return;
      check_replay();
      if (state_.run == RunState::kSucceeded && (round >= 8 || dice_.chance(50))) return;
      if (state_.run == RunState::kSucceeded || dice_.chance(25))
        retry_from(TaskId{static_cast<std::int64_t>(dice_.roll(state_.nodes.size()))});
      else
        send(RetryAsked{});
    }
    FAIL() << "the run does not succeed however often it is retried\n" << dump(*plan_, state_);
  }

 private:
  void run_until_quiet() {
    constexpr int kTurnsMax = 100'000;
    for (int turn = 0; !is_final(state_.run); ++turn) {
      ASSERT_LT(turn, kTurnsMax) << "the run does not end";
      ASSERT_FALSE(live_.empty() && timers_.empty()) << "the run is stuck\n" << dump(*plan_, state_);
      this->turn();
      if (::testing::Test::HasFailure()) return;
    }
    check_end();
  }

  // In a run that has succeeded nothing moves but the task, what lies in it, and what depends on it.
  void retry_from(TaskId from) {
    ++seen_.retries_from;
    const bool had_succeeded = state_.run == RunState::kSucceeded;
    const State before = state_;
    send(RetryAsked{from});
    if (!had_succeeded) return;
    if (state_.run == RunState::kSucceeded && !ended_) {
      ended_ = true;  // it is one that there are no items for any more
      EXPECT_EQ(dump(*plan_, state_), dump(*plan_, before));
      return;
    }
    ++seen_.retries_of_success;
    const std::set<TaskId> again = again_after(before, from);
    for (std::int64_t i = 1; i < static_cast<std::int64_t>(before.nodes.size()); ++i) {
      const Node& old = before.at(TaskId{i});
      const Node& now = state_.at(TaskId{i});
      if (again.contains(TaskId{i})) {
        EXPECT_TRUE(!is_final(now.state) || now.ended == now_) << path(TaskId{i}) << " stays as it was";
      } else if (old.kind == NodeKind::kLeaf) {
        EXPECT_TRUE(old.state == now.state && old.attempt == now.attempt && old.outputs == now.outputs)
            << path(TaskId{i}) << " does not depend on " << path(from);
      }
    }
  }

  // By the definition, from the other side than the scheduler goes: tasks in order, each looks at what it waits for.
  std::set<TaskId> again_after(const State& state, TaskId from) const {
    TaskId first = from;
    for (TaskId up = from; up.value != 0; up = state.at(up).parent)
      if (!state.at(state.at(up).parent).begun) first = state.at(up).parent;
    std::set<TaskId> again{first};
    std::set<TaskId> holds;  // has something in it that runs again
    for (TaskId up = first; up.value != 0; up = state.at(up).parent) holds.insert(state.at(up).parent);
    for (std::int64_t i = 1; i < static_cast<std::int64_t>(state.nodes.size()); ++i) {
      const Node& node = state.at(TaskId{i});
      bool goes = again.contains(node.parent);
      if (const Node& dag = state.at(node.parent); !goes && dag.kind == NodeKind::kDag && dag.begun)
        for (const std::uint32_t index : task_of(*plan_, state, TaskId{i}).upstream)
          goes = goes || again.contains(child_of(dag, index)) || holds.contains(child_of(dag, index));
      if (goes) again.insert(TaskId{i});
    }
    return again;
  }

  void turn() {
    now_ += std::chrono::milliseconds(dice_.roll(500));
    if (!calm_) {
      if (dice_.chance(5)) return old_news();
      if (dice_.chance(2)) return crash();
      if (dice_.chance(4)) return take_snapshot();
      if (dice_.roll(400) == 0) return send(CancelAsked{"bored"});
      if (dice_.chance(2)) return send(PauseAsked{});
      if (dice_.chance(3)) return send(ResumeAsked{});
    }
    const bool timer = !timers_.empty() && (live_.empty() || (!calm_ && dice_.chance(15)));
    if (timer) return fire_timer();
    auto chosen = live_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(dice_.roll(live_.size())));
    if (!chosen->second.started && dice_.chance(70)) {
      chosen->second.started = true;
      return send(AttemptStarted{chosen->first, chosen->second.attempt});
    }
    end_attempt(chosen->first, chosen->second);
  }

  void end_attempt(TaskId task, Live live) {
    live_.erase(task);
    if (live.stopped && dice_.chance(80)) return send(AttemptFailed{task, live.attempt, *live.stopped, 143, "stopped"});
    if (!calm_ && dice_.chance(22)) {
      const auto kind = static_cast<FailureKind>(dice_.roll(7));
      return send(
          AttemptFailed{task, live.attempt, kind, static_cast<int>(dice_.roll(200)), dice_.chance(50) ? "\"bad\"\nluck" : ""});
    }
    List rows;
    for (std::uint64_t i = dice_.roll(5); i > 0; --i) rows.emplace_back(static_cast<int>(dice_.roll(10)));
    TaskData outputs;
    outputs.parameters = {{"y", static_cast<int>(dice_.roll(10))}, {"rows", std::move(rows)}};
    // One that has not begun may turn out to be known, even if it was told to stop.
    if (!live.started && dice_.chance(50)) {
      ++seen_.cached;
      return send(AttemptCached{task, live.attempt, std::move(outputs)});
    }
    send(AttemptSucceeded{task, live.attempt, std::move(outputs)});
  }

  void fire_timer() {
    auto first = timers_.begin();
    for (auto timer = timers_.begin(); timer != timers_.end(); ++timer)
      if (timer->due < first->due) first = timer;
    const ArmTimer timer = *first;
    timers_.erase(first);
    now_ = std::max(now_, timer.due);
    send(TimerFired{timer.task, timer.attempt, timer.kind});
  }

  // Asking again to cancel, to pause or to retry is news, and so is the deadline of an attempt that has been told to stop but has
  // not yet.
  static bool is_old_news_later(const Event& event) {
    const auto* timer = std::get_if<TimerFired>(&event);
    return !std::holds_alternative<CancelAsked>(event) && !std::holds_alternative<RetryAsked>(event) &&
           !std::holds_alternative<PauseAsked>(event) && !std::holds_alternative<ResumeAsked>(event) &&
           (timer == nullptr || timer->kind != TimerKind::kDeadline);
  }

  // Something that was said before, or about a task or an attempt that there never was: no process of it lives, so nothing may
  // come of it.
  void old_news() {
    Event event = RunBegan{};
    if (!history_.empty() && dice_.chance(80))
      event = history_.at(dice_.roll(history_.size()));
    else
      event = AttemptSucceeded{TaskId{static_cast<std::int64_t>(dice_.roll(state_.nodes.size() + 5))}, 1'000, {}};
    ++seen_.old_news;
    const std::string before = dump(*plan_, state_);
    const Outcome outcome = step(*plan_, state_, event, now_);
    EXPECT_TRUE(outcome.actions.empty() && before == dump(*plan_, state_))
        << "old news moved something: " << event_kind(event) << " " << event_payload(event);
  }

  // The owner dies, and its processes with it or not; another one reads the journal.
  void crash() {
    ++seen_.crashes;
    check_replay();
    if (dice_.chance(30)) return;  // the processes were adopted
    const std::map<TaskId, Live> dead = std::exchange(live_, {});
    const std::vector<StartAttempt> in_flight = attempts_in_flight(state_);
    EXPECT_EQ(in_flight.size(), dead.size());
    if (dice_.chance(50)) return send(RetryAsked{});
    for (const StartAttempt& attempt : in_flight) {
      EXPECT_TRUE(dead.contains(attempt.task) && dead.at(attempt.task).attempt == attempt.attempt);
      send(AttemptFailed{attempt.task, attempt.attempt, FailureKind::kLost, 0, "the machine went away"});
    }
  }

  void check_replay() {
    State replayed;
    for (const JournalRow& row : journal_) {
      const Result<Event> event = event_from(row.kind, row.payload);
      ASSERT_TRUE(event.has_value()) << event.error().message;
      step(*plan_, replayed, *event, row.at);
    }
    ASSERT_EQ(dump(*plan_, replayed), dump(*plan_, state_));
    check_timers(replayed);
    if (!calm_ && dice_.chance(50)) begin_again(std::move(replayed));
  }

  void begin_again(State state) {
    state_ = std::move(state);
    for (auto& [task, live] : live_) live.started = false;  // whoever adopts them says so again
  }

  // The state goes through its text; in half of the cases the run goes on from what was read.
  void take_snapshot() {
    ++seen_.snapshots;
    const std::string text = snapshot_text(state_);
    Result<State> read = state_from_snapshot(*plan_, kSnapshotVersion, text);
    ASSERT_TRUE(read.has_value()) << read.error().message << "\n" << text;
    ASSERT_EQ(dump(*plan_, *read), dump(*plan_, state_));
    ASSERT_EQ(snapshot_text(*read), text);
    for (std::size_t i = 0; i < state_.nodes.size(); ++i) ASSERT_TRUE(same_place(read->nodes.at(i), state_.nodes.at(i))) << i;
    check_timers(*read);
    if (dice_.chance(50)) begin_again(*std::move(read));
  }

  static bool same_place(const Node& a, const Node& b) {
    return a.parent == b.parent && a.component == b.component && a.task == b.task && a.iteration == b.iteration &&
           a.kind == b.kind && a.first_child == b.first_child && a.more_children == b.more_children && a.began == b.began &&
           a.inputs == b.inputs && a.outputs == b.outputs && a.items.values == b.items.values &&
           a.items.artifacts == b.items.artifacts;
  }

  // What a driver would arm again is what is armed, less what is old news by now and the deadlines of attempts.
  void check_timers(const State& state) {
    std::vector<ArmTimer> current;
    for (const ArmTimer& timer : timers_) {
      const Node& node = state.at(timer.task);
      const bool runs = state.run == RunState::kRunning || state.run == RunState::kPaused;
      const bool waits = timer.kind == TimerKind::kBackoff ? node.state == TaskState::kBackoff : timer.task.value == 0 && runs;
      if (waits && timer.kind != TimerKind::kDeadline && node.attempt == timer.attempt) current.push_back(timer);
    }
    std::sort(current.begin(), current.end(), [](const auto& a, const auto& b) { return a.task < b.task; });
    EXPECT_EQ(timers_in_flight(state), current);
  }

  void send(const Event& event) {
    if (std::holds_alternative<RetryAsked>(event) || std::holds_alternative<RunBegan>(event)) ended_ = false;
    if (!std::holds_alternative<AttemptStarted>(event)) {
      journal_.push_back({now_, std::string(event_kind(event)), event_payload(event)});
      if (is_old_news_later(event)) history_.push_back(event);
    }
    seen_.cancels += std::holds_alternative<CancelAsked>(event) ? 1 : 0;
    seen_.pauses += std::holds_alternative<PauseAsked>(event) && state_.run == RunState::kRunning ? 1 : 0;
    seen_.retries += std::holds_alternative<RetryAsked>(event) ? 1 : 0;
    const RunState run_before = state_.run;
    const Outcome outcome = step(*plan_, state_, event, now_);
    for (const Action& action : outcome.actions) std::visit([&](const auto& wanted) { perform(wanted); }, action);
    if (run_before == RunState::kCanceling && !std::holds_alternative<RetryAsked>(event)) {
      for (const Action& action : outcome.actions)
        EXPECT_FALSE(std::holds_alternative<StartAttempt>(action)) << "a start after a cancel";
    }
    check_limits();
  }

  void perform(const StartAttempt& start) {
    const Node& node = state_.at(start.task);
    EXPECT_EQ(node.state, TaskState::kQueued);
    EXPECT_FALSE(live_.contains(start.task)) << "two live attempts of " << path(start.task);
    EXPECT_GT(start.attempt, newest_[path(start.task)]) << "attempt numbers rise, " << path(start.task);
    newest_[path(start.task)] = start.attempt;
    live_[start.task] = {start.attempt};
    for (TaskId up = start.task; up.value != 0; up = state_.at(up).parent) {
      const Node& parent = state_.at(state_.at(up).parent);
      EXPECT_EQ(parent.state, TaskState::kRunning) << path(up);
      if (parent.kind == NodeKind::kDag) check_upstream(up);
    }
  }
  void perform(const StopAttempt& stop) {
    ASSERT_TRUE(live_.contains(stop.task)) << path(stop.task);
    EXPECT_EQ(live_.at(stop.task).attempt, stop.attempt);
    live_.at(stop.task).stopped = stop.why;
    seen_.timeouts += stop.why == FailureKind::kTimeout ? 1 : 0;
  }
  void perform(const ArmTimer& timer) {
    EXPECT_GT(timer.due, now_);
    timers_.push_back(timer);
  }
  void perform(const EndRun& end) {
    EXPECT_FALSE(std::exchange(ended_, true)) << "the run ended twice";
    EXPECT_EQ(end.state, state_.run);
    EXPECT_EQ(end.state == RunState::kFailed, !end.error.empty());
    EXPECT_TRUE(live_.empty()) << "the run ended before its attempts";
  }

  void check_upstream(TaskId id) {
    const PlanTask& task = task_of(*plan_, state_, id);
    const Node& dag = state_.at(state_.at(id).parent);
    for (const std::uint32_t upstream : task.upstream) {
      const TaskState state = state_.at(child_of(dag, upstream)).state;
      EXPECT_TRUE(is_final(state)) << path(id) << " began before its upstream ended";
      if (task.spec->strategy == TriggerStrategy::kAllSucceeded) {
        EXPECT_TRUE(is_success(state)) << path(id) << " " << state_name(state);
      }
    }
  }

  void check_limits() {
    for (std::int64_t i = 1; i < static_cast<std::int64_t>(state_.nodes.size()); ++i) {
      const Node& loop = state_.at(TaskId{i});
      if (loop.kind != NodeKind::kLoop || loop.state != TaskState::kRunning) continue;
      const int limit = task_of(*plan_, state_, TaskId{i}).spec->iterator->parallelism_max;
      int running = 0;
      for (std::uint32_t k = 0; k < loop.children; ++k) {
        const TaskState state = state_.at(child_of(loop, k)).state;
        running += state != TaskState::kPending && !is_final(state) ? 1 : 0;
      }
      if (limit > 0) {
        EXPECT_LE(running, limit) << path(TaskId{i});
      }
      EXPECT_EQ(running, static_cast<int>(loop.running)) << path(TaskId{i});
    }
  }

  void check_end() {
    EXPECT_TRUE(live_.empty());
    EXPECT_TRUE(ended_);
    seen_.run_deadlines += state_.error.find("its deadline") != std::string::npos ? 1 : 0;
    timers_.clear();
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(state_.nodes.size()); ++i) {
      const Node& node = state_.at(TaskId{i});
      EXPECT_TRUE(is_final(node.state)) << path(TaskId{i}) << " has not ended";
      seen_.grown_loops += node.more_children.empty() ? 0 : 1;
      const bool bad = node.state == TaskState::kFailed || node.state == TaskState::kCanceled;
      if (state_.run == RunState::kSucceeded) {
        EXPECT_FALSE(bad) << path(TaskId{i});
      }
      if (bad) {
        EXPECT_FALSE(is_success(state_.at(node.parent).state)) << path(TaskId{i}) << " is bad, its parent not";
      }
      if (node.state == TaskState::kFailed) {
        EXPECT_FALSE(node.error.empty());
      }
      if (i == 0 || state_.at(node.parent).kind == NodeKind::kLoop || !state_.at(node.parent).begun) continue;
      if (node.begun || node.state == TaskState::kSkipped) check_upstream(TaskId{i});
      check_fresh(TaskId{i});
    }
  }

  // Nothing is left from before a retry: a task ended after what it waits for, and is omitted only if that did not succeed.
  void check_fresh(TaskId id) {
    const Node& node = state_.at(id);
    const PlanTask& task = task_of(*plan_, state_, id);
    bool all_succeeded = true;
    for (const std::uint32_t index : task.upstream) {
      const TaskId upstream = child_of(state_.at(node.parent), index);
      all_succeeded = all_succeeded && is_success(state_.at(upstream).state);
      if (node.begun) {
        EXPECT_GE(node.ended, state_.at(upstream).ended) << path(id) << " was not run again after " << path(upstream);
      }
    }
    if (node.state == TaskState::kOmitted) {
      EXPECT_FALSE(all_succeeded || task.spec->strategy == TriggerStrategy::kAllCompleted) << path(id) << " was omitted";
    }
  }

  std::string path(TaskId id) const { return task_path(*plan_, state_, id); }

  Dice dice_;
  std::shared_ptr<const Plan> plan_;
  State state_;
  Instant now_ = from_micros(1'000'000'000'000'000);
  std::map<TaskId, Live> live_;
  std::vector<ArmTimer> timers_;
  std::vector<JournalRow> journal_;
  std::vector<Event> history_;
  std::map<std::string, int> newest_;  // attempt, by path
  bool ended_ = false;
  bool calm_ = false;
  Seen& seen_;
};

void simulate(std::uint64_t seed, Seen& seen) {
  Dice dice(seed);
  const std::string pipeline = RandomPipeline(dice).text();
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed) + "\n" + pipeline);
  World(seed, plan_from(pipeline), seen).run_until_success();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 200;
#else
constexpr std::uint64_t kSeeds = 2'000;
#endif
constexpr std::uint64_t kSeedsForAll = 1000;  // so many meet everything that can happen

TEST(Simulation, EveryRunEndsAsItShouldWhateverHappens) {
  Seen seen;
  if (const char* one = std::getenv("SLUICE_SEED")) return simulate(std::strtoull(one, nullptr, 10), seen);
  const char* text = std::getenv("SLUICE_SEEDS");
  const std::uint64_t seeds = text == nullptr ? kSeeds : std::strtoull(text, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) simulate(seed, seen);
  if (seeds < kSeedsForAll || HasFailure()) return;
  for (const std::uint64_t times :
       {seen.cancels, seen.pauses, seen.snapshots, seen.crashes, seen.old_news, seen.retries, seen.timeouts, seen.run_deadlines,
        seen.grown_loops, seen.cached, seen.retries_from, seen.retries_of_success})
    EXPECT_GT(times, 0U) << "the simulation has become too tame";
}

}  // namespace
}  // namespace sluice::testing
