// What every RunStore promises about what becomes of a run: its states, its snapshot, its archiving, its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/test_stores.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RunHistoryConformance : public StoreTest {};

TEST_P(RunHistoryConformance, EveryNewStateIsAddedToTheHistory) {
  const RunId run = create(1);
  const auto to = [&](RunState state, std::int64_t at, const std::string& error = "") {
    return commit({.run = run, .change = RunChange{.state = state, .at = from_micros(at), .error = error}});
  };
  ASSERT_TRUE(succeeds(to(RunState::kRunning, 20)));
  ASSERT_TRUE(succeeds(to(RunState::kRunning, 25)));  // still
  ASSERT_TRUE(succeeds(to(RunState::kPaused, 30)));
  ASSERT_TRUE(succeeds(to(RunState::kRunning, 40)));
  EXPECT_TRUE(
      fails_with(commit({.run = run, .expected_seq = 9, .change = RunChange{.state = RunState::kPaused}}), Code::kConflict));
  ASSERT_TRUE(succeeds(to(RunState::kFailed, 50, "task 'fit': exit code 3")));
  std::vector<std::string> states;
  const auto history = store_->state_history(run).value();
  states.reserve(history.size());
  for (const StateChange& change : history)
    states.push_back(std::to_string(to_micros(change.at)) + " " + std::string(state_name(change.state)) + " " + change.error);
  EXPECT_THAT(states,
              ElementsAre("1000001 PENDING ", "20 RUNNING ", "30 PAUSED ", "40 RUNNING ", "50 FAILED task 'fit': exit code 3"));
  EXPECT_THAT(store_->state_history(RunId{99}).value(), IsEmpty());
}

TEST_P(RunHistoryConformance, TheNewestSnapshotIsKept) {
  const RunId run = create(1);
  EXPECT_EQ(store_->snapshot(run)->has_value(), false);
  ASSERT_TRUE(succeeds(commit({.run = run, .entries = {test_entry(1), test_entry(2)}, .snapshot = Snapshot{2, 1, "two"}})));
  ASSERT_TRUE(succeeds(
      commit({.run = run, .expected_seq = 2, .entries = {test_entry(3), test_entry(4)}, .snapshot = Snapshot{4, 2, "four"}})));
  ASSERT_TRUE(succeeds(commit({.run = run, .expected_seq = 4, .entries = {test_entry(5)}})));
  const auto snapshot = store_->snapshot(run).value();
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->seq, 4U);
  EXPECT_EQ(snapshot->version, 2);
  EXPECT_EQ(snapshot->text, "four");
  const auto tail = store_->journal_after(run, snapshot->seq).value();
  ASSERT_THAT(tail, SizeIs(1));
  EXPECT_EQ(tail[0].seq, 5U);
  EXPECT_THAT(store_->journal_after(run, 5).value(), IsEmpty());
  EXPECT_TRUE(fails_with(commit({.run = run, .expected_seq = 5, .entries = {test_entry(6)}, .snapshot = Snapshot{5, 2, "old"}}),
                         Code::kInvalid));
  EXPECT_EQ(store_->run(test_uuid(1))->seq, 5U);
}

TEST_P(RunHistoryConformance, WhatAComponentNeededIsLearnedOnceAndReplacedByTheNextWrite) {
  const RunId run = create(test_run(1));
  EXPECT_TRUE(store_->results().all_learned().value().empty());
  ASSERT_TRUE(succeeds(commit({.run = run,
                               .entries = {test_entry(1)},
                               .learned = {{.component = "b", .memory_bytes = 5, .at = from_micros(1)},
                                           {.component = "a", .memory_bytes = 1LL << 40U, .at = from_micros(2)}}})));
  ASSERT_TRUE(succeeds(commit({.run = run,
                               .expected_seq = 1,
                               .entries = {test_entry(2)},
                               .learned = {{.component = "b", .memory_bytes = 7, .at = from_micros(3)}}})));
  const auto rows = store_->results().all_learned();
  ASSERT_TRUE(succeeds(rows));
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).component, "a");
  EXPECT_EQ(rows->at(0).memory_bytes, 1LL << 40U);
  EXPECT_EQ(rows->at(1).memory_bytes, 7);
  EXPECT_EQ(rows->at(1).at, from_micros(3));
  EXPECT_EQ(rows->at(1).component, "b");
}

TEST_P(RunHistoryConformance, TheIdOfARemovedRunIsNotUsedAgain) {
  const RunId one = create(1);
  const RunId two = create(2);
  ASSERT_TRUE(succeeds(store_->remove(test_uuid(2))));
  ASSERT_TRUE(succeeds(store_->remove(test_uuid(1))));
  const RunId three = create(3);
  EXPECT_GT(three.value, two.value);
  EXPECT_GT(two.value, one.value);
}

TEST_P(RunHistoryConformance, ARunIsArchivedAndBroughtBack) {
  create(1);
  ASSERT_TRUE(succeeds(store_->set_run_storage(test_uuid(1), StorageState::kArchived)));
  ASSERT_TRUE(succeeds(store_->set_run_storage(test_uuid(1), StorageState::kArchived)));
  EXPECT_EQ(store_->run(test_uuid(1))->storage, StorageState::kArchived);
  ASSERT_TRUE(succeeds(store_->set_run_storage(test_uuid(1), StorageState::kAvailable)));
  EXPECT_EQ(store_->run(test_uuid(1))->storage, StorageState::kAvailable);
  EXPECT_TRUE(fails_with(store_->set_run_storage(test_uuid(2), StorageState::kArchived), Code::kNotFound));
}

INSTANTIATE_TEST_SUITE_P(Stores, RunHistoryConformance, all_stores(), store_name);

}  // namespace
}  // namespace sluice
