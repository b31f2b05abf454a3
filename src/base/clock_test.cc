#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/id.h"
#include "base/match.h"

#include <variant>

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Clock, InstantsAreWrittenAsRfc3339) {
  EXPECT_EQ(format_rfc3339(from_micros(0)), "1970-01-01T00:00:00Z");
  const Instant instant = from_micros(1'795'498'581'000'042);
  EXPECT_EQ(format_rfc3339(instant), "2026-11-24T05:36:21Z");
  EXPECT_EQ(format_rfc3339(instant, true), "2026-11-24T05:36:21.000042Z");
  EXPECT_EQ(to_micros(instant), 1'795'498'581'000'042);
  EXPECT_EQ(format_rfc3339(from_micros(-1), true), "1969-12-31T23:59:59.999999Z");
}

TEST(Clock, TimesAreReadInAnyZone) {
  const auto at = [](std::string_view text) {
    const auto instant = parse_rfc3339(text);
    return instant ? to_micros(*instant) : -1;
  };
  EXPECT_EQ(at("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(at("1970-01-01T01:00:01.25+01:00"), 1'250'000);
  EXPECT_EQ(at("2026-11-24T05:36:21Z"), 1'795'498'581'000'000);
  EXPECT_EQ(at("2026-11-23T20:36:21-09:00"), 1'795'498'581'000'000);
  for (const char* text : {"", "2026-11-24", "2026-11-24T05:36:21", "2026-13-24T05:36:21Z", "2026-02-30T05:36:21Z",
                           "2026-11-24T25:36:21Z", "2026-11-24T05:36:21.Z", "2026-11-24T05:36:21+1:00", "x026-11-24T05:36:21Z"})
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
}

TEST(Clock, TheSystemClockKnowsTheCentury) { EXPECT_GT(SystemClock().now(), from_micros(1'735'689'600'000'000)) << "2025-01-01"; }

TEST(Clock, DurationsAreReadInSixUnits) {
  EXPECT_EQ(parse_duration("60s"), seconds(60));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("0.000001s"), microseconds(1));
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("7us"), microseconds(7));
  EXPECT_EQ(parse_duration("10m"), minutes(10));
  EXPECT_EQ(parse_duration("2h"), hours(2));
  EXPECT_EQ(parse_duration("1d"), hours(24));
  EXPECT_EQ(parse_duration("0s"), seconds(0));
}

TEST(Clock, WhatIsNoDurationIsNothing) {
  for (const char* text :
       {"", "s", "60", "60 s", " 60s", "60s ", "-1s", "+1s", "infs", "nans", "1e300d", "1e400s", "0x10s", "1w", "1h30m"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Clock, DurationsAreWrittenForPeople) {
  EXPECT_EQ(format_duration(milliseconds(0)), "0.0s");
  EXPECT_EQ(format_duration(milliseconds(400)), "0.4s");
  EXPECT_EQ(format_duration(milliseconds(12'340)), "12.3s");
  EXPECT_EQ(format_duration(milliseconds(59'949)), "59.9s");
  EXPECT_EQ(format_duration(milliseconds(59'960)), "1m 00s") << "not 60.0s";
  EXPECT_EQ(format_duration(seconds(125)), "2m 05s");
  EXPECT_EQ(format_duration(milliseconds(3'599'600)), "1h 00m") << "not 60m 00s";
  EXPECT_EQ(format_duration(minutes(62)), "1h 02m");
  EXPECT_EQ(format_duration(hours(50)), "50h 00m");
  EXPECT_DOUBLE_EQ(to_seconds(milliseconds(1500)), 1.5);
}

TEST(Id, IsATypeOfItsOwn) {
  using AppleId = Id<struct AppleTag>;
  using PearId = Id<struct PearTag>;
  static_assert(!std::is_convertible_v<AppleId, PearId>);
  EXPECT_EQ(AppleId{3}, AppleId{3});
  EXPECT_LT(AppleId{3}, AppleId{4});
  EXPECT_EQ(std::hash<AppleId>{}(AppleId{3}), std::hash<AppleId>{}(AppleId{3}));
}

TEST(Match, VisitsWithLambdas) {
  const auto name = [](const std::variant<int, std::string>& either) {
    return std::visit(Match{[](int) { return "int"; }, [](const std::string&) { return "text"; }}, either);
  };
  EXPECT_STREQ(name(1), "int");
  EXPECT_STREQ(name("x"), "text");
}

}  // namespace
}  // namespace sluice
