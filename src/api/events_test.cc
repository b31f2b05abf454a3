#include "api/events.h"

#include <gtest/gtest.h>

#include "api/test_server.h"
#include "base/json.h"
#include "net/url.h"

namespace sluice {
namespace {

RunNotice notice_of(std::uint8_t run, RunState state = RunState::kRunning) {
  Uuid uuid;
  uuid.bytes.back() = run;
  return {.run = uuid, .state = state};
}

// The events of a stream up to the first of that name and data, as "name id" each.
class EventsOf {
 public:
  EventsOf(TestServer& server, const std::string& target, std::vector<HttpHeader> headers = {})
      : stream_(server.stream(target, std::move(headers))) {}

  ServerEvent next() {
    for (;;) {
      if (auto event = reader_.next()) return *event;
      const auto piece = stream_->next(std::chrono::seconds(60));
      if (!piece || !*piece || (*piece)->empty()) return {.id = "", .event = "nothing came", .data = ""};
      reader_.append(**piece);
    }
  }
  std::string next_text() {
    const ServerEvent event = next();
    return event.event + " " + event.id;
  }

 private:
  std::unique_ptr<HttpReplyStream> stream_;
  EventReader reader_;
};

TEST(Events, BeginWithHelloAndGoOnAsThingsHappen) {
  TestServer server;
  EventsOf events(server, "/api/v1/events");
  const ServerEvent hello = events.next();
  EXPECT_EQ(hello.event, "hello");
  EXPECT_EQ(hello.id, "boot-0");
  EXPECT_EQ(parse_json(hello.data)->string_or("boot", ""), "boot");
  server.events.tell(notice_of(1, RunState::kFailed));
  const ServerEvent run = events.next();
  EXPECT_EQ(run.event, "run");
  EXPECT_EQ(run.id, "boot-1");
  EXPECT_EQ(parse_json(run.data)->string_or("state", ""), "FAILED");
}

TEST(Events, GoOnBehindTheLastOneThatAClientHasSeen) {
  TestServer server;
  for (int i = 0; i < 3; ++i) server.events.tell(notice_of(1));
  EventsOf events(server, "/api/v1/events", {{"Last-Event-ID", "boot-1"}});
  EXPECT_EQ(events.next_text(), "hello boot-1");
  EXPECT_EQ(events.next_text(), "run boot-2");
  EXPECT_EQ(events.next_text(), "run boot-3");
  EventsOf by_argument(server, "/api/v1/events?last_event_id=boot-2");
  EXPECT_EQ(by_argument.next_text(), "hello boot-2");
  EXPECT_EQ(by_argument.next_text(), "run boot-3");
}

TEST(Events, AClientThatMissedSomethingIsTold) {
  TestServer server;
  for (int i = 0; i < 3; ++i) server.events.tell(notice_of(1));
  for (const char* id : {"other-1", "boot-4", "boot-x", "boot", "-", "boot-99999999999999999999"}) {
    EventsOf events(server, "/api/v1/events", {{"Last-Event-ID", id}});
    EXPECT_EQ(events.next_text(), "hello boot-3") << id;
    EXPECT_EQ(events.next_text(), "reset boot-3") << id;
  }
}

TEST(Events, WhatIsNotKeptAnyMoreIsAReset) {
  EventHub hub("boot", 2);
  for (int i = 0; i < 5; ++i) hub.tell(notice_of(1));
  EXPECT_EQ(hub.subscribers(), 0U);
  TestServer server;
  for (int i = 0; i < 10'002; ++i) server.events.tell(notice_of(1));
  EventsOf missed(server, "/api/v1/events", {{"Last-Event-ID", "boot-1"}});
  EXPECT_EQ(missed.next_text(), "hello boot-10002");
  EXPECT_EQ(missed.next_text(), "reset boot-10002");
  EventsOf just_in_time(server, "/api/v1/events", {{"Last-Event-ID", "boot-2"}});
  EXPECT_EQ(just_in_time.next_text(), "hello boot-2");
  EXPECT_EQ(just_in_time.next_text(), "run boot-3");
}

TEST(Events, AreThoseOfOneRunIfAsked) {
  TestServer server;
  server.events.tell(notice_of(1));
  const Uuid second = notice_of(2).run;
  EventsOf events(server, "/api/v1/events?run=" + second.text());
  EXPECT_EQ(events.next_text(), "hello boot-1");
  server.events.tell(notice_of(1));
  server.events.tell(BuildNotice{.environment = "env", .runs = {second}});
  server.events.tell(BuildNotice{.environment = "env", .runs = {}});
  server.events.tell(notice_of(2));
  EXPECT_EQ(events.next_text(), "build boot-3");
  EXPECT_EQ(events.next_text(), "run boot-5");
}

TEST(Events, AnEngineTellsOfItsTasks) {
  TestServer server;
  EventsOf events(server, "/api/v1/events");
  EXPECT_EQ(events.next().event, "hello");
  const std::string run = server.submit(pipeline_text(step_line("a")));
  for (;;) {
    const ServerEvent event = events.next();
    ASSERT_TRUE(event.event == "task" || event.event == "run") << event.event;
    const Value data = parse_json(event.data).value();
    EXPECT_EQ(data.string_or("run", ""), run);
    if (data.string_or("path", "") == "root/a") break;
  }
}

TEST(Events, ADeadPeerIsForgotten) {
  TestServer server;
  {
    EventsOf events(server, "/api/v1/events");
    EXPECT_EQ(events.next().event, "hello");
    EXPECT_EQ(server.events.subscribers(), 1U);
  }
  for (int i = 0; i < 10'000 && server.events.subscribers() > 0; ++i) {
    server.events.keep_alive();
    std::this_thread::yield();
  }
  EXPECT_EQ(server.events.subscribers(), 0U);
}

TEST(Events, AreRefusedForAPartOfAnId) {
  TestApi api;
  EXPECT_EQ(api.get("/api/v1/events?run=1234").status, 400);
}

TEST(Notices, ComeBackFromTheirJson) {
  const Uuid run = notice_of(7).run;
  const TaskNotice task{.run = run,
                        .task = {3},
                        .parent = {1},
                        .path = "root/loop[0]/a",
                        .state = TaskState::kBackoff,
                        .is_leaf = false,
                        .attempt = 2,
                        .exit_code = 3,
                        .began = from_micros(1'000'000'000'000'001),
                        .ended = from_micros(1'000'000'000'000'002),
                        .error = "it broke"};
  const auto again = notice_from_value(to_value(Notice(task)));
  ASSERT_TRUE(again.has_value());
  const auto& copy = std::get<TaskNotice>(*again);
  EXPECT_EQ(copy.run, task.run);
  EXPECT_EQ(copy.task, task.task);
  EXPECT_EQ(copy.parent, task.parent);
  EXPECT_EQ(copy.path, task.path);
  EXPECT_EQ(copy.state, task.state);
  EXPECT_EQ(copy.is_leaf, task.is_leaf);
  EXPECT_EQ(copy.attempt, task.attempt);
  EXPECT_EQ(copy.exit_code, task.exit_code);
  EXPECT_EQ(copy.began, task.began);
  EXPECT_EQ(copy.ended, task.ended);
  EXPECT_EQ(copy.error, task.error);
  const BuildNotice build{
      .environment = "e", .name = "pandas", .progress = {.phase = "download", .packages_done = 1}, .runs = {run}};
  const auto built = notice_from_value(to_value(Notice(build)));
  ASSERT_TRUE(built.has_value());
  EXPECT_EQ(to_json(to_value(*built)), to_json(to_value(Notice(build))));
  EXPECT_FALSE(notice_from_value(Value::of({{"kind", "other"}})).has_value());
}

}  // namespace
}  // namespace sluice
