// The engine and the cache: who gets a result, who runs, who waits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kCached = ", cachingOptions: {enableCache: true}";
const std::string kOne = pipeline_text(step_line("a", "", kCached));
const std::string kChain = pipeline_text(
    step_line("a", "", kCached) +
    step_line("b", "a",
              kCached + ", inputs: {parameters: {x: {taskOutputParameter: {producerTask: a, outputParameterKey: y}}}}"));

TaskFacts facts_of(const TaskRow& row) { return task_facts_from(parse_json(row.facts).value_or(Value())); }

// The run of kOne has succeeded, with y=1.
void make_result(EngineWorld& world) {
  world.submit(kOne, 1);
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->calls.clear();
}

TEST(Caching, TheSecondRunGetsTheResultsOfTheFirst) {
  EngineWorld world;
  const Uuid first = world.submit(kChain, 1);
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->succeed("b", y_is(2));
  world.settle();
  EXPECT_EQ(world.row(first).state, RunState::kSucceeded);
  const TaskFacts made = facts_of(world.task(first, "root/a"));
  EXPECT_EQ(made.cache.key.size(), 64U);
  EXPECT_THAT(made.cache.document, HasSubstr(R"("command":["sh","-c","true"])"));
  EXPECT_FALSE(made.cache.hit);

  const Uuid second = world.submit(kChain, 2);
  world.hands->cached("a");
  world.settle();
  world.hands->cached("b");
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1", "start b#1", "release 1", "known a#1", "known b#1", "release 2"));
  EXPECT_EQ(world.row(second).state, RunState::kSucceeded);
  EXPECT_EQ(world.state_of(second, "root/a"), "CACHED");
  EXPECT_EQ(world.task(second, "root/b").outputs, world.task(first, "root/b").outputs);
  const TaskFacts found = facts_of(world.task(second, "root/a"));
  EXPECT_TRUE(found.cache.hit);
  EXPECT_EQ(found.cache.run, first.text());
  EXPECT_EQ(found.cache.path, "root/a");
  EXPECT_EQ(found.cache.document, "") << "it is that of the result";
  EXPECT_EQ(world.engine->figures().cache_hits, 2U);
  EXPECT_EQ(world.engine->figures().cache_misses, 2U);
  EXPECT_EQ(world.journal_kinds(second), "run_began attempt_cached attempt_cached");
}

TEST(Caching, ByteEqualOutputsCutOffWhatFollows) {
  EngineWorld world;
  world.submit(kChain, 1);
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->succeed("b", y_is(2));
  world.settle();
  ASSERT_TRUE(
      world.store.results().forget_cached_key(facts_of(world.task(EngineWorld::uuid_of(1), "root/a")).cache.key).has_value());
  world.submit(kChain, 2);
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "known b#1") << "a ran again and made the same";
  world.submit(kChain, 3);
  EXPECT_EQ(world.hands->calls.back(), "known a#1");
}

TEST(Caching, AMissSaysWhatItIsComparedWith) {
  EngineWorld world;
  make_result(world);
  world.clock.advance(std::chrono::seconds(1));
  const Uuid second = world.submit(replace_all(kOne, "sh, -c, 'true'", "sh, -c, 'false'"), 2);
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1"));
  world.hands->fail("a");
  world.settle();
  const TaskFacts facts = facts_of(world.task(second, "root/a"));
  EXPECT_EQ(facts.cache.run, EngineWorld::uuid_of(1).text());
  EXPECT_EQ(facts.cache.path, "root/a");
  world.submit(replace_all(kOne, "sh, -c, 'true'", "sh, -c, 'false'"), 3);
  EXPECT_EQ(world.hands->calls.back(), "start a#1") << "what has failed is no result";
}

TEST(Caching, IsOffForATaskOrARunThatSaysSo) {
  EngineWorld world;
  make_result(world);
  ASSERT_TRUE(world.try_submit({.spec = kOne, .cache = false}, 2).has_value());
  world.settle();
  const Uuid third = world.submit(pipeline_text(step_line("a")), 3);
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1", "start a#1"));
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_EQ(world.task(third, "root/a").facts, "") << "what is not used costs nothing";
}

TEST(Caching, EqualTasksOfSeveralRunsRunOnce) {
  EngineWorld world;
  const Uuid first = world.submit(kOne, 1);
  const Uuid second = world.submit(kOne, 2);
  const Uuid third = world.submit(kOne, 3);
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1"));
  EXPECT_EQ(world.state_of(second, "root/a"), "QUEUED");
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_EQ(world.state_of(first, "root/a"), "SUCCEEDED");
  EXPECT_THAT(world.hands->calls, UnorderedElementsAre("start a#1", "release 1", "known a#1", "known a#1"));
  for (const AttemptOrder& order : std::vector(world.hands->orders))
    if (order.cached) world.hands->listener.report(order.run, AttemptCached{order.task, order.attempt, *order.cached}, {});
  world.settle();
  EXPECT_EQ(world.state_of(second, "root/a"), "CACHED");
  EXPECT_EQ(world.state_of(third, "root/a"), "CACHED");
  EXPECT_TRUE(world.engine->idle());
}

