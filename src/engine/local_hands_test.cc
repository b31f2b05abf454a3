#include "engine/local_hands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_hands.h"
#include "exec/log.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(LocalHands, ATaskIsStartedReportedAndAcknowledged) {
  HandsWorld world;
  world.start(world.order("plain"));
  EXPECT_TRUE(world.scripts.empty()) << "a supervisor is started when there is something to start";
  world.settle();
  ASSERT_EQ(world.started(), "1");
  EXPECT_THAT(world.supervisor().started[0].argv, ElementsAre("echo", "hello"));

  world.supervisor().say(AttemptBegan{.id = world.id(1), .pid = 5});
  world.settle();
  EXPECT_EQ(world.last_told(), "1#1 started");

  world.exits(1, 0, "/tmp is not private");
  EXPECT_EQ(world.last_told(), "1#1 ok");
  EXPECT_EQ(world.reports.back().note, "/tmp is not private");
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(1)));
  EXPECT_EQ(world.reports.size(), 2U);
}

TEST(LocalHands, AnExitIsAcknowledgedByTheFlushAfterItsAnswer) {
  HandsWorld world;
  world.start(world.order("plain"));
  world.settle();
  world.flushes = false;  // the engine cannot commit
  world.exits(1);
  EXPECT_EQ(world.last_told(), "1#1 ok");
  EXPECT_THAT(world.supervisor().acked, IsEmpty());
  world.flushes = true;
  world.settle();
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(1)));
}

TEST(LocalHands, AnExitThatNobodyWaitsForIsAcknowledged) {
  HandsWorld world;
  world.start(world.order("plain"));
  world.settle();
  world.exits(99);
  EXPECT_TRUE(world.reports.empty());
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(99)));
}

TEST(LocalHands, NoMoreThanTheSlotsRunAtOnceInTheOrderOfTheirStarts) {
  HandsWorld world(2);
  for (std::int64_t task = 1; task <= 5; ++task) world.start(world.order("plain", task));
  world.settle();
  EXPECT_EQ(world.started(), "1 2");
  world.exits(2);
  EXPECT_EQ(world.started(), "1 2 3");
  world.exits(1, 1);
  world.exits(3);
  EXPECT_EQ(world.started(), "1 2 3 4 5");
}

TEST(LocalHands, AnImporterNeedsNoSlot) {
  HandsWorld world(1);
  world.start(world.order("plain", 1));
  TaskData inputs;
  inputs.parameters.emplace("uri", "s3://bucket/x");
  world.start(world.order("load", 2, 1, inputs));
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "2#1 ok");
  EXPECT_EQ(std::get<AttemptSucceeded>(world.reports[0].event).outputs.artifacts.at("artifact").at(0).uri, "s3://bucket/x");
  EXPECT_THAT(world.supervisor().acked, IsEmpty()) << "it never had a process";
  world.start(world.order("load", 3));
  world.serve_until_reports(2);
  EXPECT_THAT(world.told(1), HasSubstr("3#1 failed output 0 importer \"comp-load\": the artifact's URI is empty"));
}

TEST(LocalHands, OutputsAreCollectedAfterTheSlotIsFree) {
  HandsWorld world(1);
  world.start(world.order("make", 1));
  world.start(world.order("plain", 2));
  world.settle();
  std::ofstream(world.supervisor().started.at(0).directory + ".params/y") << "7";
  std::ofstream(world.supervisor().started.at(0).directory + ".out/data") << "rows";
  world.exits(1, 0, "a warning");
  EXPECT_EQ(world.started(), "1 2");
  world.serve_until_reports(1);
  ASSERT_EQ(world.told(0), "1#1 ok");
  EXPECT_EQ(world.reports[0].note, "a warning");
  const TaskData& outputs = std::get<AttemptSucceeded>(world.reports[0].event).outputs;
  EXPECT_EQ(outputs.parameters.at("y"), Value(7));
  EXPECT_TRUE(world.objects.has(outputs.artifacts.at("data").at(0).digest));
  world.settle();
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(1)));
}

TEST(LocalHands, MissingOutputsFailTheAttempt) {
  HandsWorld world;
  world.start(world.order("make", 1));
  world.settle();
  world.exits(1);
  world.serve_until_reports(1);
  EXPECT_THAT(world.told(0), HasSubstr("1#1 failed output 0 output parameter \"y\""));
}

