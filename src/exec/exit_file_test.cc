#include "exec/exit_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "exec/test_folder.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ExitFileTest : public ::testing::Test {
 protected:
  int open() const { return ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600); }
  std::vector<std::string> read() {
    auto content = read_exit_file(path_);
    EXPECT_TRUE(content) << content.error().message;
    ended_well_ = content->ended_well;
    std::vector<std::string> found;
    for (const AttemptExit& exit : content->exits) found.push_back(exit.id + "=" + std::to_string(exit.exit_code));
    return found;
  }
  static AttemptExit exit(const std::string& id, int code) { return {.id = id, .exit_code = code}; }

  TestFolder folder_;
  std::string path_ = folder_.path() + "/a.exits";
  bool ended_well_ = false;
};

TEST_F(ExitFileTest, WhatWasAppendedReadsBackAndTheNewestOfAnAttemptCounts) {
  ExitFile file(open(), true);
  EXPECT_THAT(read(), IsEmpty());
  file.append(exit("a", 1));
  file.append(exit("b", 2));
  file.append(exit("a", 3));
  EXPECT_THAT(read(), ElementsAre("a=3", "b=2"));
  EXPECT_FALSE(ended_well_);
  file.append(WireEnded{});
  EXPECT_THAT(read(), ElementsAre("a=3", "b=2"));
  EXPECT_TRUE(ended_well_);
}

TEST_F(ExitFileTest, AFrameThatIsNotWholeIsNotThere) {
  ExitFile(open(), true).append(exit("a", 1));
  const auto whole = std::filesystem::file_size(path_);
  ExitFile(open(), true).append(exit("b", 2));
  const auto both = std::filesystem::file_size(path_);
  for (auto size = both; size > whole;) {
    std::filesystem::resize_file(path_, --size);
    EXPECT_THAT(read(), ElementsAre("a=1")) << size;
  }
}

TEST_F(ExitFileTest, DamageEndsTheList) {
  ExitFile(open(), true).append(exit("a", 1));
  std::ofstream(path_, std::ios::app | std::ios::binary) << std::string("\x02\x00\x00\x00{]", 6);
  ExitFile file(open(), true);
  file.append(exit("b", 2));
  file.append(WireEnded{});
  EXPECT_THAT(read(), ElementsAre("a=1"));
  EXPECT_FALSE(ended_well_) << "what we cannot read may have been anything";
  std::ofstream(path_, std::ios::trunc | std::ios::binary) << std::string(5000, '\xff');
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_EQ(read_exit_file(folder_.path() + "/none").error().code, Code::kNotFound);
}

TEST_F(ExitFileTest, OnlyALargeFileStartsAnew) {
  ExitFile file(open(), true);
  AttemptExit large = exit("a", 1);
  large.note.assign(200'000, 'x');
  file.append(large);
  file.all_acknowledged();
  EXPECT_GT(std::filesystem::file_size(path_), 200'000U) << "truncating costs more than keeping";
  for (int i = 0; i < 5; ++i) file.append(large);
  file.all_acknowledged();
  EXPECT_EQ(std::filesystem::file_size(path_), 0U);
  file.append(exit("b", 2));
  EXPECT_THAT(read(), ElementsAre("b=2"));
}

TEST_F(ExitFileTest, WhatAFullDiskDoesNotTakeIsWrittenLater) {
  ExitFile file(open(), true);
  file.append(exit("a", 1));
  // A limit on the size of files stands for the full disk: the kernel writes what fits.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit full = before;
  full.rlim_cur = std::filesystem::file_size(path_) + 20;
  ::setrlimit(RLIMIT_FSIZE, &full);
  file.append(exit("b", 2));
  file.append(exit("c", 3));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_DFL);
  EXPECT_THAT(read(), ElementsAre("a=1"));
  file.append(exit("d", 4));
  EXPECT_THAT(read(), ElementsAre("a=1", "b=2", "c=3", "d=4"));
}

TEST_F(ExitFileTest, OneThatKeepsNothingWritesNothing) {
  ExitFile file(open(), false);
  file.append(exit("a", 1));
  file.all_acknowledged();
  EXPECT_THAT(read(), IsEmpty());
  ExitFile none(-1, true);
  none.append(exit("a", 1));
}

}  // namespace
}  // namespace sluice
