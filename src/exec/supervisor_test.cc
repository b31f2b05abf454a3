#include "exec/supervisor.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>

#include "exec/processes.h"
#include "exec/supervisor_fixture.h"
#include "exec/test_folder.h"

namespace sluice {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST_F(SupervisorTest, AnExitCodeComesBackWithWhatItCost) {
  launch();
  const auto spec = shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 7");
  const auto exit = run(spec);
  EXPECT_EQ(exit.exit_code, 7);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(exit.error, "");
  EXPECT_EQ(exit.note, "");
  EXPECT_GT(exit.cpu.count(), 0);
  EXPECT_GT(exit.max_rss_bytes, 100'000);
  EXPECT_GT(exit.ended, exit.began);
  EXPECT_EQ(began_[spec.id].at, exit.began);
  EXPECT_GT(began_[spec.id].pid, 0);
}

TEST_F(SupervisorTest, ADeathBySignalIs128AndTheSignal) {
  launch();
  const auto exit = run(shell("kill -SEGV $$"));
  EXPECT_EQ(exit.exit_code, 128 + SIGSEGV);
  EXPECT_EQ(exit.signal, SIGSEGV);
}

TEST_F(SupervisorTest, ACommandThatIsNotThereIs127AndSaysSo) {
  launch();
  const auto exit = run(attempt({"no-such-program", "x"}));
  EXPECT_EQ(exit.exit_code, 127);
  EXPECT_EQ(exit.error, "no-such-program: not found on PATH");
  const auto path = run(attempt({"/no/such/path"}));
  EXPECT_EQ(path.exit_code, 127);
  EXPECT_EQ(path.error, "/no/such/path: no such file");
}

TEST_F(SupervisorTest, TheAttemptsOwnPathIsSearched) {
  launch();
  std::filesystem::create_directories(data_ + "/bin");
  const std::string tool = data_ + "/bin/own-tool";
  std::ofstream(tool) << "echo from the tool: $1\n";  // no #! line: a shell script all the same
  auto spec = attempt({"own-tool", "hello"});
  spec.env.emplace_back("PATH", data_ + "/bin:/usr/bin:/bin");
  const auto refused = run(spec);
  EXPECT_EQ(refused.exit_code, 126);
  EXPECT_THAT(refused.error, AllOf(HasSubstr("own-tool"), HasSubstr("not executable")));

  std::filesystem::permissions(tool, std::filesystem::perms::owner_all);
  auto again = attempt({"own-tool", "hello"});
  again.env = spec.env;
  EXPECT_EQ(run(again).exit_code, 0);
  EXPECT_EQ(output_of(again), "from the tool: hello\n");
}

TEST_F(SupervisorTest, ARememberedProgramThatMovedIsLookedUpAgain) {
  launch();
  for (const char* folder : {"/bin1", "/bin2"}) std::filesystem::create_directories(data_ + folder);
  std::filesystem::copy_file("/bin/true", data_ + "/bin1/moving");
  auto first = attempt({"moving"});
  first.env.emplace_back("PATH", data_ + "/bin1:" + data_ + "/bin2");
  EXPECT_EQ(run(first).exit_code, 0);
  std::filesystem::rename(data_ + "/bin1/moving", data_ + "/bin2/moving");
  auto second = attempt({"moving"});
  second.env = first.env;
  EXPECT_EQ(run(second).exit_code, 0);
}

TEST_F(SupervisorTest, TwoStreamsComeBackEachInOrder) {
  launch();
  const auto spec = shell("for i in 1 2 3 4 5; do echo out$i; echo err$i >&2; done");
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_EQ(output_of(spec), "out1\nout2\nout3\nout4\nout5\n");
  EXPECT_EQ(output_of(spec, Stream::kStderr), "err1\nerr2\nerr3\nerr4\nerr5\n");
}

TEST_F(SupervisorTest, AQuietAttemptMakesNoLog) {
  launch();
  const auto spec = shell(":");
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(spec.log_path));
}

TEST_F(SupervisorTest, FiveMegabytesOfOutputAreComplete) {
  launch();
  const auto spec = shell("seq 1 700000");
  EXPECT_EQ(run(spec).exit_code, 0);
  std::string expected;
  for (int i = 1; i <= 700000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_TRUE(output_of(spec) == expected);
}

TEST_F(SupervisorTest, ItsWorkingDirectoryStdinAndDescriptorsAreItsOwn) {
  launch();
  const auto spec = shell("pwd; cat; ls /proc/self/fd | tr '\\n' ' '; umask; grep -E 'SigBlk|SigIgn' /proc/self/status");
  EXPECT_EQ(run(spec).exit_code, 0);
  // `ls` itself has a fourth descriptor, the directory that it lists.
  EXPECT_EQ(output_of(spec), spec.directory + "\n0 1 2 3 0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(SupervisorTest, TheEnvironmentIsTheSubmittersLessWhatWouldLeak) {
  ::setenv("SLUICE_SERVER", "leak", 1);
  ::setenv("PYTHONPATH", "leak", 1);
  ::setenv("VIRTUAL_ENV", "leak", 1);
  ::setenv("OF_THE_SUBMITTER", "kept", 1);
  ::setenv("REPLACED", "before", 1);
  launch();
  auto spec = shell("env");
  spec.env = {{"REPLACED", "first"}, {"REPLACED", "after"}, {"PYTHONHASHSEED", "0"}, {"EMPTY", ""}};
  EXPECT_EQ(run(spec).exit_code, 0);
  const std::string text = "\n" + output_of(spec);
  EXPECT_THAT(text,
              AllOf(HasSubstr("\nOF_THE_SUBMITTER=kept\n"), HasSubstr("\nREPLACED=after\n"), HasSubstr("\nPYTHONHASHSEED=0\n"),
                    HasSubstr("\nEMPTY=\n"), HasSubstr("\nSLUICE_ATTEMPT=" + spec.id + "\n"), Not(HasSubstr("leak")),
                    Not(HasSubstr("=before")), Not(HasSubstr("=first"))));
  for (const char* name : {"SLUICE_SERVER", "PYTHONPATH", "VIRTUAL_ENV", "OF_THE_SUBMITTER", "REPLACED"}) ::unsetenv(name);
}

TEST_F(SupervisorTest, AnArgumentThatIsTooLongForTheKernelSaysWhichOne) {
  launch();
  const auto spec = attempt({"true", "short", "{\"rows\": \"" + std::string(1 << 20, 'x') + "\"}"});
  const auto exit = run(spec);
  EXPECT_EQ(exit.exit_code, 126);
  EXPECT_THAT(exit.error, AllOf(HasSubstr("argument 2 is too long"), HasSubstr("128 KiB")));
}

TEST_F(SupervisorTest, AnAttemptThatCannotBeCarriedOverIsRefusedBeforeAnythingStarts) {
  launch();
  std::vector<AttemptSpec> specs{attempt({"true"}), attempt({"true", "not \xff utf-8"})};
  auto refused = supervisor_->start(specs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr("UTF-8"));
  specs[1].argv[1] = std::string("nul \0 byte", 10);
  EXPECT_THAT(supervisor_->start(specs).error().message, HasSubstr("NUL"));
  specs[1].argv[1] = "the real \xEF\xBF\xBD";
  ASSERT_TRUE(supervisor_->start(specs));
  EXPECT_EQ(wait_exit(specs[1]).exit_code, 0);
}

TEST_F(SupervisorTest, WhatAnAttemptLeavesRunningIsGoneWithItsExit) {
  launch();
  const auto spec = shell(
      "sleep 1000 & echo $! > background\n"                                        // holds our pipes
      "setsid sh -c 'sleep 1000 & echo $! > daemon' </dev/null >/dev/null 2>&1\n"  // own session, orphaned, holds nothing
      "env -i setsid sh -c 'sleep 1000 & echo $! > nameless' </dev/null >/dev/null 2>&1\n"
      "echo done; exit 3");
  EXPECT_EQ(run(spec).exit_code, 3);
  EXPECT_EQ(output_of(spec), "done\n");
  for (const char* name : {"background", "daemon", "nameless"}) EXPECT_FALSE(is_alive(read_pid(spec, name))) << name;
}

TEST_F(SupervisorTest, TheEndOfOneAttemptDoesNotTouchTheDaemonOfAnother) {
  launch();
  const auto long_one = shell(
      "setsid sh -c 'sleep 1000 & echo $! > daemon' </dev/null >/dev/null 2>&1; mkfifo go; read x < go; kill -0 $(cat daemon)");
  start(long_one);
  wait_file(long_one, "go");
  EXPECT_EQ(run(shell("setsid sh -c 'sleep 1000 &' </dev/null >/dev/null 2>&1")).exit_code, 0);
  std::ofstream(long_one.directory + "/go") << "\n";
  EXPECT_EQ(wait_exit(long_one).exit_code, 0);
  EXPECT_FALSE(is_alive(read_pid(long_one, "daemon")));
}

TEST_F(SupervisorTest, StopIsSigtermAndTheAttemptMayEndWell) {
  launch();
  const auto spec = shell("trap 'echo saved; exit 5' TERM; touch ready; while :; do sleep 0.01; done");
  start(spec);
  wait_file(spec, "ready");
  ASSERT_TRUE(supervisor_->stop(spec.id, std::chrono::minutes(10)));
  EXPECT_EQ(wait_exit(spec).exit_code, 5);
  EXPECT_EQ(output_of(spec), "saved\n");
}

TEST_F(SupervisorTest, AStoppedAttemptsChildrenHaveTheRestOfTheGrace) {
  launch();
  // The shell dies of SIGTERM at once; what it runs wants a moment to save its work.
  const auto spec = shell("sh -c 'trap \"sleep 0.2; echo saved; exit 0\" TERM; touch ready; while :; do sleep 0.01; done'; :");
  start(spec);
  wait_file(spec, "ready");
  ASSERT_TRUE(supervisor_->stop(spec.id, std::chrono::minutes(10)));
  EXPECT_EQ(wait_exit(spec).signal, SIGTERM);
  EXPECT_EQ(output_of(spec), "saved\n");
}

TEST_F(SupervisorTest, WhatIgnoresSigtermIsKilledAfterTheGrace) {
  launch();
  const auto spec = shell("trap '' TERM; touch ready; while :; do sleep 0.01; done");
  start(spec);
  wait_file(spec, "ready");
  const auto stopped = std::chrono::steady_clock::now();
  ASSERT_TRUE(supervisor_->stop(spec.id, std::chrono::milliseconds(150)));
  EXPECT_EQ(wait_exit(spec).signal, SIGKILL);
  EXPECT_GE(std::chrono::steady_clock::now() - stopped, std::chrono::milliseconds(150));
}

TEST_F(SupervisorTest, AStopWithoutGraceIsSigkill) {
  launch();
  const auto spec = shell("trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done");
  start(spec);
  wait_file(spec, "ready");
  ASSERT_TRUE(supervisor_->stop(spec.id, Duration{0}));
  EXPECT_EQ(wait_exit(spec).signal, SIGKILL);
}

TEST_F(SupervisorTest, ARepeatedStartStartsNothing) {
  launch();
  const auto spec = shell("echo x >> runs");
  start(spec);
  start(spec);
  EXPECT_EQ(wait_exit(spec).exit_code, 0);
  exits_.clear();
  EXPECT_EQ(run(spec).exit_code, 0);  // answered with the exit that was not acknowledged
  EXPECT_EQ(read_file(spec.directory + "/runs"), "x\n");
}

TEST_F(SupervisorTest, ABurstOfTwoHundredLeavesNoDescriptorsBehind) {
  launch();
  EXPECT_EQ(run(shell(":")).exit_code, 0);
  const auto descriptors = [&] {
    const std::filesystem::directory_iterator folder("/proc/" + std::to_string(pid_) + "/fd");
    return std::distance(begin(folder), end(folder));
  };
  const auto before = descriptors();
  std::vector<AttemptSpec> specs;
  for (int i = 0; i < 200; ++i) specs.push_back(shell("echo " + std::to_string(i)));
  ASSERT_TRUE(supervisor_->start(specs));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(wait_exit(specs[static_cast<std::size_t>(i)]).exit_code, 0);
    EXPECT_EQ(output_of(specs[static_cast<std::size_t>(i)]), std::to_string(i) + "\n");
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(SupervisorTest, TheDeathOfTheEngineEndsItsAttempts) {
  const auto spec = shell("echo $$ > pid; touch ready; sleep 1000");
  const std::string supervisor_pid = data_ + "/supervisor";
  const pid_t engine = ::fork();
  if (engine == 0) {
    launch();
    std::ofstream(supervisor_pid) << pid_;
    start(spec);
    while (true) ::pause();
  }
  wait_file(spec, "ready");
  const int task = static_cast<int>(::syscall(SYS_pidfd_open, read_pid(spec, "pid"), 0));
  const int supervisor = static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(read_file(supervisor_pid)), 0));
  ASSERT_GE(std::min(task, supervisor), 0);
  ::kill(engine, SIGKILL);
  ::waitpid(engine, nullptr, 0);
  for (const int fd : {task, supervisor}) {
    pollfd gone{fd, POLLIN, 0};
    EXPECT_EQ(::poll(&gone, 1, -1), 1);
    ::close(fd);
  }
}

TEST_F(SupervisorTest, TheDeathOfTheSupervisorIsNoticedAndNothingOfItStaysAlive) {
  launch();
  const auto spec =
      shell("echo $$ > main; setsid sh -c 'sleep 1000 & echo $! > daemon' </dev/null >/dev/null 2>&1; touch ready; sleep 1000");
  start(spec);
  wait_file(spec, "ready");
  wait_events();
  ASSERT_EQ(::kill(pid_, SIGKILL), 0);
  while (true) {
    pollfd ready{supervisor_->fd(), POLLIN, 0};
    ::poll(&ready, 1, -1);
    if (const auto events = supervisor_->receive(); !events) {
      EXPECT_EQ(events.error().code, Code::kUnavailable);
      break;
    }
  }
  EXPECT_FALSE(supervisor_->start(std::span(&spec, 1)));
  // The main process dies with its parent; what had left its session is found by the id it carries.
  const auto ended = end_leftovers(spec.id);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_GE(*ended, 1);
  for (const char* name : {"main", "daemon"}) EXPECT_NE(attempt_of(read_pid(spec, name)), spec.id) << name;
  EXPECT_EQ(end_leftovers_of(prefix()).value_or(-1), 0);
}

TEST_F(SupervisorTest, ShutDownEndsEverythingAndWaits) {
  launch();
  const auto spec = shell("echo $$ > pid; touch ready; sleep 1000");
  start(spec);
  wait_file(spec, "ready");
  ASSERT_TRUE(supervisor_->shut_down());
  EXPECT_FALSE(is_alive(read_pid(spec, "pid")));
  EXPECT_FALSE(is_alive(pid_));
  // Its last words are still there to read.
  const auto events = supervisor_->receive();
  ASSERT_TRUE(events);
  ASSERT_TRUE(std::holds_alternative<AttemptExit>(events->back()));
  EXPECT_EQ(std::get<AttemptExit>(events->back()).signal, SIGTERM);
  EXPECT_EQ(supervisor_->receive().error().code, Code::kUnavailable);
}

TEST(Leftovers, AnEmptyIdOrPrefixIsRefused) {
  EXPECT_EQ(end_leftovers("").error().code, Code::kInvalid);
  EXPECT_EQ(end_leftovers_of("").error().code, Code::kInvalid);
}

TEST(LaunchSupervisor, AProgramThatIsNotThereIsAnErrorAndLeavesNothing) {
  const TestFolder folder;
  const auto launched = launch_supervisor({.program = "/no/such/sluice", .data_dir = folder.path()});
  ASSERT_FALSE(launched);
  EXPECT_THAT(launched.error().message, HasSubstr("/no/such/sluice"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() + "/supervisors"));
}

TEST(LaunchSupervisor, AProgramThatIsNoSupervisorIsGoneAtTheFirstLook) {
  const TestFolder folder;
  auto launched = launch_supervisor({.program = "/bin/true", .data_dir = folder.path()});
  ASSERT_TRUE(launched) << launched.error().message;
  pollfd ready{(*launched)->fd(), POLLIN, 0};
  ::poll(&ready, 1, -1);
  EXPECT_EQ((*launched)->receive().error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace sluice