TEST(LocalHands, AFailureSaysWhatTheTaskSaidLast) {
  HandsWorld world(3);
  for (std::int64_t task = 1; task <= 3; ++task) world.start(world.order("plain", task));
  world.settle();
  {
    LogWriter log(world.supervisor().started.at(0).log_path, 1 << 20);
    log.write(Stream::kStderr, "Traceback\nValueError: boom\n", from_micros(1));
  }
  world.exits(1, 1);
  EXPECT_EQ(world.last_told(), "1#1 failed exit 1 exit code 1: ValueError: boom");
  world.supervisor().say(AttemptExit{.id = world.id(2), .exit_code = 137, .signal = 9});
  world.settle();
  EXPECT_EQ(world.last_told(), "2#1 failed exit 137 ended by signal 9");
  world.supervisor().say(AttemptExit{.id = world.id(3), .exit_code = 127, .error = "echo: not found on PATH"});
  world.settle();
  EXPECT_EQ(world.last_told(), "3#1 failed start 127 echo: not found on PATH");
}

TEST(LocalHands, AnInputThatCannotBeLaidOutFailsTheAttemptAndFreesTheSlot) {
  HandsWorld world(1);
  TaskData inputs;
  inputs.artifacts["data"] = {Artifact{.uri = "/x/rows.csv", .digest = "sha256:" + std::string(64, 'a')}};
  world.start(world.order("eat", 1, 1, inputs));
  world.start(world.order("plain", 2));
  world.serve_until_reports(1);
  EXPECT_THAT(world.told(0), HasSubstr("1#1 failed start 0 input artifact 'data': "));
  world.settle();
  EXPECT_EQ(world.started(), "2");
}

TEST(LocalHands, AWaitingAttemptIsStoppedBeforeItBegins) {
  HandsWorld world(1);
  world.start(world.order("plain", 1));
  world.start(world.order("plain", 2));
  world.start(world.order("plain", 3));
  world.settle();
  world.stop(2);
  world.stop(2);
  world.settle();
  EXPECT_EQ(world.last_told(), "2#1 failed exit 0 stopped before it began");
  world.exits(1);
  EXPECT_EQ(world.started(), "1 3");
  EXPECT_EQ(world.reports.size(), 2U);
  EXPECT_THAT(world.supervisor().stopped, IsEmpty());
}

TEST(LocalHands, ARunningAttemptIsStoppedByTheSupervisor) {
  HandsWorld world(2);
  world.start(world.order("plain", 1));
  world.start(world.order("plain", 2));
  world.settle();
  world.stop(1);
  world.stop(2, FailureKind::kTimeout);
  EXPECT_THAT(world.supervisor().stopped, ElementsAre(world.id(1), world.id(2)));
  world.exits(1, 143);
  EXPECT_EQ(world.last_told(), "1#1 failed exit 143 exit code 143");
  world.exits(2, 143);
  EXPECT_EQ(world.last_told(), "2#1 failed timeout 143 took longer than its time limit");
  world.stop(99);  // nobody knows it
}

TEST(LocalHands, AnAttemptThatEndsWellAlthoughItWasStoppedHasSucceeded) {
  HandsWorld world;
  world.start(world.order("plain", 1));
  world.settle();
  world.stop(1);
  world.exits(1, 0);
  EXPECT_EQ(world.last_told(), "1#1 ok");
}

TEST(LocalHands, AnAttemptIsStoppedWhileItsInputsAreCopied) {
  HandsWorld world(1);
  TaskData inputs;
  inputs.artifacts["data"] = {world.stored("rows.csv", "1")};
  world.start(world.order("eat", 1, 1, inputs));
  world.start(world.order("plain", 2));
  world.hands->flush();  // it goes to a work thread
  world.stop(1);
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 failed exit 0 stopped before it began");
  world.settle();
  EXPECT_EQ(world.started(), "2");
}

TEST(LocalHands, AnAttemptIsStoppedBetweenTheCopyingAndTheFlush) {
  HandsWorld world(1);
  TaskData inputs;
  inputs.artifacts["data"] = {world.stored("rows.csv", "1")};
  world.start(world.order("eat", 1, 1, inputs));
  world.start(world.order("plain", 2));
  world.hands->flush();
  world.flushes = false;
  world.serve_until([&] { return !world.scripts.empty(); });  // launched, not sent
  world.stop(1);
  world.flushes = true;
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 failed exit 0 stopped before it began");
  world.settle();
  EXPECT_EQ(world.started(), "2") << "what nobody wants is not started";
  EXPECT_THAT(world.supervisor().stopped, IsEmpty());
  EXPECT_THAT(world.supervisor().acked, IsEmpty());
}

TEST(LocalHands, AnAttemptThatIsBeingCollectedHasEndedAlready) {
  HandsWorld world;
  world.start(world.order("make", 1));
  world.settle();
  std::ofstream(world.supervisor().started.at(0).directory + ".params/y") << "7";
  world.exits(1);
  world.stop(1);
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 ok");
}

