// Experiments, below /api/v1.
#include "api/own_list.h"

namespace sluice {
namespace {

void write_experiment(JsonWriter& json, const ExperimentRow& row) {
  json.begin_object().field("experiment_id", std::to_string(row.id)).field("name", row.name);
  json.field("description", row.description).field("storage_state", storage_state_name(row.storage));
  write_instant(json, "created", row.created);
  write_instant(json, "last_run", row.last_run);
  json.field("runs", row.runs).end_object();
}

Result<HttpResponse> list_experiments(const Call& call, RunStore& store) {
  SLUICE_TRY(ListQuery query, list_query(call, {"created", "name", "last_run"}, "created desc"));
  if (const auto name = call.argument("name"); !name.empty())
    query.where.push_back({"name", Compare::kContains, {std::string(name)}});
  SLUICE_TRY_STATUS(add_storage_predicate(call, "storage", query.where));
  SLUICE_TRY(const auto listed, store.catalog().list_experiments(query));
  JsonWriter json;
  json.begin_object().key("experiments").begin_array();
  for (const ExperimentRow& row : listed.rows) write_experiment(json, row);
  json.end_array();
  write_list_end(json, call, listed.total, listed.next);
  return json_response(json.end_object().take() + "\n");
}

// A name comes before an id: "7" may be the name of one.
Result<ExperimentRow> find_experiment(Catalog& catalog, std::string_view which) {
  auto named = catalog.experiment_by_name(which);
  if (named || named.error().code != Code::kNotFound) return named;
  const auto id = experiment_id(which);
  return id ? catalog.experiment(*id) : named;
}

Result<HttpResponse> get_experiment(const Call& call, RunStore& store) {
  SLUICE_TRY(const ExperimentRow row, find_experiment(store.catalog(), call.part("experiment")));
  JsonWriter json;
  write_experiment(json, row);
  return json_response(json.take() + "\n");
}

}  // namespace

void add_experiment_routes(OwnRoutes& routes) {
  std::vector<RouteArgument> query{{"name", "only those with this in their name"}};
  add_list_arguments(query);
  routes.read({.method = "GET",
               .pattern = "/api/v1/experiments",
               .summary = "Experiments, the newest first unless asked otherwise",
               .query = std::move(query),
               .response_schema = "ExperimentList"},
              list_experiments);
  routes.read({.method = "GET",
               .pattern = "/api/v1/experiments/{experiment}",
               .summary = "One experiment, by its name or id",
               .response_schema = "Experiment"},
              get_experiment);
}

}  // namespace sluice
