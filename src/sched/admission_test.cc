#include "sched/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Tickets = std::vector<ResourceQueue::Ticket>;

Tickets grants(ResourceQueue& admission) {
  Tickets out;
  while (const auto grant = admission.next()) out.push_back(grant->ticket);
  return out;
}

TEST(Admission, PlainTasksTakeASlotEachInTheOrderOfTheirAge) {
  ResourceQueue admission({.slots = 2, .cpu_milli = 2000});
  for (const ResourceQueue::Ticket ticket : {3U, 1U, 2U}) admission.ask(ticket, {});
  EXPECT_THAT(grants(admission), ElementsAre(1, 2));
  admission.drop(1);
  EXPECT_THAT(grants(admission), ElementsAre(3));
  EXPECT_EQ(admission.figures().slots, 2);
  EXPECT_EQ(admission.figures().cpu_milli, 2000);
}

TEST(Admission, PlainTasksAreGrantedAheadOfFreeSlotsOnlyWhileThereAreOnlyPlainOnes) {
  ResourceQueue admission({.slots = 2, .ahead = 2, .cpu_milli = 2000, .memory_bytes = 100});
  for (ResourceQueue::Ticket ticket = 1; ticket <= 6; ++ticket) admission.ask(ticket, {});
  EXPECT_THAT(grants(admission), ElementsAre(1, 2, 3, 4));
  admission.ask(7, {.memory_bytes = 50});
  admission.drop(1);
  EXPECT_THAT(grants(admission), IsEmpty()) << "who is ahead would start beside it";
  admission.drop(2);
  admission.drop(3);
  EXPECT_THAT(grants(admission), ElementsAre(5));
  admission.drop(4);
  EXPECT_THAT(grants(admission), ElementsAre(6));
  admission.drop(5);
  EXPECT_THAT(grants(admission), ElementsAre(7));
  admission.ask(8, {});
  EXPECT_THAT(grants(admission), IsEmpty());
}

TEST(Admission, WhatIsAskedForIsNeverPromisedTwice) {
  ResourceQueue admission({.slots = 8, .cpu_milli = 4000, .memory_bytes = 1000});
  admission.ask(1, {.cpu_milli = 3000, .memory_bytes = 100});
  admission.ask(2, {.cpu_milli = 2000, .memory_bytes = 100});
  admission.ask(3, {.cpu_milli = 750, .memory_bytes = 950});
  admission.ask(4, {.cpu_milli = 1000, .memory_bytes = 100});
  EXPECT_THAT(grants(admission), ElementsAre(1, 4));
  EXPECT_EQ(admission.wants(2), "2 cpus");
  EXPECT_EQ(admission.wants(3), "0.75 cpus, 950 B of memory");
  EXPECT_EQ(admission.wants(9), "");
  admission.drop(1);
  EXPECT_THAT(grants(admission), ElementsAre(2));
}

TEST(Admission, ALargeTaskIsPassedOnlySoManyTimes) {
  ResourceQueue admission({.slots = 2, .cpu_milli = 2000});
  admission.ask(1, {});
  EXPECT_THAT(grants(admission), ElementsAre(1));
  admission.ask(2, {.cpu_milli = 2000});
  int passes = 0;
  ResourceQueue::Ticket newest = 2;
  // One small task always runs, so that both cores are never free by chance.
  for (ResourceQueue::Ticket running = 1;; ++passes) {
    ASSERT_LE(passes, ResourceQueue::kPassesMax);
    admission.ask(++newest, {});
    const Tickets granted = grants(admission);
    if (granted.empty()) break;
    ASSERT_THAT(granted, ElementsAre(newest));
    admission.drop(running);
    running = newest;
  }
  EXPECT_EQ(passes, ResourceQueue::kPassesMax);
  admission.drop(newest - 1);
  EXPECT_THAT(grants(admission), ElementsAre(2)) << "the machine was kept free for it";
  EXPECT_EQ(admission.wants(newest), "a free slot");
  admission.drop(2);
  EXPECT_THAT(grants(admission), ElementsAre(newest));
}