TEST(LocalHands, AttemptsOfALostSupervisorAreLostAndTheNextStartGetsANewOne) {
  HandsWorld world(2);
  for (std::int64_t task = 1; task <= 3; ++task) world.start(world.order("plain", task));
  world.settle();
  world.stop(2, FailureKind::kTimeout);
  world.supervisor().say(AttemptBegan{.id = world.id(1)});
  world.supervisor().die("killed");
  world.serve_until_reports(3);
  EXPECT_EQ(world.told(0), "1#1 started") << "what it has said before counts";
  // Their processes are looked for by work threads, so either may be first.
  EXPECT_THAT((std::vector<std::string>{world.told(1), world.told(2)}),
              UnorderedElementsAre("1#1 failed lost 0 its supervisor is gone: killed",
                                   "2#1 failed timeout 0 its supervisor is gone: killed"));
  world.settle();
  ASSERT_EQ(world.scripts.size(), 2U);
  EXPECT_EQ(world.started(), "3");
  EXPECT_THAT(world.supervisor().acked, IsEmpty()) << "it knows nothing of the others";
  world.exits(3);
  EXPECT_EQ(world.last_told(), "3#1 ok");
}

TEST(LocalHands, ASupervisorThatCannotBeWrittenToIsGivenUp) {
  HandsWorld world(1);
  world.start(world.order("plain", 1));
  world.settle();
  world.exits(1);
  world.supervisor().refusal = Error{Code::kUnavailable, "broken pipe", ""};
  world.start(world.order("plain", 2));
  world.serve_until_reports(2);
  EXPECT_EQ(world.told(1), "2#1 failed lost 0 its supervisor is gone: broken pipe");
  world.start(world.order("plain", 2, 2));
  world.settle();
  EXPECT_EQ(world.scripts.size(), 2U);
  EXPECT_EQ(world.started(), "2");
}

TEST(LocalHands, AnAttemptThatCannotBeSentFailsAloneAndFreesItsSlot) {
  HandsWorld world(3);
  world.start(world.order("plain", 1));
  world.settle();
  world.supervisor().refusal = Error{Code::kInvalid, "its command is too long", ""};
  world.supervisor().refused = world.id(3);
  for (std::int64_t task = 2; task <= 5; ++task) world.start(world.order("plain", task));
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "3#1 failed start 0 its command is too long");
  world.exits(1);
  EXPECT_EQ(world.started(), "1 2 4 5");
  EXPECT_EQ(world.scripts.size(), 1U);
}

TEST(LocalHands, WithoutASupervisorAttemptsAreLost) {
  HandsWorld world(1);
  world.launch_error = Error{Code::kInternal, "no such program", ""};
  world.start(world.order("plain", 1));
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 failed lost 0 no supervisor could be started: no such program");
  world.launch_error.reset();
  world.start(world.order("plain", 1, 2));
  world.settle();
  EXPECT_EQ(world.started(), "1");
}

TEST(LocalHands, AFailedTaskThatChangedItsInputSpoilsItForNobody) {
  HandsWorld world(1);
  const std::string big = world.folder.write("made/big.bin", "x");
  ASSERT_EQ(::truncate(big.c_str(), 65LL << 20U), 0);
  TaskData inputs;
  inputs.artifacts["data"] = {world.take(big)};
  world.start(world.order("eat", 1, 1, inputs));
  world.serve_until([&] { return world.started() == "1"; });
  const std::string path = world.supervisor().started.at(0).directory + ".in/data/big.bin";
  if (std::filesystem::hard_link_count(path) < 2) GTEST_SKIP() << "this file system copies without cost";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  ASSERT_EQ(::truncate(path.c_str(), 5), 0);
  world.exits(1, 1);
  world.serve_until_reports(1);
  EXPECT_EQ(world.told(0), "1#1 failed exit 1 exit code 1; it changed its input " + path);
  EXPECT_FALSE(world.objects.has(inputs.artifacts["data"][0].digest));
}

TEST(LocalHands, TheSupervisorIsLetGoWithTheHands) {
  HandsWorld world;
  world.start(world.order("plain", 1));
  world.settle();
  world.loop.at_round_end({});
  world.hands.reset();
  EXPECT_TRUE(world.supervisor().released);
  EXPECT_FALSE(world.supervisor().shut_down) << "whether it ends is its own business";
  world.supervisor().wake();
  world.settle();  // nobody listens any more
}

TEST(LocalHands, WhenTheTasksAreEndedNothingIsStartedOrAnsweredAnyMore) {
  HandsWorld world;
  world.start(world.order("plain", 1));
  world.start(world.order("make", 2));
  world.settle();
  world.supervisor().say(AttemptExit{.id = world.id(1), .exit_code = 143, .signal = 15});
  ASSERT_TRUE(world.hands->end_tasks());
  EXPECT_TRUE(world.supervisor().shut_down);
  EXPECT_TRUE(world.supervisor().released);
  world.start(world.order("plain", 3));
  world.settle();
  world.settle();
  EXPECT_TRUE(world.reports.empty());
  EXPECT_EQ(world.scripts.size(), 1U);
}

}  // namespace
}  // namespace sluice
