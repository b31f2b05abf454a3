#include "exec/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "exec/log_frame.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / "sluice-log-XXXXXX";
    SLUICE_CHECK(::mkdtemp(folder_.data()) != nullptr);
    path_ = folder_ + "/log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string read(const std::string& path) const {
    std::string text;
    const Status status = read_log(path, [&](const LogChunk& chunk) {
      text += chunk.bytes;
      return true;
    });
    EXPECT_TRUE(status) << status.error().message;
    return text;
  }
  void append_raw(std::string_view bytes) const { std::ofstream(path_, std::ios::app | std::ios::binary) << bytes; }

  std::string folder_;
  std::string path_;
};

TEST_F(LogTest, ChunksComeBackInOrderWithStreamAndTime) {
  {
    LogWriter log(path_, 1 << 20);
    log.write(Stream::kStdout, "one\n", from_micros(1'000'001));
    log.write(Stream::kStderr, "two\n", from_micros(1'000'002));
    log.write(Stream::kNote, "three\n", from_micros(1'000'003));
  }
  std::vector<std::string> seen;
  ASSERT_TRUE(read_log(path_, [&](const LogChunk& chunk) {
    seen.push_back(std::to_string(static_cast<int>(chunk.stream)) + " " + std::to_string(to_micros(chunk.at)) + " " +
                   std::string(chunk.bytes));
    return true;
  }));
  EXPECT_THAT(seen, ::testing::ElementsAre("1 1000001 one\n", "2 1000002 two\n", "3 1000003 three\n"));
}

TEST_F(LogTest, TheFileIsMadeWithTheFirstOutput) {
  LogWriter log(path_, 1 << 20);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(read(path_), "");
  log.write(Stream::kStdout, "x", Instant{});
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(LogTest, ChunksOfOneByteAddUp) {
  const std::string text = "every byte by itself\n";
  {
    LogWriter log(path_, 1 << 20);
    for (const char& byte : text) log.write(Stream::kStdout, {&byte, 1}, Instant{});
  }
  EXPECT_EQ(read(path_), text);
  EXPECT_EQ(last_log_lines(path_, 5).value_or(""), text);
}

TEST_F(LogTest, ATornLastFrameIsIgnored) {
  LogWriter(path_, 1 << 20).write(Stream::kStdout, "whole\n", Instant{});
  const auto size = std::filesystem::file_size(path_);
  const auto header = LogFrameHeader{1, 100, 0}.encode();
  const std::string frame = std::string(header.data(), header.size()) + "half of the text";
  for (const std::size_t length : {std::size_t{1}, std::size_t{5}, header.size(), frame.size()}) {
    append_raw(std::string_view(frame).substr(0, length));
    EXPECT_EQ(read(path_), "whole\n") << length;
    std::filesystem::resize_file(path_, size);
  }
}

TEST_F(LogTest, WhatIsNoLogIsCorruptAndSaysWhere) {
  LogWriter(path_, 1 << 20).write(Stream::kStdout, "good\n", Instant{});
  append_raw("this is no frame at all");
  const Status status = read_log(path_, [](const LogChunk&) { return true; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kCorrupt);
  EXPECT_THAT(status.error().message, HasSubstr("byte 18"));
}

TEST_F(LogTest, AReaderMayStop) {
  {
    LogWriter log(path_, 1 << 20);
    for (int i = 0; i < 10; ++i) log.write(Stream::kStdout, "x", Instant{});
  }
  int seen = 0;
  ASSERT_TRUE(read_log(path_, [&](const LogChunk&) { return ++seen < 3; }));
  EXPECT_EQ(seen, 3);
}

// Lines of 10 bytes: "line 0001\n".
std::string line(int number) {
  std::string digits = std::to_string(number);
  return "line " + std::string(4 - digits.size(), '0') + digits + "\n";
}

TEST_F(LogTest, BeyondItsSizeHeadAndTailAreKeptAndTheCutIsSaid) {
  LogWriter log(path_, 2300);  // frames of 23 bytes: 50 in the head, 25 in each tail file
  for (int i = 0; i < 1000; ++i) log.write(Stream::kStdout, line(i), Instant{});
  const std::string text = read(path_);
  EXPECT_TRUE(text.starts_with(line(0) + line(1)));
  EXPECT_TRUE(text.ends_with(line(998) + line(999)));
  EXPECT_THAT(text, HasSubstr(line(49) + "… 8.8 KiB cut …\n" + line(950)));
  std::int64_t on_disk = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) on_disk += static_cast<std::int64_t>(file.file_size());
  EXPECT_LE(on_disk, 2300 + 2 * 29);
  EXPECT_EQ(last_log_lines(path_, 2).value_or(""), line(998) + line(999));
}

TEST_F(LogTest, AFollowerSeesEveryLineAcrossTheMoveToTheTail) {
  LogWriter log(path_, 2300);
  LogFollower follower(path_);
  std::string seen;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    log.write(Stream::kStdout, line(i), Instant{});
    expected += line(i);
    if (i % 7 != 0) continue;
    ASSERT_TRUE(follower.poll([&](const LogChunk& chunk) { seen += chunk.bytes; }));
  }
  ASSERT_TRUE(follower.poll([&](const LogChunk& chunk) { seen += chunk.bytes; }));
  EXPECT_TRUE(seen == expected);
}

