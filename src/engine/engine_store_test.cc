// What the engine does when the store cannot be written, and what another engine makes of what one has left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kChain = pipeline_text(step_line("a") + step_line("b", "a"));

TEST(EngineStore, NothingIsCarriedOutWhileTheStoreCannotBeWritten) {
  EngineWorld world;
  world.store.failures = 3;
  const Uuid uuid = world.submit(kChain);
  EXPECT_EQ(world.hands->started(), "");
  EXPECT_EQ(world.hands->flushes, 0) << "a flush would acknowledge what is not remembered";
  EXPECT_TRUE(world.task_notices.empty());
  EXPECT_TRUE(world.serve_until([&] { return world.hands->started() == "a#1"; }));
  EXPECT_EQ(world.store.tries, 4);
  ASSERT_EQ(world.troubles.size(), 4U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.troubles.at(static_cast<std::size_t>(i)).code, Code::kUnavailable);
  EXPECT_EQ(world.troubles[3].code, Code::kInternal) << "it works again";
  EXPECT_EQ(world.troubles[3].message, "");
  EXPECT_EQ(world.journal_kinds(uuid), "run_began");
}

TEST(EngineStore, WhatHappensMeanwhileIsRememberedAfterwards) {
  EngineWorld world;
  const Uuid uuid = world.submit(pipeline_text(step_line("a") + step_line("b") + step_line("c", "a")));
  world.store.failures = 5;
  world.hands->succeed("a", y_is(1));
  world.settle();
  const int flushes = world.hands->flushes;
  world.hands->succeed("b", y_is(2));
  ASSERT_TRUE(world.engine->cancel(uuid, "tired of waiting").has_value());
  world.settle();
  EXPECT_EQ(world.hands->flushes, flushes);
  EXPECT_EQ(world.state_of(uuid, "root/b"), "QUEUED");
  EXPECT_TRUE(world.serve_until([&] { return !world.hands->stops.empty(); }));
  EXPECT_EQ(world.hands->started(), "a#1 b#1 c#1") << "c was on its way when the run was cancelled";
  EXPECT_EQ(world.journal_kinds(uuid), "run_began attempt_succeeded attempt_succeeded cancel_asked");
  EXPECT_EQ(world.state_of(uuid, "root/b"), "SUCCEEDED");
  EXPECT_GT(world.hands->flushes, flushes);
}

TEST(EngineStore, PatienceEnds) {
  EngineWorld world({.store_patience = 30s});
  world.store.failures = -1;
  world.submit(kChain);
  EXPECT_TRUE(world.serve_until([&] { return world.troubles.size() > 2; }));
  EXPECT_EQ(world.troubles.back().code, Code::kUnavailable);
  world.clock.advance(31s);
  EXPECT_TRUE(world.serve_until([&] { return world.troubles.back().code == Code::kInternal; }));
  EXPECT_EQ(world.troubles.back().message, "disk full");
  EXPECT_EQ(world.troubles.back().hint, "make room");
  EXPECT_EQ(world.hands->started(), "");
  const int tries = world.store.tries;
  world.settle();
  EXPECT_EQ(world.store.tries, tries) << "it is not tried again";
}

TEST(EngineStore, PatienceBeginsAnewAfterASuccess) {
  EngineWorld world({.store_patience = 30s});
  world.store.failures = 1;
  world.submit(kChain);
  EXPECT_TRUE(world.serve_until([&] { return world.hands->started() == "a#1"; }));
  world.clock.advance(31s);
  world.store.failures = 1;
  world.hands->succeed("a", y_is(1));
  EXPECT_TRUE(world.serve_until([&] { return world.hands->started() == "a#1 b#1"; }));
}

TEST(EngineStore, AnErrorThatWillNotPassIsFinalAtOnce) {
  EngineWorld world;
  world.store.failures = -1;
  world.store.error = {Code::kConflict, "another engine is writing to it", ""};
  world.submit(kChain);
  ASSERT_EQ(world.troubles.size(), 1U);
  EXPECT_EQ(world.troubles[0].code, Code::kInternal);
  EXPECT_EQ(world.troubles[0].message, "another engine is writing to it");
  EXPECT_EQ(world.store.tries, 1);
}

