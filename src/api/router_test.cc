#include "api/router.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice {
namespace {

Router router_of(const std::vector<std::pair<std::string, std::string>>& routes) {
  Router router;
  router.family("/", [](const Error& error) { return json_response("plain: " + error.message, http_status(error.code)); });
  router.family("/api", [](const Error& error) { return json_response("api: " + error.message, http_status(error.code)); });
  for (const auto& [method, pattern] : routes) router.add({.method = method, .pattern = pattern});
  return router;
}

std::string matched(const Router& router, std::string_view method, std::string_view path) {
  const auto match = router.match(method, path);
  if (match.route == nullptr) return std::to_string(match.refusal.status);
  std::string text = match.route->pattern;
  for (const auto& [name, value] : match.path) text += " " + name + "=" + value;
  return text;
}

TEST(Router, AParameterIsOneSegmentDecoded) {
  const Router router = router_of({{"GET", "/runs/{run}"}, {"GET", "/runs/{run}/tasks"}});
  EXPECT_EQ(matched(router, "GET", "/runs/a%2Fb"), "/runs/{run} run=a/b");
  EXPECT_EQ(matched(router, "GET", "/runs/7/tasks"), "/runs/{run}/tasks run=7");
  EXPECT_EQ(matched(router, "GET", "/runs/7/"), "404");
  EXPECT_EQ(matched(router, "GET", "/runs/"), "404");
  EXPECT_EQ(matched(router, "GET", "runs/7"), "404");
  EXPECT_EQ(matched(router, "GET", "/runs/%zz"), "400");
}

TEST(Router, AVerbStandsBehindTheParameter) {
  const Router router = router_of({{"GET", "/runs/{run}"}, {"POST", "/runs/{run}:archive"}, {"POST", "/runs/{run}:retry"}});
  EXPECT_EQ(matched(router, "POST", "/runs/7:archive"), "/runs/{run}:archive run=7");
  EXPECT_EQ(matched(router, "POST", "/runs/7:retry"), "/runs/{run}:retry run=7");
  EXPECT_EQ(matched(router, "POST", "/runs/:retry"), "405") << "it has no id";
  EXPECT_EQ(matched(router, "POST", "/runs/7%3Aretry"), "405") << "an encoded colon is part of the id";
  EXPECT_EQ(matched(router, "GET", "/runs/7:8"), "/runs/{run} run=7:8");
}

TEST(Router, TheNearestPatternWins) {
  const Router router = router_of({{"GET", "/pipelines/{id}"},
                                   {"GET", "/pipelines/names"},
                                   {"GET", "/pipelines/{rest...}"},
                                   {"GET", "/pipelines/{id}/{rest...}"}});
  EXPECT_EQ(matched(router, "GET", "/pipelines/names"), "/pipelines/names");
  EXPECT_EQ(matched(router, "GET", "/pipelines/7"), "/pipelines/{id} id=7");
  EXPECT_EQ(matched(router, "GET", "/pipelines/7/a/b%20c"), "/pipelines/{id}/{rest...} id=7 rest=a/b c");
}

TEST(Router, TheRestOfAPathIsNeverEmpty) {
  const Router router = router_of({{"GET", "/files/{path...}"}});
  EXPECT_EQ(matched(router, "GET", "/files/"), "404");
  EXPECT_EQ(matched(router, "GET", "/files/a//b"), "/files/{path...} path=a//b");
}

TEST(Router, HeadIsMatchedAsGet) {
  const Router router = router_of({{"GET", "/runs"}});
  EXPECT_EQ(matched(router, "HEAD", "/runs"), "/runs");
}

TEST(Router, AnotherMethodIsToldWhichOnesThereAre) {
  const Router router = router_of({{"GET", "/api/runs/{run}"}, {"DELETE", "/api/runs/{id}"}});
  const auto put = router.match("PUT", "/api/runs/7");
  EXPECT_EQ(put.route, nullptr);
  EXPECT_EQ(put.refusal.status, 405);
  EXPECT_EQ(find_header(put.refusal.headers, "allow"), "DELETE, GET, HEAD");
  EXPECT_EQ(put.refusal.body, "api: PUT is not possible here");
  const auto options = router.match("OPTIONS", "/api/runs/7");
  EXPECT_EQ(options.refusal.status, 204);
  EXPECT_EQ(find_header(options.refusal.headers, "allow"), "DELETE, GET, HEAD");
}

TEST(Router, ErrorsAreWrittenByTheNearestFamily) {
  const Router router = router_of({});
  EXPECT_EQ(router.error("/api/runs", {Code::kConflict, "no", ""}).body, "api: no");
  EXPECT_EQ(router.error("/api/runs", {Code::kConflict, "no", ""}).status, 409);
  EXPECT_EQ(router.error("/other", {Code::kConflict, "no", ""}).body, "plain: no");
}

TEST(RouterDeathTest, TwoRoutesOfOneShapeStopTheProgram) {
  EXPECT_DEATH(router_of({{"GET", "/runs/{run}"}, {"GET", "/runs/{id}"}}), "shape");
}

TEST(Call, AWholeNumberIsHeldToItsRange) {
  const Call call{.request = std::make_shared<HttpRequest>(),
                  .path = {},
                  .query = {{"limit", "7"}, {"big", "1001"}, {"text", "7x"}, {"none", ""}},
                  .responder = Responder::to([](const HttpResponse&) {})};
  EXPECT_EQ(call.integer("limit", 50, 1, 1000).value(), 7);
  EXPECT_EQ(call.integer("missing", 50, 1, 1000).value(), 50);
  for (const char* name : {"big", "text", "none"}) {
    const auto number = call.integer(name, 50, 1, 1000);
    ASSERT_FALSE(number.has_value()) << name;
    EXPECT_EQ(number.error().code, Code::kInvalid);
    EXPECT_NE(number.error().message.find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice
