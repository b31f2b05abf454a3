// The OpenAPI document: the table of routes in other words, so that it cannot say something else than the server does.
#include <map>
#include <vector>

#include "api/api.h"
#include "api/own_schemas.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

Value reference(std::string_view schema) { return Value::of({{"$ref", "#/components/schemas/" + std::string(schema)}}); }

Value schema_of_type(std::string_view type) {
  const bool optional = type.ends_with('?');
  if (optional) {
    const Value inner = schema_of_type(type.substr(0, type.size() - 1));
    return Value::of({{"anyOf", List{inner, Value::of({{"type", "null"}})}}});
  }
  const std::string_view inner = type.size() > 2 ? type.substr(1, type.size() - 2) : "";
  if (type.starts_with('[')) return Value::of({{"type", "array"}, {"items", schema_of_type(inner)}});
  if (type.starts_with('{')) return Value::of({{"type", "object"}, {"additionalProperties", schema_of_type(inner)}});
  if (type == "instant") return Value::of({{"type", "string"}, {"format", "date-time"}});
  if (type == "any") return Value(Struct{});
  if (find_schema(type) != nullptr) return reference(type);
  return Value::of({{"type", type}});
}

Value described(Value schema, std::string_view what) {
  if (what.empty()) return schema;
  Struct fields = schema.as_struct();
  fields.insert_or_assign("description", Value(what));
  return fields;
}

Value component(const Schema& schema) {
  Struct properties;
  List required;
  for (const SchemaField& field : schema.fields) {
    properties.emplace(field.name, described(schema_of_type(field.type), field.what));
    if (!field.type.ends_with('?')) required.emplace_back(field.name);
  }
  Struct out{{"type", "object"}, {"properties", properties}};
  if (!required.empty()) out.emplace("required", required);
  return described(out, schema.what);
}

Value parameter(std::string_view name, std::string_view where, std::string_view type, std::string_view what, bool required) {
  return described(Value::of({{"name", name}, {"in", where}, {"required", required}, {"schema", schema_of_type(type)}}), what);
}

// {path...} is a parameter like others here; that it may hold slashes is said in words.
std::string path_of(const Route& route) { return replace_all(route.pattern, "...}", "}"); }

List parameters_of(const Route& route) {
  List parameters;
  const std::string path = path_of(route);
  for (std::size_t at = 0; (at = path.find('{', at)) != std::string::npos;) {
    const auto end = path.find('}', at);
    const std::string name = path.substr(at + 1, end - at - 1);
    const bool is_rest = route.pattern.find("{" + name + "...}") != std::string::npos;
    const std::string_view what = name == "run" ? "its UUID, 32 hex digits, or the first 4 or more of them"
                                  : is_rest     ? "the rest of the path, with its slashes"
                                                : "";
    parameters.push_back(parameter(name, "path", "string", what, true));
    at = end;
  }
  for (const RouteArgument& argument : route.query)
    parameters.push_back(parameter(argument.name, "query", argument.type, argument.what, argument.required));
  return parameters;
}

Value content(std::string_view type, const Value& schema) {
  return Value::of({{std::string(type), Value::of({{"schema", schema}})}});
}

// "GET /api/v1/runs/{run}/tasks" -> "get_runs_run_tasks"
std::string operation_id(const Route& route) {
  std::string id = lower(route.method);
  for (const char c : path_of(route).substr(std::string_view("/api/v1").size())) {
    if (c == '/')
      id += '_';
    else if (c != '{' && c != '}')
      id += c == '.' ? '_' : c;
  }
  return id;
}

Value operation(const Route& route) {
  const bool is_json = route.response_type == "application/json";
  const bool is_created = route.method == "POST" && route.response_schema == "CreatedRun";
  const Value answer = !route.response_schema.empty() && find_schema(route.response_schema) != nullptr
                           ? reference(route.response_schema)
                           : Value(is_json ? Struct{} : Struct{{"type", "string"}});
  const Value good = Value::of({{"description", "Done"}, {"content", content(route.response_type, answer)}});
  const Value bad = Value::of({{"description", "What is wrong"}, {"content", content("application/json", reference("Errors"))}});
  Struct responses{{is_created ? "201" : "200", good}, {"default", bad}};
  if (is_created) responses.emplace("200", described(good, "The run that the same key has created before"));
  Struct out{{"operationId", operation_id(route)}, {"summary", route.summary}, {"responses", responses}};
  if (List parameters = parameters_of(route); !parameters.empty()) out.emplace("parameters", std::move(parameters));
  if (!route.request_schema.empty())
    out.emplace("requestBody", Value::of({{"content", content("application/json", reference(route.request_schema))}}));
  return out;
}

}  // namespace

std::string openapi_document(const Router& router) {
  std::map<std::string, Struct> paths;
  for (const auto& route : router.routes())
    if (route->pattern.starts_with("/api/v1/")) paths[path_of(*route)].emplace(lower(route->method), operation(*route));
  Struct path_items, schemas;
  for (auto& [path, item] : paths) path_items.emplace(path, std::move(item));
  for (const Schema& schema : own_schemas()) schemas.emplace(schema.name, component(schema));
  const Value token =
      Value::of({{"type", "http"}, {"scheme", "bearer"}, {"description", "if the server was started with tokens"}});
  return to_json_pretty(
      Value::of({{"openapi", "3.1.0"},
                 {"info", Value::of({{"title", "Sluice"}, {"version", SLUICE_VERSION}})},
                 {"paths", path_items},
                 {"security", List{Value(Struct{}), Value::of({{"token", List{}}})}},
                 {"components", Value::of({{"schemas", schemas}, {"securitySchemes", Value::of({{"token", token}})}})}}));
}

}  // namespace sluice
