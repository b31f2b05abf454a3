#include "api/why.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "model/task_facts.h"

namespace sluice {
namespace {

using testing::HasSubstr;

// Two runs of one task, as their rows; the first has made a result.
class WhyTest : public ::testing::Test {
 protected:
  WhyTest() { first_ = add(1, {.lock = "lock1", .cache = {.key = "k1", .document = R"({"parameters":{"n":1}})"}}); }

  RunRow add(std::uint8_t number, const TaskFacts& facts, TaskState state = TaskState::kSucceeded, Struct options = {}) {
    Uuid uuid;
    uuid.bytes.back() = number;
    const RunId id =
        store_
            ->create({.uuid = uuid, .name = "run", .options = std::move(options), .created = from_micros(number)}, Sync::kNormal)
            .value();
    Write write{.run = id};
    write.tasks.push_back({.id = {1},
                           .path = "root/a",
                           .state = state,
                           .attempts = 1,
                           .ended = from_micros(number),
                           .facts = task_facts_text(facts)});
    EXPECT_TRUE(store_->commit({&write, 1}, Sync::kNormal).has_value());
    return store_->run(uuid).value();
  }
  Value why(const RunRow& run) {
    const auto tasks = store_->tasks(run.id).value();
    return why_document(*store_, run, tasks, tasks.front(), [](const std::string& lock) {
      return lock == "lock1" ? std::vector<std::string>{"pandas==2.1"} : std::vector<std::string>{"pandas==2.2"};
    });
  }
  std::string said(const RunRow& run) {
    const Value document = why(run);
    return std::string(document.string_or("cache", "")) + ": " + std::string(document.string_or("reason", ""));
  }
  CacheFacts missed(std::string key, std::string document) const {
    return {.key = std::move(key), .run = first_.uuid.text(), .path = "root/a", .document = std::move(document)};
  }

  std::unique_ptr<RunStore> store_ = make_memory_store();
  RunRow first_;
};

TEST_F(WhyTest, AFirstRunHasNothingToCompareWith) {
  EXPECT_EQ(said(first_), "miss: it has never run before, as far as results are kept");
}

TEST_F(WhyTest, AHitNamesItsMaker) {
  const Value document =
      why(add(2, {.cache = {.key = "k1", .hit = true, .run = first_.uuid.text(), .path = "root/a"}}, TaskState::kCached));
  EXPECT_EQ(document.string_or("cache", ""), "hit");
  EXPECT_TRUE(document.bool_or("cached", false));
  EXPECT_EQ(document.find("result")->string_or("run_id", ""), first_.uuid.text());
  EXPECT_EQ(document.find("differences"), nullptr);
}

TEST_F(WhyTest, AMissNamesTheFirstDifferenceWithBothValues) {
  const RunRow second = add(2, {.lock = "lock1", .cache = missed("k2", R"({"image":"x","parameters":{"n":2}})")});
  EXPECT_EQ(said(second), "miss: image is new");
  EXPECT_EQ(to_json(*why(second).find("differences")),
            R"([{"now":"x","what":"image"},{"before":"1","now":"2","what":"parameter 'n'"}])");
}

TEST_F(WhyTest, OtherPackagesInTheSameEnvironmentAreNamed) {
  const RunRow second = add(2, {.lock = "lock2", .cache = missed("k1", R"({"parameters":{"n":1}})")});
  EXPECT_EQ(to_json(*why(second).find("differences")),
            R"([{"before":"pandas==2.1","now":"pandas==2.2","what":"package 'pandas'"}])");
}

TEST_F(WhyTest, ARunThatIsGoneIsSaid) {
  CacheFacts cache = missed("k2", "{}");
  cache.run = "01234567-89ab-4def-8123-456789abcdef";
  EXPECT_THAT(said(add(2, {.cache = cache})), HasSubstr("is gone: its run has been removed"));
}

TEST_F(WhyTest, WhatIsNotAskedHasAReason) {
  EXPECT_EQ(said(add(2, {})), "not asked: caching is off for this task");
  EXPECT_EQ(said(add(3, {}, TaskState::kSucceeded, {{"cache", false}})),
            "not asked: the run does not use the cache (--no-cache)");
  EXPECT_EQ(said(add(4, {.cache = {.not_asked = "an importer has nothing to run"}})),
            "not asked: an importer has nothing to run");
  EXPECT_EQ(said(add(5, {}, TaskState::kQueued)), "not asked: it waits for its turn, or for an equal task that is under way");
}

}  // namespace
}  // namespace sluice
