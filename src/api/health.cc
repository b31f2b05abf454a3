// Is it alive, does it work, what is it: for load balancers, Prometheus, and clients of MLflow.
#include "api/own.h"

namespace sluice {
namespace {

// The version of MLflow whose API this server speaks; its clients ask for it.
constexpr const char* kMlflowVersion = "3.17.2";

Route text_route(const char* path, const char* summary, std::function<HttpResponse()> answer) {
  return {.method = "GET",
          .pattern = path,
          .summary = summary,
          .handler = [answer = std::move(answer)](const Call& call) { call.responder.send(answer()); },
          .response_type = "text/plain"};
}

HttpResponse plain(std::string text) { return {.content_type = "text/plain; charset=utf-8", .body = std::move(text)}; }

HttpResponse readiness(const Service& service) {
  const auto trouble = service.trouble();
  if (!trouble) return json_response(Value::of({{"status", "ok"}}));
  return json_response(Value::of({{"status", "trouble"}, {"reason", trouble->message}, {"hint", trouble->hint}}), 503);
}

}  // namespace

void add_health_routes(Router& router, Service& service, Metrics& metrics) {
  for (const char* path : {"/healthz", "/livez"})
    router.add(text_route(path, "200 while the process answers", [] { return json_response(Value::of({{"status", "ok"}})); }));
  router.add(text_route("/readyz", "200 while runs go on, else 503 with the reason", [&service] { return readiness(service); }));
  router.add(text_route("/health", "MLflow's health", [] { return plain("OK"); }));
  router.add(text_route("/version", "MLflow's version", [] { return plain(kMlflowVersion); }));
  router.add(text_route("/metrics", "Prometheus' text form", [&service, &metrics] {
    return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics.text(service)};
  }));
}

}  // namespace sluice
