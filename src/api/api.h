// Every path of the program: KFP's v2beta1, our own /api/v1, health, metrics, events and the page.
//
// serve() answers sockets; call() answers the verbs of this process with the same handlers and no socket between.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/events.h"
#include "api/guard.h"
#include "api/metrics.h"
#include "api/router.h"
#include "api/service.h"
#include "net/http.h"

namespace sluice {

struct ApiOptions {
  GuardOptions guard;
  // Calls `call` after a while, on any thread: what follows a log looks again by it. Without it a log is not followed but ends.
  std::function<void(Duration, std::function<void()>)> after;
  // Hears of each answer, on the thread that gives it: for a log.
  std::function<void(const HttpRequest& request, int status, Duration took)> answered;
  // For GET /api/v1/server: where it is reached, asked when it is needed because port 0 is known late; and its slots.
  std::function<std::string()> url;
  int slots = 0;
};

// Lives as long as anything may still answer a request: the server, the owner's thread, the background.
class Api final : public HttpHandler {
 public:
  Api(Service& service, EventHub& events, ApiOptions options);

  Admission admit(const HttpRequest& head) override;
  void serve(HttpRequest request, std::shared_ptr<BodySink> sink, Responder responder) override;
  // Waits for the answer. Nobody is asked who they are: it is this process.
  HttpResponse call(HttpRequest request);

  const Router& router() const { return router_; }

 private:
  void dispatch(HttpRequest request, Responder responder, bool can_stream);

  Service& service_;
  EventHub& events_;
  ApiOptions options_;
  Metrics metrics_;
  Router router_;
};

// Each family adds its routes (and its errors); api.cc calls them all.
void add_kfp_routes(Router& router, Service& service, const ApiOptions& options);  // /apis/v2beta1: kfp_*.cc
void add_own_routes(Router& router, Service& service, EventHub& events, const ApiOptions& options);  // /api/v1: own_*.cc
void add_health_routes(Router& router, Service& service,
                       Metrics& metrics);  // /healthz, /livez, /readyz, /health, /version, /metrics
void add_page_routes(Router& router);  // /, and what it loads
// The OpenAPI 3.1 document of the routes below /api/v1.
std::string openapi_document(const Router& router);

}  // namespace sluice
