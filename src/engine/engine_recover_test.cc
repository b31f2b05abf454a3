// What a server makes of the runs that one before it left in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kChain = pipeline_text(step_line("a") + step_line("b", "a"));
const std::string kDeadline = "---\nplatforms: {kubernetes: {pipelineConfig: {activeDeadlineSeconds: 60}}}\n";

// The engine dies, and another one takes over.
void recover(EngineWorld& world) {
  world.forget_engine();
  const Status recovered = world.engine->recover();
  EXPECT_TRUE(recovered.has_value()) << recovered.error().message;
}

TEST(EngineRecover, ARunGoesOnWhereItWas) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->began("b");
  world.settle();
  recover(world);
  EXPECT_THAT(world.hands->calls, ElementsAre("again b#1")) << "before the first flush";
  EXPECT_EQ(world.hands->flushes, 0);
  EXPECT_TRUE(world.engine->is_active(uuid));
  EXPECT_EQ(world.state_of(uuid, "root/b"), "RUNNING");
  world.hands->succeed("b", y_is(2));
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kSucceeded);
  EXPECT_EQ(world.journal_kinds(uuid), "run_began attempt_succeeded attempt_succeeded");
  EXPECT_EQ(world.told_states(), "RUNNING SUCCEEDED");
}

TEST(EngineRecover, ARunThatNeverBeganBegins) {
  EngineWorld world;
  const auto uuid = world.try_submit({.spec = kChain});
  ASSERT_TRUE(uuid.has_value());
  recover(world);
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1"));
  EXPECT_EQ(world.journal_kinds(*uuid), "run_began");
}

TEST(EngineRecover, ABackOffGoesOn) {
  EngineWorld world;
  const Uuid uuid = world.submit(pipeline_text(step_line("a", "", ", retryPolicy: {maxRetryCount: 1, backoffDuration: 60s}")));
  world.hands->fail("a");
  world.settle();
  world.clock.advance(60s);
  recover(world);
  EXPECT_THAT(world.hands->calls, ElementsAre());
  EXPECT_TRUE(world.serve_until([&] { return world.hands->started() == "a#2"; })) << "its time had come";
  EXPECT_EQ(world.journal_kinds(uuid), "run_began attempt_failed timer_fired");
}

TEST(EngineRecover, TheDeadlineOfARunCountsFromItsBeginning) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain + kDeadline);
  world.clock.advance(59s);
  recover(world);
  EXPECT_GT(world.loop.next_timer().value_or(0s), 0s);
  EXPECT_LE(world.loop.next_timer().value_or(0s), 1s);
  world.clock.advance(1s);
  recover(world);
  EXPECT_TRUE(world.serve_until([&] { return !world.hands->stops.empty(); }));
  EXPECT_EQ(world.row(uuid).state, RunState::kCanceling);
}

TEST(EngineRecover, TheDeadlineOfAnAttemptCountsFromItsBeginning) {
  EngineWorld world;
  world.submit(pipeline_text(step_line("a")) +
               "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: {activeDeadlineSeconds: 60}}}}}\n");
  const Instant began = world.clock.now();
  world.hands->began("a");
  world.settle();
  EXPECT_LE(world.loop.next_timer().value_or(0s), 60s);
  EXPECT_GT(world.loop.next_timer().value_or(0s), 50s);
  world.clock.advance(61s);
  recover(world);
  const AttemptOrder& order = world.hands->newest("a");
  world.hands->listener.report(order.run, AttemptStarted{order.task, order.attempt, began}, {});
  EXPECT_TRUE(world.serve_until([&] { return !world.hands->stops.empty(); }));
  EXPECT_EQ(world.hands->stops.front().why, FailureKind::kTimeout);
}

TEST(EngineRecover, WhatWasToldToStopIsToldAgain) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  ASSERT_TRUE(world.engine->cancel(uuid, "bored").has_value());
  world.settle();
  recover(world);
  EXPECT_THAT(world.hands->calls, ElementsAre("again a#1", "stop 1#1"));
  EXPECT_EQ(world.row(uuid).state, RunState::kCanceling);
  world.hands->fail("a", FailureKind::kExit, 143);
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kCanceled);
}

