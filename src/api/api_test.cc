#include "api/api.h"

#include <gtest/gtest.h>

#include "api/test_server.h"

namespace sluice {
namespace {

TEST(Api, HealthIsAnswered) {
  TestApi api;
  EXPECT_EQ(api.get("/healthz").body, "{\"status\":\"ok\"}\n");
  EXPECT_EQ(api.get("/livez").status, 200);
  EXPECT_EQ(api.get("/health").body, "OK");
  EXPECT_EQ(api.get("/version").body, "3.17.2");
  EXPECT_EQ(api.get("/readyz").status, 200);
  api.service.set_trouble(Error{Code::kUnavailable, "disk full", "make room"});
  const HttpResponse not_ready = api.get("/readyz");
  EXPECT_EQ(not_ready.status, 503);
  EXPECT_NE(not_ready.body.find("disk full"), std::string::npos);
  EXPECT_EQ(api.get("/healthz").status, 200) << "it lives";
}

TEST(Api, SaysWhoItIs) {
  TestApi api;
  Value server = api.get_json("/api/v1/server");
  EXPECT_EQ(server.string_or("version", ""), SLUICE_VERSION);
  EXPECT_EQ(server.string_or("owner", ""), "server");
  EXPECT_EQ(server.string_or("data_dir", ""), api.service.dir().root());
  EXPECT_EQ(server.string_or("started", ""), "2001-09-09T01:46:40.000000Z");
  EXPECT_TRUE(server.find("trouble")->is_null());
  api.service.set_trouble(Error{Code::kUnavailable, "disk full", "make room"});
  server = api.get_json("/api/v1/server");
  EXPECT_EQ(server.find("trouble")->string_or("code", ""), "unavailable");
}

TEST(Api, EveryAnswerHasTheHeadersThatKeepItSafe) {
  TestApi api;
  for (const char* target : {"/", "/healthz", "/api/v1/runs", "/api/v1/nowhere", "/nowhere", "/api/v1/runs?x=%zz"}) {
    const HttpResponse response = api.get(target);
    EXPECT_EQ(find_header(response.headers, "x-content-type-options"), "nosniff") << target;
    EXPECT_NE(find_header(response.headers, "cache-control"), "") << target;
    EXPECT_EQ(find_header(response.headers, "access-control-allow-origin"), "") << target;
  }
}

TEST(Api, ErrorsSayWhatWhereAndWhatToDo) {
  TestApi api;
  const HttpResponse response = api.get("/api/v1/nowhere");
  EXPECT_EQ(response.status, 404);
  const Value body = parse_json(response.body).value();
  const Value& error = body.find("errors")->as_list().front();
  EXPECT_EQ(error.string_or("code", ""), "not_found");
  EXPECT_EQ(error.string_or("message", ""), "there is nothing at /api/v1/nowhere");
  for (const char* field : {"file", "line", "column", "path", "hint"}) EXPECT_NE(error.find(field), nullptr) << field;
  EXPECT_EQ(api.call("PUT", "/api/v1/runs").status, 405);
  EXPECT_EQ(api.get("/api/v1/runs?name=%zz").status, 400);
}

TEST(Api, RequestsAreCountedByThePatternOfTheirRoute) {
  TestApi api;
  api.get("/api/v1/runs/ffffffff");
  api.get("/api/v1/runs/eeeeeeee");
  api.get("/api/v1/runs");
  api.get("/nowhere/1");
  api.call("BREW", "/nowhere/2");
  const HttpResponse response = api.get("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const std::string& text = response.body;
  const auto has = [&](const char* line) { return text.find(std::string("\n") + line + "\n") != std::string::npos; };
  EXPECT_TRUE(has(R"(http_requests_total{method="GET",route="/api/v1/runs/{run}",status="404"} 2)")) << text;
  EXPECT_TRUE(has(R"(http_requests_total{method="GET",route="/api/v1/runs",status="200"} 1)"));
  EXPECT_TRUE(has(R"(http_requests_total{method="GET",route="none",status="404"} 1)"));
  EXPECT_TRUE(has(R"(http_requests_total{method="other",route="none",status="404"} 1)"));
  EXPECT_TRUE(has(R"(http_request_duration_seconds_bucket{method="GET",route="/api/v1/runs",le="+Inf"} 1)"));
  EXPECT_TRUE(has(R"(http_request_duration_seconds_count{method="GET",route="/api/v1/runs/{run}"} 2)"));
  EXPECT_TRUE(has(R"(sluice_runs{state="active"} 1)"));
  EXPECT_TRUE(has("sluice_engine_events_total 12"));
  EXPECT_TRUE(has("# TYPE process_resident_memory_bytes gauge"));
}

TEST(Api, ShutsDownForWhoeverMayAsk) {
  TestApi api;
  EXPECT_EQ(api.post("/api/v1/shutdown", R"({"stop_tasks": true})").status, 200);
  EXPECT_EQ(api.service.shut_downs, std::vector<bool>{true});
  EXPECT_EQ(api.post("/api/v1/shutdown", R"({"stop": true})").status, 400);
  const auto over_tcp = api.api.call({.method = "POST", .target = "/api/v1/shutdown", .peer = "127.0.0.1:1"});
  EXPECT_EQ(over_tcp.status, 409) << "without tokens anybody on this machine could ask";
  EXPECT_EQ(api.service.shut_downs.size(), 1U);
}

TEST(Api, ATokenIsAskedForOverTcpButNotOnTheOwnSocket) {
  TestServer server({.tokens = {"a-long-token"}}, true);
  const auto status_of = [&](const std::string& token, const std::string& target) {
    auto client = HttpClient::to(server.url(), {.token = token});
    const auto reply = client.value()->call({.target = target});
    EXPECT_TRUE(reply.has_value()) << reply.error().message;
    return reply ? reply->status : 0;
  };
  EXPECT_EQ(status_of("", "/api/v1/runs"), 401);
  EXPECT_EQ(status_of("wrong-token", "/api/v1/runs"), 401);
  EXPECT_EQ(status_of("a-long-token", "/api/v1/runs"), 200);
  EXPECT_EQ(status_of("", "/healthz"), 200);
  EXPECT_EQ(server.client->call({.target = "/api/v1/runs"})->status, 200) << "its user";
  auto client = HttpClient::to(server.url());
  EXPECT_EQ(client.value()->call({.target = "/api/v1/runs"})->header("www-authenticate"), "Bearer");
  const auto down =
      HttpClient::to(server.url(), {.token = "a-long-token"}).value()->call({.method = "POST", .target = "/api/v1/shutdown"});
  EXPECT_EQ(down->status, 200);
}

TEST(Api, AnotherHostIsRefusedBeforeItsBodyIsRead) {
  TestServer server({}, true);
  auto client = HttpClient::to(server.url()).value();
  const auto reply =
      client->call({.method = "POST", .target = "/api/v1/runs", .headers = {{"Origin", "http://evil.com"}}, .body = "{}"});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status, 403);
}

TEST(Page, IsServedWithItsFilesAndAPolicy) {
  TestApi api;
  const HttpResponse page = api.get("/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  const std::string policy(find_header(page.headers, "content-security-policy"));
  EXPECT_NE(policy.find("default-src 'self'"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  int files = 0;
  for (std::size_t at = 0; (at = page.body.find("/assets/", at)) != std::string::npos; ++at, ++files) {
    const std::string path = page.body.substr(at, page.body.find('"', at) - at);
    const HttpResponse file = api.get(path);
    EXPECT_EQ(file.status, 200) << path;
    EXPECT_FALSE(file.body.empty()) << path;
    const HttpResponse again = api.call("GET", path, "", {{"If-None-Match", std::string(find_header(file.headers, "etag"))}});
    EXPECT_EQ(again.status, 304) << path;
    EXPECT_TRUE(again.body.empty()) << path;
  }
  EXPECT_GE(files, 3);
}

TEST(Page, NeverMakesMarkupOfData) {
  TestApi api;
  for (const auto& route : api.api.router().routes()) {
    if (!route->pattern.starts_with("/assets/") || !route->pattern.ends_with(".js")) continue;
    const std::string script = api.get(route->pattern).body;
    for (const char* word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("})
      EXPECT_EQ(script.find(word), std::string::npos) << route->pattern << " has " << word;
    for (std::size_t at = 0; (at = script.find("from \"./", at)) != std::string::npos; ++at) {
      const std::string name = script.substr(at + 8, script.find('"', at + 8) - at - 8);
      EXPECT_EQ(api.get("/assets/" + name).status, 200) << route->pattern << " imports " << name;
    }
  }
}

}  // namespace
}  // namespace sluice
