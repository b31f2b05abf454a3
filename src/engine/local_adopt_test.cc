// Orders that an owner before us has given, in every state in which they can be found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "engine/test_hands.h"
#include "exec/log.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// A world that comes second: the first has laid these attempts out.
class AdoptWorld : public HandsWorld {
 public:
  explicit AdoptWorld(int slots = 2) : HandsWorld(slots) {}

  // What a task and an engine before us have left of an attempt.
  Attempt laid_out(AttemptOrder given) {
    Attempt attempt(std::move(given), dir);
    EXPECT_TRUE(lay_out(attempt, objects).has_value());
    EXPECT_TRUE(make_spec(attempt, "").has_value());
    return attempt;
  }
  AttemptBegan began(std::int64_t task) const { return {.id = id(task), .pid = 7, .at = from_micros(5'000'000)}; }
};

TEST(LocalAdopt, OneThatRunsIsReportedWithTheTimeItBeganAndHoldsASlot) {
  AdoptWorld world(1);
  world.attach({.running = {world.began(1)}});
  world.start(world.again("plain", 1));
  world.start(world.order("plain", 2));
  EXPECT_TRUE(world.reports.empty());
  world.settle();
  ASSERT_EQ(world.told(0), "1#1 started");
  EXPECT_EQ(std::get<AttemptStarted>(world.reports[0].event).at, from_micros(5'000'000));
  EXPECT_EQ(world.started(), "") << "the one slot is taken";
  EXPECT_THAT(world.supervisor().stopped, IsEmpty());

  world.exits(1, 3);
  EXPECT_EQ(world.told(1), "1#1 failed exit 3 exit code 3");
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(1)));
  EXPECT_EQ(world.started(), "2");
  world.supervisor().say(AttemptBegan{.id = world.id(2), .pid = 8, .at = from_micros(9)});
  world.settle();
  EXPECT_EQ(std::get<AttemptStarted>(world.reports.back().event).at, Instant{}) << "now";
}

TEST(LocalAdopt, OneThatIsHeldBeginsLater) {
  AdoptWorld world(1);
  world.attach({.held = {world.id(1)}});
  world.start(world.again("plain", 1));
  world.settle();
  EXPECT_TRUE(world.reports.empty());
  EXPECT_EQ(world.started(), "");
  world.supervisor().say(world.began(1));
  world.exits(1);
  EXPECT_EQ(world.told(0), "1#1 started");
  EXPECT_EQ(world.told(1), "1#1 ok");
}

TEST(LocalAdopt, OneThatHasEndedIsCollectedAndAcknowledged) {
  AdoptWorld world;
  const Attempt before = world.laid_out(world.order("make", 1));
  std::ofstream(before.outputs.parameters_dir + "/y") << "7";
  std::ofstream(before.outputs.artifacts_dir + "/data") << "rows";
  world.attach({.ended = {{.id = world.id(1), .note = "a warning"}, {.id = world.id(2), .exit_code = 5}}});
  world.start(world.again("make", 1));
  world.start(world.again("plain", 2));
  world.serve_until_reports(2);
  EXPECT_EQ(world.told(0), "2#1 failed exit 5 exit code 5");
  ASSERT_EQ(world.told(1), "1#1 ok");
  EXPECT_EQ(world.reports[1].note, "a warning");
  const TaskData& outputs = std::get<AttemptSucceeded>(world.reports[1].event).outputs;
  EXPECT_EQ(outputs.parameters.at("y"), Value(7));
  EXPECT_TRUE(world.objects.has(outputs.artifacts.at("data").at(0).digest));
  world.settle();
  EXPECT_THAT(world.supervisor().acked, UnorderedElementsAre(world.id(1), world.id(2)));
  EXPECT_EQ(world.started(), "");
}

TEST(LocalAdopt, OneWhoseOutputsWereTakenInBeforeTheCrashIsTakenInAgain) {
  AdoptWorld world;
  const Attempt before = world.laid_out(world.order("make", 1));
  std::ofstream(before.outputs.parameters_dir + "/y") << "7";
  std::ofstream(before.outputs.artifacts_dir + "/data") << "rows";
  const Collected first = collect(before, world.objects);
  ASSERT_TRUE(first.outputs) << first.outputs.error().message;
  world.attach({.ended = {{.id = world.id(1)}}});
  world.start(world.again("make", 1));
  world.serve_until_reports(1);
  ASSERT_EQ(world.told(0), "1#1 ok");
  EXPECT_EQ(std::get<AttemptSucceeded>(world.reports[0].event).outputs, *first.outputs);
}

