#include "exec/environment.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "exec/command.h"
#include "exec/file_lock.h"
#include "exec/test_folder.h"

namespace sluice {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::atomic<bool> kNever{false};

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Two named pipes: the fake installer says that it is at work, and goes on when it is told to.
class Gate {
 public:
  explicit Gate(const TestFolder& folder) : started_(folder.path() + "/started"), open_(folder.path() + "/open") {
    SLUICE_CHECK(::mkfifo(started_.c_str(), 0600) == 0 && ::mkfifo(open_.c_str(), 0600) == 0);
  }
  void wait_until_started() const { text_of(started_); }
  void open() const { std::ofstream(open_) << "go\n"; }
  std::string shell() const { return "echo started > " + started_ + "; read go < " + open_; }

 private:
  std::string started_, open_;
};

class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_interpreter("");
    if (!found) GTEST_SKIP() << found.error().message;
    interpreter_ = found->interpreter;
  }

  // A uv that makes the folders itself, notes each call in calls.txt and runs `install` for `pip install`.
  std::string fake_uv(const std::string& install = "echo Installed 1 package in 1ms") const {
    return folder_.write_script("uv", "#!/bin/sh\ncase $1 in --version) echo uv 9.9.9; exit;; esac\necho \"$@\" >> " +
                                          folder_.path() + "/calls.txt\n" +
                                          "if [ $1 = venv ]; then for path; do :; done; mkdir -p $path/bin; ln -s " +
                                          interpreter_.path + " $path/bin/python3; exit; fi\n" + install + "\n");
  }
  std::vector<std::string> calls(std::string_view beginning) const {
    const std::string text = text_of(folder_.path() + "/calls.txt");
    std::vector<std::string> out;
    for (const std::string_view line : split(text, '\n'))
      if (line.starts_with(beginning)) out.emplace_back(line);
    return out;
  }
  EnvironmentSpec spec(std::vector<std::string> requirements, std::vector<std::string> no_deps = {}) const {
    return {.key = sha256_hex(join(requirements, "\n")),
            .interpreter = interpreter_.path,
            .requirements = std::move(requirements),
            .no_deps = std::move(no_deps),
            .index_options = {"--no-index", "--find-links", folder_.path() + "/wheels"}};
  }
  // Names of environments; the files that are locked do not count.
  std::vector<std::string> left_behind() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(root_))
      if (entry.path().extension() != ".lock" && entry.path().extension() != ".use")
        out.push_back(entry.path().filename().string());
    return out;
  }
  void make_wheel(const std::string& name, const std::string& requires_line = "") const {
    const std::string code =
        "import os, sys, zipfile\nfolder, name, requires = sys.argv[1:]\nos.makedirs(folder, exist_ok=True)\n"
        "info = name + '-1.0.dist-info/'\n"
        "with zipfile.ZipFile(folder + '/' + name + '-1.0-py3-none-any.whl', 'w') as wheel:\n"
        "  wheel.writestr(name + '/__init__.py', 'value = 42\\n')\n"
        "  wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: ' + name + '\\nVersion: 1.0\\n' + requires)\n"
        "  wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: "
        "py3-none-any\\n')\n"
        "  wheel.writestr(info + 'RECORD', '')\n";
    const auto made =
        run_command({.argv = {interpreter_.path, "-I", "-c", code, folder_.path() + "/wheels", name, requires_line}}, kNever);
    ASSERT_TRUE(made && made->exit_code == 0) << (made ? join(made->last_lines, "\n") : made.error().message);
  }

  TestFolder folder_;
  std::string root_ = folder_.path() + "/cache/envs";
  Interpreter interpreter_;
};

