#include <gtest/gtest.h>

#include "api/test_service.h"

namespace sluice {
namespace {

std::string first_message(const HttpResponse& response) {
  const auto body = parse_json(response.body);
  return body ? std::string(body->find("errors")->as_list().front().string_or("message", "")) : response.body;
}

TEST(Submit, ARunIsMadeAndStarts) {
  TestApi api;
  const HttpResponse response = api.post("/api/v1/runs", to_json(Value::of({{"spec", pipeline_text(step_line("a"))},
                                                                            {"name", "first"},
                                                                            {"description", "why"},
                                                                            {"experiment", "wine"},
                                                                            {"labels", Value::of({{"team", "blue"}})}})));
  ASSERT_EQ(response.status, 201) << response.body;
  const Value made = api.json(response);
  const std::string id(made.string_or("run_id", ""));
  EXPECT_EQ(find_header(response.headers, "location"), "/api/v1/runs/" + id);
  EXPECT_EQ(made.string_or("name", ""), "first");
  EXPECT_EQ(made.find("warnings")->as_list().size(), 0U);
  const Value run = api.get_json("/api/v1/runs/" + id);
  EXPECT_EQ(run.string_or("state", ""), "RUNNING");
  EXPECT_EQ(run.string_or("description", ""), "why");
  EXPECT_EQ(run.string_or("experiment", ""), "wine");
  EXPECT_EQ(run.find("labels")->string_or("team", ""), "blue");
  EXPECT_EQ(api.service.hands.started(), "a#1");
}

TEST(Submit, EveryMistakeOfAPipelineIsReportedAtItsPlace) {
  TestApi api;
  const std::string spec = pipeline_text(step_line("a", "gone") + step_line("b", "lost"));
  const HttpResponse response = api.post("/api/v1/runs", to_json(Value::of({{"spec", spec}, {"spec_file", "p.yaml"}})));
  EXPECT_EQ(response.status, 400);
  const Value body = parse_json(response.body).value();
  const List& errors = body.find("errors")->as_list();
  ASSERT_GE(errors.size(), 2U) << response.body;
  for (const Value& error : errors) {
    EXPECT_EQ(error.string_or("file", ""), "p.yaml");
    EXPECT_GT(error.int_or("line", 0), 0);
    EXPECT_EQ(error.string_or("code", ""), "invalid");
  }
}

TEST(Submit, AWrongArgumentIsReported) {
  TestApi api;
  const HttpResponse response = api.post(
      "/api/v1/runs", to_json(Value::of({{"spec", pipeline_text(step_line("a"))}, {"parameters", Value::of({{"rows", 3}})}})));
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(first_message(response).find("rows"), std::string::npos) << response.body;
}

TEST(Submit, AWrongBodyIsReported) {
  TestApi api;
  const auto message = [&](const std::string& body) {
    const HttpResponse response = api.post("/api/v1/runs", body);
    EXPECT_EQ(response.status, 400) << body;
    return first_message(response);
  };
  EXPECT_NE(message("{").find("the body is not JSON"), std::string::npos);
  EXPECT_EQ(message("[]"), "the body must be a JSON object");
  EXPECT_EQ(message("{}"), "the run has no pipeline");
  EXPECT_EQ(message(R"({"spec": "x", "pipeline": "y"})"), "the run has two pipelines");
  EXPECT_EQ(message(R"({"spec": "x", "version": "y"})"), "'version' needs 'pipeline', the pipeline that it is a version of");
  EXPECT_EQ(message(R"({"spec": 3})"), "field 'spec' must be a string, not a number");
  EXPECT_EQ(message(R"({"spec": "x", "cache": "no"})"), "field 'cache' must be a boolean, not a string");
  EXPECT_EQ(message(R"({"spec": "x", "parameters": []})"), "field 'parameters' must be a JSON object, not a list");
  EXPECT_EQ(message(R"({"spec": "x", "parameter": {}})"), "there is no field 'parameter' here; did you mean 'parameters'?");
}

TEST(Submit, TheSameKeyIsTheSameRun) {
  TestApi api;
  const std::string body = to_json(Value::of({{"spec", pipeline_text(step_line("a"))}}));
  const HttpResponse first = api.call("POST", "/api/v1/runs", body, {{"Idempotency-Key", "k1"}});
  const HttpResponse again = api.call("POST", "/api/v1/runs", body, {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(api.json(first).string_or("run_id", "1"), api.json(again).string_or("run_id", "2"));
  const HttpResponse other =
      api.post("/api/v1/runs", to_json(Value::of({{"spec", pipeline_text(step_line("a"))}, {"key", "k2"}})));
  EXPECT_EQ(other.status, 201);
  EXPECT_EQ(api.get_json("/api/v1/runs").int_or("total", 0), 2);
}

TEST(Submit, AKeySentAHundredTimesAtOnceIsOneRun) {
  TestApi api;
  const std::string body = to_json(Value::of({{"spec", pipeline_text(step_line("a"))}, {"key", "one"}}));
  std::vector<std::thread> clients;
  std::vector<std::string> ids(4);
  for (std::string& id : ids)
    clients.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto response = api.api.call({.method = "POST", .target = "/api/v1/runs", .body = body, .peer = "unix"});
        const std::string made(parse_json(response.body).value_or(Value{}).string_or("run_id", "none"));
        EXPECT_TRUE(id.empty() || id == made) << response.body;
        id = made;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1U);
  EXPECT_EQ(api.get_json("/api/v1/runs").int_or("total", 0), 1);
}

TEST(Submit, AnUploadedPipelineIsNamed) {
  TestApi api;
  PipelineRow pipeline;
  api.service.on_loop([&] {
    Catalog& catalog = api.service.store().catalog();
    const VersionRow first{.uuid = api.service.new_uuid(), .name = "v1", .created = from_micros(1)};
    pipeline = catalog
                   .create_pipeline_with_version({.uuid = api.service.new_uuid(), .name = "wine", .created = from_micros(1)},
                                                 first, pipeline_text(step_line("a")))
                   .value();
    const VersionRow second{.uuid = api.service.new_uuid(), .pipeline = pipeline.uuid, .name = "v2", .created = from_micros(2)};
    EXPECT_TRUE(catalog.create_version(second, pipeline_text(step_line("b"))).has_value());
  });
  const auto started = [&](const Value& body) {
    EXPECT_EQ(api.post("/api/v1/runs", to_json(body)).status, 201);
    return api.service.hands.orders.back().task_name;
  };
  EXPECT_EQ(started(Value::of({{"pipeline", "wine"}})), "b") << "the newest version";
  EXPECT_EQ(started(Value::of({{"pipeline", pipeline.uuid.text()}, {"version", "v1"}})), "a");
  const Value run = api.get_json("/api/v1/runs?limit=1").find("runs")->as_list().front();
  EXPECT_EQ(api.get_json("/api/v1/runs/" + std::string(run.string_or("run_id", ""))).string_or("pipeline_id", ""),
            pipeline.uuid.text());
  EXPECT_EQ(api.get_json("/api/v1/runs?pipeline=" + pipeline.uuid.text()).int_or("total", 0), 2);
  EXPECT_EQ(api.post("/api/v1/runs", R"({"pipeline": "wine", "version": "v3"})").status, 404);
  EXPECT_EQ(api.post("/api/v1/runs", R"({"pipeline": "beer"})").status, 404);
}

TEST(Changes, ARunIsCancelledPausedResumedAndRetried) {
  TestApi api;
  const std::string run = api.submit(pipeline_text(step_line("a") + step_line("b", "a")));
  const auto change = [&](const std::string& verb, const std::string& body = "") {
    const HttpResponse response = api.post("/api/v1/runs/" + run + "/" + verb, body);
    return response.status == 200 ? std::string(api.json(response).string_or("state", "")) : std::to_string(response.status);
  };
  EXPECT_EQ(change("resume"), "409");
  EXPECT_EQ(change("pause"), "PAUSED");
  EXPECT_EQ(change("pause"), "409");
  api.service.succeed("a");
  EXPECT_EQ(change("resume"), "RUNNING");
  EXPECT_EQ(change("retry"), "409");
  EXPECT_EQ(change("cancel", R"({"why": "x"})"), "400");
  EXPECT_EQ(change("cancel", R"({"reason": "enough"})"), "CANCELING");
  api.service.fail_task("b");
  EXPECT_EQ(api.get_json("/api/v1/runs/" + run).string_or("state", ""), "CANCELED");
  EXPECT_EQ(change("cancel"), "409");
  EXPECT_EQ(change("retry"), "RUNNING");
  api.service.succeed("b");
  EXPECT_EQ(api.get_json("/api/v1/runs/" + run).string_or("state", ""), "SUCCEEDED");
}

TEST(Changes, ARunThatIsDeletedIsGone) {
  TestApi api;
  const std::string run = api.submit(pipeline_text(step_line("a")));
  EXPECT_EQ(api.del("/api/v1/runs/" + run).status, 200);
  EXPECT_EQ(api.get("/api/v1/runs/" + run).status, 404);
  EXPECT_EQ(api.del("/api/v1/runs/" + run).status, 404);
  EXPECT_EQ(api.post("/api/v1/runs/" + run + "/cancel").status, 404);
}

}  // namespace
}  // namespace sluice