TEST(EngineStore, RunsOfADeadOwnerAreInterruptedAndGoOnWhenRetried) {
  EngineWorld world;
  const Uuid uuid = world.submit(pipeline_text(step_line("a") + step_line("b") + step_line("c", "a, b")));
  const Instant began = world.row(uuid).began;
  world.hands->began("a");
  world.hands->succeed("a", y_is(5));
  world.hands->began("b");
  world.settle();
  world.forget_engine();
  world.clock.advance(1h);
  ASSERT_TRUE(world.engine->adopt_orphans().has_value());
  EXPECT_EQ(world.row(uuid).state, RunState::kInterrupted);
  EXPECT_EQ(world.row(uuid).error, "its owner ended in the middle");
  EXPECT_EQ(world.engine->cancel(uuid, "").error().code, Code::kConflict);

  const TaskRow before = world.task(uuid, "root/a");
  ASSERT_TRUE(world.engine->retry(uuid).has_value());
  EXPECT_EQ(world.engine->retry(uuid).error().code, Code::kConflict) << "it is running";
  world.settle();
  EXPECT_EQ(world.hands->started(), "b#2") << "what succeeded is not run again";
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
  EXPECT_EQ(world.row(uuid).error, "");
  EXPECT_EQ(world.row(uuid).began, began);
  world.hands->succeed("b", y_is(6));
  world.settle();
  world.hands->succeed("c", y_is(7));
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kSucceeded);
  // A replay does not know when a leaf began; the rows of what had ended do.
  const TaskRow after = world.task(uuid, "root/a");
  EXPECT_NE(before.began, Instant{});
  EXPECT_EQ(after.began, before.began);
  EXPECT_EQ(after.ended, before.ended);
  EXPECT_EQ(after.outputs, before.outputs);
}

TEST(EngineStore, ARunThatNeverBeganBeginsWhenRetried) {
  EngineWorld world;
  world.store.failures = -1;
  const Uuid uuid = world.submit(kChain);
  EXPECT_EQ(world.row(uuid).state, RunState::kPending);
  world.forget_engine();
  world.store.failures = 0;
  ASSERT_TRUE(world.engine->adopt_orphans().has_value());
  EXPECT_EQ(world.row(uuid).state, RunState::kInterrupted);
  ASSERT_TRUE(world.engine->retry(uuid).has_value());
  world.settle();
  EXPECT_EQ(world.journal_kinds(uuid), "run_began");
  EXPECT_EQ(world.hands->started(), "a#1");
}

TEST(EngineStore, AFailedRunIsRetriedByAnotherEngine) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->fail("b", FailureKind::kExit, 1, "exit code 1");
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kFailed);
  world.forget_engine();
  ASSERT_TRUE(world.engine->adopt_orphans().has_value());
  EXPECT_EQ(world.row(uuid).state, RunState::kFailed) << "it has ended by itself";
  world.clock.advance(1s);
  ASSERT_TRUE(world.engine->retry(uuid).has_value());
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
  EXPECT_EQ(world.row(uuid).error, "");
  EXPECT_EQ(world.row(uuid).ended, Instant{});
  EXPECT_EQ(world.hands->started(), "b#2");
  world.hands->succeed("b", y_is(2));
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kSucceeded);
  EXPECT_EQ(world.engine->retry(uuid).error().code, Code::kConflict) << "there is nothing to run again";
  EXPECT_EQ(world.engine->retry(EngineWorld::uuid_of(9)).error().code, Code::kNotFound);
}

TEST(EngineStore, ARetryKeepsNameParametersAndContext) {
  EngineWorld world;
  const std::string text =
      pipeline_text("      a: {componentRef: {name: comp-step}, inputs: {parameters: {x: {componentInputParameter: n}}}}\n", "",
                    "  inputDefinitions: {parameters: {n: {parameterType: NUMBER_INTEGER, defaultValue: 1}}}\n");
  const auto uuid = world.try_submit({.spec = text, .parameters = {{"n", 42}}, .name = "mine", .experiment = "wine"});
  ASSERT_TRUE(uuid.has_value());
  world.settle();
  const RunContext context = world.hands->newest("a").plan->context;
  EXPECT_EQ(context.display_name, "mine");
  world.hands->fail("a");
  world.settle();
  world.forget_engine();
  world.clock.advance(1h);
  ASSERT_TRUE(world.engine->retry(*uuid).has_value());
  world.settle();
  EXPECT_EQ(world.hands->newest("a").inputs.parameters.at("x"), Value(42));
  EXPECT_EQ(to_value(world.hands->newest("a").plan->context), to_value(context));
  EXPECT_EQ(world.row(*uuid).experiment, "wine");
}

TEST(EngineStore, TheClockOfAJournalDoesNotGoBack) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->fail("a");
  world.settle();
  world.forget_engine();
  world.clock.advance(-1h);
  ASSERT_TRUE(world.engine->retry(uuid).has_value());
  world.settle();
  const auto journal = world.journal(uuid);
  ASSERT_EQ(journal.size(), 3U);
  EXPECT_EQ(journal[2].at, journal[1].at);
}

TEST(EngineStore, AJournalThatDoesNotReadBackIsNotRunAgain) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->fail("a");
  world.settle();
  const RunRow row = world.row(uuid);
  const Write bad{.run = row.id, .expected_seq = row.seq, .entries = {{.seq = row.seq + 1, .kind = "nonsense", .payload = "{}"}}};
  ASSERT_TRUE(world.store.commit(std::array{bad}, Sync::kNormal).has_value());
  const auto retried = world.engine->retry(uuid);
  ASSERT_FALSE(retried.has_value());
  EXPECT_EQ(retried.error().code, Code::kCorrupt);
  EXPECT_THAT(retried.error().message, HasSubstr("nonsense"));
  EXPECT_FALSE(world.engine->is_active(uuid));
}

}  // namespace
}  // namespace sluice
