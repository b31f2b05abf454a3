// POST /api/v1/runs/{run}/restart: the run begins anew as another pipeline.
#include "api/own.h"
#include "engine/reuse.h"

namespace sluice {
namespace {

// In the background: reading and planning a large pipeline takes its time.
void prepare_and_restart(Service& service, const Call& call, const RunRow& run, Submission submission) {
  Result<Prepared> prepared = prepare_restart(run, submission, service.sites());
  if (!prepared) return call.responder.send(own_error(prepared.error()));
  if (!prepared->errors.empty()) return call.responder.send(own_errors(prepared->errors));
  const auto shared = std::make_shared<Prepared>(std::move(*prepared));
  const auto restart = [uuid = run.uuid, submission = std::move(submission), shared](
                           const Call&, Service::Writer writer) -> Result<OwnerHandler> {
    SLUICE_TRY_STATUS(writer.engine.restart(uuid, submission, std::move(*shared)));
    return [uuid](const Call&, Service::Writer after) -> Result<HttpResponse> {
      SLUICE_TRY(const RunRow changed, after.store.run(uuid));
      return json_response(Value::of({{"run_id", uuid.text()}, {"state", state_name(changed.state)}}));
    };
  };
  if (const Status asked = with_owner_hint(answer_after_turn(service, call, own_error, restart)); !asked)
    call.responder.send(own_error(asked.error()));
}

Status restart_run(Service& service, const Call& call) {
  SLUICE_TRY(const Struct body, body_of(call, {"spec", "spec_file", "parameters"}));
  Submission submission;
  SLUICE_TRY(submission.spec, text_field(body, "spec"));
  SLUICE_TRY(submission.spec_file, text_field(body, "spec_file", "pipeline"));
  SLUICE_TRY(submission.parameters, struct_field(body, "parameters"));
  if (submission.spec.empty()) return fail(Code::kInvalid, "'spec', the text of the pipeline, is missing");
  SLUICE_TRY(const Service::Reader reader, service.reader());
  SLUICE_TRY(RunRow run, run_of(call, *reader));
  service.in_background([&service, call, run = std::move(run), submission = std::move(submission)]() mutable {
    prepare_and_restart(service, call, run, std::move(submission));
  });
  return {};
}

}  // namespace

void add_restart_route(OwnRoutes& routes) {
  Service& service = routes.service();
  routes.add({.method = "POST",
              .pattern = "/api/v1/runs/{run}/restart",
              .summary = "Goes on with a run that has ended as another pipeline: tasks that are as they were keep what they made",
              .request_schema = "Restart",
              .response_schema = "RunState"},
             [&service](const Call& call) { return restart_run(service, call); });
}

}  // namespace sluice
