// What the collection of garbage and the notices ask of every store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/test_stores.h"

namespace sluice {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class GarbageRows : public StoreTest {
 protected:
  std::vector<std::string> data(const DataFilter& filter = {}) {
    std::vector<std::string> out;
    EXPECT_TRUE(succeeds(store_->each_data([&](std::string_view text) { out.emplace_back(text); }, filter)));
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, GarbageRows, all_stores(), store_name);

TEST_P(GarbageRows, EverythingThatNamesObjectsIsGiven) {
  const RunId first = create(1), second = create(2);
  TaskRow task = test_task(1);
  task.outputs = "task's outputs";
  task.inputs = "task's inputs";
  ArtifactRow artifact = test_artifact(1, 0);
  artifact.digest = "artifact's digest";
  const CacheRow result{.key = "k", .run = test_uuid(1), .created = from_micros(50), .outputs = "result"};
  const RunChange change{.state = RunState::kSucceeded, .at = from_micros(9), .outputs = "run's outputs"};
  ASSERT_TRUE(succeeds(commit({.run = first, .tasks = {task}, .artifacts = {artifact}, .cached = {result}, .change = change})));
  task.outputs = "other's outputs";
  task.inputs = "";
  ASSERT_TRUE(succeeds(commit({.run = second, .tasks = {task}})));
  EXPECT_THAT(data(), UnorderedElementsAre("run's outputs", "task's outputs", "task's inputs", "artifact's digest", "result",
                                           "other's outputs"));
  EXPECT_THAT(data({.without = {first}}), UnorderedElementsAre("result", "other's outputs"));
  EXPECT_THAT(data({.without = {first, second}, .results_since = from_micros(51)}), IsEmpty());
  EXPECT_THAT(data({.without = {first, second}, .results_since = from_micros(50)}), UnorderedElementsAre("result"));
  EXPECT_EQ(store_->results().count_cached(from_micros(50)).value_or(-1), 0);
  EXPECT_EQ(store_->results().count_cached(from_micros(51)).value_or(-1), 1);
}

TEST_P(GarbageRows, AnEndIsToBeToldUntilItIs) {
  const RunId run = create(1);
  create(2);
  EXPECT_THAT(store_->notices().value(), IsEmpty());
  RunChange change{.state = RunState::kFailed, .at = from_micros(9), .notify = true};
  ASSERT_TRUE(succeeds(commit({.run = run, .entries = {test_entry(1)}, .change = change})));
  const auto notices = store_->notices().value();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].run, test_uuid(1));
  EXPECT_EQ(notices[0].seq, 1U);
  // It is gone on with, and ends once more, before somebody has been told.
  change = {.state = RunState::kRunning, .at = from_micros(10)};
  ASSERT_TRUE(succeeds(commit({.run = run, .expected_seq = 1, .entries = {test_entry(2)}, .change = change})));
  EXPECT_EQ(store_->notices()->size(), 1U);
  change = {.state = RunState::kSucceeded, .at = from_micros(11), .notify = true};
  ASSERT_TRUE(succeeds(commit({.run = run, .expected_seq = 2, .entries = {test_entry(3)}, .change = change})));
  ASSERT_TRUE(succeeds(store_->note_told(notices[0])));
  EXPECT_EQ(store_->notices()->size(), 1U) << "the second end has still to be told";
  ASSERT_TRUE(succeeds(store_->note_told({.run = test_uuid(1), .seq = 3})));
  EXPECT_THAT(store_->notices().value(), IsEmpty());
}

}  // namespace
}  // namespace sluice
