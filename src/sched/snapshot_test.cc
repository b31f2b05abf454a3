// Snapshots as text. That every state reads back is what the simulation tests; here stands what a text must not do.
#include <gtest/gtest.h>

#include "base/json.h"
#include "sched/testing.h"

namespace sluice::testing {
namespace {

const Instant kNow = from_micros(1'000'000'000'000'000);

std::string refusal(const Plan& plan, std::string_view text) {
  const auto read = state_from_snapshot(plan, kSnapshotVersion, text);
  if (read) return "it is taken";
  return std::string(code_name(read.error().code)) + " " + read.error().message;
}

TEST(Snapshot, SaysOnlyWhatIsNotTheDefault) {
  const auto plan = plan_from("load -> y\ntrain x=load.y retry:1 backoff:5s");
  State state;
  EXPECT_EQ(snapshot_text(state), R"({"run":"PENDING","nodes":[],"values":[]})");
  step(*plan, state, RunBegan{}, kNow);
  step(*plan, state, AttemptStarted{TaskId{1}, 1}, kNow);
  EXPECT_EQ(snapshot_text(state), R"({"run":"RUNNING","began":1000000000000000,"nodes":[)"
                                  R"({"state":"RUNNING","begun":true,"attempt":1,"waiting_for":2,"began":1000000000000000},)"
                                  R"({"parent":0,"state":"QUEUED","begun":true,"attempt":1,"began":1000000000000000},)"
                                  R"({"parent":0,"waiting_for":1}],"values":[]})");
}

TEST(Snapshot, AListThatManyNodesShareIsWrittenOnceAndSharedAgain) {
  const auto plan = plan_from("load -> rows[list]\nloop each:i=rows rows[list]=load.rows\n  fit x=^i all[list]=^rows");
  State state;
  step(*plan, state, RunBegan{}, kNow);
  TaskData outputs;
  outputs.parameters.emplace("rows", List(1'000, Value(123'456)));
  step(*plan, state, AttemptSucceeded{TaskId{1}, 1, outputs}, kNow);
  ASSERT_EQ(state.nodes.size(), 2'003U);
  const std::string text = snapshot_text(state);
  EXPECT_LT(text.size(), 500'000U) << "two thousand lists of a thousand numbers would be 14 MB";
  const auto read = state_from_snapshot(*plan, kSnapshotVersion, text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(dump(*plan, *read), dump(*plan, state));
  const auto list_of = [&](std::int64_t id) { return &read->at(TaskId{id}).inputs.parameters.at("all").as_list(); };
  EXPECT_EQ(list_of(1'500), list_of(1'501));
}

TEST(Snapshot, InstantsBeyondAllCountingReadBack) {
  const auto plan = plan_from("pipeline deadline:8000000000000s\ntrain");
  State state;
  step(*plan, state, RunBegan{}, Instant::max() - std::chrono::seconds(1));
  ASSERT_EQ(state.at(TaskId{0}).due, Instant::max());
  const auto read = state_from_snapshot(*plan, kSnapshotVersion, snapshot_text(state));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->at(TaskId{0}).due, Instant::max());
}

TEST(Snapshot, AFormOfTheFutureIsNotCorrupt) {
  const auto plan = plan_from("load");
  const auto read = state_from_snapshot(*plan, kSnapshotVersion + 1, "?");
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Code::kUnavailable);
  EXPECT_EQ(read.error().message, "snapshot of a run: its form is version 2, this build reads 1");
}

TEST(Snapshot, WhatIsNoStateOfThePlanIsCorrupt) {
  const auto plan = plan_from("load\nloop each:i=[1,2] x=3\n  fit x=^i");
  const auto nodes = [&](const std::string& text) {
    return refusal(*plan, R"({"run":"RUNNING","nodes":[)" + text + R"(],"values":[[1,2]]})");
  };
  const std::string corrupt = "corrupt snapshot of a run: ";
  EXPECT_EQ(refusal(*plan, R"({"run":"RUNNING"})"), corrupt + "it has no 'nodes' or no 'values'");
  EXPECT_EQ(refusal(*plan, R"([])"), corrupt + "it has no state of the run");
  EXPECT_EQ(refusal(*plan, R"({"run":"INTERRUPTED","nodes":[],"values":[]})"), corrupt + "it has no state of the run");
  EXPECT_EQ(refusal(*plan, R"({"run":"PENDING","nodes":[{}],"values":[]})"), corrupt + "a run that has begun has nodes");
  EXPECT_EQ(refusal(*plan, R"({"run":"RUNNING","began":-1,"nodes":[{}],"values":[]})"), corrupt + "'began' is out of range");
  EXPECT_EQ(nodes(""), corrupt + "a run that has begun has nodes");
  EXPECT_EQ(nodes("{}"), "it is taken");
  EXPECT_EQ(nodes(R"({"begun":true})"), corrupt + "node 0 is not one of this plan") << "it has no children";
  EXPECT_EQ(nodes(R"({},{"parent":0})"), corrupt + "node 0 is not one of this plan") << "half of its children";
  EXPECT_EQ(nodes(R"({},{"parent":1})"), corrupt + "node 1: 'parent' is out of range");
  EXPECT_EQ(nodes(R"({},{},{},{})"), corrupt + "node 3: its parent has no place for it");
  EXPECT_EQ(nodes(R"({},{},{},{"parent":1})"), corrupt + "node 3: its parent has no place for it") << "load is a leaf";
  EXPECT_EQ(nodes(R"({},{},{"parent":0,"begun":true},{"parent":2})"), corrupt + "node 2 is not one of this plan") << "no items";
  EXPECT_EQ(nodes(R"({},{},{},{"parent":2})"), "it is taken") << "left from before a retry";
  EXPECT_EQ(nodes(R"({},{},{"parent":0,"begun":true,"items":[1]},{"parent":2})"), "it is taken");
  EXPECT_EQ(nodes(R"({},{},{"parent":0,"children":2},{"parent":2})"), corrupt + "node 2 is not one of this plan");
  EXPECT_EQ(nodes(R"({},{"items":[1]},{})"), corrupt + "node 1: it has no items");
  EXPECT_EQ(nodes(R"({},{"children":1},{})"), corrupt + "node 1 is not one of this plan");
  EXPECT_EQ(nodes(R"({},{"state":"BORED"},{})"), corrupt + "node 1: unknown state");
  EXPECT_EQ(nodes(R"({},{"attempt":2147483647},{})"), corrupt + "node 1: 'attempt' is out of range");
  EXPECT_EQ(nodes(R"({},{"attempt":1.5},{})"), corrupt + "node 1: 'attempt' is out of range");
  EXPECT_EQ(nodes(R"({},{"first_failed":3},{})"), corrupt + "node 1 is not one of this plan");
  EXPECT_EQ(nodes(R"({"inputs":{"parameters":{"x":[0]}}},{},{})"), "it is taken");
  EXPECT_EQ(nodes(R"({"inputs":{"parameters":{"x":[1]}}},{},{})"), corrupt + "node 0: no such value");
  EXPECT_EQ(nodes(R"({"inputs":{"parameters":{"x":[]}}},{},{})"), corrupt + "node 0: no such value");
  EXPECT_EQ(nodes(R"({"inputs":{"parameters":{"x":{}}}},{},{})"), corrupt + "node 0: a struct stands outside of 'values'");
}

TEST(Snapshot, ComponentsNestedBeyondAllReasonAreCorrupt) {
  std::string text;
  for (std::size_t i = 0; i < 120; ++i) text += std::string(i * 2, ' ') + "t\n";
  const auto plan = plan_from(text);
  std::string nodes = "{}";
  for (std::size_t i = 0; i < 120; ++i) nodes += R"(,{"parent":)" + std::to_string(i) + "}";
  EXPECT_EQ(refusal(*plan, R"({"run":"RUNNING","nodes":[)" + nodes + R"(],"values":[]})"),
            "corrupt snapshot of a run: node 101: its parent has no place for it");
}

TEST(Snapshot, ARunOfFiftyThousandTasksReadsBack) {
  constexpr std::size_t kItems = 25'000;
  std::string items = "0";
  for (std::size_t i = 1; i < kItems; ++i) items += "," + std::to_string(i);
  const auto plan = plan_from("loop each:i=[" + items + "] -> y=fit.y\n  fit x=^i -> y");
  State state;
  step(*plan, state, RunBegan{}, kNow);
  ASSERT_EQ(state.nodes.size(), 2 * kItems + 2);
  const std::string text = snapshot_text(state);
  EXPECT_LT(text.size(), 200 * state.nodes.size());
  const auto read = state_from_snapshot(*plan, kSnapshotVersion, text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(snapshot_text(*read), text);
}

}  // namespace
}  // namespace sluice::testing
