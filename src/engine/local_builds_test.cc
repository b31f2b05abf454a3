// Attempts that wait for an environment. The interpreter is a script: an environment is made when the test opens a gate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/text.h"
#include "engine/test_hands.h"
#include "exec/log.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LocalBuilds : public testing::Test, public HandsWorld {
 protected:
  // Answers the probe for its version, and makes environments whose own interpreter runs `install`.
  std::string interpreter(const std::string& create, const std::string& install) {
    const std::string inner = folder.write_script("inner", "#!/bin/sh\ncase \"$*\" in *'pip install'*) " + install +
                                                               ";; *'pip --version'*) echo pip 23.0;; esac\nexit 0\n");
    return folder.write_script("python3", "#!/bin/sh\ncase \"$*\" in\n*' venv '*) for path; do :; done\n" + create +
                                              "\nmkdir -p \"$path/bin\" && ln -s " + inner +
                                              " \"$path/bin/python3\"; exit;;\nesac\nprintf '%s\\n' '" + folder.path() +
                                              "/python3' 3.11.7\n");
  }
  // Two named pipes: the build says that it is at work, and goes on when it is told to.
  std::string gate() {
    for (const char* name : {"at-work", "open"}) EXPECT_EQ(::mkfifo((folder.path() + "/" + name).c_str(), 0600), 0);
    return "echo > " + folder.path() + "/at-work; read go < " + folder.path() + "/open";
  }
  void wait_until_at_work() const { text_of(folder.path() + "/at-work"); }
  void open_gate() const { std::ofstream(folder.path() + "/open") << "go\n"; }

  AttemptOrder python_order(std::int64_t id, int attempt = 1) {
    AttemptOrder given = order("plain", id, attempt);
    given.site = &site;
    return given;
  }
  void use(const std::string& python) {
    site.python = true;
    site.environment = EnvironmentSpec{.key = std::string(64, 'e'),
                                       .interpreter = python,
                                       .requirements = {"no-such-package-at-all"},
                                       .index_options = {"--no-index"}};
  }

  Site site;
};

TEST_F(LocalBuilds, AttemptsThatNeedTheSameEnvironmentWaitForOneBuild) {
  use(interpreter("echo made >> " + folder.path() + "/calls", ":"));
  start(python_order(1));
  start(python_order(2));
  start(order("plain", 3));
  settle();
  EXPECT_EQ(started(), "3") << "others do not wait";
  serve_until([&] { return started() == "3 1"; });  // two slots
  exits(3);
  EXPECT_EQ(started(), "3 1 2");
  EXPECT_EQ(text_of(folder.path() + "/calls"), "made\n");
  const AttemptSpec& spec = supervisor().started.at(1);
  EXPECT_EQ(spec.env.at(0).first, "PATH");
  EXPECT_THAT(spec.env.at(0).second, HasSubstr(folder.path() + "/envs/" + std::string(64, 'e') + "/bin:"));
  ASSERT_FALSE(builds.empty());
  EXPECT_TRUE(builds.back().finished);
  EXPECT_THAT(builds.back().runs, ElementsAre(uuid));

  const std::size_t notices = builds.size();
  exits(1);
  start(python_order(4));
  settle();
  EXPECT_EQ(started(), "3 1 2 4") << "it is known to be there";
  EXPECT_EQ(builds.size(), notices);
}

TEST_F(LocalBuilds, WhatARunWillNeedIsBuiltBeforeATaskAsks) {
  use(interpreter(gate() + "; echo made >> " + folder.path() + "/calls", ":"));
  hands->prepare(uuid, {*site.environment});
  wait_until_at_work();
  start(python_order(1));
  settle();
  EXPECT_EQ(started(), "") << "it waits for the build that is under way";
  open_gate();
  serve_until([&] { return started() == "1"; });
  EXPECT_EQ(text_of(folder.path() + "/calls"), "made\n");
  ASSERT_FALSE(builds.empty());
  EXPECT_THAT(builds.front().runs, ElementsAre(uuid));
}

