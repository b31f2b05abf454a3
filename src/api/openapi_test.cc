#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "api/own_schemas.h"
#include "api/test_service.h"

namespace sluice {
namespace {

// All "$ref"s of a document.
void collect(const Value& value, std::set<std::string>& refs) {
  if (value.is_list())
    for (const Value& item : value.as_list()) collect(item, refs);
  if (!value.is_struct()) return;
  for (const auto& [key, item] : value.as_struct()) {
    if (key == "$ref") refs.insert(item.as_string());
    collect(item, refs);
  }
}

// Whether `value` is as the schemas say: every field known and of its type, none that must be there missing.
void check(const Value& value, std::string_view type, const std::string& where) {
  if (type.ends_with('?')) {
    if (value.is_null()) return;
    type.remove_suffix(1);
  }
  if (type == "any") return;
  if (type.starts_with('[')) {
    ASSERT_TRUE(value.is_list()) << where;
    for (const Value& item : value.as_list()) check(item, type.substr(1, type.size() - 2), where + "[]");
    return;
  }
  if (type.starts_with('{')) {
    ASSERT_TRUE(value.is_struct()) << where;
    for (const auto& [key, item] : value.as_struct()) check(item, type.substr(1, type.size() - 2), where + "." + key);
    return;
  }
  if (const Schema* schema = find_schema(type); schema != nullptr) {
    ASSERT_TRUE(value.is_struct()) << where;
    std::set<std::string_view> known;
    for (const SchemaField& field : schema->fields) {
      known.insert(field.name);
      const Value* item = value.find(field.name);
      EXPECT_TRUE(item != nullptr || field.type.ends_with('?')) << where << " has no " << field.name;
      if (item != nullptr) check(*item, field.type, where + "." + std::string(field.name));
    }
    for (const auto& [key, item] : value.as_struct())
      EXPECT_TRUE(known.contains(key)) << where << " has the unknown field " << key;
    return;
  }
  const bool fits = type == "string"    ? value.is_string()
                    : type == "instant" ? value.is_string() && value.as_string().ends_with('Z')
                    : type == "integer" ? value.is_number() && std::trunc(value.as_number()) == value.as_number()
                    : type == "number"  ? value.is_number()
                    : type == "boolean" ? value.is_bool()
                    : type == "object"  ? value.is_struct()
                                        : false;
  EXPECT_TRUE(fits) << where << " is no " << type << ": " << to_json(value);
}

TEST(OpenApi, HasEveryRouteAndEverySchemaThatItNames) {
  TestApi api;
  const Value document = api.get_json("/api/v1/openapi.json");
  EXPECT_EQ(document.string_or("openapi", ""), "3.1.0");
  int routes = 0;
  std::set<std::string> operation_ids;
  for (const auto& route : api.api.router().routes()) {
    if (!route->pattern.starts_with("/api/v1")) continue;
    ++routes;
    EXPECT_FALSE(route->summary.empty()) << route->pattern;
    std::string path = route->pattern, method = route->method;
    if (const auto dots = path.find("...}"); dots != std::string::npos) path.erase(dots, 3);
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const Value* item = document.find("paths")->find(path);
    ASSERT_NE(item, nullptr) << path;
    ASSERT_NE(item->find(method), nullptr) << method << " " << path;
    EXPECT_TRUE(operation_ids.insert(std::string(item->find(method)->string_or("operationId", ""))).second) << path;
    for (const std::string& schema : {route->request_schema, route->response_schema})
      EXPECT_TRUE(schema.empty() || find_schema(schema) != nullptr) << route->pattern << " names " << schema;
  }
  EXPECT_GE(routes, 20);
  std::set<std::string> refs;
  collect(document, refs);
  for (const std::string& ref : refs) {
    const std::string name = ref.substr(ref.rfind('/') + 1);
    EXPECT_NE(document.find("components")->find("schemas")->find(name), nullptr) << ref;
  }
}

TEST(OpenApi, SchemasAreMadeOfTypesThatThereAre) {
  const std::set<std::string_view> plain{"string", "integer", "number", "boolean", "instant", "object", "any"};
  for (const Schema& schema : own_schemas())
    for (const SchemaField& field : schema.fields) {
      std::string_view type = field.type;
      while (!type.empty() && (type.ends_with('?') || type.starts_with('[') || type.starts_with('{'))) {
        if (!type.ends_with('?')) type.remove_prefix(1);
        type.remove_suffix(1);
      }
      EXPECT_TRUE(plain.contains(type) || find_schema(type) != nullptr) << schema.name << "." << field.name << ": " << field.type;
    }
}

TEST(OpenApi, AnswersAreAsTheirSchemasSay) {
  TestApi api;
  const std::string run = api.submit(pipeline_text(step_line("a") + step_line("b", "a")));
  TaskData outputs = y_is(4);
  outputs.artifacts["data"] = {{.name = "data", .type = {.schema_title = "system.Dataset"}, .uri = "/x", .metadata = {{"k", 1}}}};
  api.service.succeed("a", outputs);
  api.service.fail_task("b");
  Catalog& catalog = api.service.store().catalog();
  const VersionRow version{.uuid = api.service.new_uuid(), .name = "v1", .created = from_micros(1)};
  ASSERT_TRUE(
      catalog
          .create_pipeline_with_version({.uuid = api.service.new_uuid(), .name = "wine", .created = from_micros(1)}, version, "x")
          .has_value());
  const std::vector<std::pair<std::string, std::string>> answers{{"/api/v1/runs", "RunList"},
                                                                 {"/api/v1/runs/" + run, "RunDocument"},
                                                                 {"/api/v1/runs/" + run + "/tasks", "TaskList"},
                                                                 {"/api/v1/runs/" + run + "/artifacts", "ArtifactList"},
                                                                 {"/api/v1/experiments", "ExperimentList"},
                                                                 {"/api/v1/experiments/0", "Experiment"},
                                                                 {"/api/v1/pipelines", "PipelineList"},
                                                                 {"/api/v1/pipelines/wine", "PipelineDetails"},
                                                                 {"/api/v1/pipelines/test", "PipelineDetails"},
                                                                 {"/api/v1/pipelines/wine/versions/v1", "PipelineVersion"},
                                                                 {"/api/v1/server", "Server"}};
  for (const auto& [target, schema] : answers) {
    SCOPED_TRACE(target);
    check(api.get_json(target), schema, schema);
  }
  check(parse_json(api.get("/api/v1/nowhere").body).value(), "Errors", "Errors");
  check(api.json(api.post("/api/v1/runs/" + run + "/retry")), "RunState", "RunState");
  const Value made = api.json(api.post("/api/v1/runs", to_json(Value::of({{"spec", pipeline_text(step_line("a"))}}))));
  check(made, "CreatedRun", "CreatedRun");
}

}  // namespace
}  // namespace sluice