TEST(LocalAdopt, OneThatNobodyKnowsNeverBeganAndStartsAsTheSameAttemptInACleanDirectory) {
  AdoptWorld world;
  const Attempt before = world.laid_out(world.order("make", 1));
  std::ofstream(before.directory + "/stale") << "x";
  std::ofstream(before.outputs.artifacts_dir + "/data") << "stale";
  world.attach({});
  world.start(world.again("make", 1));
  world.settle();
  ASSERT_EQ(world.started(), "1");
  EXPECT_EQ(world.supervisor().started[0].id, world.id(1));
  EXPECT_TRUE(std::filesystem::exists(before.directory));
  EXPECT_FALSE(std::filesystem::exists(before.directory + "/stale"));
  EXPECT_FALSE(std::filesystem::exists(before.outputs.artifacts_dir + "/data"));
}

TEST(LocalAdopt, OneThatADeadSupervisorMayHaveStartedIsLostWhenNothingOfItIsLeft) {
  AdoptWorld world(1);
  const Attempt before = world.laid_out(world.order("plain", 1));
  // A process of it has survived.
  const pid_t survivor = ::fork();
  if (survivor == 0) {
    const std::string variable = "SLUICE_ATTEMPT=" + before.id;
    ::execle("/bin/sleep", "sleep", "1000", nullptr, std::array<const char*, 2>{variable.c_str(), nullptr}.data());
    ::_exit(1);
  }
  world.serve_until([&] {
    const auto alive = live_attempts();
    return std::count(alive.begin(), alive.end(), before.id) == 1;
  });
  world.attach({.is_complete = false});
  world.start(world.again("plain", 1));
  world.start(world.again("plain", 2));  // of which there is no directory: it cannot have begun
  world.settle();
  // end_leftovers() waits until it is gone, which it is not before its parent has seen it.
  EXPECT_EQ(::waitpid(survivor, nullptr, 0), survivor);
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 failed lost 0 its supervisor has died");
  world.settle();
  EXPECT_EQ(world.started(), "2");
}

TEST(LocalAdopt, OneWithoutRoomToBeginIsStartedAnew) {
  AdoptWorld world;
  world.attach({.ended = {{.id = world.id(1), .exit_code = 126, .error = "no memory", .unavailable = true}}});
  world.start(world.again("plain", 1));
  world.settle();
  EXPECT_EQ(world.started(), "1");
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(1)));
}

TEST(LocalAdopt, ImportersAreCarriedOutAgain) {
  AdoptWorld world;
  world.attach({.is_complete = false});
  TaskData inputs;
  inputs.parameters.emplace("uri", "s3://bucket/x");
  world.start(world.again("load", 1, inputs));
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 ok");
}

TEST(LocalAdopt, WhatNobodyOrdersIsEndedOrForgottenAtTheFirstFlush) {
  AdoptWorld world;
  world.attach({.running = {world.began(1), world.began(2)}, .held = {world.id(3)}, .ended = {{.id = world.id(4)}}});
  world.flushes = false;
  world.start(world.again("plain", 1));
  world.settle();
  EXPECT_THAT(world.supervisor().stopped, IsEmpty()) << "the order may still come";
  world.flushes = true;
  world.settle();
  EXPECT_THAT(world.supervisor().stopped, UnorderedElementsAre(world.id(2), world.id(3)));
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(4)));
  world.exits(2, 143);
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(4), world.id(2)));
  EXPECT_EQ(world.reports.size(), 1U) << "the start of the first";
}

TEST(LocalAdopt, WhatIsHeardBeforeTheOrderCounts) {
  AdoptWorld world;
  world.laid_out(world.order("plain", 3));
  world.attach({.running = {world.began(1), world.began(3)}, .held = {world.id(2)}});
  world.flushes = false;
  world.supervisor().say(AttemptExit{.id = world.id(1), .exit_code = 4});
  world.supervisor().say(world.began(2));
  world.supervisor().say(AttemptLost{world.id(3), "killed"});
  world.settle();
  for (std::int64_t task = 1; task <= 3; ++task) world.start(world.again("plain", task));
  world.serve_until_reports(3);
  std::vector<std::string> told{world.told(0), world.told(1), world.told(2)};
  EXPECT_THAT(told,
              UnorderedElementsAre("1#1 failed exit 4 exit code 4", "2#1 started", "3#1 failed lost 0 its supervisor has died"));
}

