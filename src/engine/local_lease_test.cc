// What an attempt takes into the store of objects is not garbage before it is committed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/test_hands.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(LocalLease, LastsFromTheCollectionOfOutputsToTheFlushAfterTheirCommit) {
  HandsWorld world(1);
  const Instant later = SystemClock().now() + 1h;
  const auto is_free = [&] { return world.objects.oldest_lease(later) == later; };
  world.start(world.order("make", 1));
  world.settle();
  std::ofstream(world.supervisor().started.at(0).directory + ".params/y") << "7";
  std::ofstream(world.supervisor().started.at(0).directory + ".out/data") << "rows";
  EXPECT_TRUE(is_free()) << "a task that runs puts nothing";
  world.flushes = false;  // the store cannot be written
  world.exits(1);
  world.serve_until_reports(1);
  ASSERT_EQ(world.told(0), "1#1 ok");
  world.settle();
  EXPECT_FALSE(is_free());
  world.flushes = true;
  world.settle();
  EXPECT_TRUE(is_free());
}

TEST(LocalLease, OfAResultThatIsKnownBeginsWithItsOrder) {
  HandsWorld world(1);
  const Instant later = SystemClock().now() + 1h;
  AttemptOrder order = world.order("make", 1);
  order.cached = TaskData{};
  world.flushes = false;
  world.start(std::move(order));
  EXPECT_LT(world.objects.oldest_lease(later), later);
}

}  // namespace
}  // namespace sluice
