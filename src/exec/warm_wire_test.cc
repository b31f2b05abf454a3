#include "exec/warm_wire.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice {
namespace {

using std::string_literals::operator""s;

TEST(WarmWire, WhatAWorkerSaysIsRead) {
  const auto ready = read_worker_news("ready\0numpy\0pandas"s);
  ASSERT_TRUE(ready && std::holds_alternative<WorkerReady>(*ready));
  EXPECT_EQ(std::get<WorkerReady>(*ready).packages, (std::vector<std::string>{"numpy", "pandas"}));
  const auto spare = read_worker_news(
      "spare\0"
      "4711"s);
  ASSERT_TRUE(spare && std::holds_alternative<SpareReady>(*spare));
  EXPECT_EQ(std::get<SpareReady>(*spare).pid, 4711);
  const auto reaped = read_worker_news(
      "reaped\0"
      "4711\0"
      "256\0"
      "1000\0"
      "500\0"
      "20"s);
  ASSERT_TRUE(reaped && std::holds_alternative<StepReaped>(*reaped));
  EXPECT_EQ(std::get<StepReaped>(*reaped).wait_status, 256);
  EXPECT_EQ(std::get<StepReaped>(*reaped).cpu, Duration{1500});
  EXPECT_EQ(std::get<StepReaped>(*reaped).max_rss_bytes, 20 * 1024);
  EXPECT_TRUE(std::holds_alternative<WorkerLearned>(read_worker_news("learned").value()));
  EXPECT_TRUE(std::holds_alternative<WorkerAgain>(read_worker_news("again").value()));
}

TEST(WarmWire, WhatAStepSaysIsRead) {
  const auto done = read_step_news(
      "done\0"
      "3\0"
      "1500\0"
      "20"s);
  ASSERT_TRUE(done && std::holds_alternative<StepDone>(*done));
  EXPECT_EQ(std::get<StepDone>(*done).exit_code, 3);
  const auto modules = read_step_news("modules\0json\0numpy.core"s);
  ASSERT_TRUE(modules && std::holds_alternative<StepModules>(*modules));
  EXPECT_EQ(std::get<StepModules>(*modules).names.size(), 2U);
}

TEST(WarmWire, WhatNobodyOfOursSaysIsNotUnderstood) {
  for (const auto& packet : {""s, "\0"s, "done"s, "done\0"s,
                             "done\0-1\0"
                             "1\0"
                             "1"s,
                             "done\0"
                             "256\0"
                             "1\0"
                             "1"s,
                             "done\0"
                             "1\0"
                             "1"s,
                             "done\0"
                             "1\0"
                             "1\0"
                             "1\0"
                             "1"s,
                             "done\0"
                             "1x\0"
                             "1\0"
                             "1"s,
                             "DONE\0"
                             "1\0"
                             "1\0"
                             "1"s,
                             "done\0"
                             "99999999999999999999\0"
                             "1\0"
                             "1"s,
                             std::string(kWarmPacketMax + 1, 'x')})
    EXPECT_FALSE(read_step_news(packet)) << packet.substr(0, 40);
  for (const auto& packet : {"spare\0"
                             "0"s,
                             "spare\0"
                             "-5"s,
                             "spare"s,
                             "spare\0"
                             "99999999"s,
                             "reaped\0"
                             "1\0"
                             "2"s,
                             "hello"s,
                             "reaped\0"
                             "1\0"
                             "70000\0"
                             "1\0"
                             "1\0"
                             "1"s})
    EXPECT_FALSE(read_worker_news(packet)) << packet;
}

TEST(WarmWire, ARequestHoldsTheStepAsItIs) {
  AttemptSpec spec;
  spec.id = "run/1/1";
  spec.directory = "/d";
  spec.warm = WarmStep{.environment = "/e", .source = "x = 1\n", .args = {"--a", ""}};
  std::string variable = "A=1=2";
  std::array<char*, 2> envp{variable.data(), nullptr};
  EXPECT_EQ(warm_request(spec, envp),
            "run/1/1\0/d\0x = 1\n\0"
            "2\0--a\0\0A=1=2"s);
}

}  // namespace
}  // namespace sluice