TEST(Caching, WhoWaitsRunsWhenTheOtherHasFailed) {
  EngineWorld world;
  world.submit(kOne, 1);
  const Uuid second = world.submit(kOne, 2);
  const Uuid third = world.submit(kOne, 3);
  world.hands->fail("a");
  world.settle();
  EXPECT_THAT(world.hands->calls, UnorderedElementsAre("start a#1", "release 1", "start a#1"));
  EXPECT_EQ(world.hands->orders.back().run, second);
  ASSERT_TRUE(world.engine->cancel(second, "").has_value());
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "stop 1#1");
  world.hands->fail("a");
  world.settle();
  EXPECT_EQ(world.hands->orders.back().run, third);
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_EQ(world.row(third).state, RunState::kSucceeded);
}

TEST(Caching, WhoWaitsCanBeCancelledAndRemoved) {
  EngineWorld world;
  world.submit(kOne, 1);
  const Uuid second = world.submit(kOne, 2);
  const Uuid third = world.submit(kOne, 3);
  ASSERT_TRUE(world.engine->cancel(second, "").has_value());
  world.settle();
  EXPECT_EQ(world.row(second).state, RunState::kCanceled);
  ASSERT_TRUE(world.engine->remove(third).has_value());
  world.settle();
  EXPECT_THAT(world.hands->stops, IsEmpty()) << "the hands do not know them";
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_TRUE(world.engine->idle());
}

TEST(Caching, WhoWaitsTakesOverFromARunThatIsRemoved) {
  EngineWorld world;
  const Uuid first = world.submit(kOne, 1);
  const Uuid second = world.submit(kOne, 2);
  ASSERT_TRUE(world.engine->remove(first).has_value());
  world.settle();
  EXPECT_EQ(world.hands->orders.back().run, second);
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_EQ(world.row(second).state, RunState::kSucceeded);
}

TEST(Caching, ARunThatIsPausedKeepsNobodyWaiting) {
  EngineWorld world;
  const Uuid first = world.submit(kOne, 1);
  const Uuid second = world.submit(kOne, 2);
  ASSERT_TRUE(world.engine->pause(first).has_value());
  world.settle();
  EXPECT_EQ(world.hands->orders.back().run, second) << "the first had not begun";
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_EQ(world.row(second).state, RunState::kSucceeded);

  const Uuid third = world.submit(pipeline_text(step_line("z") + step_line("a", "z", kCached)), 3);
  ASSERT_TRUE(world.engine->pause(third).has_value());
  world.settle();
  world.hands->succeed("z", y_is(1));
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "known a#1") << "kept back by the hands until the run goes on";
}

TEST(Caching, ATaskWhoseContentIsGoneRuns) {
  EngineWorld world;
  make_result(world);
  const Uuid second = world.submit(kOne, 2);
  EXPECT_THAT(world.hands->calls, ElementsAre("known a#1"));
  world.hands->uncached("a");
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("known a#1", "start a#1"));
  const std::string key = facts_of(world.task(second, "root/a")).cache.key;
  world.hands->succeed("a", y_is(5));
  world.settle();
  EXPECT_EQ(world.state_of(second, "root/a"), "SUCCEEDED");
  world.submit(kOne, 3);
  EXPECT_EQ(world.hands->orders.back().cached.value().parameters.at("y"), Value(5));
}

TEST(Caching, AnAttemptThatACrashHasLeftWritesItsResult) {
  EngineWorld world;
  const Uuid first = world.submit(kOne, 1);
  const Uuid second = world.submit(kOne, 2);
  world.forget_engine();
  ASSERT_TRUE(world.engine->recover().has_value());
  world.settle();
  const auto orders = world.hands->orders;
  ASSERT_EQ(orders.size(), 2U);
  const Uuid third = world.submit(kOne, 3);
  EXPECT_EQ(world.hands->orders.size(), 2U) << "it waits for those";
  world.hands->listener.report(first, AttemptSucceeded{TaskId{1}, 1, y_is(3)}, {});
  world.settle();
  EXPECT_EQ(world.hands->orders.back().run, third);
  EXPECT_TRUE(world.hands->orders.back().cached.has_value());
  world.hands->listener.report(second, AttemptSucceeded{TaskId{1}, 1, y_is(3)}, {});
  world.hands->cached("a");
  world.settle();
  EXPECT_TRUE(world.engine->idle());
}

TEST(Caching, AWriteThatFailsLetsNobodyGo) {
  EngineWorld world;
  world.submit(kOne, 1);
  world.submit(kOne, 2);
  world.store.failures = 1;
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_THAT(world.hands->calls, ElementsAre("start a#1"));
  EXPECT_TRUE(world.serve_until([&] { return world.hands->calls.back() == "known a#1"; }));
}

}  // namespace
}  // namespace sluice
