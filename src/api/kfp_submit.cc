// POST /apis/v2beta1/runs
#include "api/kfp_json.h"
#include "api/kfp_runs.h"

namespace sluice {
namespace {

struct RunRequest {
  Submission submission;
  std::string experiment_id;
  std::string pipeline_id, version_id;  // instead of submission.spec
  bool has_plugins_output = false;
};

// The one of three fields that says what to run.
void read_source(MessageReader& message, RunRequest& request) {
  int sources = 0;
  if (const Value* spec = message.structure("pipeline_spec"); spec != nullptr) {
    request.submission.spec = spec_text(*spec);
    ++sources;
  }
  if (auto reference = message.message("pipeline_version_reference")) {
    request.pipeline_id = reference->text("pipeline_id");
    request.version_id = reference->text("pipeline_version_id");
    reference->refuse_others();
    if (request.pipeline_id.empty() && request.version_id.empty()) reference->error("pipeline_id", "is empty");
    ++sources;
  }
  if (std::string id = message.text("pipeline_version_id"); !id.empty()) {
    request.version_id = std::move(id);
    ++sources;
  }
  if (sources == 0) message.error("pipeline_spec", "is missing, and so is pipeline_version_reference: there is nothing to run");
  if (sources > 1) message.error("pipeline_spec", "and pipeline_version_reference: only one of them may be given");
}

Result<RunRequest> read_request(const Call& call) {
  RunRequest request;
  Submission& submission = request.submission;
  Struct kept;
  SLUICE_TRY_STATUS(read_message(call.request->body, [&](MessageReader& message) {
    request.experiment_id = message.text("experiment_id");
    submission.name = message.text("display_name");
    submission.description = message.text("description");
    read_source(message, request);
    if (auto config = message.message("runtime_config")) {
      if (const Value* parameters = config->structure("parameters")) submission.parameters = parameters->as_struct();
      if (std::string root = config->text("pipeline_root"); !root.empty()) kept.emplace("pipeline_root", std::move(root));
      config->refuse_others();
    }
    if (std::string account = message.text("service_account"); !account.empty())
      kept.emplace("service_account", std::move(account));
    if (const Value* input = message.structure("plugins_input")) kept.emplace("plugins_input", *input);
    const Value* output = message.structure("plugins_output");
    request.has_plugins_output = output != nullptr && !output->as_struct().empty();
    message.pass_over({"run_id", "storage_state", "created_at", "scheduled_at", "finished_at", "state", "error", "run_details",
                       "recurring_run_id", "state_history"});
  }));
  if (request.experiment_id.empty()) request.experiment_id = call.argument("experiment_id");
  SLUICE_TRY_STATUS(check_kfp_name(submission.name, "display_name"));
  submission.spec_file = "pipeline_spec";
  if (!kept.empty()) submission.labels.emplace("kfp", std::move(kept));
  return request;
}

// A version by its id alone, as clients before the reference sent it.
Result<VersionRow> find_version(Catalog& catalog, const std::string& id) {
  const auto uuid = Uuid::parse(id);
  if (!uuid) return kfp_not_found("PipelineVersion", id);
  ListQuery query{.limit = 200};
  for (;;) {
    SLUICE_TRY(const auto page, catalog.list_pipelines(query));
    for (const PipelineRow& pipeline : page.rows)
      if (auto version = catalog.version(pipeline.uuid, *uuid)) return std::move(*version);
    if (!page.next) return kfp_not_found("PipelineVersion", id);
    query.from = page.next;
  }
}

Result<VersionRow> version_of(const RunRequest& request, Catalog& catalog) {
  if (request.pipeline_id.empty()) return find_version(catalog, request.version_id);
  if (!request.version_id.empty()) return kfp_version(catalog, request.pipeline_id, request.version_id);
  SLUICE_TRY(const PipelineRow pipeline, kfp_pipeline(catalog, request.pipeline_id));
  auto latest = catalog.latest_version(pipeline.uuid);
  if (!latest && latest.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "Pipeline " + request.pipeline_id + " has no version to run");
  return latest;
}

Status read_version(const RunRequest& request, Service& service, Submission& submission) {
  SLUICE_TRY(const Service::Reader reader, service.reader());
  SLUICE_TRY(const VersionRow version, version_of(request, reader->catalog()));
  SLUICE_TRY(submission.spec, reader->spec(version.spec_digest));
  submission.spec_file = version.name;
  submission.pipeline = version.pipeline;
  submission.version = version.uuid;
  return {};
}

// The experiment may go while the pipeline is being read, so it is looked for where it cannot.
Result<HttpResponse> submit(Service& service, SpecCache& specs, const std::string& experiment_id, Submission submission,
                            Prepared prepared, Service::Writer writer) {
  SLUICE_TRY(const ExperimentRow experiment, kfp_experiment(writer.store.catalog(), experiment_id));
  if (experiment.storage == StorageState::kArchived)
    return kfp_status(RpcCode::kFailedPrecondition, "Experiment " + experiment.name + " is archived: no run can be added to it");
  submission.experiment = experiment.name;
  SLUICE_TRY(const Uuid uuid, writer.engine.submit(submission, std::move(prepared)));
  SLUICE_TRY(const RunRow run, writer.store.run(uuid));
  return kfp_run_response(writer.store, service, specs, run);
}

Status create(const Call& call, Service& service, const std::shared_ptr<SpecCache>& specs) {
  SLUICE_TRY(RunRequest request, read_request(call));
  if (request.has_plugins_output) {
    call.responder.send(kfp_status(RpcCode::kAborted, "plugins_output is written by the server alone"));
    return {};
  }
  Submission& submission = request.submission;
  if (submission.spec.empty()) SLUICE_TRY_STATUS(read_version(request, service, submission));
  Prepared prepared = prepare(submission, service.sites(), new_run_context(service.dir(), service.new_uuid(), service.now()));
  if (!prepared.errors.empty()) {
    Error error = error_of(prepared.errors, "the run cannot be created");
    error.code = Code::kInvalid;
    return fail(std::move(error));
  }
  std::string experiment_id = request.experiment_id.empty() ? "0" : request.experiment_id;
  auto shared = std::make_shared<Prepared>(std::move(prepared));
  kfp_on_owner(service, call, [&service, specs, experiment_id, submission, shared](const Call&, Service::Writer writer) {
    return submit(service, *specs, experiment_id, submission, std::move(*shared), writer);
  });
  return {};
}

}  // namespace

void add_kfp_submit_route(KfpRoutes& routes) {
  routes.background(
      "POST", "/apis/v2beta1/runs", "Creates a run and starts it",
      [&service = routes.service(), specs = routes.specs()](const Call& call) { return create(call, service, specs); });
}

}  // namespace sluice
