// What cannot be done for now is tried again until it can.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "engine/test_hands.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// While it lives, nothing can be opened: for every caller the same as a full disk, "it may work later".
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST(LocalTrouble, ASupervisorThatCannotBeLaunchedForNowIsTriedAgain) {
  HandsWorld world(2);
  world.launch_error = Error{Code::kUnavailable, "too many open files", ""};
  for (std::int64_t task = 1; task <= 3; ++task) world.start(world.order("plain", task));
  world.serve_until([&] { return !world.troubles.empty(); });
  for (int i = 0; i < 5; ++i) world.serve_until([&, tries = 0]() mutable { return ++tries > 3; });
  EXPECT_THAT(world.troubles, ElementsAre("too many open files")) << "it is said once";
  EXPECT_TRUE(world.reports.empty());
  world.launch_error.reset();
  world.serve_until([&] { return world.started() == "1 2"; });
  world.settle();
  EXPECT_THAT(world.troubles, ElementsAre("too many open files", ""));
  world.exits(1);
  EXPECT_EQ(world.last_told(), "1#1 ok");
  EXPECT_EQ(world.started(), "1 2 3");
}

TEST(LocalTrouble, SoIsOneThatTakesNoStartsForNow) {
  HandsWorld world(1);
  world.next_script = std::make_shared<SupervisorScript>();
  const auto script = world.next_script;
  script->not_ready = Error{Code::kUnavailable, "no memory", ""};
  world.start(world.order("plain", 1));
  world.serve_until([&] { return !world.troubles.empty(); });
  EXPECT_EQ(world.started(), "");
  script->not_ready.reset();
  world.serve_until([&] { return world.started() == "1"; });
  EXPECT_TRUE(world.reports.empty());
}

TEST(LocalTrouble, AnAttemptThatTheSupervisorCouldNotStartForNowIsSentAgain) {
  HandsWorld world(1);
  world.start(world.order("plain", 1));
  world.start(world.order("plain", 2));
  world.settle();
  world.supervisor().say(AttemptExit{.id = world.id(1), .exit_code = 126, .error = "clone: no memory", .unavailable = true});
  world.serve_until([&] { return world.started() == "1 1"; });
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(1))) << "else it would be answered with what became of the first";
  EXPECT_TRUE(world.reports.empty());
  world.settle();
  EXPECT_THAT(world.troubles, ElementsAre("clone: no memory", ""));
  world.exits(1);
  EXPECT_EQ(world.last_told(), "1#1 ok");
  EXPECT_EQ(world.started(), "1 1 2");
}

TEST(LocalTrouble, InputsThatCannotBeLaidOutForNowAreLaidOutLater) {
  HandsWorld world(1);
  TaskData inputs;
  inputs.artifacts["data"] = {world.stored("rows.csv", "1")};
  world.start(world.order("eat", 1, 1, inputs));
  world.start(world.order("plain", 2));
  {
    const NoDescriptors none;
    world.serve_until([&] { return !world.troubles.empty(); });
    EXPECT_THAT(world.troubles, ElementsAre(HasSubstr("Too many open files")));
  }
  world.serve_until([&] { return world.started() == "1"; });
  EXPECT_EQ(text_of(world.supervisor().started[0].directory + ".in/data/rows.csv"), "1");
  world.exits(1);
  EXPECT_EQ(world.started(), "1 2");
  EXPECT_EQ(world.last_told(), "1#1 ok");
  EXPECT_EQ(world.troubles.back(), "");
}

TEST(LocalTrouble, OutputsThatCannotBeTakenInForNowAreTakenInLater) {
  HandsWorld world(1);
  world.start(world.order("make", 1));
  world.settle();
  std::ofstream(world.supervisor().started.at(0).directory + ".params/y") << "7";
  std::ofstream(world.supervisor().started.at(0).directory + ".out/data") << "rows";
  {
    const NoDescriptors none;
    world.supervisor().say(AttemptExit{.id = world.id(1)});
    world.serve_until([&] { return !world.troubles.empty(); });
    EXPECT_THAT(world.supervisor().acked, IsEmpty());
  }
  world.serve_until_reports(1);
  ASSERT_EQ(world.told(0), "1#1 ok");
  EXPECT_TRUE(world.objects.has(std::get<AttemptSucceeded>(world.reports[0].event).outputs.artifacts.at("data").at(0).digest));
  world.settle();
  EXPECT_EQ(world.troubles.size(), 2U);
  EXPECT_EQ(world.troubles.back(), "");
}

TEST(LocalTrouble, AnAttemptInTroubleIsStoppedAndTheTroubleGoesWithIt) {
  HandsWorld world(1);
  world.launch_error = Error{Code::kUnavailable, "too many open files", ""};
  world.start(world.order("plain", 1));
  world.serve_until([&] { return !world.troubles.empty(); });
  world.stop(1);
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 failed exit 0 stopped before it began");
  world.settle();
  EXPECT_THAT(world.troubles, ElementsAre("too many open files", ""));
}

}  // namespace
}  // namespace sluice
