// What attempts ask of the machine, and what their component learns from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::int64_t kMiB = 1LL << 20U;

// A pipeline of one task whose container has these resources.
std::string pipeline_with(const std::string& resources, const std::string& annotations = "") {
  std::string text = pipeline_text("      a: {componentRef: {name: comp-big}}\n", "  comp-big: {executorLabel: exec-big}\n");
  const std::string at = "    exec-step:";
  text.insert(text.find(at), "    exec-big: {container: {image: alpine, command: [work], resources: {" + resources + "}}}\n");
  if (annotations.empty()) return text;
  return text + "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-big: {podMetadata: {annotations: {" +
         annotations + "}}}}}}}\n";
}
const std::string kLimited = pipeline_with("resourceMemoryLimit: 200Mi");

void run_out(EngineWorld& world, std::int64_t peak) {
  const AttemptOrder& order = world.hands->newest("a");
  world.hands->listener.report(
      order.run, AttemptFailed{order.task, order.attempt, FailureKind::kMemory, 137, "out of memory", {.peak_bytes = peak}}, {});
  world.settle();
}

TEST(EngineNeeds, AnOrderSaysWhatTheContainerAsksFor) {
  EngineWorld world;
  world.submit(pipeline_with("resourceCpuLimit: '2', resourceCpuRequest: 500m, resourceMemoryLimit: 200Mi",
                             "sluice.dev/pool: db, sluice.dev/priority: '3'"));
  const Need need = world.hands->newest("a").need;
  EXPECT_EQ(need.cpu_milli, 500);
  EXPECT_EQ(need.cpu_limit_milli, 2000);
  EXPECT_EQ(need.memory_limit, 200 * kMiB);
  EXPECT_EQ(need.memory_bytes, 200 * kMiB);
  EXPECT_EQ(need.priority, 3);
  EXPECT_EQ(need.pools, std::vector<std::string>{"db"});
  world.hands->began("a");
  world.settle();
  const Value facts = parse_json(world.task(EngineWorld::uuid_of(1), "root/a").facts).value();
  EXPECT_EQ(facts.int_or("memory_limit", 0), 200 * kMiB);
  EXPECT_EQ(facts.int_or("cpu_milli", 0), 500);
}

TEST(EngineNeeds, APlainTaskHasNoFacts) {
  EngineWorld world;
  const Uuid run = world.submit(pipeline_text(step_line("a")));
  EXPECT_EQ(world.hands->newest("a").need, Need{});
  EXPECT_EQ(world.task(run, "root/a").facts, "");
}

TEST(EngineNeeds, ARunsPriorityIsThatOfItsTasks) {
  EngineWorld world;
  ASSERT_TRUE(world.try_submit({.spec = pipeline_text(step_line("a")), .priority = 7}));
  world.settle();
  EXPECT_EQ(world.hands->newest("a").need.priority, 7);
}

TEST(EngineNeeds, AResourceThatIsNoneFailsTheTask) {
  EngineWorld world;
  const Uuid run = world.submit(pipeline_with("resourceMemoryLimit: lots"));
  EXPECT_EQ(world.state_of(run, "root/a"), "FAILED");
  EXPECT_THAT(world.task(run, "root/a").error, HasSubstr("resourceMemoryLimit: 'lots' is no amount of memory"));
}

TEST(EngineNeeds, AfterAShortageTheNextAttemptMayUseTwiceAsMuchAndTheNextRunBeginsWithThat) {
  EngineWorld world;
  const Uuid first = world.submit(kLimited);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 200 * kMiB);
  run_out(world, 200 * kMiB);
  EXPECT_EQ(world.hands->newest("a").attempt, 2);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 400 * kMiB);
  EXPECT_EQ(world.hands->newest("a").need.memory_bytes, 400 * kMiB) << "it starts when that is free";
  world.hands->succeed("a");
  world.settle();
  EXPECT_EQ(world.row(first).state, RunState::kSucceeded);
  EXPECT_EQ(parse_json(world.task(first, "root/a").facts).value().int_or("memory_limit", 0), 400 * kMiB);
  world.submit(kLimited, 2);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 400 * kMiB);
  // Also by an engine that has not seen it happen.
  world.forget_engine();
  world.submit(kLimited, 3);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 400 * kMiB);
  world.submit(pipeline_with("resourceMemoryLimit: 1Gi"), 4);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 1024 * kMiB) << "what is written counts if it is more";
}

