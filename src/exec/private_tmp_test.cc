#include <gmock/gmock.h>

#include <fstream>

#include "exec/supervisor_fixture.h"
#include "exec/tmp_slots.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

class PrivateTmpTest : public SupervisorTest {
 protected:
  void SetUp() override {
    SupervisorTest::SetUp();
    probed_ = probe_private_tmp(data_);
    if (probed_.kind == "none") GTEST_SKIP() << "no private /tmp on this machine: " << probed_.reason;
    launch(true);
  }
  AttemptSpec private_shell(const std::string& script) {
    AttemptSpec spec = shell(script);
    spec.private_tmp = true;
    return spec;
  }

  PrivateTmp probed_;
};

TEST_F(PrivateTmpTest, TwoAttemptsAtOnceDoNotSeeEachOthersFiles) {
  const std::string name = "/tmp/" + std::filesystem::path(data_).filename().string();
  const std::string script = "echo $0 > " + name + "; touch ready; mkfifo go; read x < go; cat " + name;
  auto first = private_shell(script);
  auto second = private_shell(script);
  first.argv.emplace_back("one");
  second.argv.emplace_back("two");
  for (const auto* spec : {&first, &second}) start(*spec);
  for (const auto* spec : {&first, &second}) wait_file(*spec, "go");
  for (const auto* spec : {&first, &second}) std::ofstream(spec->directory + "/go") << "\n";
  EXPECT_EQ(wait_exit(first).exit_code, 0);
  EXPECT_EQ(wait_exit(second).exit_code, 0);
  EXPECT_EQ(output_of(first), "one\n");
  EXPECT_EQ(output_of(second), "two\n");
  EXPECT_FALSE(std::filesystem::exists(name));
}

TEST_F(PrivateTmpTest, WhatAnAttemptLeftIsNotThereForTheNext) {
  for (int i = 0; i < 5; ++i) {
    const auto spec = private_shell("ls /tmp/left-by-a-test && exit 1; mkdir -p /tmp/left-by-a-test/deep; exit 0");
    EXPECT_EQ(run(spec).exit_code, 0);
    EXPECT_FALSE(std::filesystem::exists(spec.directory + ".tmp"));
  }
}

TEST_F(PrivateTmpTest, WhatAFailedAttemptLeftIsKeptWithIt) {
  const auto spec = private_shell("mkdir /tmp/for-inspection; echo clue > /tmp/for-inspection/file; exit 1");
  EXPECT_EQ(run(spec).exit_code, 1);
  EXPECT_EQ(read_file(spec.directory + ".tmp/for-inspection/file"), "clue\n");
}

TEST_F(PrivateTmpTest, TheHostsFilesShowAndTheRestOfTheMachineIsAsItWas) {
  if (probed_.kind != "overlay") GTEST_SKIP() << "without an overlay the host's files do not show: " << probed_.reason;
  const std::string host = make_directory("/tmp");
  std::ofstream(host + "/input") << "from the host\n";
  std::filesystem::create_directories(host + "/through");
  auto spec = private_shell("cat " + host + "/input; echo mine > " + host + "/input; echo kept > " + host +
                            "/through/output; test -w /dev/shm; echo $?; stat -c %a /tmp; touch out");
  spec.writable.push_back(host + "/through");
  const auto exit = run(spec);
  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_EQ(exit.note, "");
  EXPECT_EQ(output_of(spec), "from the host\n0\n1777\n");
  EXPECT_EQ(read_file(host + "/input"), "from the host\n");
  EXPECT_EQ(read_file(host + "/through/output"), "kept\n");
  EXPECT_TRUE(std::filesystem::exists(spec.directory + "/out"));
  std::filesystem::remove_all(host);
}

TEST_F(PrivateTmpTest, ADataDirectoryBelowTmpShowsThroughItsOwnPrivateTmp) {
  const std::string elsewhere = std::exchange(data_, make_directory("/tmp"));
  std::filesystem::remove_all(elsewhere);
  supervisor_.reset();
  launch(true);
  const auto spec = private_shell("echo out > out; echo hidden > /tmp/hidden-by-a-test; pwd");
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_EQ(output_of(spec), spec.directory + "\n");
  EXPECT_EQ(read_file(spec.directory + "/out"), "out\n");
  EXPECT_FALSE(std::filesystem::exists("/tmp/hidden-by-a-test"));
  const auto failed = private_shell("echo clue > /tmp/clue; exit 1");
  EXPECT_EQ(run(failed).exit_code, 1);
  EXPECT_EQ(read_file(failed.directory + ".tmp/clue"), "clue\n");
}

TEST_F(PrivateTmpTest, AShutDownLeavesNoSlotsBehind) {
  EXPECT_EQ(run(private_shell("touch /tmp/x")).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(data_ + "/slots"));
  ASSERT_TRUE(supervisor_->shut_down());
  EXPECT_FALSE(std::filesystem::exists(data_ + "/slots"));
}

TEST_F(PrivateTmpTest, TheSlotsOfAKilledSupervisorAreCleanedUpByTheNext) {
  EXPECT_EQ(run(private_shell("touch /tmp/x")).exit_code, 0);
  ::kill(pid_, SIGKILL);
  supervisor_.reset();
  EXPECT_TRUE(std::filesystem::exists(data_ + "/slots"));
  launch(true);
  EXPECT_EQ(run(private_shell(":")).exit_code, 0);
  ASSERT_TRUE(supervisor_->shut_down());
  EXPECT_FALSE(std::filesystem::exists(data_ + "/slots"));
}

TEST_F(PrivateTmpTest, WithoutOneTmpdirMustDoAndTheTaskIsTold) {
  // A file where the folder of slots should be: nothing can be made.
  supervisor_.reset();
  std::filesystem::remove_all(data_ + "/slots");
  std::ofstream(data_ + "/slots") << "in the way";
  launch(true);
  const auto spec = private_shell("echo $TMPDIR; touch $TMPDIR/x");
  const auto exit = run(spec);
  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_THAT(exit.note, HasSubstr("/tmp is not private"));
  EXPECT_EQ(output_of(spec), spec.directory + ".tmp\n");
}

TEST(ProbePrivateTmp, ADirectoryThatIsNotThereYetIsNoObstacle) {
  const auto probed = probe_private_tmp("/no/such/data");
  EXPECT_TRUE(probed.kind == "overlay" || probed.kind == "bind" || !probed.reason.empty());
  EXPECT_FALSE(std::filesystem::exists("/no"));
}

}  // namespace
}  // namespace sluice
