#include "engine/flights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Of the run with this number.
Flights::Attempt of(std::uint8_t run, std::int64_t task = 1, int attempt = 1) {
  Flights::Attempt one{.task = TaskId{task}, .attempt = attempt};
  one.run.bytes.back() = run;
  return one;
}
Uuid run(std::uint8_t number) { return of(number).run; }

TEST(Flights, OneOfAKeyFliesAndAllGetWhatItBrings) {
  Flights flights;
  EXPECT_TRUE(flights.join("a", of(1)));
  EXPECT_FALSE(flights.join("a", of(2)));
  EXPECT_FALSE(flights.join("a", of(1, 2)));
  EXPECT_TRUE(flights.join("b", of(3)));
  EXPECT_TRUE(flights.is_waiting(of(2)));
  EXPECT_FALSE(flights.is_waiting(of(1)));
  EXPECT_THAT(flights.land(of(1)), ElementsAre(of(2), of(1, 2)));
  EXPECT_FALSE(flights.is_waiting(of(2)));
  EXPECT_TRUE(flights.join("a", of(2))) << "the result may have been forgotten meanwhile";
  EXPECT_THAT(flights.land(of(2)), IsEmpty());
  EXPECT_THAT(flights.land(of(3)), IsEmpty());
  EXPECT_TRUE(flights.empty());
}

TEST(Flights, AFailureLetsTheNextOneGo) {
  Flights flights;
  EXPECT_TRUE(flights.join("a", of(1)));
  EXPECT_FALSE(flights.join("a", of(2)));
  EXPECT_FALSE(flights.join("a", of(3)));
  EXPECT_THAT(flights.leave(of(1)), ElementsAre(of(2)));
  EXPECT_TRUE(flights.join("a", of(2))) << "it comes back as the one that flies";
  EXPECT_FALSE(flights.join("a", of(1, 1, 2))) << "a second attempt stands behind";
  EXPECT_THAT(flights.leave(of(3)), IsEmpty()) << "one that waits can go";
  EXPECT_THAT(flights.land(of(2)), ElementsAre(of(1, 1, 2)));
  EXPECT_TRUE(flights.empty());
}

TEST(Flights, RunsThatAreHeldWait) {
  Flights flights;
  EXPECT_THAT(flights.hold(run(1)), IsEmpty());
  EXPECT_FALSE(flights.join("a", of(1)));
  EXPECT_TRUE(flights.join("a", of(2))) << "nobody waits for a run that is paused";
  EXPECT_THAT(flights.leave(of(2)), IsEmpty());
  EXPECT_THAT(flights.let_go(run(1)), ElementsAre(of(1)));
  EXPECT_TRUE(flights.join("a", of(1)));
  EXPECT_THAT(flights.land(of(1)), IsEmpty());
}

TEST(Flights, OneThatHasNotBegunGivesWayToOthersWhenItIsHeld) {
  Flights flights;
  EXPECT_TRUE(flights.join("a", of(1)));
  EXPECT_FALSE(flights.join("a", of(2)));
  EXPECT_FALSE(flights.join("a", of(3)));
  EXPECT_THAT(flights.hold(run(1)), ElementsAre(of(2)));
  EXPECT_THAT(flights.let_go(run(1)), IsEmpty());
  EXPECT_THAT(flights.land(of(1)), ElementsAre(of(3))) << "whoever is first serves all";
  EXPECT_THAT(flights.land(of(2)), IsEmpty());
  EXPECT_TRUE(flights.empty());
}

TEST(Flights, OneThatHasBegunGoesOnWhenItIsHeld) {
  Flights flights;
  EXPECT_TRUE(flights.join("a", of(1)));
  EXPECT_FALSE(flights.join("a", of(2)));
  flights.begin(of(1));
  flights.begin(of(9));
  EXPECT_THAT(flights.hold(run(1)), IsEmpty());
  EXPECT_THAT(flights.land(of(1)), ElementsAre(of(2)));
}

TEST(Flights, WhatARunHasLeftIsForgottenWithIt) {
  Flights flights;
  EXPECT_TRUE(flights.join("a", of(1)));
  EXPECT_FALSE(flights.join("a", of(1, 2)));
  EXPECT_FALSE(flights.join("a", of(2)));
  EXPECT_TRUE(flights.join("b", of(2, 2)));
  EXPECT_FALSE(flights.join("b", of(1, 3)));
  EXPECT_THAT(flights.forget(run(1)), ElementsAre(of(2)));
  EXPECT_EQ(flights.waiting(), 0U);
  EXPECT_THAT(flights.forget(run(2)), IsEmpty());
  EXPECT_TRUE(flights.empty());
}

TEST(Flights, WhatFliesAlreadyIsNotAsked) {
  Flights flights;
  flights.fly("a", of(1));
  flights.fly("a", of(2));
  EXPECT_FALSE(flights.join("a", of(3)));
  EXPECT_THAT(flights.leave(of(1)), IsEmpty()) << "another one still flies";
  EXPECT_THAT(flights.land(of(2)), ElementsAre(of(3)));
}

}  // namespace
}  // namespace sluice
