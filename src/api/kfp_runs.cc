// /apis/v2beta1/runs: all but their creation.
#include "api/kfp_runs.h"

namespace sluice {
namespace {

Result<HttpResponse> get(const Call& call, RunStore& store, const Service& service, SpecCache& specs) {
  SLUICE_TRY(const RunRow run, kfp_run(store, call.part("run_id")));
  return kfp_run_response(store, service, specs, run);
}

Result<HttpResponse> list(const Call& call, RunStore& store, const Service& service, SpecCache& specs) {
  SLUICE_TRY(KfpList asked, read_kfp_list(kfp_run_fields(), kfp_list_arguments(call)));
  if (const auto id = call.argument("experiment_id"); !id.empty()) {
    SLUICE_TRY(const ExperimentRow experiment, kfp_experiment(store.catalog(), id));
    asked.query.where.push_back({"experiment", Compare::kEquals, {experiment.id}});
  }
  SLUICE_TRY(const auto listed, store.list_runs(asked.query));
  JsonWriter json;
  json.begin_object();
  if (!listed.rows.empty()) {
    json.key("runs").begin_array();
    for (const RunRow& run : listed.rows) SLUICE_TRY_STATUS(write_run_row(json, store, service, specs, run, false));
    json.end_array();
  }
  write_kfp_list_end(json, asked, listed.total, listed.next);
  return json_response(json.end_object().take());
}

Result<HttpResponse> archive(const Call& call, Service::Writer writer) {
  SLUICE_TRY(const RunRow run, kfp_run(writer.store, call.part("run_id")));
  SLUICE_TRY_STATUS(writer.store.set_run_storage(run.uuid, StorageState::kArchived));
  return kfp_empty();
}

Result<HttpResponse> unarchive(const Call& call, Service::Writer writer) {
  SLUICE_TRY(const RunRow run, kfp_run(writer.store, call.part("run_id")));
  // An experiment that was deleted holds nobody back.
  const auto experiment = writer.store.catalog().experiment(run.experiment_id);
  if (experiment && experiment->storage == StorageState::kArchived)
    return kfp_status(RpcCode::kFailedPrecondition, "Run " + run.uuid.text() + " cannot be unarchived while its experiment " +
                                                        experiment->name + " is archived");
  SLUICE_TRY_STATUS(writer.store.set_run_storage(run.uuid, StorageState::kAvailable));
  return kfp_empty();
}

Result<HttpResponse> terminate(const Call& call, Service::Writer writer) {
  SLUICE_TRY(const RunRow run, kfp_run(writer.store, call.part("run_id")));
  if (is_final(run.state) || run.state == RunState::kCanceling)
    return kfp_status(RpcCode::kFailedPrecondition,
                      "Run " + run.uuid.text() + " cannot be terminated: it is " + std::string(kfp_state(run.state)));
  return kfp_precondition(writer.engine.cancel(run.uuid, "terminated by request"));
}

Result<HttpResponse> retry(const Call& call, Service::Writer writer) {
  SLUICE_TRY(const RunRow run, kfp_run(writer.store, call.part("run_id")));
  const Status done = writer.engine.retry(run.uuid);
  if (done) return kfp_empty();
  if (done.error().code != Code::kConflict) return fail(done.error());
  return kfp_status(RpcCode::kAborted, "Run " + run.uuid.text() + " cannot be retried: " + done.error().message);
}

Result<HttpResponse> remove(const Call& call, Service::Writer writer) {
  SLUICE_TRY(const RunRow run, kfp_run(writer.store, call.part("run_id")));
  SLUICE_TRY_STATUS(writer.engine.remove(run.uuid));
  return kfp_empty();
}

}  // namespace

Status write_run_row(JsonWriter& json, RunStore& store, const Service& service, SpecCache& specs, const RunRow& run, bool whole) {
  RunDetails details;
  SLUICE_TRY(details.history, store.state_history(run.id));
  if (!run.version) details.spec = specs.get(store, run.spec_digest);
  if (whole) {
    SLUICE_TRY(std::vector<TaskRow> tasks, store.tasks(run.id));
    details.tasks = with_root(run, std::move(tasks));
    SLUICE_TRY(details.artifacts, store.artifacts(run.id));
  }
  write_kfp_run(json, run, details, service.dir());
  return {};
}

Result<HttpResponse> kfp_run_response(RunStore& store, const Service& service, SpecCache& specs, const RunRow& run) {
  JsonWriter json;
  SLUICE_TRY_STATUS(write_run_row(json, store, service, specs, run, true));
  return json_response(json.take());
}

void add_kfp_run_routes(KfpRoutes& routes) {
  Service& service = routes.service();
  const auto specs = routes.specs();
  routes.read("GET", "/apis/v2beta1/runs", "Runs, without their tasks",
              [&service, specs](const Call& call, RunStore& store) { return list(call, store, service, *specs); });
  routes.read("GET", "/apis/v2beta1/runs/{run_id}", "One run with its tasks",
              [&service, specs](const Call& call, RunStore& store) { return get(call, store, service, *specs); });
  routes.write("POST", "/apis/v2beta1/runs/{run_id}:archive", "Archives it; it runs on", archive);
  routes.write("POST", "/apis/v2beta1/runs/{run_id}:unarchive", "Not while its experiment is archived", unarchive);
  routes.write_and_turn("POST", "/apis/v2beta1/runs/{run_id}:terminate", "Stops it; it ends FAILED", terminate);
  routes.write_and_turn("POST", "/apis/v2beta1/runs/{run_id}:retry", "Runs again what failed", retry);
  routes.write("DELETE", "/apis/v2beta1/runs/{run_id}", "Forgets it for ever; what runs of it is stopped first", remove);
}

}  // namespace sluice
