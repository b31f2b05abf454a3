#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "exec/command.h"
#include "exec/environment.h"
#include "exec/environment_marker.h"
#include "exec/test_folder.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

const std::atomic<bool> kNever{false};
const std::string kKey(64, 'a'), kOther(64, 'b');

// A folder that looks like an environment to everybody.
class EnvironmentUse : public testing::Test {
 protected:
  void make(const std::string& key) {
    const std::string path = folder_.path() + "/" + key;
    fs::create_directories(path + "/bin");
    fs::create_symlink("/bin/sh", path + "/bin/python3");
    EXPECT_TRUE(
        write_marker(path, {.key = key, .requirements = {"pandas"}}, {.tool = "uv", .interpreter_version = "3.11.7"}, 2.5));
  }
  void set_last_use(const std::string& key, Instant when) {
    const std::string path = folder_.path() + "/" + key + ".use";
    std::ofstream(path).close();
    const timespec time{.tv_sec = to_micros(when) / 1'000'000, .tv_nsec = 0};
    const timespec times[] = {time, time};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  std::vector<std::string> keys() {
    std::vector<std::string> out;
    for (const auto& info : EnvironmentStore(folder_.path()).list()) out.push_back(info.key);
    return out;
  }
  const Instant now_ = SystemClock().now();
  TestFolder folder_;
};

TEST_F(EnvironmentUse, AreListedAsTheyWereLastUsed) {
  make(kKey);
  make(kOther);
  set_last_use(kOther, now_ + std::chrono::hours(2));
  set_last_use(kKey, now_ + std::chrono::hours(1));
  EXPECT_THAT(keys(), ElementsAre(kOther, kKey));
  const auto list = EnvironmentStore(folder_.path()).list();
  EXPECT_EQ(list[0].tool, "uv");
  EXPECT_EQ(list[0].interpreter_version, "3.11.7");
  EXPECT_THAT(list[0].requirements, ElementsAre("pandas"));
}

TEST_F(EnvironmentUse, OneThatWasNotUsedForLongIsTakenAway) {
  make(kKey);
  set_last_use(kKey, now_ - std::chrono::hours(1000));
  EnvironmentStore store(folder_.path());
  EXPECT_FALSE(store.retire(kKey, now_ - std::chrono::hours(2000)).value());
  const auto retired = store.retire(kKey, now_);
  ASSERT_TRUE(retired && *retired);
  EXPECT_EQ((*retired)->path, folder_.path() + "/" + kKey + ".trash");
  EXPECT_FALSE(store.has(kKey));
  EXPECT_THAT(store.leftovers(), ElementsAre(kKey));
}

TEST_F(EnvironmentUse, OneThatSomebodyUsesStays) {
  make(kKey);
  EnvironmentStore other(folder_.path());
  {
    EnvironmentStore store(folder_.path());
    ASSERT_TRUE(store.ensure({.key = kKey, .interpreter = "/bin/sh"}, {}, kNever));
    EXPECT_FALSE(other.retire(kKey, now_ + std::chrono::hours(1)).value());
    EXPECT_TRUE(other.has(kKey));
  }
  EXPECT_TRUE(other.retire(kKey, now_ + std::chrono::hours(1)).value());
}

TEST_F(EnvironmentUse, AUseIsRememberedOnTheDisk) {
  make(kKey);
  set_last_use(kKey, now_ - std::chrono::hours(1000));
  EnvironmentStore store(folder_.path());
  ASSERT_TRUE(store.ensure({.key = kKey, .interpreter = "/bin/sh"}, {}, kNever));
  store.note_use(kKey);
  EXPECT_GE(store.list().at(0).last_used, now_ - std::chrono::seconds(1));
  set_last_use(kKey, now_ - std::chrono::hours(1000));
  store.note_use(kKey);
  EXPECT_LT(EnvironmentStore(folder_.path()).retire(kKey, now_).value().has_value(), true) << "in use, whatever the time says";
}

TEST_F(EnvironmentUse, WhatABuildHasLeftIsALeftover) {
  fs::create_directories(folder_.path() + "/" + kKey + "/lib");
  make(kOther);
  fs::create_directories(folder_.path() + "/notes");
  EnvironmentStore store(folder_.path());
  EXPECT_THAT(store.leftovers(), ElementsAre(kKey));
  EXPECT_TRUE(store.retire(kKey, now_ + std::chrono::hours(1)).value());
  EXPECT_THAT(keys(), ElementsAre(kOther));
}

TEST_F(EnvironmentUse, ProcessesThatNameItAreFound) {
  EnvironmentStore store(folder_.path());
  EXPECT_THAT(store.used_by_processes(), IsEmpty());
  std::set<std::string> seen;
  const std::string pipe = folder_.path() + "/" + kKey;
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto look = [&](std::string_view) {
    seen = store.used_by_processes();
    std::ofstream(pipe) << "go\n";
  };
  EXPECT_TRUE(run_command({.argv = {"/bin/sh", "-c", "echo ready; read line < " + pipe}, .on_line = look}, kNever));
  EXPECT_THAT(seen, ElementsAre(kKey));
}

TEST_F(EnvironmentUse, ItsLockIsADigestOfWhatIsInstalled) {
  make(kKey);
  make(kOther);
  fs::create_directories(folder_.path() + "/" + kOther + "/lib/python3.11/site-packages/six-1.0.dist-info");
  std::ofstream(folder_.path() + "/" + kOther + "/lib/python3.11/site-packages/six-1.0.dist-info/METADATA")
      << "Name: six\nVersion: 1.0\n";
  ASSERT_TRUE(write_marker(folder_.path() + "/" + kOther, {.key = kOther}, {}, 1));
  EnvironmentStore store(folder_.path());
  EXPECT_EQ(store.lock(kKey), lock_digest({}));
  EXPECT_EQ(store.lock(kOther), lock_digest({"six==1.0"}));
  EXPECT_EQ(store.lock(std::string(64, 'c')), "");
  EXPECT_EQ(store.lock("../etc"), "");
  EXPECT_EQ(store.installed(store.lock(kOther)), std::vector<std::string>{"six==1.0"});
  EXPECT_TRUE(store.installed(std::string(64, 'd')).empty());
  EXPECT_TRUE(store.installed("../../etc/passwd").empty());
}

}  // namespace
}  // namespace sluice