TEST(Admission, WhoWaitsForAGpuKeepsNobodyWaitingWhoWantsNone) {
  ResourceQueue admission({.slots = 4, .cpu_milli = 4000, .gpus = 1});
  admission.ask(1, {.gpus = 1});
  admission.ask(2, {.gpus = 1});
  EXPECT_THAT(grants(admission), ElementsAre(1));
  EXPECT_EQ(admission.wants(2), "1 GPU");
  for (ResourceQueue::Ticket ticket = 3; ticket < 3 + 3 * ResourceQueue::kPassesMax; ++ticket) {
    admission.ask(ticket, {});
    EXPECT_THAT(grants(admission), ElementsAre(ticket));
    admission.drop(ticket);
  }
  admission.drop(1);
  EXPECT_THAT(grants(admission), ElementsAre(2));
}

TEST(Admission, GpusAreHandedOutByIndex) {
  ResourceQueue admission({.slots = 8, .gpus = 3});
  admission.ask(1, {.gpus = 2});
  admission.ask(2, {.gpus = 1});
  EXPECT_THAT(admission.next()->gpus, ElementsAre(0, 1));
  EXPECT_THAT(admission.next()->gpus, ElementsAre(2));
  admission.drop(1);
  admission.ask(3, {.gpus = 1});
  EXPECT_THAT(admission.next()->gpus, ElementsAre(0));
  EXPECT_EQ(admission.figures().gpus, 2);
}

TEST(Admission, WhatRunsAlreadyHoldsItsPlace) {
  ResourceQueue admission({.slots = 1, .gpus = 2});
  admission.hold(1, {.gpus = 1}, {1});
  admission.hold(2, {.gpus = 1}, {0, 7, -1});
  admission.ask(3, {.gpus = 1});
  EXPECT_THAT(grants(admission), IsEmpty());
  admission.drop(2);
  EXPECT_THAT(grants(admission), IsEmpty()) << "the only slot is taken";
  admission.drop(1);
  EXPECT_THAT(grants(admission), ElementsAre(3));
}

TEST(Admission, APoolLimitsHowManyOfItsTasksRunAndNobodyElse) {
  ResourceQueue admission({.slots = 4, .cpu_milli = 4000, .pools = {{"db", 1}}});
  admission.ask(1, {.pools = {"db"}});
  admission.ask(2, {.pools = {"db"}});
  for (ResourceQueue::Ticket ticket = 3; ticket <= 5; ++ticket) admission.ask(ticket, {});
  EXPECT_THAT(grants(admission), ElementsAre(1, 3, 4, 5));
  EXPECT_EQ(admission.wants(2), "pool 'db' (1 of 1)");
  admission.drop(3);
  EXPECT_THAT(grants(admission), IsEmpty());
  admission.drop(1);
  EXPECT_THAT(grants(admission), ElementsAre(2));
  EXPECT_THAT(admission.note_on({.pools = {"web"}}), HasSubstr("pool 'web' is not configured"));
  EXPECT_TRUE(admission.is_plain({.pools = {"web"}}));
}

TEST(Admission, PriorityGoesBeforeAge) {
  ResourceQueue admission({.slots = 1});
  admission.ask(1, {});
  admission.ask(2, {.priority = 5});
  admission.ask(3, {.cpu_milli = 100, .priority = 9});
  admission.ask(4, {.priority = -1});
  Tickets order;
  while (const auto grant = admission.next()) {
    order.push_back(grant->ticket);
    admission.drop(grant->ticket);
  }
  EXPECT_THAT(order, ElementsAre(3, 2, 1, 4));
}

