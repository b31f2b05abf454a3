// POST /api/v1/runs.
#include <cmath>

#include "api/own.h"
#include "api/own_pipelines.h"
#include "base/text.h"

namespace sluice {
namespace {

// Longer ones are no keys but mistakes.
constexpr std::size_t kKeyMax = 256;
constexpr double kPriorityMax = 1'000'000;

struct Request {
  Submission submission;
  std::string pipeline, version;  // names or ids, instead of a text
};

// What it may use of the machine, and when it is its turn.
Status read_terms(const Struct& body, Submission& submission) {
  if (const auto priority = body.find("priority"); priority != body.end()) {
    const double number = priority->second.is_number() ? priority->second.as_number() : kPriorityMax + 1;
    if (std::floor(number) != number || std::abs(number) > kPriorityMax)
      return fail(Code::kInvalid, "'priority' must be a whole number from -1000000 to 1000000");
    submission.priority = static_cast<int>(number);
  }
  SLUICE_TRY(const Struct budget, struct_field(body, "budget"));
  SLUICE_TRY(submission.budget, budget_from_value(Value(budget)));
  return {};
}

Result<Request> read_request(const Call& call) {
  SLUICE_TRY(const Struct body, body_of(call, {"spec", "pipeline", "version", "spec_file", "parameters", "name", "description",
                                               "experiment", "cache", "keep_checkpoints", "labels", "key", "notify", "priority",
                                               "budget"}));
  Request request;
  Submission& submission = request.submission;
  SLUICE_TRY(submission.spec, text_field(body, "spec"));
  SLUICE_TRY(request.pipeline, text_field(body, "pipeline"));
  SLUICE_TRY(request.version, text_field(body, "version"));
  SLUICE_TRY(submission.spec_file, text_field(body, "spec_file", "pipeline"));
  SLUICE_TRY(submission.parameters, struct_field(body, "parameters"));
  SLUICE_TRY(submission.name, text_field(body, "name"));
  SLUICE_TRY(submission.description, text_field(body, "description"));
  SLUICE_TRY(submission.experiment, text_field(body, "experiment", "Default"));
  SLUICE_TRY(submission.cache, flag_field(body, "cache", true));
  SLUICE_TRY(submission.keep_checkpoints, flag_field(body, "keep_checkpoints", false));
  SLUICE_TRY(submission.labels, struct_field(body, "labels"));
  SLUICE_TRY(submission.notify, text_field(body, "notify"));
  SLUICE_TRY(submission.key, text_field(body, "key"));
  SLUICE_TRY_STATUS(read_terms(body, submission));
  if (const auto key = call.request->header("idempotency-key"); !key.empty()) submission.key = trim(key);
  if (submission.key.size() > kKeyMax) return fail(Code::kInvalid, "the idempotency key is longer than 256 bytes");
  if (submission.spec.empty() == request.pipeline.empty())
    return fail(Code::kInvalid, submission.spec.empty() ? "the run has no pipeline" : "the run has two pipelines",
                "give either 'spec', the text of a pipeline, or 'pipeline', the name or id of an uploaded one");
  if (!request.version.empty() && request.pipeline.empty())
    return fail(Code::kInvalid, "'version' needs 'pipeline', the pipeline that it is a version of");
  return request;
}

// The text of the version that is asked for.
Status read_version(const Request& request, RunStore& store, Submission& submission) {
  SLUICE_TRY(const PipelineRow pipeline, find_pipeline(store.catalog(), request.pipeline));
  SLUICE_TRY(const VersionRow version, find_version(store.catalog(), pipeline, request.version));
  SLUICE_TRY(submission.spec, store.spec(version.spec_digest));
  submission.pipeline = pipeline.uuid;
  submission.version = version.uuid;
  if (submission.spec_file == "pipeline") submission.spec_file = version.name;
  return {};
}

void write_run(JsonWriter& json, const RunRow& run, const Diagnostics& warnings) {
  json.begin_object().field("run_id", run.uuid.text()).field("name", run.name).field("state", state_name(run.state));
  json.key("warnings").begin_array();
  for (const Diagnostic& warning : warnings) write_diagnostic(json, warning);
  json.end_array().end_object();
}

Result<HttpResponse> submit(const Submission& submission, Prepared prepared, Service::Writer writer) {
  const auto asked = Uuid::parse(prepared.plan->context.run_uuid);
  const Diagnostics warnings = prepared.warnings;
  SLUICE_TRY(const Uuid uuid, writer.engine.submit(submission, std::move(prepared)));
  SLUICE_TRY(const RunRow run, writer.store.run(uuid));
  JsonWriter json;
  write_run(json, run, warnings);
  // 200: the key has brought this run before.
  HttpResponse response = json_response(json.take() + "\n", asked == uuid ? 201 : 200);
  response.headers.push_back({"Location", "/api/v1/runs/" + uuid.text()});
  return response;
}

// In the background: reading and planning a large pipeline takes its time.
void prepare_and_submit(Service& service, const Call& call, Submission submission) {
  Prepared prepared = prepare(submission, service.sites(), new_run_context(service.dir(), service.new_uuid(), service.now()));
  if (!prepared.errors.empty()) return call.responder.send(own_errors(prepared.errors));
  auto shared = std::make_shared<Prepared>(std::move(prepared));
  const Status asked = with_owner_hint(answer_on_owner(
      service, call, own_error, [submission = std::move(submission), shared](const Call&, Service::Writer writer) {
        return submit(submission, std::move(*shared), writer);
      }));
  if (!asked) call.responder.send(own_error(asked.error()));
}

Status create_run(Service& service, const Call& call) {
  SLUICE_TRY(Request request, read_request(call));
  if (!request.pipeline.empty()) {
    SLUICE_TRY(const Service::Reader reader, service.reader());
    SLUICE_TRY_STATUS(read_version(request, *reader, request.submission));
  }
  service.in_background([&service, call, submission = std::move(request.submission)]() mutable {
    prepare_and_submit(service, call, std::move(submission));
  });
  return {};
}

}  // namespace

void add_submit_route(OwnRoutes& routes) {
  Service& service = routes.service();
  routes.add(
      {.method = "POST",
       .pattern = "/api/v1/runs",
       .summary = "Creates a run and starts it. With the header Idempotency-Key (or the field key) the same request may be "
                  "sent again: there is one run for one key",
       .request_schema = "NewRun",
       .response_schema = "CreatedRun"},
      [&service](const Call& call) { return create_run(service, call); });
}

}  // namespace sluice
