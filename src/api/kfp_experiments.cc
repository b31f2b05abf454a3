// /apis/v2beta1/experiments
#include "api/kfp.h"
#include "api/kfp_json.h"

namespace sluice {
namespace {

void write_experiment(JsonWriter& json, const ExperimentRow& row) {
  json.begin_object();
  FieldWriter(json)
      .text("experiment_id", std::to_string(row.id))
      .text("display_name", row.name)
      .text("description", row.description)
      .time("created_at", row.created)
      .text("storage_state", storage_state_name(row.storage))
      .time("last_run_created_at", row.last_run);
  json.end_object();
}

HttpResponse experiment_response(const ExperimentRow& row) {
  JsonWriter json;
  write_experiment(json, row);
  return json_response(json.take());
}

Result<HttpResponse> create(const Call& call, Service::Writer writer, Instant now) {
  std::string name;
  std::string description;
  SLUICE_TRY_STATUS(read_message(call.request->body, [&](MessageReader& message) {
    name = message.text("display_name");
    description = message.text("description");
    message.pass_over({"experiment_id", "created_at", "namespace", "storage_state", "last_run_created_at"});
  }));
  SLUICE_TRY_STATUS(check_kfp_name(name, "display_name"));
  SLUICE_TRY(const ExperimentRow row, writer.store.catalog().create_experiment(name, description, now));
  return experiment_response(row);
}

Result<HttpResponse> get(const Call& call, RunStore& store) {
  SLUICE_TRY(const ExperimentRow row, kfp_experiment(store.catalog(), call.part("experiment_id")));
  return experiment_response(row);
}

Result<HttpResponse> list(const Call& call, RunStore& store) {
  SLUICE_TRY(const KfpList asked, read_kfp_list(kfp_experiment_fields(), kfp_list_arguments(call)));
  SLUICE_TRY(const auto listed, store.catalog().list_experiments(asked.query));
  JsonWriter json;
  json.begin_object();
  if (!listed.rows.empty()) {
    json.key("experiments").begin_array();
    for (const ExperimentRow& row : listed.rows) write_experiment(json, row);
    json.end_array();
  }
  write_kfp_list_end(json, asked, listed.total, listed.next);
  return json_response(json.end_object().take());
}

OwnerHandler set_storage(StorageState state) {
  return [state](const Call& call, Service::Writer writer) -> Result<HttpResponse> {
    Catalog& catalog = writer.store.catalog();
    SLUICE_TRY(const ExperimentRow row, kfp_experiment(catalog, call.part("experiment_id")));
    SLUICE_TRY_STATUS(catalog.set_experiment_storage(row.id, state));
    return kfp_empty();
  };
}

Result<HttpResponse> remove(const Call& call, Service::Writer writer) {
  Catalog& catalog = writer.store.catalog();
  SLUICE_TRY(const ExperimentRow row, kfp_experiment(catalog, call.part("experiment_id")));
  return kfp_precondition(catalog.delete_experiment(row.id));
}

}  // namespace

void add_kfp_experiment_routes(KfpRoutes& routes) {
  Service& service = routes.service();
  routes.write("POST", "/apis/v2beta1/experiments", "Creates an experiment",
               [&service](const Call& call, Service::Writer writer) { return create(call, writer, service.now()); });
  routes.read("GET", "/apis/v2beta1/experiments", "Experiments", list);
  routes.read("GET", "/apis/v2beta1/experiments/{experiment_id}", "One experiment", get);
  routes.write("POST", "/apis/v2beta1/experiments/{experiment_id}:archive", "Archives it and its runs",
               set_storage(StorageState::kArchived));
  routes.write("POST", "/apis/v2beta1/experiments/{experiment_id}:unarchive", "Its runs stay archived",
               set_storage(StorageState::kAvailable));
  routes.write("DELETE", "/apis/v2beta1/experiments/{experiment_id}", "Deletes it; its runs stay", remove);
}

}  // namespace sluice
