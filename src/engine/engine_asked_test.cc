// What is asked of the engine from outside: pauses, removals, keys, figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kChain = pipeline_text(step_line("a") + step_line("b", "a"));

TEST(EngineAsked, APausedRunIsHeldAndLetGo) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  ASSERT_TRUE(world.engine->pause(uuid).has_value());
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1", "hold 1", "start b#1")) << "b is ordered after the hold";
  EXPECT_EQ(world.row(uuid).state, RunState::kPaused);
  EXPECT_EQ(world.engine->figures().paused, 1U);
  EXPECT_EQ(world.journal_kinds(uuid), "run_began pause_asked attempt_succeeded");
  ASSERT_TRUE(world.engine->resume(uuid).has_value());
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "let go 1");
  world.hands->succeed("b", y_is(1));
  world.settle();
  EXPECT_EQ(world.told_states(), "RUNNING PAUSED RUNNING SUCCEEDED");
  std::string history;
  const auto changes = world.store.state_history(world.row(uuid).id).value();
  for (const StateChange& change : changes) history += std::string(state_name(change.state)) + " ";
  EXPECT_EQ(history, "PENDING RUNNING PAUSED RUNNING SUCCEEDED ");
}

TEST(EngineAsked, WhatIsAskedBetweenTwoTurnsCounts) {
  EngineWorld world;
  const auto uuid = world.try_submit({.spec = kChain});
  ASSERT_TRUE(uuid.has_value());
  EXPECT_EQ(world.engine->resume(*uuid).error().message, "run " + uuid->text() + " is RUNNING, not PAUSED");
  ASSERT_TRUE(world.engine->pause(*uuid).has_value());
  EXPECT_EQ(world.engine->pause(*uuid).error().code, Code::kConflict);
  ASSERT_TRUE(world.engine->resume(*uuid).has_value());
  ASSERT_TRUE(world.engine->cancel(*uuid, "").has_value());
  EXPECT_EQ(world.engine->pause(*uuid).error().message, "run " + uuid->text() + " is CANCELING, not RUNNING");
  world.settle();
  EXPECT_EQ(world.journal_kinds(*uuid), "run_began pause_asked resume_asked cancel_asked");
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1", "stop 1#1")) << "nobody had seen it paused";
}

TEST(EngineAsked, APausedRunCanBeCancelled) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  ASSERT_TRUE(world.engine->pause(uuid).has_value());
  world.settle();
  ASSERT_TRUE(world.engine->cancel(uuid, "").has_value());
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1", "hold 1", "stop 1#1", "let go 1"));
  world.hands->fail("a");
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kCanceled);
  EXPECT_EQ(world.hands->calls.back(), "release 1");
}

TEST(EngineAsked, OnlyARunThatRunsCanBePaused) {
  EngineWorld world;
  EXPECT_EQ(world.engine->pause(EngineWorld::uuid_of(9)).error().code, Code::kNotFound);
  EXPECT_EQ(world.engine->resume(EngineWorld::uuid_of(9)).error().code, Code::kNotFound);
  const Uuid uuid = world.submit(kChain);
  world.hands->fail("a");
  world.settle();
  EXPECT_EQ(world.engine->pause(uuid).error().message, "run " + uuid.text() + " is FAILED, not running");
  EXPECT_EQ(world.engine->resume(uuid).error().code, Code::kConflict);
}

TEST(EngineAsked, ARemovedRunIsStoppedAndForgotten) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->began("a");
  world.settle();
  ASSERT_TRUE(world.engine->remove(uuid).has_value());
  EXPECT_EQ(world.store.run(uuid).error().code, Code::kNotFound);
  EXPECT_FALSE(world.engine->is_active(uuid));
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1", "stop 1#1", "release 1"));
  EXPECT_NE(world.hands->newest("a").site->notes.size(), 0U) << "its site is still there";
  world.hands->fail("a");
  world.settle();
  EXPECT_EQ(world.hands->started(), "a#1");
  EXPECT_TRUE(world.troubles.empty());
  EXPECT_EQ(world.engine->remove(uuid).error().code, Code::kNotFound);
}

TEST(EngineAsked, ARunThatHasEndedCanBeRemoved) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->fail("a");
  world.settle();
  ASSERT_TRUE(world.engine->remove(uuid).has_value());
  EXPECT_EQ(world.store.run(uuid).error().code, Code::kNotFound);
  EXPECT_EQ(world.engine->retry(uuid).error().code, Code::kNotFound);
}