TEST_F(LogTest, ASlowFollowerIsToldWhatItMissed) {
  LogWriter log(path_, 2300);
  LogFollower follower(path_);
  std::string seen;
  const auto poll = [&] { return follower.poll([&](const LogChunk& chunk) { seen += chunk.bytes; }); };
  for (int i = 0; i < 60; ++i) log.write(Stream::kStdout, line(i), Instant{});
  ASSERT_TRUE(poll());
  for (int i = 60; i < 500; ++i) log.write(Stream::kStdout, line(i), Instant{});
  ASSERT_TRUE(poll());
  EXPECT_THAT(seen, HasSubstr(line(59) + "… "));
  EXPECT_TRUE(seen.ends_with(line(499)));
}

TEST_F(LogTest, WhatCannotBeWrittenIsCounted) {
  LogWriter log(folder_ + "/no/such/folder/log", 1000);
  log.write(Stream::kStdout, "12345", Instant{});
  log.write(Stream::kStdout, "678", Instant{});
  EXPECT_EQ(log.dropped_bytes(), 8);
  EXPECT_EQ(log.error(), ENOENT);
}

TEST_F(LogTest, TheLastLinesMergeBothStreamsAndAreValidText) {
  {
    LogWriter log(path_, 1 << 20);
    log.write(Stream::kStdout, "first\nhalf of ", Instant{});
    log.write(Stream::kStderr, "Traceback\n", Instant{});
    log.write(Stream::kStdout, "a line\n", Instant{});
    log.write(Stream::kNote, "not a line of the task\n", Instant{});
    log.write(Stream::kStderr, "bad \xff byte\n 10%|#\r 50%|##", Instant{});
    log.write(Stream::kStderr, "\r100%|###\r\n", Instant{});
    log.write(Stream::kStdout, "no newline", Instant{});
  }
  EXPECT_EQ(last_log_lines(path_, 5).value_or(""), "Traceback\nhalf of a line\nbad \xEF\xBF\xBD byte\n100%|###\nno newline\n");
  EXPECT_EQ(last_log_lines(path_, 1).value_or(""), "no newline\n");
  EXPECT_EQ(last_log_lines(path_, 0).value_or("?"), "");
}

TEST_F(LogTest, AVeryLongLineIsShortened) {
  LogWriter(path_, 64 << 20)
      .write(Stream::kStdout, "short\n" + std::string(1999, 'x') + std::string(1 << 20, '\xC3') + "\n", Instant{});
  std::string accents;
  for (int i = 0; i < 5000; ++i) accents += "ä";
  const auto text = last_log_lines(path_, 1);
  ASSERT_TRUE(text);
  EXPECT_LT(text->size(), 2020U);
  EXPECT_TRUE(text->ends_with("…\n"));
  LogWriter(path_, 1 << 20).write(Stream::kStdout, "x" + accents + "\n", Instant{});
  EXPECT_EQ(last_log_lines(path_, 1).value_or("").find("\xEF\xBF\xBD"), std::string::npos);
}

}  // namespace
}  // namespace sluice
