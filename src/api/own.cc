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

HttpResponse own_errors(const Diagnostics& errors) {
  return json_response(diagnostics_json(errors), errors.empty() ? 500 : http_status(errors.front().code));
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

void OwnRoutes::read(Route route, StoreHandler handle) {
  add(std::move(route), [answer = answer_from_store(service_, own_error, std::move(handle))](const Call& call) {
    answer(call);
    return Status{};
  });
}

void OwnRoutes::write(Route route, OwnerHandler handle) {
  add(std::move(route), [&service = service_, handle = std::move(handle)](const Call& call) {
    return with_owner_hint(answer_on_owner(service, call, own_error, handle));
  });
}

Status with_owner_hint(Status asked) {
  if (!asked && asked.error().hint.empty() && asked.error().code == Code::kConflict)
    asked.error().hint = "start a server on it: sluice up";
  return asked;
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