TEST(EngineNeeds, MoreThanEightyPercentOfTheMachineIsNotGiven) {
  EngineWorld world({.machine_memory = 500 * kMiB});
  world.submit(kLimited);
  run_out(world, 200 * kMiB);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 400 * kMiB);
  run_out(world, 400 * kMiB);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 400 * kMiB);
  run_out(world, 400 * kMiB);
  EXPECT_EQ(world.state_of(EngineWorld::uuid_of(1), "root/a"), "FAILED");
  EXPECT_EQ(world.task(EngineWorld::uuid_of(1), "root/a").error, "out of memory");
  EXPECT_TRUE(world.store.results().all_learned().value().empty());
}

TEST(EngineNeeds, WithoutALimitTheRetryAsksForWhatWasUsed) {
  EngineWorld world;
  const std::string text = pipeline_with("resourceCpuRequest: '1'");
  world.submit(text);
  run_out(world, 700 * kMiB);
  EXPECT_EQ(world.hands->newest("a").need.memory_limit, 0);
  EXPECT_EQ(world.hands->newest("a").need.memory_bytes, 700 * kMiB);
  world.hands->succeed("a");
  world.settle();
  world.submit(text, 2);
  EXPECT_EQ(world.hands->newest("a").need.memory_bytes, 700 * kMiB);
}

TEST(EngineNeeds, WhatAnAttemptIsGivenGrowsWithItsPast) {
  const auto grown = [](Need need, MemoryPast past, std::int64_t machine) {
    grow_memory(need, past, machine);
    return need.memory_limit;
  };
  EXPECT_EQ(grown({.memory_limit = 100}, {}, 0), 100);
  EXPECT_EQ(grown({.memory_limit = 100}, {.shortages = 2}, 0), 400);
  EXPECT_EQ(grown({.memory_limit = 100}, {.learned = 300, .shortages = 1}, 0), 600);
  EXPECT_EQ(grown({.memory_limit = 100}, {.learned = 50}, 0), 100);
  EXPECT_EQ(grown({.memory_limit = 100}, {.shortages = 2}, 300), 240);
  EXPECT_EQ(grown({.memory_limit = 290}, {.shortages = 1}, 300), 290) << "never less than was written";
  EXPECT_EQ(grown({.memory_limit = 4LL << 60U}, {.shortages = 60}, 0), std::numeric_limits<std::int64_t>::max());
}

TEST(EngineNeeds, WhatAQueuedTaskWaitsForIsANoteUntilItStarts) {
  EngineWorld world;
  const Uuid run = world.submit(pipeline_with("resourceCpuRequest: '2'"));
  const AttemptOrder& order = world.hands->newest("a");
  world.hands->listener.waiting(order.run, order.task, "2 cpus");
  world.settle();
  EXPECT_THAT(world.task(run, "root/a").notes, HasSubstr("waits for 2 cpus"));
  world.hands->began("a");
  world.settle();
  EXPECT_EQ(world.task(run, "root/a").notes.find("waits"), std::string::npos);
}

TEST(EngineNeeds, WhatAttemptsUsedIsKeptWithTheirTask) {
  EngineWorld world;
  const Uuid run = world.submit(kLimited);
  run_out(world, 150 * kMiB);
  const AttemptOrder& order = world.hands->newest("a");
  world.hands->listener.report(
      order.run, AttemptSucceeded{order.task, order.attempt, {}, {.cpu = 2s, .wall = 3s, .gpu = 6s, .peak_bytes = 5}},
      {.gpus = "0,1"});
  world.settle();
  const TaskFacts facts = task_facts_from(parse_json(world.task(run, "root/a").facts).value());
  EXPECT_EQ(facts.usage, (Usage{.cpu = 2s, .wall = 3s, .gpu = 6s, .peak_bytes = 150 * kMiB}));
  EXPECT_EQ(facts.gpus, "0,1");
}

}  // namespace
}  // namespace sluice