TEST(EngineRecover, APausedRunIsHeldBeforeItsOrders) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  ASSERT_TRUE(world.engine->pause(uuid).has_value());
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1", "hold 1"));
  recover(world);
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("hold 1", "again a#1"));
  EXPECT_EQ(world.row(uuid).state, RunState::kPaused);
  EXPECT_EQ(world.engine->pause(uuid).error().code, Code::kConflict);
  ASSERT_TRUE(world.engine->resume(uuid).has_value());
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "let go 1");
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
}

TEST(EngineRecover, ARetryThatWasCutShortIsCarriedOut) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->fail("a");
  world.settle();
  ASSERT_TRUE(world.engine->retry(uuid).has_value());
  world.store.failures = -1;
  world.store.writes_before_it_fails = true;
  world.settle();
  EXPECT_EQ(world.hands->started(), "a#1");
  world.store.failures = 0;
  recover(world);
  EXPECT_THAT(world.hands->calls, ElementsAre("again a#2"));
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
}

TEST(EngineRecover, ARunThatDoesNotReadBackIsInterruptedAndTheOthersGoOn) {
  EngineWorld world;
  const Uuid bad = world.submit(kChain, 1);
  const Uuid short_one = world.submit(kChain, 2);
  const Uuid good = world.submit(kChain, 3);
  const RunRow row = world.row(bad);
  const Write nonsense{
      .run = row.id, .expected_seq = row.seq, .entries = {{.seq = row.seq + 1, .kind = "nonsense", .payload = "{}"}}};
  ASSERT_TRUE(world.store.commit(std::array{nonsense}, Sync::kNormal).has_value());
  world.store.has_lost_journal_of = world.row(short_one).id;
  recover(world);
  EXPECT_EQ(world.row(bad).state, RunState::kInterrupted);
  EXPECT_EQ(world.row(bad).error, "it cannot go on: journal entry 'nonsense': no such kind of event");
  EXPECT_EQ(world.row(short_one).state, RunState::kInterrupted);
  EXPECT_EQ(world.row(short_one).error, "it cannot go on: its journal ends at entry 0 of 1");
  EXPECT_FALSE(world.engine->is_active(bad));
  EXPECT_TRUE(world.engine->is_active(good));
  EXPECT_THAT(world.hands->calls, ElementsAre("again a#1"));
  EXPECT_EQ(world.told_states(), "RUNNING RUNNING RUNNING INTERRUPTED INTERRUPTED");
}

TEST(EngineRecover, ARunThatCannotRunHereAnyMoreIsInterrupted) {
  EngineWorld world({.sites = {.images = {{"mine", "host"}}}});
  std::string text = kChain;
  text.replace(text.find("alpine"), 6, "mine");
  const Uuid uuid = world.submit(text);
  world.options.sites.images.clear();
  recover(world);
  EXPECT_EQ(world.row(uuid).state, RunState::kInterrupted);
  EXPECT_THAT(world.row(uuid).error, HasSubstr("image 'mine' cannot run without a container engine"));
  EXPECT_TRUE(world.engine->idle());
}

TEST(EngineRecover, AStoreThatCannotBeReadInterruptsNobody) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.forget_engine();
  world.store.cannot_read = true;
  const Status recovered = world.engine->recover();
  ASSERT_FALSE(recovered.has_value());
  EXPECT_EQ(recovered.error().code, Code::kUnavailable);
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
  EXPECT_TRUE(world.engine->idle());
}

TEST(EngineRecover, AnOwnerThatIsNoServerLeavesTheRunsOfAServerAlone) {
  EngineWorld world({.is_server = true});
  const auto kept = world.try_submit({.spec = kChain, .cache = false, .labels = {{"team", "blue"}}}, 1);
  world.settle();
  EXPECT_EQ(to_json(world.row(*kept).options), R"({"cache":false,"labels":{"team":"blue"},"server":true})");
  world.options.is_server = false;
  world.forget_engine();
  const Uuid orphan = world.submit(kChain, 2);
  EXPECT_EQ(to_json(world.row(orphan).options), R"({"cache":true})");
  world.forget_engine();
  ASSERT_TRUE(world.engine->adopt_orphans().has_value());
  EXPECT_EQ(world.row(*kept).state, RunState::kRunning);
  EXPECT_EQ(world.row(orphan).state, RunState::kInterrupted);
}

