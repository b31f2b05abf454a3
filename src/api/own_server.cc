// The server itself, its events, and the way to its end.
#include <unistd.h>

#include "api/own.h"

namespace sluice {
namespace {

const char* owner_name(Service::Owner owner) {
  switch (owner) {
    case Service::Owner::kServer: return "server";
    case Service::Owner::kRun: return "run";
    case Service::Owner::kNone: break;
  }
  return "none";
}

HttpResponse server(const Service& service, const ApiOptions& options, Instant started) {
  const auto trouble = service.trouble();
  JsonWriter json;
  json.begin_object().field("version", SLUICE_VERSION).field("pid", static_cast<std::int64_t>(getpid()));
  write_text_or_null(json, "url", options.url ? options.url() : "");
  json.field("data_dir", service.dir().root()).field("owner", owner_name(service.owner()));
  write_instant(json, "started", started);
  json.key("trouble");
  if (trouble)
    json.begin_object()
        .field("code", code_name(trouble->code))
        .field("message", trouble->message)
        .field("hint", trouble->hint)
        .end_object();
  else
    json.null();
  json.field("slots", options.slots).field("runs", service.figures().runs).end_object();
  return json_response(json.take() + "\n");
}

Status stream_events(const Call& call, EventHub& events) {
  std::optional<Uuid> run;
  if (const auto text = call.argument("run"); !text.empty()) {
    run = Uuid::parse(text);
    if (!run) return fail(Code::kInvalid, "argument 'run': '" + std::string(text) + "' is not the whole id of a run");
  }
  if (!call.responder.can_stream()) return fail(Code::kInvalid, "events are a stream: ask for them over a socket");
  std::string_view last = call.request->header("last-event-id");
  if (last.empty()) last = call.argument("last_event_id");
  // X-Accel-Buffering: proxies that would gather the stream let it pass.
  events.subscribe(call.responder.stream({.content_type = "text/event-stream", .headers = {{"X-Accel-Buffering", "no"}}}), last,
                   run);
  return {};
}

// Whoever could open the socket is the user; over TCP it takes a token, which the guard has seen by now.
Status shut_down(const Call& call, Service& service, const ApiOptions& options) {
  if (call.request->peer != "unix" && options.guard.tokens.empty())
    return fail(Code::kConflict, "a server without tokens is not stopped over the network",
                "sluice down --data-dir " + service.dir().root() + ", on its machine");
  SLUICE_TRY(const Struct body, body_of(call, {"stop_tasks"}));
  SLUICE_TRY(const bool stop_tasks, flag_field(body, "stop_tasks", false));
  call.responder.send(json_response(Value(Struct{})));
  service.shut_down(stop_tasks);
  return {};
}

}  // namespace

void add_server_routes(OwnRoutes& routes, EventHub& events, const ApiOptions& options, const Router& router) {
  Service& service = routes.service();
  routes.add({.method = "GET",
              .pattern = "/api/v1/server",
              .summary = "Who answers here, and whether runs go on",
              .response_schema = "Server"},
             [&service, &options, started = service.now()](const Call& call) -> Status {
               call.responder.send(server(service, options, started));
               return {};
             });
  routes.add(
      {.method = "POST",
       .pattern = "/api/v1/shutdown",
       .summary = "Drains and ends the server; tasks go on and are taken up by the next one, unless they are to be stopped",
       .request_schema = "Shutdown",
       .response_schema = "Empty"},
      [&service, &options](const Call& call) { return shut_down(call, service, options); });
  routes.add({.method = "GET",
              .pattern = "/api/v1/events",
              .summary = "What happens, as server-sent events: hello, task, run, build, reset",
              .query = {{"run", "only what concerns this run"},
                        {"last_event_id", "go on behind this event; as the header Last-Event-ID"}},
              .response_type = "text/event-stream"},
             [&events](const Call& call) { return stream_events(call, events); });
  routes.add({.method = "GET", .pattern = "/api/v1/openapi.json", .summary = "This document"},
             [&router](const Call& call) -> Status {
               call.responder.send(json_response(openapi_document(router)));
               return {};
             });
}

void add_own_routes(Router& router, Service& service, EventHub& events, const ApiOptions& options) {
  router.family("/api/v1", own_error);
  OwnRoutes routes(router, service);
  add_run_routes(routes);
  add_submit_route(routes);
  add_run_change_routes(routes);
  add_restart_route(routes);
  add_diff_route(routes);
  add_log_route(routes, options);
  add_why_route(routes);
  add_artifact_routes(routes);
  add_experiment_routes(routes);
  add_pipeline_routes(routes);
  add_garbage_routes(routes);
  add_server_routes(routes, events, options, router);
}

}  // namespace sluice
