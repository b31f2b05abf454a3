#include "net/range.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

std::string shown(std::string_view header, std::uint64_t size) {
  const ByteRange range = parse_range(header, size);
  if (range.kind == ByteRange::Kind::kUnsatisfiable) return "none";
  return (range.kind == ByteRange::Kind::kWhole ? "whole " : "part ") + std::to_string(range.first) + "+" +
         std::to_string(range.length);
}

TEST(Range, APartIsCutOutOfTheFile) {
  EXPECT_EQ(shown("bytes=0-9", 100), "part 0+10");
  EXPECT_EQ(shown("bytes=90-200", 100), "part 90+10");
  EXPECT_EQ(shown("bytes=40-", 100), "part 40+60");
  EXPECT_EQ(shown("bytes=-30", 100), "part 70+30");
  EXPECT_EQ(shown("bytes=-300", 100), "part 0+100");
}

TEST(Range, WhatLiesBehindTheEndCannotBeServed) {
  EXPECT_EQ(shown("bytes=100-", 100), "none");
  EXPECT_EQ(shown("bytes=0-0", 0), "none");
  EXPECT_EQ(shown("bytes=-0", 100), "none");
  EXPECT_EQ(shown("bytes=-5", 0), "none");
}

TEST(Range, WhatIsNotOneRangeOfBytesMeansTheWholeFile) {
  for (const char* header : {"", "bytes", "lines=0-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,5-6",
                             "bytes= 0-1", "bytes=0-1 ", "bytes=99999999999999999999-", "bytes=--1"})
    EXPECT_EQ(shown(header, 10), "whole 0+10") << header;
}

}  // namespace
}  // namespace sluice
