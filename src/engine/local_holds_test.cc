// Runs that are held back, and attempts for which there is no room for now.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_hands.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HoldWorld : public HandsWorld {
 public:
  explicit HoldWorld(int slots = 2) : HandsWorld(slots) {
    other = uuid;
    other.bytes.back() = 2;
    EXPECT_TRUE(make_directory(dir.run(other.text())).has_value());
  }
  // Of another run; its reports are not looked at.
  AttemptOrder order_of_other(std::int64_t task) const {
    AttemptOrder given = order("plain", task);
    given.run = other;
    given.run_uuid = other.text();
    return given;
  }
  Uuid other;
};

TEST(LocalHold, NothingOfAHeldRunStartsAndOthersOvertakeIt) {
  HoldWorld world(1);
  world.start(world.order("plain", 1));
  world.start(world.order("plain", 2));
  world.settle();
  world.hands->hold(world.uuid);
  world.hands->hold(world.uuid);
  world.start(world.order("plain", 3));
  world.start(world.order_of_other(9));
  world.supervisor().say(AttemptBegan{.id = world.id(1)});
  world.exits(1);
  EXPECT_EQ(world.last_told(), "1#1 ok") << "what runs ends";
  EXPECT_EQ(world.started(), "1 9");
  world.hands->let_go(world.uuid);
  world.hands->let_go(world.uuid);
  world.supervisor().say(AttemptExit{.id = world.other.text() + "/9/1"});
  world.hands->listen({.report = [](const Uuid&, const Event&, const Aside&) {}});
  world.settle();
  EXPECT_EQ(world.started(), "1 9 2");
  world.exits(2);
  EXPECT_EQ(world.started(), "1 9 2 3");
}

TEST(LocalHold, WhatTheSupervisorHoldsIsTakenBackAndStartedAgainInItsTurn) {
  HoldWorld world(3);
  for (std::int64_t task = 1; task <= 4; ++task) world.start(world.order("plain", task));
  world.settle();
  EXPECT_EQ(world.started(), "1 2 3");
  world.supervisor().say(AttemptBegan{.id = world.id(1)});
  world.settle();
  world.hands->hold(world.uuid);
  EXPECT_THAT(world.supervisor().withdrawn, ElementsAre(world.id(2), world.id(3)));
  world.supervisor().say(AttemptBegan{.id = world.id(2)});  // it was just beginning
  world.supervisor().say(AttemptsWithdrawn{{world.id(3), "unknown"}});
  world.settle();
  const std::string directory = world.supervisor().started[2].directory;
  EXPECT_TRUE(std::filesystem::exists(directory));
  world.hands->let_go(world.uuid);
  world.settle();
  EXPECT_EQ(world.started(), "1 2 3 3") << "before the fourth, which came later";
  EXPECT_EQ(world.supervisor().started[3].directory, directory);
  EXPECT_TRUE(std::filesystem::exists(directory));
  world.exits(1);
  EXPECT_EQ(world.started(), "1 2 3 3 4");
  for (std::int64_t task = 2; task <= 4; ++task) world.exits(task);
  EXPECT_EQ(world.last_told(), "4#1 ok");
}

TEST(LocalHold, WhatIsTakenBackAfterTheRunWasLetGoStartsAgain) {
  HoldWorld world(1);
  world.start(world.order("plain", 1));
  world.settle();
  world.hands->hold(world.uuid);
  world.hands->let_go(world.uuid);
  world.supervisor().say(AttemptsWithdrawn{{world.id(1)}});
  world.settle();
  EXPECT_EQ(world.started(), "1 1");
}

TEST(LocalHold, AnAttemptThatIsStoppedWhileItIsTakenBackIsAnswered) {
  HoldWorld world(1);
  world.start(world.order("plain", 1));
  world.settle();
  world.hands->hold(world.uuid);
  world.stop(1);
  world.supervisor().say(AttemptsWithdrawn{{world.id(1)}});
  world.settle();
  EXPECT_EQ(world.last_told(), "1#1 failed exit 0 stopped before it began");
}

TEST(LocalHold, AHeldAttemptIsStopped) {
  HoldWorld world(1);
  world.hands->hold(world.uuid);
  world.start(world.order("plain", 1));
  world.settle();
  EXPECT_TRUE(world.scripts.empty());
  world.stop(1);
  world.settle();
  EXPECT_EQ(world.last_told(), "1#1 failed exit 0 stopped before it began");
  world.hands->let_go(world.uuid);
  world.settle();
  EXPECT_TRUE(world.scripts.empty());
}

TEST(LocalHold, WhatIsBeingLaidOutOrWaitsForTheFlushIsHeldToo) {
  HoldWorld world(2);
  TaskData inputs;
  inputs.artifacts["data"] = {world.stored("rows.csv", "1")};
  world.start(world.order("eat", 1, 1, inputs));
  world.start(world.order("plain", 2));
  world.hands->flush();
  // The first is in a work thread, the second has been sent.
  world.hands->hold(world.uuid);
  EXPECT_THAT(world.supervisor().withdrawn, ElementsAre(world.id(2)));
  world.supervisor().say(AttemptsWithdrawn{{world.id(2)}});
  const std::string copy = world.dir.attempt(world.uuid.text(), TaskId{1}, "eat", 1) + ".in/data/rows.csv";
  world.serve_until([&] { return std::filesystem::exists(copy); });
  world.hands->let_go(world.uuid);
  world.serve_until([&] { return world.started() == "2 1 2" || world.started() == "2 2 1"; });
  EXPECT_EQ(text_of(copy), "1");
}

}  // namespace
}  // namespace sluice