TEST(Admission, WhatTheMachineDoesNotHaveIsCutDownAndSaidSo) {
  ResourceQueue admission({.slots = 2, .cpu_milli = 2000, .memory_bytes = 1 << 30});
  EXPECT_EQ(admission.note_on({}), "");
  EXPECT_EQ(admission.note_on({.cpu_milli = 8000}), "asks for 8 cpus, this machine has 2: runs alone");
  EXPECT_EQ(admission.note_on({.memory_bytes = 4LL << 30U}),
            "asks for 4.0 GiB of memory, this machine has 1.0 GiB: runs while nothing else has asked for memory");
  EXPECT_EQ(admission.note_on({.gpus = 1, .gpu_type = "nvidia.com/gpu"}),
            "asks for 1 nvidia.com/gpu, this machine has none: runs without");
  admission.ask(1, {});
  admission.ask(2, {.cpu_milli = 8000, .memory_bytes = 4LL << 30U, .gpus = 2});
  EXPECT_THAT(grants(admission), ElementsAre(1));
  admission.drop(1);
  EXPECT_THAT(grants(admission), ElementsAre(2));
  admission.ask(3, {});
  EXPECT_THAT(grants(admission), IsEmpty()) << "it runs alone";
}

TEST(Admission, WhatIsNoLongerWantedIsNotGranted) {
  ResourceQueue admission({.slots = 2});
  admission.ask(1, {.memory_bytes = 5});
  admission.ask(2, {});
  admission.drop(1);
  admission.drop(77);
  EXPECT_THAT(grants(admission), ElementsAre(2));
  EXPECT_EQ(admission.figures().waiting, 0U);
}

TEST(Admission, AmountsAreShownAsPeopleWriteThem) {
  EXPECT_EQ(cpus_text(1000), "1 cpu");
  EXPECT_EQ(cpus_text(250), "0.25 cpus");
  EXPECT_EQ(cpus_text(8000), "8 cpus");
}

// Any sequence of asks and drops, against a model that counts for itself.
class Machine {
 public:
  explicit Machine(unsigned seed) : dice_(seed) {
    capacity_ = {.slots = roll(1, 6),
                 .ahead = roll(0, 3),
                 .cpu_milli = 1000 * roll(0, 4),
                 .memory_bytes = 100 * roll(0, 3),
                 .gpus = roll(0, 2)};
    if (roll(0, 1) == 1) capacity_.pools = {{"a", 1}, {"b", 2}};
    admission_.emplace(capacity_);
  }

  int roll(int from, int to) { return std::uniform_int_distribution<int>(from, to)(dice_); }

  Need random_need() {
    Need need{.priority = roll(0, 9) == 0 ? roll(-1, 1) : 0};
    if (roll(0, 2) > 0) return need;
    need.cpu_milli = roll(0, 1) * roll(1, 5000);
    need.memory_bytes = roll(0, 1) * roll(1, 400);
    need.gpus = roll(0, 3) == 0 ? roll(1, 3) : 0;
    if (roll(0, 3) == 0) need.pools.emplace_back("a");
    if (roll(0, 5) == 0) need.pools.emplace_back("b");
    return need;
  }

