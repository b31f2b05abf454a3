#include "api/own.h"

#include <algorithm>

#include "base/text.h"

namespace sluice {
namespace {

Status check_arguments(const Call& call, const std::vector<RouteArgument>& known) {
  std::vector<std::string> names;
  for (const RouteArgument& argument : known) names.push_back(argument.name);
  for (const auto& [name, value] : call.query)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fail(Code::kInvalid, "there is no argument '" + name + "' here" + did_you_mean(name, names),
                  names.empty() ? "it takes none" : "it takes " + join(names, ", "));
  for (const RouteArgument& argument : known)
    if (argument.required && call.argument(argument.name).empty())
      return fail(Code::kInvalid, "the argument '" + argument.name + "' is missing");
  return {};
}

tl::unexpected<Error> wrong_kind(std::string_view name, std::string_view due, const Value& value) {
  return fail(Code::kInvalid, "field '" + std::string(name) + "' must be a " + std::string(due) + ", not a " +
                                  std::string(kind_name(value.kind())));
}

const Value* given(const Struct& body, std::string_view name) {
  const auto found = body.find(name);
  return found == body.end() || found->second.is_null() ? nullptr : &found->second;
}

}  // namespace

void write_diagnostic(JsonWriter& json, const Diagnostic& diagnostic) {
  json.begin_object().field("file", diagnostic.file);
  if (diagnostic.place.line > 0)
    json.field("line", diagnostic.place.line).field("column", diagnostic.place.column);
  else
    json.key("line").null().key("column").null();
  json.field("path", diagnostic.path).field("code", code_name(diagnostic.code));
  json.field("message", diagnostic.message).field("hint", diagnostic.hint).end_object();
}

HttpResponse own_errors(const Diagnostics& errors) {
  JsonWriter json(2);
  json.begin_object().key("errors").begin_array();
  for (const Diagnostic& error : errors) write_diagnostic(json, error);
  json.end_array().end_object();
  return json_response(json.take() + "\n", errors.empty() ? 500 : http_status(errors.front().code));
}

HttpResponse own_error(const Error& error) {
  return own_errors({{.code = error.code, .message = error.message, .hint = error.hint}});
}

void OwnRoutes::add(Route route, std::function<Status(const Call&)> handle) {
  route.handler = [known = route.query, handle = std::move(handle)](const Call& call) {
    Status done = check_arguments(call, known);
    if (done) done = handle(call);
    if (!done) call.responder.send(own_error(done.error()));
  };
  router_.add(std::move(route));
}

void OwnRoutes::read(Route route, Read handle) {
  add(std::move(route), [&service = service_, handle = std::move(handle)](const Call& call) -> Status {
    SLUICE_TRY(const Service::Reader reader, service.reader());
    SLUICE_TRY(HttpResponse response, handle(call, *reader));
    call.responder.send(std::move(response));
    return {};
  });
}

void OwnRoutes::write(Route route, Write handle) {
  add(std::move(route),
      [&service = service_, handle = std::move(handle)](const Call& call) { return answer_on_owner(service, call, handle); });
}

Status answer_on_owner(Service& service, const Call& call, const OwnRoutes::Write& handle) {
  Status asked = service.on_owner([call, handle](Service::Writer writer) {
    auto response = handle(call, writer);
    call.responder.send(response ? std::move(*response) : own_error(response.error()));
  });
  return with_owner_hint(std::move(asked));
}

Status with_owner_hint(Status asked) {
  if (!asked && asked.error().hint.empty() && asked.error().code == Code::kConflict)
    asked.error().hint = "start a server on it: sluice up";
  return asked;
}

Result<RunRow> find_run(RunStore& store, std::string_view id) {
  if (const auto uuid = Uuid::parse(id)) return store.run(*uuid);
  return store.run_by_prefix(id);
}

Result<RunRow> run_of(const Call& call, RunStore& store) { return find_run(store, call.part("run")); }

Result<Struct> body_of(const Call& call, std::initializer_list<const char*> fields) {
  if (trim(call.request->body).empty()) return Struct{};
  auto body = parse_json(call.request->body);
  if (!body) return fail(std::move(body.error()).with_context("the body is not JSON: "));
  if (!body->is_struct()) return fail(Code::kInvalid, "the body must be a JSON object");
  const std::vector<std::string> known(fields.begin(), fields.end());
  for (const auto& [name, value] : body->as_struct())
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(Code::kInvalid, "there is no field '" + name + "' here" + did_you_mean(name, known),
                  known.empty() ? "it takes none" : "it takes " + join(known, ", "));
  return body->as_struct();
}

Result<std::string> text_field(const Struct& body, std::string_view name, std::string_view fallback) {
  const Value* value = given(body, name);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return wrong_kind(name, "string", *value);
  return value->as_string();
}

Result<bool> flag_field(const Struct& body, std::string_view name, bool fallback) {
  const Value* value = given(body, name);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) return wrong_kind(name, "boolean", *value);
  return value->as_bool();
}

Result<Struct> struct_field(const Struct& body, std::string_view name) {
  const Value* value = given(body, name);
  if (value == nullptr) return Struct{};
  if (!value->is_struct()) return wrong_kind(name, "JSON object", *value);
  return value->as_struct();
}

Result<bool> flag_argument(const Call& call, std::string_view name, bool fallback) {
  const std::string_view text = call.argument(name);
  if (text.empty()) return fallback;
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return fail(Code::kInvalid, "argument '" + std::string(name) + "': '" + std::string(text) + "' is neither true nor false");
}

}  // namespace sluice