TEST(EngineRecover, TheClockOfAJournalDoesNotGoBack) {
  EngineWorld world({.snapshot_events = 1});
  const Uuid uuid = world.submit(kChain);
  world.hands->succeed("a", y_is(1));
  world.settle();
  ASSERT_TRUE(world.engine->settle().has_value());
  world.clock.advance(-1h);
  recover(world);
  world.hands->succeed("b", y_is(1));
  world.settle();
  const auto journal = world.journal(uuid);
  ASSERT_EQ(journal.size(), 3U);
  EXPECT_EQ(journal[2].at, journal[1].at);
  EXPECT_EQ(world.row(uuid).ended, journal[1].at);
}

// --- Snapshots --------------------------------------------------------------------------------------------------------
std::string steps(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += step_line("t" + std::to_string(100 + i), i == 0 ? "" : "t" + std::to_string(99 + i));
  return pipeline_text(text);
}

void succeed_all_but_one(EngineWorld& world, int count) {
  for (int i = 0; i + 1 < count; ++i) {
    world.hands->succeed("t" + std::to_string(100 + i), y_is(i));
    world.settle();
  }
}

TEST(EngineRecover, ASnapshotSavesReadingTheJournal) {
  EngineWorld world({.snapshot_events = 5});
  const Uuid uuid = world.submit(steps(4));
  succeed_all_but_one(world, 4);
  EXPECT_FALSE(world.store.snapshot(world.row(uuid).id).value().has_value());
  world.hands->fail("t103", FailureKind::kLost);
  world.settle();
  const auto snapshot = world.store.snapshot(world.row(uuid).id).value();
  ASSERT_TRUE(snapshot.has_value()) << "five events, five nodes";
  EXPECT_EQ(snapshot->seq, 5U);
  EXPECT_TRUE(world.serve_until([&] { return world.hands->started().ends_with("t103#2"); }));
  EXPECT_EQ(world.row(uuid).seq, 6U);
  world.store.entries_read = 0;
  recover(world);
  EXPECT_EQ(world.store.entries_read, 2U) << "the one of the snapshot, and the one after it";
  EXPECT_THAT(world.hands->calls, ElementsAre("again t103#2"));
}

TEST(EngineRecover, ACleanStopLeavesASnapshotOfEveryRun) {
  EngineWorld world;
  const Uuid uuid = world.submit(steps(14));
  succeed_all_but_one(world, 14);
  EXPECT_FALSE(world.store.snapshot(world.row(uuid).id).value().has_value()) << "it is a small run";
  world.hands->began("t113");
  world.hands->fail("t113", FailureKind::kLost);
  ASSERT_TRUE(world.engine->settle().has_value());
  EXPECT_EQ(world.row(uuid).seq, 15U) << "what was heard is remembered";
  world.settle();
  EXPECT_EQ(world.loop.next_timer(), std::nullopt) << "and not carried out";
  const auto snapshot = world.store.snapshot(world.row(uuid).id).value();
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->seq, 15U);
  EXPECT_EQ(snapshot->version, kSnapshotVersion);
  world.store.entries_read = 0;
  recover(world);
  EXPECT_EQ(world.store.entries_read, 1U);
  EXPECT_NE(world.loop.next_timer(), std::nullopt) << "the back-off";
  EXPECT_TRUE(world.engine->is_active(uuid));
}

TEST(EngineRecover, ASnapshotThatDoesNotReadBackCostsOnlyTime) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->succeed("a", y_is(1));
  world.settle();
  for (const auto& [version, text] : {std::pair(kSnapshotVersion, "nonsense"), std::pair(99, "{}")}) {
    const RunRow row = world.row(uuid);
    const Write bad{.run = row.id, .expected_seq = row.seq, .snapshot = Snapshot{row.seq, version, text}};
    ASSERT_TRUE(world.store.commit(std::array{bad}, Sync::kNormal).has_value());
    recover(world);
    EXPECT_THAT(world.hands->calls, ElementsAre("again b#1"));
  }
}

TEST(EngineRecover, ARetryReadsTheSnapshot) {
  EngineWorld world({.snapshot_events = 1});
  const Uuid uuid = world.submit(steps(14));
  succeed_all_but_one(world, 14);
  ASSERT_TRUE(world.engine->settle().has_value());
  recover(world);
  world.hands->fail("t113");
  world.settle();
  ASSERT_EQ(world.row(uuid).state, RunState::kFailed);
  world.store.entries_read = 0;
  ASSERT_TRUE(world.engine->retry(uuid).has_value());
  EXPECT_EQ(world.store.entries_read, 2U) << "the one of the snapshot, and the one after it";
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "start t113#2");
}

}  // namespace
}  // namespace sluice
