#include "exec/attempt_mounts.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "exec/supervisor_fixture.h"
#include "exec/tmp_namespace.h"
#include "exec/tmp_slots.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

// A name below the root directory that is nobody's.
std::string free_root_name() { return "/sluice-test-" + std::to_string(::getpid()); }

class AttemptMountsTest : public SupervisorTest {
 protected:
  void SetUp() override {
    SupervisorTest::SetUp();
    if (probe_private_tmp(data_).kind == "none") GTEST_SKIP() << "no mount namespaces on this machine";
    launch(true);
    for (const char* folder : {"/volume", "/secrets", "/place", "/place/there"})
      std::filesystem::create_directory(data_ + folder);
    std::ofstream(data_ + "/volume/old") << "kept\n";
    std::ofstream(data_ + "/secrets/key") << "s3cret\n";
  }
  AttemptSpec with(const std::string& script, std::vector<AttemptMount> mounts, bool private_tmp = true) {
    AttemptSpec spec = shell(script);
    spec.private_tmp = private_tmp;
    spec.mounts = std::move(mounts);
    return spec;
  }
  // Runs it; what it printed, on both streams.
  std::string said(const AttemptSpec& spec) {
    const AttemptExit exit = run(spec);
    EXPECT_EQ(exit.error, "");
    EXPECT_EQ(exit.exit_code, 0) << output_of(spec, Stream::kStderr);
    return output_of(spec);
  }
};

TEST_F(AttemptMountsTest, APathBelowTheRootNeedNotExistAndNothingIsLeft) {
  const std::string name = free_root_name();
  for (const bool private_tmp : {true, false}) {
    std::filesystem::remove(data_ + "/volume/new");
    const auto spec = with("cat " + name + "/deep/old; echo made > " + name + "/deep/new; mkdir -p " + name +
                               "/deep/folder; ls /proc/self/status /usr/bin/env; touch here; echo x > /tmp/only-mine; pwd",
                           {{data_ + "/volume", name + "/deep"}}, private_tmp);
    EXPECT_EQ(said(spec), "kept\n/proc/self/status\n/usr/bin/env\n" + spec.directory + "\n");
    EXPECT_EQ(read_file(data_ + "/volume/new"), "made\n");
    EXPECT_TRUE(std::filesystem::is_directory(data_ + "/volume/folder"));
    EXPECT_TRUE(std::filesystem::exists(spec.directory + "/here"));
    EXPECT_FALSE(std::filesystem::exists(name));
    EXPECT_EQ(std::filesystem::exists("/tmp/only-mine"), !private_tmp);
    std::filesystem::remove("/tmp/only-mine");
  }
}

TEST_F(AttemptMountsTest, WhatIsBesideAMissingPathIsTheHosts) {
  const std::string place = data_ + "/place";
  std::ofstream(place + "/file") << "before\n";
  std::filesystem::create_symlink("file", place + "/link");
  const auto spec = with("cat " + place + "/link; echo after > " + place + "/file; touch " + place + "/there/x; touch " + place +
                             "/lost; ls " + place,
                         {{data_ + "/volume", place + "/new"}});
  EXPECT_EQ(said(spec), "before\nfile\nlink\nlost\nnew\nthere\n");
  EXPECT_EQ(read_file(place + "/file"), "after\n");
  EXPECT_TRUE(std::filesystem::exists(place + "/there/x"));
  EXPECT_FALSE(std::filesystem::exists(place + "/new")) << "nothing may be left";
  EXPECT_FALSE(std::filesystem::exists(place + "/lost"));
}

TEST_F(AttemptMountsTest, AReadOnlyMountCannotBeWritten) {
  const std::string place = data_ + "/place/there";
  const auto spec = with("cat " + place + "/key; (echo x > " + place + "/key) 2>/dev/null || echo no; (touch " + place +
                             "/y) 2>/dev/null || echo no; cat /tmp/fresh/key",
                         {{data_ + "/secrets", place, true}, {data_ + "/secrets", "/tmp/fresh", true}});
  EXPECT_EQ(said(spec), "s3cret\nno\nno\ns3cret\n");
  EXPECT_EQ(read_file(data_ + "/secrets/key"), "s3cret\n");
  EXPECT_FALSE(std::filesystem::exists("/tmp/fresh"));
}

TEST_F(AttemptMountsTest, TwoAttemptsSeeTheirOwnMountsOnly) {
  const std::string name = free_root_name();
  EXPECT_EQ(said(with("ls " + name, {{data_ + "/volume", name}})), "old\n");
  EXPECT_EQ(said(with("ls " + name, {{data_ + "/secrets", name}})), "key\n");
  EXPECT_EQ(said(with("ls -d " + name + " || true", {})), "");
}

TEST_F(AttemptMountsTest, WhatCannotBeMountedIsAFailureThatNamesThePath) {
  const auto exit = run(with("true", {{data_ + "/gone", "/data"}}));
  EXPECT_EQ(exit.exit_code, 126);
  EXPECT_FALSE(exit.unavailable);
  EXPECT_EQ(exit.error, "what it needs at /data cannot be mounted: cannot mount at /data: there is no " + data_ + "/gone");
  EXPECT_THAT(run(with("true", {{data_ + "/volume", "/proc/version"}})).error, HasSubstr("/proc/version is no directory here"));
}

TEST_F(AttemptMountsTest, HiddenTextsDoNotComeIntoTheLog) {
  auto spec = with("cat /tmp/fresh/key; printf s3c; printf ret; echo; echo s3cret >&2; printf s3cre",
                   {{data_ + "/secrets", "/tmp/fresh"}});
  spec.redact = {"s3cret"};
  EXPECT_EQ(said(spec), "***\n***\ns3cre");
  EXPECT_EQ(output_of(spec, Stream::kStderr), "***\n");
}

// In a child that is nobody: 0 if all is as it should be, 77 where there are no user namespaces, else what was wrong.
int look_as_nobody(const std::string& data, const std::string& name) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) return 77;
  ::prctl(PR_SET_DUMPABLE, 1);  // a program that nobody starts is so from the beginning
  const auto planned = plan_attempt_mounts({{data + "/volume", name, true}}, {.stage = data + "/place"});
  if (!planned) return 2;
  const auto made =
      make_tmp_namespace({.kind = TmpKind::kHost, .root = data, .mounts = planned->mounts, .steps = planned->steps});
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message.c_str());
    return made.error().message.starts_with("unshare") ? 77 : 3;
  }
  if (made->user < 0) return 4;
  if (::setns(made->user, CLONE_NEWUSER) != 0 || ::setns(made->mount, CLONE_NEWNS) != 0) return 5;
  if (::fchdir(made->root) != 0 || ::chroot(".") != 0) return 6;
  if (::access((name + "/old").c_str(), R_OK) != 0) return 7;
  return ::access((name + "/old").c_str(), W_OK) != 0 && errno == EROFS ? 0 : 8;
}

TEST_F(AttemptMountsTest, WithoutRightsAUserNamespaceDoes) {
  if (::geteuid() != 0) GTEST_SKIP() << "all other tests have shown it";
  std::filesystem::permissions(data_, std::filesystem::perms(0755));
  std::filesystem::permissions(data_ + "/volume/old", std::filesystem::perms(0666));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(look_as_nobody(data_, free_root_name()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespaces on this machine";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace sluice