TEST(LocalAdopt, ProcessesOfADeadSupervisorThatNobodyAsksForAreEnded) {
  AdoptWorld world;
  const auto spawn = [](const std::string& id) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const std::string variable = "SLUICE_ATTEMPT=" + id;
    ::execle("/bin/sleep", "sleep", "1000", nullptr, std::array<const char*, 2>{variable.c_str(), nullptr}.data());
    ::_exit(1);
  };
  const std::string foreign = "00000000-0000-4000-8000-00000000abcd/1/1";  // a run of another data directory
  const pid_t ours = spawn(world.id(8));
  const pid_t other = spawn(foreign);
  world.serve_until([&] {
    const auto alive = live_attempts();
    return std::count(alive.begin(), alive.end(), world.id(8)) + std::count(alive.begin(), alive.end(), foreign) == 2;
  });
  world.attach({.is_complete = false});
  world.settle();
  int status = 0;
  EXPECT_EQ(::waitpid(ours, &status, 0), ours);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), 0) << "it is none of our business";
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
}

TEST(LocalAdopt, AnAdoptedAttemptIsStoppedLikeAnother) {
  AdoptWorld world;
  world.attach({.running = {world.began(1)}, .ended = {{.id = world.id(2), .exit_code = 1}}});
  world.start(world.again("plain", 1));
  world.start(world.again("plain", 2));
  world.stop(1, FailureKind::kTimeout);
  world.stop(2, FailureKind::kTimeout);
  world.settle();
  world.exits(1, 143);
  EXPECT_EQ(world.last_told(), "1#1 failed timeout 143 took longer than its time limit");
  EXPECT_EQ(world.told(0) + ", " + world.told(1), "1#1 started, 2#1 failed timeout 1 took longer than its time limit");
}

TEST(LocalAdopt, AnAdoptedAttemptThatChangedALinkedInputIsFoundOutByItsBytes) {
  for (const bool changed : {false, true}) {
    AdoptWorld world(1);
    const std::string big = world.folder.write("made/big.bin", "x");
    ASSERT_EQ(::truncate(big.c_str(), 65LL << 20U), 0);
    TaskData inputs;
    inputs.artifacts["data"] = {world.take(big)};
    const Attempt before = world.laid_out(world.order("eat", 1, 1, inputs));
    if (before.linked.empty()) GTEST_SKIP() << "this file system copies without cost";
    const std::string path = before.linked[0].path;
    if (changed) {
      std::filesystem::permissions(path, std::filesystem::perms::owner_all);
      std::fstream(path, std::ios::in | std::ios::out) << "y";
    }
    world.attach({.ended = {{.id = world.id(1)}}});
    world.start(world.again("eat", 1, inputs));
    world.serve_until_reports(1);
    EXPECT_EQ(world.told(0), changed ? "1#1 failed input 0 changed its input " + path : "1#1 ok");
    EXPECT_EQ(world.objects.has(inputs.artifacts["data"][0].digest), !changed);
  }
}

TEST(LocalAdopt, AttachingThatFailsIsAnError) {
  HandsWorld world;
  world.launch_error = Error{Code::kUnavailable, "it speaks another protocol", ""};
  const Status attached = world.hands->attach();
  ASSERT_FALSE(attached);
  EXPECT_THAT(attached.error().message, HasSubstr("another protocol"));
}

TEST(LocalAdopt, AttemptsAreLostOneByOneAndTheSupervisorStays) {
  HandsWorld world(3);
  for (std::int64_t task = 1; task <= 3; ++task) world.start(world.order("plain", task));
  world.settle();
  world.stop(2, FailureKind::kTimeout);
  world.supervisor().say(AttemptLost{world.id(1), "killed"});
  world.supervisor().say(AttemptLost{world.id(2), "killed"});
  world.serve_until_reports(2);
  std::vector<std::string> told{world.told(0), world.told(1)};
  EXPECT_THAT(told, UnorderedElementsAre("1#1 failed lost 0 its supervisor is gone: killed",
                                         "2#1 failed timeout 0 its supervisor is gone: killed"));
  world.settle();
  EXPECT_THAT(world.supervisor().acked, UnorderedElementsAre(world.id(1), world.id(2)));
  world.exits(3);
  EXPECT_EQ(world.last_told(), "3#1 ok");
  EXPECT_EQ(world.scripts.size(), 1U);
}

}  // namespace
}  // namespace sluice
