#include "exec/supervisor_pool.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include "exec/processes.h"
#include "exec/supervisor_pool_fixture.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SupervisorPoolTest, WithoutAnyThereIsNothingToFindAndNothingIsLaunched) {
  come();
  EXPECT_THAT(found_running(), IsEmpty());
  EXPECT_TRUE(found_.is_complete);
  EXPECT_THAT(pids_, IsEmpty());
  EXPECT_EQ(run(shell("exit 3")).exit_code, 3);
  EXPECT_EQ(run(shell("exit 4")).exit_code, 4);
  EXPECT_EQ(pids_.size(), 1U);
}

TEST_F(SupervisorPoolTest, AnAttemptThatEndsWhileThereIsNoEngineIsToldToTheNextUntilItIsAcknowledged) {
  come();
  const auto spec = patient();
  start_patient(spec);
  go();
  let_end(spec);
  ASSERT_TRUE(wait_until([&] { return is_written(spec); }));
  for (int i = 0; i < 2; ++i) {
    come();
    ASSERT_THAT(found_ended(), ElementsAre(spec.id));
    EXPECT_EQ(found_.ended[0].exit_code, 7);
    EXPECT_GT(found_.ended[0].ended, found_.ended[0].began);
    EXPECT_TRUE(found_.is_complete);
  }
  acknowledge({spec.id});
  go();
  come();
  EXPECT_THAT(found_ended(), IsEmpty());
  EXPECT_EQ(pids_.size(), 1U);
}

TEST_F(SupervisorPoolTest, AnAttemptThatRunsIsFoundAndItsEndComesAsAnEvent) {
  come();
  const auto spec = patient();
  start_patient(spec);
  wait_events();
  go();
  come();
  ASSERT_THAT(found_running(), ElementsAre(spec.id));
  EXPECT_EQ(found_.running[0].pid, began_[spec.id].pid);
  EXPECT_EQ(found_.running[0].at, began_[spec.id].at);
  EXPECT_THAT(found_ended(), IsEmpty());
  let_end(spec);
  EXPECT_EQ(wait_exit(spec).exit_code, 7);
}

TEST_F(SupervisorPoolTest, WhatAnEngineSaidLastIsHeardBeforeTheNextIsTold) {
  come();
  start(shell(":"));  // it is there
  std::vector<AttemptSpec> specs;
  for (int i = 0; i < 50; ++i) specs.push_back(shell("exit 5"));
  ASSERT_TRUE(supervisor_->start(specs));
  go();
  come();
  EXPECT_EQ(found_.running.size() + found_.held.size() + found_.ended.size(), 51U);
}

TEST_F(SupervisorPoolTest, AHeldAttemptStartsWhileNobodyIsThere) {
  come("1.0.0 test", 1);
  const auto first = patient();
  const auto second = patient();
  start_patient(first);
  start(second);
  go();
  come("1.0.0 test", 1);
  EXPECT_THAT(found_running(), ElementsAre(first.id));
  EXPECT_THAT(found_.held, ElementsAre(second.id));
  go();
  let_end(first);
  wait_file(second, "ready");
  come("1.0.0 test", 1);
  EXPECT_THAT(found_ended(), ElementsAre(first.id));
  EXPECT_THAT(found_running(), ElementsAre(second.id));
}

TEST_F(SupervisorPoolTest, OnlyWhatHasNotBegunIsWithdrawnAndItCanBeStartedAgain) {
  come("1.0.0 test", 1);
  const auto first = patient();
  const auto second = shell("exit 5");
  const auto third = shell("exit 6");
  start_patient(first);
  start(second);
  start(third);
  const std::vector<std::string> ids{first.id, second.id, "unknown"};
  ASSERT_TRUE(supervisor_->withdraw(ids));
  while (withdrawn_.empty()) wait_events();
  EXPECT_THAT(withdrawn_, ElementsAre(second.id));
  let_end(first);
  EXPECT_EQ(wait_exit(third).exit_code, 6);
  EXPECT_EQ(exits_.count(second.id), 0U);
  EXPECT_EQ(run(second).exit_code, 5);
}

TEST_F(SupervisorPoolTest, ASupervisorThatIsKilledWhileThereIsNoEngineLeavesTheEndsAndLosesTheRest) {
  come();
  const auto ended = patient();
  const auto running =
      shell("echo $$ > main; setsid sh -c 'sleep 1000 & echo $! > daemon' </dev/null >/dev/null 2>&1; touch ready; sleep 1000");
  start_patient(ended);
  start_patient(running);
  go();
  let_end(ended);
  ASSERT_TRUE(wait_until([&] { return is_written(ended); }));
  kill_supervisor(pids_.at(0));

  come();
  EXPECT_THAT(found_ended(), ElementsAre(ended.id));
  EXPECT_THAT(found_running(), IsEmpty());
  EXPECT_FALSE(found_.is_complete);
  EXPECT_THAT(live_attempts(), ::testing::Contains(running.id));
  ASSERT_TRUE(end_leftovers(running.id));
  for (const char* name : {"main", "daemon"}) EXPECT_NE(attempt_of(read_pid(running, name)), running.id) << name;
  go();
  come();
  EXPECT_THAT(found_ended(), ElementsAre(ended.id)) << "nobody has acknowledged it";
  acknowledge({ended.id});
  EXPECT_THAT(files(), IsEmpty());
  go();
  come();
  EXPECT_TRUE(found_.is_complete);
}

