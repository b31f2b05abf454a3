#include "engine/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/check.h"
#include "exec/test_folder.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The exit code of `work` in a process of its own.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  SLUICE_CHECK(child >= 0);
  if (child == 0) ::_exit(work());
  int status = 0;
  SLUICE_CHECK(::waitpid(child, &status, 0) == child && WIFEXITED(status));
  return WEXITSTATUS(status);
}

class DataDirTest : public testing::Test {
 protected:
  TestFolder folder_;
  DataDir dir_ = DataDir::at(folder_.path() + "/data").value();
};

TEST_F(DataDirTest, APathIsMadeAbsoluteAndPlain) {
  EXPECT_EQ(DataDir::at("/a/../b//c/").value().root(), "/b/c");
  EXPECT_EQ(DataDir::at("x").value().root(), fs::current_path().string() + "/x");
  EXPECT_EQ(DataDir::at("/").value().root(), "/");
}

TEST_F(DataDirTest, ItIsMadeWithItsFoldersAndKeptOutOfGit) {
  EXPECT_FALSE(dir_.exists());
  ASSERT_TRUE(dir_.create().has_value());
  ASSERT_TRUE(dir_.create().has_value()) << "twice";
  for (const char* name : {"runs", "objects", "secrets", "volumes"})
    EXPECT_TRUE(fs::is_directory(dir_.root() + "/" + name)) << name;
  EXPECT_EQ(fs::file_size(dir_.root() + "/.gitignore"), 2U);
  EXPECT_FALSE(dir_.exists()) << "it has no database yet";
  folder_.write("data/sluice.db", "");
  EXPECT_TRUE(dir_.exists());
}

TEST_F(DataDirTest, WhatCannotBeMadeSaysWhatToDo) {
  folder_.write("data", "a file");
  const auto created = dir_.create();
  ASSERT_FALSE(created.has_value());
  EXPECT_THAT(created.error().message, HasSubstr(dir_.root()));
  EXPECT_THAT(created.error().hint, HasSubstr("--data-dir"));
}

TEST_F(DataDirTest, NamesOfTasksAreMadeHarmless) {
  EXPECT_EQ(dir_.attempt("RUN", TaskId{17}, "train", 2), dir_.root() + "/runs/RUN/17-train.2");
  EXPECT_EQ(dir_.attempt("RUN", TaskId{1}, "../../etc/pass wd", 1), dir_.root() + "/runs/RUN/1-.._.._etc_pass_wd" + ".1");
  EXPECT_EQ(dir_.attempt("RUN", TaskId{1}, "größe", 1), dir_.root() + "/runs/RUN/1-gr____e" + ".1");
  EXPECT_EQ(dir_.attempt("RUN", TaskId{1}, std::string(500, 'x'), 1), dir_.root() + "/runs/RUN/1-" + std::string(64, 'x') + ".1");
  EXPECT_EQ(dir_.attempt("RUN", TaskId{1}, "", 1), dir_.root() + "/runs/RUN/1-" + ".1");
}

TEST_F(DataDirTest, TheLockSaysWhoHasItAndWhere) {
  ASSERT_TRUE(dir_.create().has_value());
  EXPECT_EQ(owner_of(dir_).kind, OwnerKind::kNone);
  const auto mine = Ownership::acquire(dir_);
  ASSERT_TRUE(mine && *mine);
  EXPECT_EQ(owner_of(dir_).kind, OwnerKind::kRun);
  EXPECT_EQ(owner_of(dir_).pid, ::getpid());
  (*mine)->say(OwnerKind::kServer, "http://127.0.0.1:8080");
  EXPECT_EQ(owner_of(dir_).kind, OwnerKind::kServer);
  EXPECT_EQ(owner_of(dir_).url, "http://127.0.0.1:8080");
  EXPECT_EQ(owner_pid(dir_), ::getpid());
  (*mine)->say(OwnerKind::kServer, "");
  EXPECT_EQ(owner_of(dir_).url, "");
  EXPECT_EQ(owner_of(dir_).kind, OwnerKind::kServer);
  (*mine)->say(OwnerKind::kRun);
  EXPECT_EQ(owner_of(dir_).kind, OwnerKind::kRun) << "nothing of the longer text is left";
}

TEST_F(DataDirTest, OneProcessOwnsIt) {
  ASSERT_TRUE(dir_.create().has_value());
  EXPECT_EQ(owner_pid(dir_), 0);
  {
    auto mine = Ownership::acquire(dir_);
    ASSERT_TRUE(mine && *mine);
    EXPECT_EQ(in_child([&] {
                const auto theirs = Ownership::acquire(dir_);
                return theirs && !*theirs ? 0 : 1;
              }),
              0);
    EXPECT_EQ(in_child([&] { return owner_pid(dir_) == ::getppid() ? 0 : 1; }), 0);
    const Ownership moved(std::move(**mine));
    EXPECT_EQ(owner_pid(dir_), ::getpid());
  }
  EXPECT_EQ(owner_pid(dir_), 0) << "the file stays, the lock does not";
  EXPECT_EQ(in_child([&] {
              const auto theirs = Ownership::acquire(dir_);
              return theirs && *theirs ? 0 : 1;
            }),
            0);
}

TEST_F(DataDirTest, AnOwnerThatDiesLeavesNoLock) {
  ASSERT_TRUE(dir_.create().has_value());
  EXPECT_EQ(in_child([&] {
              auto theirs = Ownership::acquire(dir_);
              return theirs && *theirs ? 0 : 1;  // _exit: nothing is destroyed
            }),
            0);
  const auto mine = Ownership::acquire(dir_);
  EXPECT_TRUE(mine && *mine);
}

TEST_F(DataDirTest, WhoeverOnlyAsksKeepsNoOwnerOut) {
  ASSERT_TRUE(dir_.create().has_value());
  folder_.write("data/engine.lock", "");
  std::atomic<bool> done{false};
  std::thread curious([&] {
    while (!done) (void)owner_pid(dir_);
  });
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    const auto mine = Ownership::acquire(dir_);
    if (!mine || !*mine) ++refused;
  }
  done = true;
  curious.join();
  EXPECT_EQ(refused, 0);
}

TEST_F(DataDirTest, WithoutALockFileNobodyOwnsIt) {
  EXPECT_EQ(owner_pid(dir_), 0);
  EXPECT_FALSE(Ownership::acquire(dir_).has_value()) << "there is no such directory";
}

}  // namespace
}  // namespace sluice