TEST_F(EnvironmentTest, PipInstallsIntoAnEnvironmentThatIsFoundAgain) {
  make_wheel("rain");
  make_wheel("sun", "Requires-Dist: no-such-package-at-all\n");
  EnvironmentStore store(root_, "none");
  const EnvironmentSpec wanted = spec({"rain==1.0", "rain; python_version<'3'", "sun"}, {"sun"});
  std::vector<std::string> phases;
  BuildProgress last;
  const auto built = store.ensure(
      wanted,
      [&](const BuildProgress& now) {
        if (phases.empty() || phases.back() != now.phase) phases.push_back(now.phase);
        last = now;
      },
      kNever);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_TRUE(built->built);
  EXPECT_THAT(phases, Contains("installing"));
  EXPECT_EQ(last.phase, "compiling");
  EXPECT_EQ(last.packages_done, 2);

  const auto used = run_command({.argv = {built->python, "-c", "import rain, sun; print(rain.value, rain.__cached__)"}}, kNever);
  ASSERT_TRUE(used && used->exit_code == 0);
  const auto words = split(used->last_lines.at(0), ' ');
  EXPECT_EQ(words[0], "42");
  EXPECT_TRUE(std::filesystem::exists(words[1])) << "no bytecode at " << words[1];

  const auto marker = parse_json(text_of(built->path + "/sluice-env.json"));
  ASSERT_TRUE(marker);
  EXPECT_EQ(marker->string_or("key", ""), wanted.key);
  EXPECT_EQ(marker->string_or("tool", ""), "pip");
  EXPECT_EQ(marker->string_or("interpreter_version", ""), interpreter_.version);
  EXPECT_THAT(marker->find("installed")->as_list(), Contains(Value("rain==1.0")));

  const auto again = EnvironmentStore(root_, "none").ensure(wanted, {}, kNever);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->built);
  EXPECT_EQ(again->python, built->python);
}

TEST_F(EnvironmentTest, AMissingPackageFailsInPipsWordsAndLeavesNothing) {
  std::filesystem::create_directories(folder_.path() + "/wheels");
  EnvironmentStore store(root_, "none");
  const EnvironmentSpec wanted = spec({"sluice-no-such-package"});
  const auto built = store.ensure(wanted, {}, kNever);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kInvalid);
  EXPECT_THAT(built.error().message, HasSubstr("No matching distribution found for sluice-no-such-package"));
  EXPECT_THAT(left_behind(), IsEmpty());
  EXPECT_FALSE(store.has(wanted.key));
}

TEST_F(EnvironmentTest, UvIsCalledOnceWithDependenciesAndOnceWithout) {
  EnvironmentStore store(root_, fake_uv());
  const auto built = store.ensure(spec({"a", "b>1", "kfp==2"}, {"kfp==2"}), {}, kNever);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_THAT(calls("venv"), ElementsAre("venv --python " + interpreter_.path + " " + built->path));
  EXPECT_THAT(calls("pip"), ElementsAre("pip install --python " + built->python + " --no-index a b>1",
                                        "pip install --python " + built->python + " --no-index --no-deps kfp==2"));
}

TEST_F(EnvironmentTest, WhatMutesOrRedirectsAnInstallerIsKeptFromIt) {
  const ScopedVariable no_bytecode("PYTHONDONTWRITEBYTECODE", "1"), target("PIP_TARGET", "/nowhere"),
      links("PIP_EXTRA_INDEX_URL", "http://machine/");
  const auto built = EnvironmentStore(root_, fake_uv("env > " + folder_.path() + "/env.txt")).ensure(spec({"a"}), {}, kNever);
  ASSERT_TRUE(built) << built.error().message;
  const std::string seen = text_of(folder_.path() + "/env.txt");
  EXPECT_THAT(seen, Not(HasSubstr("PYTHONDONTWRITEBYTECODE=")));
  EXPECT_THAT(seen, Not(HasSubstr("PIP_TARGET=")));
  EXPECT_THAT(seen, HasSubstr("UV_EXTRA_INDEX_URL=http://machine/\n"));
}

TEST_F(EnvironmentTest, AFullDiskIsUnavailableAndLeavesNothing) {
  EnvironmentStore store(root_, fake_uv("echo 'error: No space left on device (os error 28)' >&2; exit 2"));
  const auto built = store.ensure(spec({"a"}), {}, kNever);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kUnavailable);
  EXPECT_THAT(built.error().hint, HasSubstr("disk is full"));
  EXPECT_THAT(left_behind(), IsEmpty());
}

