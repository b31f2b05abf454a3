#include "api/api.h"

#include <chrono>
#include <cstdio>
#include <future>

#include "api/own.h"

namespace sluice {
namespace {

// The body of a request that no route will read.
constexpr std::uint64_t kUnreadBodyMax = 1 << 20U;

Duration since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
}

void secure(HttpResponse& response) {
  const auto set = [&](const char* name, const char* value) {
    if (find_header(response.headers, name).empty()) response.headers.push_back({name, value});
  };
  set("X-Content-Type-Options", "nosniff");
  set("Cache-Control", "no-store");
}

}  // namespace

Api::Api(Service& service, EventHub& events, ApiOptions options)
    : service_(service), events_(events), options_(std::move(options)) {
  add_kfp_routes(router_, service_, options_);
  add_own_routes(router_, service_, events_, options_);
  add_health_routes(router_, service_, metrics_);
  add_page_routes(router_);
}

Admission Api::admit(const HttpRequest& head) {
  if (auto refusal = refuse(options_.guard, head)) {
    HttpResponse response = router_.error(head.path(), refusal->error);
    response.status = refusal->status;
    if (refusal->status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
    secure(response);
    metrics_.count(head.method, "refused", response.status, Duration{0});
    return {.refusal = std::move(response)};
  }
  // Only a body has a limit that its route knows.
  if (head.header("content-length").empty() && head.header("transfer-encoding").empty()) return {};
  const Router::Match match = router_.match(head.method, head.path());
  return {.body_bytes_max = match.route == nullptr ? kUnreadBodyMax : match.route->body_bytes_max};
}

void Api::serve(HttpRequest request, std::shared_ptr<BodySink>, Responder responder) {
  dispatch(std::move(request), std::move(responder), true);
}

HttpResponse Api::call(HttpRequest request) {
  // Shared, because a handler may keep its responder longer than we wait here.
  auto answer = std::make_shared<std::promise<HttpResponse>>();
  auto future = answer->get_future();
  dispatch(std::move(request), Responder::to([answer](HttpResponse response) { answer->set_value(std::move(response)); }), false);
  return future.get();
}

void Api::dispatch(HttpRequest request, Responder responder, bool can_stream) {
  const auto began = std::chrono::steady_clock::now();
  auto shared = std::make_shared<const HttpRequest>(std::move(request));
  Router::Match match = router_.match(shared->method, shared->path());
  const std::string route = match.route == nullptr ? "none" : match.route->pattern;
  const Reply reply(std::move(responder), can_stream, [this, shared, route, began](HttpResponse& response) {
    secure(response);
    metrics_.count(shared->method, route, response.status, since(began));
    if (options_.answered) options_.answered(*shared, response.status, since(began));
  });
  if (match.route == nullptr) return reply.send(std::move(match.refusal));
  auto query = parse_query(shared->query());
  if (!query) return reply.send(router_.error(shared->path(), query.error()));
  const Call call{.request = shared, .path = std::move(match.path), .query = std::move(*query), .responder = reply};
  try {
    match.route->handler(call);
  } catch (const std::exception& error) {
    // Handlers do not throw; if a library under one does, its text may name what a peer has no business to know.
    const std::string id = service_.new_uuid().hex().substr(0, 12);
    std::fprintf(stderr, "error %s: %s %s: %s\n", id.c_str(), shared->method.c_str(), route.c_str(), error.what());
    reply.send(
        router_.error(shared->path(), {Code::kInternal, "internal error " + id, "the server's log says more under this id"}));
  }
}

}  // namespace sluice
