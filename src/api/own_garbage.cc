// The collection of garbage: it is asked for, goes on by itself, and tells how far it is.
#include "api/own.h"

namespace sluice {
namespace {

HttpResponse garbage_document(const GarbageState& state, int status = 200) {
  JsonWriter json;
  json.begin_object().field("running", state.is_running).field("dry_run", state.dry_run);
  const auto instant = [&](const char* name, Instant at) {
    if (at == Instant{})
      json.key(name).null();
    else
      write_instant(json, name, at);
  };
  instant("began", state.began);
  instant("ended", state.ended);
  json.key("kinds").begin_array();
  for (const GarbageFigure& figure : state.report.kinds)
    json.begin_object().field("kind", figure.kind).field("number", figure.number).field("size_bytes", figure.bytes).end_object();
  json.end_array().field("size_bytes", state.report.bytes()).key("problems").begin_array();
  for (const std::string& problem : state.report.problems) json.value(problem);
  json.end_array().key("error");
  if (state.error)
    write_diagnostic(json, {.code = state.error->code, .message = state.error->message, .hint = state.error->hint});
  else
    json.null();
  return json_response(json.end_object().take() + "\n", status);
}

Status collect(const Call& call, Service& service) {
  SLUICE_TRY(const Struct body, body_of(call, {"dry_run", "grace"}));
  SLUICE_TRY(const bool dry_run, flag_field(body, "dry_run", false));
  SLUICE_TRY(const std::string text, text_field(body, "grace"));
  std::optional<Duration> grace;
  if (!text.empty()) {
    grace = parse_duration(text);
    if (!grace || *grace < Duration{0})
      return fail(Code::kInvalid, "field 'grace': '" + text + "' is no duration", "such as \"1h\"");
  }
  SLUICE_TRY_STATUS(service.collect_garbage(dry_run, grace));
  call.responder.send(garbage_document(service.garbage(), 202));
  return {};
}

}  // namespace

void add_garbage_routes(OwnRoutes& routes) {
  Service& service = routes.service();
  routes.add({.method = "POST",
              .pattern = "/api/v1/gc",
              .summary = "Begins to remove what nobody needs, or (dry_run) to count it; GET tells how far it is",
              .request_schema = "CollectGarbage",
              .response_schema = "Garbage"},
             [&service](const Call& call) { return with_owner_hint(collect(call, service)); });
  routes.add({.method = "GET",
              .pattern = "/api/v1/gc",
              .summary = "The newest collection of garbage: how far it is, or what it has removed",
              .response_schema = "Garbage"},
             [&service](const Call& call) -> Status {
               call.responder.send(garbage_document(service.garbage()));
               return {};
             });
}

}  // namespace sluice