TEST_F(LocalBuilds, ABuildThatNobodyWantsAnyMoreIsEnded) {
  use(interpreter(gate(), ":"));
  hands->prepare(uuid, {*site.environment});
  wait_until_at_work();
  hands->release(uuid);
  serve_until([&] { return !environments.has(site.environment->key) && !builds.empty() && builds.back().finished; });
  EXPECT_FALSE(environments.has(site.environment->key));
}

TEST_F(LocalBuilds, AnEnvironmentThatCannotBeBuiltFailsItsTasksInTheInstallersWords) {
  use(interpreter("", "echo 'ERROR: No matching distribution found for no-such-package-at-all' >&2; exit 1"));
  start(python_order(1));
  start(order("plain", 2));
  serve_until_reports(1);
  EXPECT_THAT(told(0), HasSubstr("1#1 failed start 0 its Python environment could not be built: "));
  EXPECT_THAT(told(0), HasSubstr("no-such-package-at-all"));
  EXPECT_EQ(started(), "2");
  std::string logged;
  const Status read = read_log(Attempt(python_order(1), dir).log(), [&](const LogChunk& chunk) {
    logged += chunk.bytes;
    return true;
  });
  EXPECT_TRUE(read.has_value());
  EXPECT_THAT(logged, HasSubstr("could not be built")) << "`logs` shows it, too";
  exits(2);
  EXPECT_EQ(last_told(), "2#1 ok");

  use(interpreter("", ":"));
  start(python_order(1, 2));
  serve_until([&] { return started() == "2 1"; });  // a failure is not remembered
}

TEST_F(LocalBuilds, StoppingTheLastThatWaitsEndsTheBuild) {
  use(interpreter(gate(), ":"));
  start(python_order(1));
  start(python_order(2));
  settle();
  wait_until_at_work();
  stop(1);
  settle();
  EXPECT_EQ(last_told(), "1#1 failed exit 0 stopped before it began");
  stop(2, FailureKind::kTimeout);
  settle();
  EXPECT_EQ(last_told(), "2#1 failed timeout 0 stopped before it began");
  serve_until([&] { return !builds.empty() && builds.back().finished; });  // the installer is gone, nobody opened the gate
  EXPECT_EQ(reports.size(), 2U);
}

TEST_F(LocalBuilds, WhoComesAfterACancelledBuildGetsABuildOfItsOwn) {
  use(interpreter(gate(), ":"));
  start(python_order(1));
  settle();
  wait_until_at_work();
  stop(1);
  start(python_order(2));
  settle();
  wait_until_at_work();
  open_gate();
  serve_until([&] { return started() == "2"; });
  EXPECT_EQ(reports.size(), 1U);
}

TEST_F(LocalBuilds, HandsThatGoAwayDoNotWaitForTheInstaller) {
  use(interpreter(gate(), ":"));
  start(python_order(1));
  settle();
  wait_until_at_work();
  loop.at_round_end({});
  hands.reset();
  settle();  // what the build posted comes too late
  EXPECT_TRUE(reports.empty());
}

TEST_F(LocalBuilds, AnAttemptOfAnOwnerBeforeUsThatIsTakenBackWaitsForItsEnvironment) {
  use(interpreter(":", ":"));
  attach({.held = {id(1)}});
  AttemptOrder given = python_order(1);
  given.again = true;
  start(given);
  settle();
  EXPECT_EQ(started(), "") << "the supervisor has it";
  hands->hold(uuid);
  supervisor().say(AttemptsWithdrawn{{id(1)}});
  settle();
  hands->let_go(uuid);
  serve_until([&] { return started() == "1"; });
  const auto& env = supervisor().started[0].env;
  const auto path = std::find_if(env.begin(), env.end(), [](const auto& variable) { return variable.first == "PATH"; });
  ASSERT_NE(path, env.end());
  EXPECT_THAT(path->second, HasSubstr(site.environment->key));
}

}  // namespace
}  // namespace sluice
