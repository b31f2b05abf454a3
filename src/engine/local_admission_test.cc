// What attempts ask of the machine, and what their processes are told of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_hands.h"

namespace sluice {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr std::int64_t kMiB = 1LL << 20U;

class Asking : public HandsWorld {
 public:
  explicit Asking(Capacity machine = {.cpu_milli = 2000, .memory_bytes = 1000 * kMiB, .gpus = 2, .pools = {{"db", 1}}})
      : HandsWorld(2, std::move(machine)) {}
  void ask(std::int64_t task, Need need, bool again = false) {
    AttemptOrder given = order("plain", task);
    given.need = std::move(need);
    given.again = again;
    start(std::move(given));
  }
  void exits_with(AttemptExit exit) {
    supervisor().say(std::move(exit));
    settle();
  }
};

TEST(LocalAdmission, ALargeTaskRunsAlone) {
  Asking world;
  world.ask(1, {.cpu_milli = 8000});
  world.ask(2, {});
  world.settle();
  EXPECT_EQ(world.started(), "1");
  world.supervisor().say(AttemptBegan{.id = world.id(1), .pid = 5});
  world.settle();
  EXPECT_EQ(world.reports.back().note, "asks for 8 cpus, this machine has 2: runs alone");
  world.exits(1, 0, "/tmp is not private");
  EXPECT_EQ(world.reports.back().note, "asks for 8 cpus, this machine has 2: runs alone; /tmp is not private");
  EXPECT_EQ(world.started(), "1 2");
}

TEST(LocalAdmission, APoolOfOneIsUsedByOneAtATime) {
  Asking world;
  for (std::int64_t task = 1; task <= 3; ++task) world.ask(task, {.pools = {"db"}});
  world.ask(4, {});
  world.settle();
  EXPECT_EQ(world.started(), "1 4");
  EXPECT_THAT(world.waits, ElementsAre("2: pool 'db' (1 of 1)", "3: pool 'db' (1 of 1)"));
  world.exits(1, 1);
  EXPECT_EQ(world.started(), "1 4 2");
}

TEST(LocalAdmission, APausedRunKeepsNothing) {
  Asking world;
  world.ask(1, {.cpu_milli = 2000});
  world.ask(2, {.cpu_milli = 2000});
  world.hands->hold(world.uuid);
  world.settle();
  EXPECT_EQ(world.started(), "");
  world.hands->let_go(world.uuid);
  world.settle();
  EXPECT_EQ(world.started(), "1");
  world.stop(2);
  world.settle();
  world.exits(1);
  EXPECT_EQ(world.started(), "1");
  world.ask(3, {.cpu_milli = 2000});
  world.settle();
  EXPECT_EQ(world.started(), "1 3");
}

TEST(LocalAdmission, ProcessesSeeTheGpusThatTheyWereGiven) {
  Asking world;
  world.ask(1, {.gpus = 1, .gpu_type = "nvidia.com/gpu"});
  world.ask(2, {.gpus = 1, .gpu_type = "nvidia.com/gpu"});
  world.ask(3, {});
  world.settle();
  ASSERT_EQ(world.started(), "1 2");
  EXPECT_THAT(world.supervisor().started[0].env, Contains(Pair("CUDA_VISIBLE_DEVICES", "0")));
  EXPECT_THAT(world.supervisor().started[1].env, Contains(Pair("CUDA_VISIBLE_DEVICES", "1")));
  world.exits_with({.id = world.id(2), .began = from_micros(1'000'000), .ended = from_micros(4'000'000)});
  EXPECT_EQ(std::get<AttemptSucceeded>(world.reports.back().event).usage.gpu, std::chrono::seconds(3));
  EXPECT_EQ(world.reports.back().gpus, "1");
  ASSERT_EQ(world.started(), "1 2 3");
  EXPECT_THAT(world.supervisor().started[2].env, Not(Contains(Pair("CUDA_VISIBLE_DEVICES", testing::_))));
}

TEST(LocalAdmission, WithoutAGpuATaskThatAsksForOneRunsAndSeesNone) {
  Asking world({.cpu_milli = 2000});
  world.ask(1, {.gpus = 1, .gpu_type = "nvidia.com/gpu"});
  world.settle();
  ASSERT_EQ(world.started(), "1");
  EXPECT_THAT(world.supervisor().started[0].env, Contains(Pair("CUDA_VISIBLE_DEVICES", "")));
  world.exits(1);
  EXPECT_EQ(world.last_told(), "1#1 ok");
  EXPECT_EQ(world.reports.back().note, "asks for 1 nvidia.com/gpu, this machine has none: runs without");
}

TEST(LocalAdmission, LimitsGoToTheSupervisor) {
  Asking world;
  world.ask(1, {.cpu_milli = 500, .cpu_limit_milli = 500, .memory_limit = 200 * kMiB});
  world.ask(2, {.cpu_milli = 500, .cpu_limit_milli = 2000});
  world.settle();
  ASSERT_EQ(world.started(), "1 2");
  EXPECT_EQ(world.supervisor().started[0].memory_bytes, 200 * kMiB);
  EXPECT_EQ(world.supervisor().started[0].cpu_milli, 500);
  EXPECT_EQ(world.supervisor().started[1].cpu_milli, 0) << "all cores are no limit";
}

TEST(LocalAdmission, AnOutOfMemoryKillSaysWhatWasUsedAndWhatMayBe) {
  Asking world;
  world.ask(1, {.memory_limit = 200 * kMiB});
  world.ask(2, {});
  world.settle();
  world.exits_with({.id = world.id(1), .exit_code = 137, .signal = 9, .max_rss_bytes = 214 * kMiB, .out_of_memory = true});
  EXPECT_EQ(world.last_told(), "1#1 failed oom 137 out of memory: used 214.0 MiB, the limit is 200.0 MiB");
  EXPECT_EQ(std::get<AttemptFailed>(world.reports.back().event).usage.peak_bytes, 214 * kMiB);
  world.exits_with({.id = world.id(2), .exit_code = 137, .signal = 9, .max_rss_bytes = 900 * kMiB, .out_of_memory = true});
  EXPECT_EQ(world.last_told(), "2#1 failed oom 137 out of memory: used 900.0 MiB, and the machine had no more");
}

TEST(LocalAdmission, WhatAnOwnerBeforeUsHasStartedHoldsWhatItNeeds) {
  Asking world;
  world.attach({.running = {{.id = world.id(1), .pid = ::getpid(), .at = from_micros(5)}}});
  world.ask(1, {.cpu_milli = 2000}, true);
  world.ask(2, {.cpu_milli = 500});
  world.settle();
  EXPECT_EQ(world.started(), "");
  EXPECT_THAT(world.waits, ElementsAre("2: 0.5 cpus"));
  world.exits(1);
  EXPECT_EQ(world.started(), "2");
}

TEST(LocalAdmission, FiguresSayWhatIsUsed) {
  Asking world;
  world.ask(1, {.cpu_milli = 1500, .memory_bytes = 100 * kMiB, .gpus = 1});
  world.ask(2, {.cpu_milli = 1500});
  world.settle();
  const HandsFigures figures = world.hands->figures();
  EXPECT_EQ(figures.capacity.cpu_milli, 2000);
  EXPECT_EQ(figures.used.slots, 1);
  EXPECT_EQ(figures.used.cpu_milli, 1500);
  EXPECT_EQ(figures.used.memory_bytes, 100 * kMiB);
  EXPECT_EQ(figures.used.gpus, 1);
  EXPECT_EQ(figures.used.waiting, 1U);
}

}  // namespace
}  // namespace sluice