  void ask() {
    const Need need = random_need();
    waiting_.emplace(++newest_, need);
    admission_->ask(newest_, need);
  }
  void end_one() {
    if (held_.empty()) return;
    auto held = held_.begin();
    std::advance(held, roll(0, static_cast<int>(held_.size()) - 1));
    admission_->drop(held->first);
    held_.erase(held);
  }
  void withdraw_one() {
    if (waiting_.empty()) return;
    const auto first = waiting_.begin()->first;
    admission_->drop(first);
    waiting_.erase(first);
  }
  // Returns how many were granted.
  int admit() {
    int count = 0;
    while (const auto grant = admission_->next()) {
      ++count;
      const auto asked = waiting_.find(grant->ticket);
      EXPECT_NE(asked, waiting_.end());
      held_.emplace(grant->ticket, std::pair{asked->second, grant->gpus});
      waiting_.erase(asked);
      check();
    }
    return count;
  }
  void check() const {
    std::int64_t cpu = 0, memory = 0;
    bool all_plain = true;
    std::map<std::string, int> pools;
    std::multiset<int> gpus;
    for (const auto& [ticket, held] : held_) {
      const Need& need = held.first;
      cpu += need.cpu_milli > 0 ? std::min(need.cpu_milli, capacity_.cpu_milli) : capacity_.cpu_milli / capacity_.slots;
      memory += std::min(need.memory_bytes, capacity_.memory_bytes);
      all_plain = all_plain && admission_->is_plain(need);
      for (const std::string& pool : need.pools) ++pools[pool];
      gpus.insert(held.second.begin(), held.second.end());
      EXPECT_EQ(static_cast<int>(held.second.size()), std::min(need.gpus, capacity_.gpus));
    }
    EXPECT_LE(static_cast<int>(held_.size()), capacity_.slots + (all_plain ? capacity_.ahead : 0));
    EXPECT_TRUE(all_plain || cpu <= capacity_.cpu_milli) << cpu;
    EXPECT_LE(memory, capacity_.memory_bytes);
    for (const auto& [name, limit] : capacity_.pools) EXPECT_LE(pools[name], limit);
    for (const int gpu : gpus) EXPECT_TRUE(gpu >= 0 && gpu < capacity_.gpus && gpus.count(gpu) == 1) << gpu;
  }
  bool is_idle() const { return held_.empty(); }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  std::mt19937 dice_;
  Capacity capacity_;
  std::optional<ResourceQueue> admission_;
  ResourceQueue::Ticket newest_ = 0;
  std::map<ResourceQueue::Ticket, Need> waiting_;
  std::map<ResourceQueue::Ticket, std::pair<Need, std::vector<int>>> held_;
};

TEST(Admission, NothingIsOverCommittedAndEverythingIsGrantedInTheEnd) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Machine machine(seed);
    for (int i = 0; i < 200; ++i) {
      const int what = machine.roll(0, 9);
      if (what < 5)
        machine.ask();
      else if (what < 9)
        machine.end_one();
      else
        machine.withdraw_one();
      machine.admit();
    }
    for (int i = 0; i < 2000 && (machine.waiting() > 0 || !machine.is_idle()); ++i) {
      if (machine.is_idle() && machine.admit() == 0) FAIL() << "an idle machine starts nothing";
      machine.end_one();
      machine.admit();
    }
    ASSERT_EQ(machine.waiting(), 0U);
    if (testing::Test::HasFailure()) return;
  }
}

// However many small tasks come: all that is older has started after a number of grants that does not depend on them.
TEST(Admission, WhoeverAsksIsServedHoweverManyComeAfter) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 dice(seed);
    const auto roll = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(dice); };
    ResourceQueue admission({.slots = 4, .cpu_milli = 4000, .memory_bytes = 100, .gpus = 2, .pools = {{"a", 2}}});
    std::set<ResourceQueue::Ticket> held;
    ResourceQueue::Ticket newest = 0;
    const auto small = [&] {
      Need need{.cpu_milli = roll(0, 1500), .memory_bytes = roll(0, 60), .gpus = roll(0, 1)};
      if (roll(0, 2) == 0) need.pools.emplace_back("a");
      return need;
    };
    for (int i = 0; i < 10; ++i) admission.ask(++newest, small());
    const ResourceQueue::Ticket large = ++newest;
    Need all{.cpu_milli = 4000, .memory_bytes = 100, .gpus = 2};
    if (roll(0, 1) == 0) all.pools.emplace_back("a");
    admission.ask(large, all);
    int after = 0;
    for (bool served = false; !served;) {
      admission.ask(++newest, small());
      while (const auto grant = admission.next()) {
        held.insert(grant->ticket);
        served = served || grant->ticket == large;
        after += grant->ticket > large ? 1 : 0;
      }
      if (held.empty()) continue;
      auto end = held.begin();
      std::advance(end, roll(0, static_cast<int>(held.size()) - 1));
      admission.drop(*end);
      held.erase(end);
      ASSERT_LE(after, 12 * ResourceQueue::kPassesMax);
    }
  }
}

}  // namespace
}  // namespace sluice
