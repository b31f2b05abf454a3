#include <gtest/gtest.h>

#include <map>

#include "api/run_document.h"
#include "api/test_server.h"
#include "exec/log.h"

namespace sluice {
namespace {

Instant at(int second) { return from_micros(1'000'000 * static_cast<std::int64_t>(second)); }

// What tasks print; a writer per attempt, as its supervisor has one.
class Printer {
 public:
  explicit Printer(TestService& service) : service_(service) {}
  void print(const std::string& run, const std::string& path, int attempt, const std::string& text,
             Stream stream = Stream::kStdout) {
    const RunRow row = service_.store().run(*Uuid::parse(run)).value();
    const auto tasks = service_.store().tasks(row.id).value();
    for (const TaskRow& task : tasks) {
      if (task.path != path) continue;
      const std::string log = attempt_log_path(service_.dir(), row, task, attempt);
      writers_.try_emplace(log, log, 64 << 20).first->second.write(stream, text, at(attempt));
    }
  }

 private:
  TestService& service_;
  std::map<std::string, LogWriter> writers_;
};

class OwnLogs : public ::testing::Test {
 protected:
  OwnLogs() : run_(api_.submit(pipeline_text(step_line("a") + step_line("b")))) {
    printer_.print(run_, "root/a", 1, "out of a\n");
    printer_.print(run_, "root/a", 1, "err of a", Stream::kStderr);
    printer_.print(run_, "root/b", 1, "one\ntwo\n");
  }
  std::string logs(const std::string& query) { return api_.get("/api/v1/runs/" + run_ + "/logs" + query).body; }
  int status(const std::string& query) { return api_.get("/api/v1/runs/" + run_ + "/logs" + query).status; }
  TestApi api_;
  Printer printer_{api_.service};
  std::string run_;
};

TEST_F(OwnLogs, OfOneTaskAreAsTheyAre) {
  EXPECT_EQ(logs("?task=a"), "out of a\nerr of a");
  EXPECT_EQ(logs("?task=root/a&stdout=true"), "out of a\n");
  EXPECT_EQ(api_.get("/api/v1/runs/" + run_ + "/logs?task=a").content_type, "text/plain; charset=utf-8");
}

TEST_F(OwnLogs, OfSeveralTasksHaveTheTaskInFront) {
  EXPECT_EQ(logs(""), "[root/a] out of a\n[root/b] one\n[root/b] two\n[root/a] err of a\n");
}

TEST_F(OwnLogs, AreLinesOfJsonIfAsked) {
  EXPECT_EQ(logs("?task=a&format=ndjson"),
            R"({"task":"root/a","attempt":1,"stream":"stdout","at":"1970-01-01T00:00:01.000000Z","text":"out of a\n"})"
            "\n"
            R"({"task":"root/a","attempt":1,"stream":"stderr","at":"1970-01-01T00:00:01.000000Z","text":"err of a"})"
            "\n");
}

TEST_F(OwnLogs, AreOfTheNewestAttemptUnlessAsked) {
  TestApi api;
  Printer printer(api.service);
  const std::string retried = step_line("c", "", ", retryPolicy: {maxRetryCount: 1, backoffDuration: 0s}");
  const std::string run = api.submit(pipeline_text(retried));
  printer.print(run, "root/c", 1, "first\n");
  api.service.fail_task("c");
  for (int i = 0; i < 10'000 && api.service.hands.started() != "c#1 c#2"; ++i) api.service.settle();
  printer.print(run, "root/c", 2, "second\n");
  EXPECT_EQ(api.get("/api/v1/runs/" + run + "/logs?task=c").body, "second\n");
  EXPECT_EQ(api.get("/api/v1/runs/" + run + "/logs?task=c&attempt=1").body, "first\n");
  EXPECT_EQ(api.get("/api/v1/runs/" + run + "/logs?task=c&attempt=3").status, 404);
}

TEST_F(OwnLogs, WhatIsNotThereIsNamed) {
  EXPECT_EQ(status("?task=c"), 404);
  EXPECT_EQ(status("?attempt=2"), 404);
  EXPECT_EQ(status("?attempt=x"), 400);
  EXPECT_EQ(status("?format=xml"), 400);
  EXPECT_EQ(status("?follow=perhaps"), 400);
  EXPECT_EQ(api_.get("/api/v1/runs/ffffffff/logs").status, 404);
}

TEST_F(OwnLogs, InThisProcessAreNotFollowedButEnd) { EXPECT_EQ(logs("?task=a&follow=true"), "out of a\nerr of a"); }

TEST_F(OwnLogs, LongerThanATurnAreWhole) {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "line " + std::to_string(i) + "\n";
  for (std::size_t done = 0; done < text.size(); done += 10'000) printer_.print(run_, "root/b", 1, text.substr(done, 10'000));
  EXPECT_EQ(logs("?task=b"), "one\ntwo\n" + text);
}

TEST(FollowedLogs, GoOnUntilTheTaskHasEnded) {
  TestServer server;
  Printer printer(server.service);
  const std::string run = server.submit(pipeline_text(step_line("a") + step_line("b")));
  printer.print(run, "root/a", 1, "first\n");
  const auto stream = server.stream("/api/v1/runs/" + run + "/logs?task=a&follow=true");
  EXPECT_EQ(stream->status(), 200);
  EXPECT_EQ(TestServer::read_until(*stream, "first\n"), "first\n");
  printer.print(run, "root/a", 1, "second\n");
  EXPECT_EQ(TestServer::read_until(*stream, "second\n"), "second\n");
  printer.print(run, "root/a", 1, "last words");
  server.service.succeed("a");
  EXPECT_EQ(TestServer::read_until(*stream, ""), "last words") << "and then it ends, while b runs";
}

TEST(FollowedLogs, OfARunTakeInTasksAsTheyCome) {
  TestServer server;
  Printer printer(server.service);
  const std::string run = server.submit(pipeline_text(step_line("a") + step_line("b", "a")));
  const auto stream = server.stream("/api/v1/runs/" + run + "/logs?follow=true");
  printer.print(run, "root/a", 1, "from a\n");
  EXPECT_EQ(TestServer::read_until(*stream, "from a\n"), "[root/a] from a\n");
  server.service.succeed("a");
  printer.print(run, "root/b", 1, "from b");
  server.service.succeed("b");
  EXPECT_EQ(TestServer::read_until(*stream, ""), "[root/b] from b\n");
}

TEST(FollowedLogs, OfATaskThatIsNotThereYetWait) {
  TestServer server;
  const std::string run = server.submit(pipeline_text(step_line("a")));
  const auto stream = server.stream("/api/v1/runs/" + run + "/logs?task=later&follow=true");
  EXPECT_EQ(stream->status(), 200);
  server.service.succeed("a");
  EXPECT_EQ(TestServer::read_until(*stream, ""), "") << "the run has ended without it";
}

}  // namespace
}  // namespace sluice
