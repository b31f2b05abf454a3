// An engine meets supervisors that are not its own: of another version, of other settings, of a `run` that was killed.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <thread>

#include "exec/supervisor_pool_fixture.h"

namespace sluice {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using SupervisorTakeoverTest = SupervisorPoolTest;

TEST_F(SupervisorTakeoverTest, ASupervisorOfAnotherProgramEndsItsAttemptsAndGetsNoNewOnes) {
  come("1.0.0 old", 2);
  const auto old_one = patient();
  start_patient(old_one);
  go();
  come("1.1.0 new", 2);
  EXPECT_THAT(found_running(), ElementsAre(old_one.id));
  const auto second = patient();
  const auto third = patient();
  start_patient(second);
  ASSERT_EQ(pids_.size(), 2U);
  start(third);
  ASSERT_TRUE(supervisor_->withdraw(std::vector<std::string>{third.id}));
  while (withdrawn_.empty()) wait_events();
  EXPECT_THAT(withdrawn_, ElementsAre(third.id)) << "the old one has one of the two slots";

  start(third);
  let_end(old_one);
  EXPECT_EQ(wait_exit(old_one).exit_code, 7);
  wait_file(third, "ready");
  acknowledge({old_one.id});
  EXPECT_TRUE(wait_until([&] { return is_gone(pids_.at(0)); }));
  EXPECT_TRUE(wait_until([&] { return files().size() == 1; }));
}

TEST_F(SupervisorTakeoverTest, ASupervisorOfTheSameProgramIsToldOfOtherSlots) {
  come("1.0.0 test", 1);
  start_patient(patient());
  const auto second = patient();
  start(second);
  go();
  come("1.0.0 test", 2);
  wait_file(second, "ready");
  EXPECT_EQ(pids_.size(), 1U);
}

TEST_F(SupervisorTakeoverTest, ASupervisorThatSpeaksAnotherProtocolIsRefusedByName) {
  auto fake = new_supervisor(data_);
  ASSERT_TRUE(fake) << fake.error().message;
  auto listener = listen_on(fake->files);
  ASSERT_TRUE(listener) << listener.error().message;
  std::thread old([&] {
    const int fd = ::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC);
    std::string frame;
    append_frame(frame, Hello{7, 9, "9.8.7 abc", 4242});
    EXPECT_EQ(::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL), static_cast<ssize_t>(frame.size()));
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) > 0) {}
    ::close(fd);
  });
  const auto pool = attach();
  old.join();
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().code, Code::kUnavailable);
  EXPECT_THAT(pool.error().message, AllOf(HasSubstr(fake->files.name()), HasSubstr("process 4242"), HasSubstr("7 to 9"),
                                          HasSubstr("9.8.7 abc"), HasSubstr(SLUICE_VERSION)));
  EXPECT_THAT(pool.error().hint, HasSubstr("start the version that it belongs to"));
  EXPECT_THAT(files(), ::testing::SizeIs(1)) << "it is left alone";
}

TEST_F(SupervisorTakeoverTest, OneThatEndsWithItsEngineIsWaitedFor) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
  auto made = new_supervisor(data_);
  ASSERT_TRUE(made) << made.error().message;
  const pid_t pid = ::fork();
  if (pid == 0) {
    close_all_but(pair[1], made->exits.get());
    ::_exit(supervise_main(pair[1], made->exits.get(), {.program = "", .data_dir = data_, .name = made->files.name()}));
  }
  pids_.push_back(pid);
  ::close(pair[1]);
  made->exits = OwnedFd();
  auto client = SupervisorClient::connect(pair[0], -1, SupervisorClient::Parting::kLeave, "1.0.0 test");
  ASSERT_TRUE(client);
  const auto spec = shell("trap 'sleep 0.2; exit 0' TERM; echo $$ > pid; touch ready; while :; do sleep 0.01; done");
  ASSERT_TRUE((*client)->start({&spec, 1}));
  wait_file(spec, "ready");
  client->reset();  // the engine is killed
  come();
  EXPECT_NE(::kill(read_pid(spec, "pid"), 0), 0);
  EXPECT_TRUE(found_.is_complete);
  EXPECT_THAT(files(), IsEmpty());
}

TEST(BuildIdentity, SaysWhatAttemptsWouldNotice) {
  const SupervisorOptions options{.program = "", .data_dir = "/d"};
  const std::string before = build_identity(options);
  EXPECT_TRUE(before.starts_with(SLUICE_VERSION)) << before;
  EXPECT_EQ(build_identity({.program = "other", .data_dir = "/e", .slots = 9}), before);
  EXPECT_NE(build_identity({.program = "", .data_dir = "/d", .private_tmp = false}), before);
  ::setenv("SLUICE_X", "1", 1);
  EXPECT_EQ(build_identity(options), before) << "attempts do not see it";
  ::setenv("OF_THE_SUBMITTER", "1", 1);
  EXPECT_NE(build_identity(options), before);
  for (const char* name : {"SLUICE_X", "OF_THE_SUBMITTER"}) ::unsetenv(name);
}

}  // namespace
}  // namespace sluice