TEST_F(SupervisorPoolTest, AttemptsOfASupervisorThatDiesAreLostOneByOneAndTheNextStartGetsAnother) {
  come("1.0.0 test", 2);
  const auto done = shell("exit 3");
  EXPECT_EQ(run(done).exit_code, 3);
  const auto running = patient();
  const auto held = patient();
  start_patient(running);
  start_patient(patient());
  start(held);
  kill_supervisor(pids_.at(0));
  exits_.clear();
  while (lost_.size() < 3) wait_events();
  EXPECT_EQ(lost_.count(running.id) + lost_.count(held.id), 2U);
  EXPECT_THAT(exits_, IsEmpty()) << "what it had told is not told again";

  const auto next = shell("exit 4");
  EXPECT_EQ(run(next).exit_code, 4);
  EXPECT_EQ(pids_.size(), 2U);
  EXPECT_EQ(files().size(), 2U) << "the dead one's words are not yet acknowledged";
  std::vector<std::string> ids{done.id};
  for (const auto& [id, why] : lost_) ids.push_back(id);
  acknowledge(ids);
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(SupervisorPoolTest, AnEndThatADyingSupervisorCouldOnlyWriteDownIsToldByUs) {
  come();
  const auto spec = patient();
  start_patient(spec);
  // It writes, but what it tells does not arrive: the frame is put there by hand.
  ::kill(pids_.at(0), SIGSTOP);
  std::string frame;
  append_frame(frame, AttemptExit{.id = spec.id, .exit_code = 9});
  std::ofstream(files().at(0).exits(), std::ios::app | std::ios::binary) << frame << frame.substr(0, 10);
  kill_supervisor(pids_.at(0));
  EXPECT_EQ(wait_exit(spec).exit_code, 9);
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(SupervisorPoolTest, TheNewestPeerCounts) {
  come();
  const auto spec = patient();
  start_patient(spec);
  go();
  const auto connect = [&] {
    auto socket = connect_to(files().at(0));
    EXPECT_TRUE(socket) << socket.error().message;
    return std::move(*SupervisorClient::connect(socket->release(), -1, SupervisorClient::Parting::kLeave, "1.0.0 test"));
  };
  const auto first = connect();
  ASSERT_TRUE(first->await_listing(std::chrono::seconds(20)));
  const auto second = connect();
  ASSERT_TRUE(second->await_listing(std::chrono::seconds(20)));
  EXPECT_EQ(second->listing().running.size(), 1U);
  EXPECT_EQ(second->peer()->program, "1.0.0 test");
  EXPECT_EQ(second->peer()->pid, pids_.at(0));
  pollfd gone{first->fd(), POLLIN, 0};
  ::poll(&gone, 1, -1);
  EXPECT_EQ(first->receive().error().code, Code::kUnavailable);
}

TEST_F(SupervisorPoolTest, ASupervisorThatIsToldToEndByTheSystemHasLostItsAttempts) {
  come("1.0.0 test", 1);
  const auto first = shell("touch ready; sleep 1000");
  const auto second = patient();
  start_patient(first);
  start(second);
  ::kill(pids_.at(0), SIGTERM);
  while (lost_.size() < 2) wait_events();
  EXPECT_EQ(lost_.count(first.id) + lost_.count(second.id), 2U);
  EXPECT_THAT(exits_, IsEmpty()) << "a machine that shuts down is no failure of theirs";
  go();
  come();
  EXPECT_FALSE(found_.is_complete);
  EXPECT_THAT(found_ended(), IsEmpty());
}

TEST_F(SupervisorPoolTest, ShutDownEndsEverythingAndWhatItCutShortIsAsIfItHadNotBegun) {
  come();
  const auto done = shell("exit 3");
  EXPECT_EQ(run(done).exit_code, 3);
  const auto spec = shell("echo $$ > pid; touch ready; sleep 1000");
  start(spec);
  wait_file(spec, "ready");
  ASSERT_TRUE(supervisor_->shut_down());
  EXPECT_NE(::kill(read_pid(spec, "pid"), 0), 0);
  EXPECT_TRUE(is_gone(pids_.at(0)));
  go();
  come();
  EXPECT_TRUE(found_.is_complete);
  EXPECT_THAT(found_ended(), ElementsAre(done.id));
  acknowledge({done.id});
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(SupervisorPoolTest, ASupervisorWithNothingToDoAndNobodyToDoItForEnds) {
  come();
  const auto spec = shell("exit 3");
  EXPECT_EQ(run(spec).exit_code, 3);
  go();
  ASSERT_EQ(::waitpid(pids_.at(0), nullptr, 0), pids_.at(0));
  come();
  EXPECT_THAT(found_ended(), ElementsAre(spec.id));
  EXPECT_TRUE(found_.is_complete) << "it had ended its attempts";
  EXPECT_EQ(run(shell("exit 4")).exit_code, 4);
  EXPECT_EQ(pids_.size(), 2U);
}

TEST_F(SupervisorPoolTest, APathThatIsTooLongForASocketWorks) {
  const std::string root = data_;
  for (int i = 0; i < 5; ++i) data_ += "/a-folder-with-a-long-name-below-another";
  std::filesystem::create_directories(data_);
  come();
  const auto spec = shell("exit 3");
  EXPECT_EQ(run(spec).exit_code, 3);
  go();
  come();
  EXPECT_THAT(found_ended(), ElementsAre(spec.id));
  EXPECT_TRUE(supervisor_->shut_down());
  go();
  data_ = root;
}

TEST_F(SupervisorPoolTest, ALaunchThatFailsLeavesNothing) {
  const SupervisorOptions options{.program = "/no/such/sluice", .data_dir = data_};
  auto pool = SupervisorPool::attach(options);
  ASSERT_TRUE(pool) << pool.error().message;
  const Status ready = (*pool)->make_ready();
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("/no/such/sluice"));
  EXPECT_THAT(files(), IsEmpty());
}

}  // namespace
}  // namespace sluice