TEST_F(EnvironmentTest, TwoThreadsThatNeedTheSameBuildItOnce) {
  const Gate gate(folder_);
  const std::string uv = fake_uv(gate.shell());
  Result<Environment> first = fail(Code::kInternal, "");
  std::thread builder([&] { first = EnvironmentStore(root_, uv).ensure(spec({"a"}), {}, kNever); });
  gate.wait_until_started();
  std::vector<std::string> phases;
  const auto second = EnvironmentStore(root_, uv).ensure(
      spec({"a"}),
      [&](const BuildProgress& now) {
        phases.push_back(now.phase);
        gate.open();
      },
      kNever);
  builder.join();
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->built);
  EXPECT_FALSE(second->built);
  EXPECT_THAT(phases, ElementsAre("waiting for another build"));
  EXPECT_EQ(calls("pip").size(), 1U);
}

TEST_F(EnvironmentTest, TwoProcessesThatNeedTheSameBuildItOnce) {
  const Gate gate(folder_);
  const std::string uv = fake_uv(gate.shell());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto built = EnvironmentStore(root_, uv).ensure(spec({"a"}), {}, kNever);
    ::_exit(built && built->built ? 0 : 1);
  }
  gate.wait_until_started();
  const auto second = EnvironmentStore(root_, uv).ensure(spec({"a"}), [&](const BuildProgress&) { gate.open(); }, kNever);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_FALSE(second->built);
  EXPECT_EQ(calls("pip").size(), 1U);
}

TEST_F(EnvironmentTest, TheInstallerOfAKilledProcessIsWaitedForAndItsWorkDoneAgain) {
  const Gate gate(folder_);
  const std::string uv =
      fake_uv("[ -e " + folder_.path() + "/second ] || { touch " + folder_.path() + "/second; " + gate.shell() + "; }");
  const pid_t child = ::fork();
  if (child == 0) {
    static_cast<void>(EnvironmentStore(root_, uv).ensure(spec({"a"}), {}, kNever));
    ::_exit(0);
  }
  gate.wait_until_started();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  bool waited = false;
  const auto built = EnvironmentStore(root_, uv).ensure(
      spec({"a"}),
      [&](const BuildProgress& now) {
        if (now.phase != "waiting for another build") return;
        waited = true;
        gate.open();
      },
      kNever);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_TRUE(waited);
  EXPECT_TRUE(built->built);
  EXPECT_EQ(calls("pip").size(), 2U);
}

TEST_F(EnvironmentTest, AFolderWithoutItsMarkerIsBuiltAgain) {
  const EnvironmentSpec wanted = spec({"a"});
  folder_.write("cache/envs/" + wanted.key + "/bin/half", "");
  folder_.write("cache/envs/" + wanted.key + ".trash/older", "");
  EnvironmentStore store(root_, fake_uv());
  EXPECT_FALSE(store.has(wanted.key));
  const auto built = store.ensure(wanted, {}, kNever);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_TRUE(built->built);
  EXPECT_TRUE(store.has(wanted.key));
  EXPECT_FALSE(std::filesystem::exists(built->path + "/bin/half"));
  EXPECT_THAT(left_behind(), ElementsAre(wanted.key));
}

TEST_F(EnvironmentTest, AnEnvironmentWhoseInterpreterIsGoneIsBuiltAgain) {
  EnvironmentStore store(root_, fake_uv());
  const EnvironmentSpec wanted = spec({"a"});
  const auto first = store.ensure(wanted, {}, kNever);
  ASSERT_TRUE(first) << first.error().message;
  std::filesystem::remove(first->python);
  std::filesystem::create_symlink(folder_.path() + "/uninstalled", first->python);
  EXPECT_FALSE(store.has(wanted.key));
  const auto second = store.ensure(wanted, {}, kNever);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->built);
}

TEST_F(EnvironmentTest, CancellingABuildRemovesItsFolder) {
  const std::string started = folder_.path() + "/started";
  ASSERT_EQ(::mkfifo(started.c_str(), 0600), 0);
  std::atomic<bool> cancelled{false};
  std::thread person([&] {
    text_of(started);
    cancelled = true;
  });
  const auto built =
      EnvironmentStore(root_, fake_uv("echo started > " + started + "; exec sleep 600")).ensure(spec({"a"}), {}, cancelled);
  person.join();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kCancelled);
  EXPECT_THAT(left_behind(), IsEmpty());
}

