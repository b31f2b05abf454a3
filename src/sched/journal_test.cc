#include <gtest/gtest.h>

#include "sched/sched.h"

namespace sluice {
namespace {

std::string again(const Event& event) {
  const Result<Event> read = event_from(event_kind(event), event_payload(event));
  if (!read) return read.error().message;
  EXPECT_EQ(read->index(), event.index());
  return std::string(event_kind(*read)) + " " + event_payload(*read);
}

TEST(Journal, EveryKindOfEventReadsBack) {
  TaskData outputs;
  outputs.parameters = {{"y", 2.5}, {"text", "a\n\"b\""}, {"list", List{Value(1), Value(), Value(true)}}};
  outputs.artifacts["model"] = {
      Artifact{.name = "m", .uri = "/m", .metadata = {{"k", "v"}}, .digest = "sha256:00", .size_bytes = 7}};
  EXPECT_EQ(again(RunBegan{}), "run_began {}");
  EXPECT_EQ(again(PauseAsked{}), "pause_asked {}");
  EXPECT_EQ(again(ResumeAsked{}), "resume_asked {}");
  EXPECT_EQ(again(RetryAsked{}), "retry_asked {}");
  EXPECT_EQ(again(CancelAsked{"why"}), R"(cancel_asked {"reason":"why"})");
  EXPECT_EQ(again(AttemptStarted{TaskId{3}, 2}), R"(attempt_started {"attempt":2,"task":3})");
  EXPECT_EQ(again(AttemptStarted{TaskId{3}, 2, from_micros(1'795'510'970'000'001)}),
            R"(attempt_started {"at":1795510970000001,"attempt":2,"task":3})");
  EXPECT_EQ(again(AttemptFailed{TaskId{3}, 2, FailureKind::kLost, -1, "gone"}),
            R"(attempt_failed {"attempt":2,"exit_code":-1,"failure":"lost","message":"gone","task":3})");
  EXPECT_EQ(again(TimerFired{TaskId{0}, 1, TimerKind::kRunDeadline}),
            R"(timer_fired {"attempt":1,"task":0,"timer":"run_deadline"})");

  const AttemptSucceeded succeeded{TaskId{3}, 2, outputs};
  const Result<Event> read = event_from(event_kind(succeeded), event_payload(succeeded));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(std::get<AttemptSucceeded>(*read).outputs, outputs);
  EXPECT_EQ(std::get<AttemptSucceeded>(*read).task, TaskId{3});

  const AttemptCached cached{TaskId{4}, 1, outputs};
  const Result<Event> known = event_from(event_kind(cached), event_payload(cached));
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(event_kind(cached), "attempt_cached");
  EXPECT_EQ(std::get<AttemptCached>(*known).outputs, outputs);
  EXPECT_EQ(std::get<AttemptCached>(*known).task, TaskId{4});
}

TEST(Journal, WhatIsNoEventIsCorrupt) {
  const auto refused = [](std::string_view kind, std::string_view payload) {
    const Result<Event> read = event_from(kind, payload);
    return !read && read.error().code == Code::kCorrupt && read.error().message.find(kind) != std::string::npos;
  };
  EXPECT_TRUE(refused("no_such_event", "{}"));
  EXPECT_TRUE(refused("run_began", ""));
  EXPECT_TRUE(refused("run_began", "[]"));
  EXPECT_TRUE(refused("attempt_succeeded", "{}"));
  EXPECT_TRUE(refused("attempt_succeeded", R"({"task":"3","attempt":1})"));
  EXPECT_TRUE(refused("attempt_succeeded", R"({"task":-1,"attempt":1})"));
  EXPECT_TRUE(refused("attempt_succeeded", R"({"task":1.5,"attempt":1})"));
  EXPECT_TRUE(refused("attempt_succeeded", R"({"task":1e300,"attempt":1})"));
  EXPECT_TRUE(refused("attempt_failed", R"({"task":1,"attempt":1,"exit_code":1})"));
  EXPECT_TRUE(refused("attempt_failed", R"({"task":1,"attempt":1,"exit_code":1,"failure":"boredom"})"));
  EXPECT_TRUE(refused("timer_fired", R"({"task":1,"attempt":1,"timer":"egg"})"));
}

}  // namespace
}  // namespace sluice
