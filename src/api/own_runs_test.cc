#include <gtest/gtest.h>

#include "api/test_service.h"

namespace sluice {
namespace {

// "0000000n-0000-0000-0000-000000000000"
Uuid uuid_of(std::uint8_t n) {
  Uuid uuid;
  uuid.bytes[3] = n;
  return uuid;
}

NewRun run_of_iris(std::uint8_t n) {
  return {.uuid = uuid_of(n),
          .name = "run " + std::to_string(n),
          .pipeline_name = "iris",
          .experiment = "wine",
          .spec = "pipelineInfo: {name: iris}\n",
          .spec_file = "iris.yaml",
          .parameters = {{"rows", 100}},
          .created = from_micros(1'000'000 + n)};
}

// Runs 1 to 5: "run 1" ... of pipeline iris in experiment wine, each a microsecond later than the one before.
class OwnRuns : public ::testing::Test {
 protected:
  OwnRuns() {
    for (std::uint8_t n = 1; n <= 5; ++n) EXPECT_TRUE(api_.service.store().create(run_of_iris(n), Sync::kNormal).has_value());
  }
  // "run 5,run 4"
  std::string names(const std::string& target) {
    std::string text;
    const Value answer = api_.get_json(target);
    for (const Value& run : answer.find("runs")->as_list())
      text += (text.empty() ? "" : ",") + std::string(run.string_or("name", ""));
    return text;
  }
  void set_state(std::uint8_t n, RunState state) {
    const RunRow run = api_.service.store().run(uuid_of(n)).value();
    const Write write{.run = run.id,
                      .expected_seq = run.seq,
                      .change = RunChange{.state = state, .began = from_micros(2'000'000), .ended = from_micros(3'500'000)}};
    EXPECT_TRUE(api_.service.store().commit(std::span(&write, 1), Sync::kNormal).has_value());
  }
  TestApi api_;
};

TEST_F(OwnRuns, AreListedNewestFirst) {
  EXPECT_EQ(names("/api/v1/runs"), "run 5,run 4,run 3,run 2,run 1");
  EXPECT_EQ(names("/api/v1/runs?sort=created"), "run 1,run 2,run 3,run 4,run 5");
  EXPECT_EQ(names("/api/v1/runs?sort=name%20desc&limit=2"), "run 5,run 4");
}

TEST_F(OwnRuns, PagesNeitherRepeatNorSkip) {
  std::string token, all;
  int pages = 0;
  do {
    const Value page = api_.get_json("/api/v1/runs?limit=2" + (token.empty() ? "" : "&page_token=" + token));
    EXPECT_EQ(page.int_or("total", 0), 5);
    for (const Value& run : page.find("runs")->as_list()) all += std::string(run.string_or("name", "")) + " ";
    token = page.string_or("next_page_token", "");
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(all, "run 5 run 4 run 3 run 2 run 1 ");
  EXPECT_EQ(pages, 3);
}

TEST_F(OwnRuns, APageTokenOfAnotherQueryIsRefused) {
  const std::string token(api_.get_json("/api/v1/runs?limit=2").string_or("next_page_token", ""));
  EXPECT_EQ(api_.get("/api/v1/runs?limit=3&page_token=" + token).status, 200) << "the limit may change";
  EXPECT_EQ(api_.get("/api/v1/runs?name=run&page_token=" + token).status, 400);
  EXPECT_EQ(api_.get("/api/v1/runs?page_token=x").status, 400);
}

TEST_F(OwnRuns, AreFilteredByWhatTheyAre) {
  set_state(2, RunState::kFailed);
  EXPECT_EQ(names("/api/v1/runs?state=FAILED"), "run 2");
  EXPECT_EQ(names("/api/v1/runs?name=n%203"), "run 3");
  EXPECT_EQ(names("/api/v1/runs?experiment=wine&limit=1"), "run 5");
  EXPECT_EQ(names("/api/v1/runs?experiment=1&limit=1"), "run 5");
  EXPECT_EQ(names("/api/v1/runs?experiment=Default"), "");
  EXPECT_EQ(names("/api/v1/runs?experiment=nowhere"), "");
  EXPECT_EQ(names("/api/v1/runs?pipeline=iris&limit=1"), "run 5");
  EXPECT_EQ(names("/api/v1/runs?pipeline=other"), "");
}

TEST_F(OwnRuns, SayWhatIsKnownOfThem) {
  set_state(5, RunState::kFailed);
  const Value page = api_.get_json("/api/v1/runs?limit=1");
  const Value& run = page.find("runs")->as_list().front();
  EXPECT_EQ(run.string_or("run_id", ""), "00000005-0000-0000-0000-000000000000");
  EXPECT_EQ(run.string_or("state", ""), "FAILED");
  EXPECT_EQ(run.string_or("pipeline", ""), "iris");
  EXPECT_EQ(run.string_or("experiment", ""), "wine");
  EXPECT_EQ(run.string_or("created", ""), "1970-01-01T00:00:01.000005Z");
  EXPECT_EQ(run.string_or("began", ""), "1970-01-01T00:00:02.000000Z");
  EXPECT_EQ(run.number_or("seconds", 0), 1.5);
  EXPECT_EQ(run.find("parameters")->int_or("rows", 0), 100);
  EXPECT_EQ(api_.get_json("/api/v1/runs?sort=created&limit=1").find("runs")->as_list().front().find("began"), nullptr);
}

TEST_F(OwnRuns, WrongArgumentsAreNamed) {
  const auto message = [&](const std::string& target) {
    const HttpResponse response = api_.get(target);
    EXPECT_EQ(response.status, 400) << target;
    const auto body = parse_json(response.body);
    return std::string(body->find("errors")->as_list().front().string_or("message", ""));
  };
  EXPECT_EQ(message("/api/v1/runs?stat=FAILED"), "there is no argument 'stat' here; did you mean 'state'?");
  EXPECT_EQ(message("/api/v1/runs?state=FAILD"), "there is no state 'FAILD'; did you mean 'FAILED'?");
  EXPECT_NE(message("/api/v1/runs?limit=0").find("'limit'"), std::string::npos);
  EXPECT_NE(message("/api/v1/runs?limit=1001").find("'limit'"), std::string::npos);
  EXPECT_NE(message("/api/v1/runs?sort=nam").find("did you mean 'name'"), std::string::npos);
  EXPECT_NE(message("/api/v1/runs?sort=name%20up").find("'up'"), std::string::npos);
  EXPECT_NE(message("/api/v1/runs?storage_state=GONE").find("GONE"), std::string::npos);
}

TEST_F(OwnRuns, AreFoundByTheirIdOrTheFirstOfIt) {
  for (const char* id : {"00000003-0000-0000-0000-000000000000", "00000003000000000000000000000000", "00000003"})
    EXPECT_EQ(api_.get_json(std::string("/api/v1/runs/") + id).string_or("name", ""), "run 3") << id;
  EXPECT_EQ(api_.get("/api/v1/runs/0000").status, 409) << "all of them begin so";
  EXPECT_EQ(api_.get("/api/v1/runs/00").status, 400);
  EXPECT_EQ(api_.get("/api/v1/runs/ffffffff").status, 404);
}

TEST_F(OwnRuns, HaveTheirTextAndTheirHistory) {
  set_state(3, RunState::kFailed);
  const HttpResponse spec = api_.get("/api/v1/runs/00000003/spec");
  EXPECT_EQ(spec.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(spec.body, "pipelineInfo: {name: iris}\n");
  const Value run = api_.get_json("/api/v1/runs/00000003");
  EXPECT_EQ(run.string_or("spec_file", ""), "iris.yaml");
  EXPECT_EQ(run.string_or("created", ""), "1970-01-01T00:00:01.000003Z");
  ASSERT_EQ(run.find("state_history")->as_list().size(), 2U);
  EXPECT_EQ(run.find("state_history")->as_list().back().string_or("state", ""), "FAILED");
}

TEST_F(OwnRuns, WhatIsArchivedIsNotListedUnlessAsked) {
  EXPECT_EQ(api_.post("/api/v1/runs/00000004/archive").status, 200);
  EXPECT_EQ(names("/api/v1/runs"), "run 5,run 3,run 2,run 1");
  EXPECT_EQ(names("/api/v1/runs?storage_state=ARCHIVED"), "run 4");
  EXPECT_EQ(names("/api/v1/runs?storage_state=ANY&limit=2"), "run 5,run 4");
  EXPECT_EQ(api_.post("/api/v1/runs/00000004/unarchive").status, 200);
  EXPECT_EQ(names("/api/v1/runs?limit=2"), "run 5,run 4");
}

TEST(OwnRunsWithoutAnOwner, ThatAreNotAtTheirEndAreInterrupted) {
  TestApi api(Service::Owner::kNone);
  ASSERT_TRUE(api.service.store().create(run_of_iris(1), Sync::kNormal).has_value());
  EXPECT_EQ(api.get_json("/api/v1/runs/00000001").string_or("state", ""), "INTERRUPTED");
  const auto count = [&](const char* state) {
    return api.get_json(std::string("/api/v1/runs?state=") + state).int_or("total", -1);
  };
  EXPECT_EQ(count("INTERRUPTED"), 1);
  EXPECT_EQ(count("PENDING"), 0);
  EXPECT_EQ(count("SUCCEEDED"), 0);
}

TEST(OwnRunsWithoutAnOwner, CannotBeChanged) {
  TestApi api(Service::Owner::kNone);
  ASSERT_TRUE(api.service.store().create(run_of_iris(1), Sync::kNormal).has_value());
  const HttpResponse response = api.post("/api/v1/runs/00000001/cancel");
  EXPECT_EQ(response.status, 409);
  EXPECT_NE(response.body.find("sluice up"), std::string::npos);
}

TEST(OwnTasks, AreListedWithWhereTheyLie) {
  TestApi api;
  const std::string run = api.submit(pipeline_text(step_line("a") + step_line("b", "a")));
  TaskData outputs = y_is(4);
  outputs.artifacts["data"] = {
      {.name = "data", .type = {.schema_title = "system.Dataset"}, .uri = "/x", .digest = "", .size_bytes = 3}};
  api.service.succeed("a", outputs);
  const Value answer = api.get_json("/api/v1/runs/" + run + "/tasks");
  const List& tasks = answer.find("tasks")->as_list();
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(tasks[0].string_or("path", ""), "root/a");
  EXPECT_EQ(tasks[0].string_or("name", ""), "a");
  EXPECT_EQ(tasks[0].string_or("state", ""), "SUCCEEDED");
  EXPECT_EQ(tasks[0].find("output_parameters")->int_or("y", 0), 4);
  EXPECT_EQ(tasks[0].find("output_artifacts")->find("data")->as_list().front().int_or("size_bytes", 0), 3);
  EXPECT_TRUE(tasks[0].find("error")->is_null());
  EXPECT_EQ(tasks[1].int_or("attempts", 0), 1);
}

}  // namespace
}  // namespace sluice
