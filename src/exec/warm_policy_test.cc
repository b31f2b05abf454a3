#include "exec/warm_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/match.h"

namespace sluice {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

WarmView view_of(std::vector<WarmWorkerState> workers) {
  return {.workers = std::move(workers),
          .slots = 2,
          .bytes_max = 4096 * kMiB,
          .bytes_available = 8192 * kMiB,
          .bytes_spare = 512 * kMiB,
          .idle_max = std::chrono::minutes(10),
          .now = Instant(std::chrono::hours(1))};
}

WarmWorkerState ready(int number) {
  return {.number = number,
          .is_ready = true,
          .bytes = 200 * kMiB,
          .spare_bytes = 10 * kMiB,
          .used = Instant(std::chrono::hours(1)) - std::chrono::seconds(60)};
}

// What the world looks like when the moves have been made.
void make(WarmView& view, const std::vector<WarmMove>& moves) {
  const auto at = [&](int number) {
    return std::find_if(view.workers.begin(), view.workers.end(), [&](const auto& worker) { return worker.number == number; });
  };
  for (const WarmMove& move : moves)
    std::visit(Match{
                   [&](const ForkSpares& fork) {
                     view.bytes_available -= fork.count * at(fork.worker)->spare_bytes;
                     at(fork.worker)->spares += fork.count;
                   },
                   [&](const DropSpares& drop) {
                     view.bytes_available += drop.count * at(drop.worker)->spare_bytes;
                     at(drop.worker)->spares -= drop.count;
                   },
                   [&](const EndWorker& end) {
                     view.bytes_available += at(end.worker)->bytes + at(end.worker)->spares * at(end.worker)->spare_bytes;
                     view.workers.erase(at(end.worker));
                   },
                   [&](const ReplaceWorker& old) { at(old.worker)->is_stale = false; },
               },
               move);
}

TEST(WarmPolicy, AWorkerWithStepsKeepsOneSpareMoreThanThereAreSlots) {
  WarmView view = view_of({ready(1)});
  view.workers[0].steps = 1;
  make(view, next_warm_moves(view));
  EXPECT_EQ(view.workers[0].spares, 3);
}

TEST(WarmPolicy, AQuietWorkerKeepsOneSpare) {
  WarmView view = view_of({ready(1)});
  view.workers[0].spares = 3;
  make(view, next_warm_moves(view));
  EXPECT_EQ(view.workers[0].spares, 1);
}

TEST(WarmPolicy, AWorkerThatStartsIsLeftAlone) {
  WarmView view = view_of({{.number = 1, .waiting = 2, .used = Instant{}}});
  EXPECT_TRUE(next_warm_moves(view).empty());
}

TEST(WarmPolicy, AWorkerWithNothingToDoEndsAfterItsTime) {
  WarmView view = view_of({ready(1)});
  view.workers[0].used = view.now - view.idle_max;
  make(view, next_warm_moves(view));
  EXPECT_TRUE(view.workers.empty());
}

TEST(WarmPolicy, OverTheCeilingTheOneThatWasUsedLongestAgoEndsFirst) {
  WarmView view = view_of({ready(1), ready(2), ready(3)});
  view.workers[1].used -= std::chrono::seconds(5);
  view.bytes_max = 450 * kMiB;
  make(view, next_warm_moves(view));
  ASSERT_EQ(view.workers.size(), 2U);
  EXPECT_EQ(view.workers[0].number, 1);
  EXPECT_EQ(view.workers[1].number, 3);
}

TEST(WarmPolicy, WhenTheMachineIsShortOfMemoryIdleWorkersEndThoughTheCeilingIsFar) {
  WarmView view = view_of({ready(1)});
  view.bytes_available = 100 * kMiB;
  make(view, next_warm_moves(view));
  EXPECT_TRUE(view.workers.empty());
}

TEST(WarmPolicy, WhatWaitsIsServedHoweverShortMemoryIs) {
  WarmView view = view_of({ready(1)});
  view.workers[0].waiting = 3;
  view.bytes_available = 0;
  make(view, next_warm_moves(view));
  ASSERT_EQ(view.workers.size(), 1U);
  EXPECT_EQ(view.workers[0].spares, 1);
}

TEST(WarmPolicy, AReplacedWorkerEndsWithItsLastStep) {
  WarmView view = view_of({ready(1)});
  view.workers[0].is_replaced = true;
  view.workers[0].steps = 1;
  view.workers[0].spares = 2;
  make(view, next_warm_moves(view));
  ASSERT_EQ(view.workers.size(), 1U);
  EXPECT_EQ(view.workers[0].spares, 0);
  view.workers[0].steps = 0;
  make(view, next_warm_moves(view));
  EXPECT_TRUE(view.workers.empty());
}

TEST(WarmPolicy, AWorkerThatLacksWhatStepsImportIsReplacedOnce) {
  WarmView view = view_of({ready(1)});
  view.workers[0].is_stale = true;
  const auto moves = next_warm_moves(view);
  EXPECT_EQ(std::count_if(moves.begin(), moves.end(), [](const auto& m) { return std::holds_alternative<ReplaceWorker>(m); }), 1);
}

WarmView random_view(std::mt19937& random) {
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  WarmView view = view_of({});
  view.slots = 1 + below(4);
  view.bytes_max = below(2000) * kMiB;
  view.bytes_available = below(2000) * kMiB;
  const int count = below(6);
  for (int i = 0; i < count; ++i)
    view.workers.push_back({.number = i + 1,
                            .is_ready = below(4) > 0,
                            .is_replaced = below(6) == 0,
                            .is_stale = below(6) == 0,
                            .spares = below(6),
                            .steps = below(3),
                            .waiting = below(3),
                            .bytes = below(600) * kMiB,
                            .spare_bytes = below(40) * kMiB,
                            .used = view.now - std::chrono::seconds(below(1200))});
  return view;
}

TEST(WarmPolicy, WhateverTheStateTheMovesLeadToOneThatNeedsNone) {
  std::mt19937 random(81723);
  for (int round = 0; round < 20'000; ++round) {
    const WarmView before = random_view(random);
    WarmView view = before;
    make(view, next_warm_moves(view));
    EXPECT_TRUE(next_warm_moves(view).empty()) << "round " << round;
    for (const WarmWorkerState& worker : before.workers) {
      const auto after = std::find_if(view.workers.begin(), view.workers.end(),
                                      [&](const auto& other) { return other.number == worker.number; });
      if (worker.steps > 0 || worker.waiting > 0 || !worker.is_ready) {
        ASSERT_NE(after, view.workers.end()) << "round " << round << ": it was ended with work to do";
      }
      if (after == view.workers.end()) continue;
      EXPECT_GE(after->spares, 0);
      if (worker.is_ready) {
        EXPECT_LE(after->spares, std::max({worker.spares, view.slots + 1, worker.waiting})) << "round " << round;
      }
      if (worker.is_ready && worker.waiting > 0) {
        EXPECT_GE(after->spares, 1) << "round " << round << ": nobody serves what waits";
      }
    }
  }
}

}  // namespace
}  // namespace sluice
