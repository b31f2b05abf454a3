#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

const std::string kThree = pipeline_text(step_line("a") + step_line("b", "a") + step_line("c", "b"));

void end(EngineWorld& world, std::string_view task, Duration cpu) {
  const AttemptOrder& order = world.hands->newest(task);
  world.hands->listener.report(order.run, AttemptSucceeded{order.task, order.attempt, y_is(1), {.cpu = cpu}}, {});
  world.settle();
}

// As the hands answer for what they were told to stop before it began.
void give_up(EngineWorld& world, std::string_view task) {
  ASSERT_FALSE(world.hands->stops.empty());
  world.hands->fail(task, FailureKind::kExit, 0, "stopped before it began");
  world.settle();
}

Uuid submit(EngineWorld& world, std::uint8_t number, const std::string& experiment, Budget budget = {}) {
  const auto run = world.try_submit({.spec = kThree, .experiment = experiment, .budget = budget}, number);
  EXPECT_TRUE(run) << run.error().message;
  world.settle();
  return run.value_or(Uuid{});
}

EngineOptions wine(Budget budget) {
  EngineOptions options;
  options.budgets["wine"] = budget;
  return options;
}

TEST(Budgets, ARunThatHasUsedItUpIsCancelledWithTheReason) {
  EngineWorld world;
  const Uuid run = submit(world, 1, "Default", {.cpu = 10s});
  end(world, "a", 4s);
  EXPECT_EQ(world.hands->started(), "a#1 b#1");
  end(world, "b", 7s);
  EXPECT_EQ(world.row(run).state, RunState::kCanceling);
  give_up(world, "c");
  EXPECT_EQ(world.row(run).state, RunState::kCanceled);
  EXPECT_EQ(world.row(run).error, "budget of the run is used up: 11 s of 10 s cpu");
  EXPECT_EQ(world.run_notices.back().error, world.row(run).error);
  EXPECT_EQ(world.hands->started(), "a#1 b#1 c#1");
  EXPECT_EQ(world.hands->stops.size(), 1U) << "told to the hands and taken back in one turn, before their flush";
}

TEST(Budgets, ARunThatEndsWithItEndsWell) {
  EngineWorld world;
  const Uuid run = submit(world, 1, "Default", {.cpu = 10s});
  end(world, "a", 1s);
  end(world, "b", 1s);
  end(world, "c", 60s);
  EXPECT_EQ(world.row(run).state, RunState::kSucceeded);
}

TEST(Budgets, ARunMayBePausedInstead) {
  EngineWorld world;
  const Uuid run = submit(world, 1, "Default", {.cpu = 10s, .pauses = true});
  end(world, "a", 12s);
  EXPECT_EQ(world.row(run).state, RunState::kPaused);
  EXPECT_EQ(world.row(run).error, "budget of the run is used up: 12 s of 10 s cpu");
  EXPECT_EQ(world.hands->calls.back(), "hold 1");
  // It stays so over a restart, and says why.
  world.forget_engine();
  ASSERT_TRUE(world.engine->recover());
  world.settle();
  EXPECT_EQ(world.row(run).state, RunState::kPaused);
  EXPECT_EQ(world.row(run).error, "budget of the run is used up: 12 s of 10 s cpu");
  ASSERT_TRUE(world.engine->resume(run));
  world.settle();
  EXPECT_EQ(world.row(run).state, RunState::kPaused) << "nothing has changed";
}

TEST(Budgets, OfAnExperimentIsThatOfAllItsRuns) {
  EngineWorld world(wine({.cpu = 10s}));
  const Uuid first = submit(world, 1, "wine");
  for (const char* task : {"a", "b", "c"}) end(world, task, 2s);
  EXPECT_EQ(world.row(first).state, RunState::kSucceeded);
  const Uuid other = submit(world, 2, "beer");
  end(world, "a", 100s);
  EXPECT_EQ(world.row(other).state, RunState::kRunning);
  // Of an engine that has not seen the first one.
  world.forget_engine();
  const Uuid second = submit(world, 3, "wine");
  EXPECT_EQ(world.row(second).state, RunState::kRunning);
  end(world, "a", 5s);
  give_up(world, "b");
  EXPECT_EQ(world.row(second).state, RunState::kCanceled);
  EXPECT_EQ(world.row(second).error, "budget of experiment 'wine' is used up: 11 s of 10 s cpu");
  const Uuid third = submit(world, 4, "wine");
  give_up(world, "a");
  EXPECT_EQ(world.row(third).state, RunState::kCanceled) << "nothing of it has started";
  EXPECT_EQ(world.row(third).error, "budget of experiment 'wine' is used up: 11 s of 10 s cpu");
}

TEST(Budgets, OfAnExperimentStopsAllRunsOfIt) {
  EngineWorld world(wine({.cpu = 10s, .pauses = true}));
  const Uuid first = submit(world, 1, "wine");
  const Uuid second = submit(world, 2, "wine");
  end(world, "a", 15s);  // of the second
  EXPECT_EQ(world.row(first).state, RunState::kPaused);
  EXPECT_EQ(world.row(second).state, RunState::kPaused);
}

TEST(Budgets, ARunThatIsRetriedIsCountedOnce) {
  EngineWorld world(wine({.cpu = 10s}));
  const Uuid run = submit(world, 1, "wine");
  end(world, "a", 6s);
  world.hands->fail("b");
  world.settle();
  EXPECT_EQ(world.row(run).state, RunState::kFailed);
  ASSERT_TRUE(world.engine->retry(run));
  world.settle();
  EXPECT_EQ(world.row(run).state, RunState::kRunning);
  end(world, "b", 3s);
  EXPECT_EQ(world.row(run).state, RunState::kRunning);
  end(world, "c", 3s);
  EXPECT_EQ(world.row(run).state, RunState::kSucceeded);
}

TEST(Budgets, PriorityAndBudgetReadBackFromASubmission) {
  const Submission submission{.priority = -3, .budget = {.wall = 90s, .pauses = true}};
  const Submission again = submission_from_value(parse_json(to_json(to_value(submission))).value());
  EXPECT_EQ(again.priority, -3);
  EXPECT_EQ(again.budget, submission.budget);
}

}  // namespace
}  // namespace sluice