TEST_F(EnvironmentTest, WaitingForAnotherBuildCanBeCancelled) {
  const EnvironmentSpec wanted = spec({"a"});
  std::filesystem::create_directories(root_);
  const auto lock = FileLock::acquire(root_ + "/" + wanted.key + ".lock", {}, kNever);
  ASSERT_TRUE(lock);
  std::atomic<bool> cancelled{false};
  const auto built =
      EnvironmentStore(root_, fake_uv()).ensure(wanted, [&](const BuildProgress&) { cancelled = true; }, cancelled);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kCancelled);
}

TEST_F(EnvironmentTest, PipInstallsWhereUvDoesNotKnowTheWay) {
  EnvironmentStore store(root_, fake_uv());
  const ScopedVariable only_pip("PIP_NO_BINARY", "numpy");
  make_wheel("rain");
  const ScopedVariable binary("PIP_NO_BINARY", "numpy");
  const auto built = store.ensure(spec({"rain"}), {}, kNever);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_THAT(calls("pip"), IsEmpty());
  EXPECT_EQ(parse_json(text_of(built->path + "/sluice-env.json"))->string_or("tool", ""), "pip");
}

TEST_F(EnvironmentTest, APythonWithoutItsVenvModuleSaysWhatToInstall) {
  EnvironmentSpec wanted = spec({"a"});
  wanted.interpreter = folder_.write_script(
      "python3",
      "#!/bin/sh\nif [ $2 = -c ]; then echo /usr/bin/python3.11; echo 3.11.2; exit; fi\n"
      "echo 'The virtual environment was not created successfully because ensurepip is not available.'; exit 1\n");
  const auto built = EnvironmentStore(root_, "none").ensure(wanted, {}, kNever);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kUnavailable);
  EXPECT_THAT(built.error().hint, HasSubstr("apt install python3-venv"));
}

TEST_F(EnvironmentTest, WhatIsNoKeyOrNoRequirementIsRefused) {
  EnvironmentStore store(root_, "none");
  EnvironmentSpec wanted = spec({"a"});
  wanted.key = "../../etc";
  EXPECT_EQ(store.ensure(wanted, {}, kNever).error().code, Code::kInvalid);
  EXPECT_FALSE(store.has(wanted.key));
  EXPECT_EQ(store.ensure(spec({"a\nb"}), {}, kNever).error().code, Code::kInvalid);
  wanted = spec({"b"});
  wanted.index_options = {"--prefix", "/etc"};
  EXPECT_EQ(store.ensure(wanted, {}, kNever).error().code, Code::kInvalid);
  EXPECT_THAT(left_behind(), IsEmpty());
}

TEST_F(EnvironmentTest, TheFingerprintOfOurVariablesFollowsAConstraintFile) {
  const ScopedVariable constraint("PIP_CONSTRAINT", folder_.write("c.txt", "numpy<2\n")), users("UV_CONSTRAINT", std::nullopt);
  const std::string before = environment_variables_fingerprint();
  EXPECT_EQ(before, environment_variables_fingerprint());
  folder_.write("c.txt", "numpy<3\n");
  EXPECT_NE(before, environment_variables_fingerprint());
}

// With a package index: SLUICE_TEST_NETWORK=1. Installs uv of its own, then pandas with it.
TEST_F(EnvironmentTest, UvIsInstalledOnceAndBuildsPandas) {
  const char* network = std::getenv("SLUICE_TEST_NETWORK");
  if (network == nullptr || std::string_view(network) != "1") GTEST_SKIP() << "needs a package index: SLUICE_TEST_NETWORK=1";
  EnvironmentSpec wanted = spec({"kfp==2.14.6", "pandas"}, {"kfp==2.14.6"});
  wanted.index_options = {};
  const ScopedVariable cold("UV_CACHE_DIR", folder_.path() + "/uv-cache");
  BuildProgress last;
  const auto built = EnvironmentStore(root_).ensure(wanted, [&](const BuildProgress& now) { last = now; }, kNever);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_GE(last.packages_total, 4);
  EXPECT_EQ(last.packages_done, last.packages_total);
  EXPECT_GT(last.bytes_done, 10 << 20);
  const auto used = run_command(
      {.argv = {built->python, "-c", "import pandas, kfp; print(kfp.__version__)"}, .variables = {{"_KFP_RUNTIME", "true"}}},
      kNever);
  ASSERT_TRUE(used);
  EXPECT_THAT(used->last_lines, ElementsAre("2.14.6"));
}

}  // namespace
}  // namespace sluice