TEST(EngineAsked, ARunIsRemovedInTheMiddleOfATurn) {
  EngineWorld world;
  world.engine->observe({.task = [&](const TaskNotice& notice) {
    if (notice.path != "root/b") return;
    EXPECT_TRUE(world.engine->remove(notice.run).has_value());
  }});
  const Uuid uuid = world.submit(kChain);
  EXPECT_EQ(world.hands->started(), "") << "its first attempt was on its way";
  EXPECT_THAT(world.hands->calls, ElementsAre("release 1"));
  EXPECT_EQ(world.store.run(uuid).error().code, Code::kNotFound);
}

TEST(EngineAsked, ARunWhoseRowsCannotBeRemovedGoesOn) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.store.failures = 1;
  EXPECT_EQ(world.engine->remove(uuid).error().code, Code::kUnavailable);
  world.store.failures = 0;
  EXPECT_TRUE(world.engine->is_active(uuid));
  EXPECT_TRUE(world.hands->stops.empty());
}

TEST(EngineAsked, TheSameKeyIsTheSameRun) {
  EngineWorld world;
  const auto first = world.try_submit({.spec = kChain, .key = "nightly"}, 1);
  world.settle();
  world.forget_engine();
  ASSERT_TRUE(world.engine->recover().has_value());
  const auto again = world.try_submit({.spec = kChain, .key = "nightly"}, 2);
  const auto other = world.try_submit({.spec = kChain, .key = "daily"}, 3);
  ASSERT_TRUE(first && again && other);
  EXPECT_EQ(*again, *first);
  EXPECT_EQ(*other, EngineWorld::uuid_of(3));
  EXPECT_EQ(world.store.run(EngineWorld::uuid_of(2)).error().code, Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(world.dir.run(EngineWorld::uuid_of(2).text())));
}

TEST(EngineAsked, FiguresCountWhatHappened) {
  EngineWorld world;
  world.submit(kChain, 1);
  world.hands->began("a");
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->fail("b", FailureKind::kLost);
  world.settle();
  const Uuid cancelled = world.submit(kChain, 2);
  ASSERT_TRUE(world.engine->cancel(cancelled, "").has_value());
  world.settle();
  world.hands->fail("a");
  world.hands->fail("a");
  world.settle();
  const EngineFigures figures = world.engine->figures();
  EXPECT_EQ(figures.runs, 1U);
  EXPECT_EQ(figures.runs_begun, 2U);
  EXPECT_EQ(figures.runs_canceled, 1U);
  EXPECT_EQ(figures.runs_succeeded + figures.runs_failed, 0U);
  EXPECT_EQ(figures.attempts_begun, 1U);
  EXPECT_EQ(figures.attempts_succeeded, 1U);
  EXPECT_EQ(figures.attempts_lost, 1U);
  EXPECT_EQ(figures.attempts_failed, 1U) << "the second time it was old news";
  EXPECT_EQ(figures.events, 6U);
  EXPECT_EQ(figures.commits, static_cast<std::uint64_t>(world.store.commits));
}

TEST(EngineAsked, TroubleIsToldUntilItIsOver) {
  EngineWorld world({.store_patience = std::nullopt});
  world.hands->listener.trouble({Code::kUnavailable, "no descriptors left", ""});
  EXPECT_EQ(world.engine->trouble()->message, "no descriptors left");
  world.store.failures = -1;
  world.submit(kChain);
  EXPECT_EQ(world.engine->trouble()->message, "disk full");
  world.clock.advance(1000h);
  EXPECT_TRUE(world.serve_until([&] { return world.store.tries > 3; })) << "it has all the time of the world";
  EXPECT_EQ(world.engine->trouble()->code, Code::kUnavailable);
  world.store.failures = 0;
  EXPECT_TRUE(world.serve_until([&] { return world.hands->started() == "a#1"; }));
  EXPECT_EQ(world.engine->trouble()->message, "no descriptors left");
  EXPECT_EQ(world.troubles.back().message, "no descriptors left");
  world.hands->listener.trouble({});
  EXPECT_EQ(world.engine->trouble(), std::nullopt);
  EXPECT_EQ(world.troubles.back().message, "");
}

TEST(EngineAsked, SubmissionsReadBackWithAllTheirFields) {
  Submission submission{.spec = "text", .description = "why", .key = "k", .labels = {{"team", "blue"}}};
  submission.pipeline = EngineWorld::uuid_of(1);
  submission.version = EngineWorld::uuid_of(2);
  const Submission again = submission_from_value(parse_json(to_json(to_value(submission))).value());
  EXPECT_EQ(to_value(again), to_value(submission));
  EXPECT_EQ(again.version, submission.version);
  EXPECT_EQ(again.labels, submission.labels);
  EXPECT_EQ(submission_from_value(Value()).pipeline, std::nullopt);
}

}  // namespace
}  // namespace sluice
