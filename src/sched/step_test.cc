// What does not fit a transcript: paths, attempts in flight, and the cost of big runs.
#include <gtest/gtest.h>

#include "sched/testing.h"

namespace sluice::testing {
namespace {

const Instant kNow = from_micros(1'000'000'000);

// Answers every start with a success until nothing is left to do. Returns the sum of `changed` over all steps, and how many there
// were.
struct Work {
  std::size_t changed = 0;
  std::size_t steps = 0;
};
Work run_to_the_end(const Plan& plan, State& state) {
  Work work;
  std::vector<Event> events{RunBegan{}};
  while (!events.empty()) {
    const Event event = std::move(events.back());
    events.pop_back();
    const Outcome outcome = step(plan, state, event, kNow);
    ++work.steps;
    work.changed += outcome.changed.size();
    for (const Action& action : outcome.actions) {
      const auto* start = std::get_if<StartAttempt>(&action);
      if (start != nullptr)
        events.emplace_back(AttemptSucceeded{start->task, start->attempt, TaskData{.parameters = {{"y", 1}}}});
    }
  }
  return work;
}

TEST(Step, PathsNameIterationsByTheirIndex) {
  const auto plan = plan_from("loop each:i=[5,6]\n  double x=^i -> y\nlast each:i=[7] after:loop -> y");
  State state;
  run_to_the_end(*plan, state);
  std::vector<std::string> paths;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(state.nodes.size()); ++i)
    paths.push_back(task_path(*plan, state, TaskId{i}));
  EXPECT_EQ(paths, (std::vector<std::string>{"root", "root/loop", "root/last", "root/loop[0]", "root/loop[1]",
                                             "root/loop[0]/double", "root/loop[1]/double", "root/last[0]"}));
  EXPECT_EQ(task_name(*plan, state, TaskId{0}), "test");
  EXPECT_EQ(task_name(*plan, state, TaskId{6}), "double");
  EXPECT_EQ(task_name(*plan, state, TaskId{7}), "last");
}

TEST(Step, AttemptsInFlightAreQueuedAndRunningLeaves) {
  const auto plan = plan_from("a\nb\nc retry:1 backoff:1s\nd after:a");
  State state;
  step(*plan, state, RunBegan{}, kNow);
  step(*plan, state, AttemptStarted{TaskId{2}, 1}, kNow);
  step(*plan, state, AttemptFailed{.task = TaskId{3}, .attempt = 1}, kNow);
  EXPECT_EQ(attempts_in_flight(state), (std::vector<StartAttempt>{{TaskId{1}, 1}, {TaskId{2}, 1}}));
  EXPECT_EQ(state.at(TaskId{2}).began, kNow);
  EXPECT_EQ(state.at(TaskId{1}).began, Instant{});
}

TEST(Step, AFinalStatusCarriesTheMessageOfWhatFailedInADag) {
  const auto plan = plan_from("body\n  a\n  b\nnotify always s=status(body)");
  State state;
  step(*plan, state, RunBegan{}, kNow);
  step(*plan, state, event_from_text(*plan, state, "body/b#1 failed exit 1 first"), kNow);
  step(*plan, state, event_from_text(*plan, state, "body/a#1 failed exit 1 second"), kNow);
  const FinalStatus status = StateScope(state, TaskId{0}).status_of(0);
  EXPECT_EQ(status.state, TaskState::kFailed);
  EXPECT_EQ(status.message, "task 'root/body/b' failed: first (and 1 more)");
  EXPECT_EQ(StateScope(state, TaskId{0}).outputs_of(0), nullptr);
}

TEST(Step, AChainOf20000TasksCostsAFewChangesPerTask) {
  constexpr std::size_t kTasks = 20'000;
  std::string text = "t0\n";
  for (std::size_t i = 1; i < kTasks; ++i) text += "t" + std::to_string(i) + " after:t" + std::to_string(i - 1) + "\n";
  const auto plan = plan_from(text);
  State state;
  const Work work = run_to_the_end(*plan, state);
  EXPECT_EQ(state.run, RunState::kSucceeded);
  EXPECT_EQ(work.steps, kTasks + 1);
  EXPECT_LE(work.changed, 3 * kTasks + 3);  // made, begun, ended
}

TEST(Step, AChainOf20000SkippedTasksEndsInOneStep) {
  constexpr std::size_t kTasks = 20'000;
  std::string text = "t0 x=1 if $x > 5\n";
  for (std::size_t i = 1; i < kTasks; ++i) text += "t" + std::to_string(i) + " after:t" + std::to_string(i - 1) + "\n";
  const auto plan = plan_from(text);
  State state;
  const Outcome outcome = step(*plan, state, RunBegan{}, kNow);
  EXPECT_EQ(state.run, RunState::kSucceeded);
  EXPECT_EQ(outcome.changed.size(), kTasks + 1);
  EXPECT_EQ(outcome.actions, (std::vector<Action>{EndRun{RunState::kSucceeded, ""}}));
}

TEST(Step, ALoopOver20000ItemsCostsAFewChangesPerIteration) {
  constexpr std::size_t kItems = 20'000;
  std::string items = "0";
  for (std::size_t i = 1; i < kItems; ++i) items += "," + std::to_string(i);
  for (const char* parallel : {"", " parallel:7"}) {
    const auto plan = plan_from("loop each:i=[" + items + "]" + parallel + " -> y=fit.y\n  fit x=^i -> y");
    State state;
    const Work work = run_to_the_end(*plan, state);
    EXPECT_EQ(state.run, RunState::kSucceeded);
    EXPECT_EQ(state.at(TaskId{1}).outputs.parameters.at("y").as_list().size(), kItems);
    EXPECT_EQ(work.steps, kItems + 1);
    EXPECT_LE(work.changed, 6 * kItems + 6);  // an iteration and its task, each made, begun, ended
  }
}

TEST(Step, ALoopThatWouldFillTheMemoryFails) {
  const auto plan = plan_from("load -> rows[list]\nloop each:i=rows rows[list]=load.rows");
  State state;
  step(*plan, state, RunBegan{}, kNow);
  TaskData outputs;
  outputs.parameters.emplace("rows", List(1'000'000, Value(1)));
  const Outcome outcome = step(*plan, state, AttemptSucceeded{TaskId{1}, 1, outputs}, kNow);
  EXPECT_EQ(state.run, RunState::kFailed);
  EXPECT_EQ(state.error, "task 'root/loop' failed: no room for 1000000 more tasks: a run holds at most 1000000");
  EXPECT_EQ(state.nodes.size(), 3U);
}

TEST(Step, DagsNestedBeyondAllReasonFail) {
  std::string text;
  for (std::size_t i = 0; i < 120; ++i) text += std::string(i * 2, ' ') + "t\n";
  const auto plan = plan_from(text);
  State state;
  step(*plan, state, RunBegan{}, kNow);
  EXPECT_EQ(state.run, RunState::kFailed);
  EXPECT_TRUE(state.error.ends_with("nested deeper than 100 levels")) << state.error;
}

}  // namespace
}  // namespace sluice::testing
