#include <algorithm>

#include "api/kfp.h"
#include "api/kfp_json.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

constexpr std::size_t kNameCharactersMax = 128;
constexpr std::size_t kTagsMax = 20;
constexpr std::size_t kTagCharactersMax = 63;

// Of UTF-8: bytes that do not go on with one.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

void add_kfp_health_route(KfpRoutes& routes) {
  routes.add("GET", "/apis/v2beta1/healthz", "Whether the server answers, and how it is set up", [](const Call& call) {
    JsonWriter json;
    json.begin_object().field("commit_sha", "").field("tag_name", SLUICE_VERSION).field("multi_user", false);
    call.responder.send(json_response(json.field("pipeline_store", "database").end_object().take()));
  });
}

}  // namespace

void KfpRoutes::add(const char* method, const char* pattern, const char* summary, RouteHandler handle) {
  router_.add({.method = method, .pattern = pattern, .summary = summary, .handler = std::move(handle)});
}

void KfpRoutes::read(const char* method, const char* pattern, const char* summary, StoreHandler handle) {
  add(method, pattern, summary, answer_from_store(service_, kfp_error, std::move(handle)));
}

void KfpRoutes::write(const char* method, const char* pattern, const char* summary, OwnerHandler handle) {
  add(method, pattern, summary,
      [&service = service_, handle = std::move(handle)](const Call& call) { kfp_on_owner(service, call, handle); });
}

void KfpRoutes::write_and_turn(const char* method, const char* pattern, const char* summary, OwnerHandler handle) {
  const OwnerAct act = [handle = std::move(handle)](const Call& call, Service::Writer writer) -> Result<OwnerHandler> {
    SLUICE_TRY(HttpResponse response, handle(call, writer));
    return [response = std::move(response)](const Call&, Service::Writer) -> Result<HttpResponse> { return response; };
  };
  add(method, pattern, summary, [&service = service_, act](const Call& call) {
    const Status asked = answer_after_turn(service, call, kfp_error, act);
    if (!asked) call.responder.send(kfp_error(asked.error()));
  });
}

void KfpRoutes::background(const char* method, const char* pattern, const char* summary,
                           std::function<Status(const Call&)> handle, ErrorWriter write_error) {
  add(method, pattern, summary,
      [&service = service_, handle = std::move(handle), write_error = std::move(write_error)](const Call& call) {
        service.in_background([call, handle, write_error] {
          const Status done = handle(call);
          if (!done) call.responder.send(write_error(done.error()));
        });
      });
}

void kfp_on_owner(Service& service, const Call& call, OwnerHandler handle, ErrorWriter write_error) {
  const Status asked = answer_on_owner(service, call, write_error, std::move(handle));
  if (!asked) call.responder.send(write_error(asked.error()));
}

HttpResponse kfp_empty() { return json_response(std::string("{}")); }

Result<HttpResponse> kfp_precondition(const Status& done) {
  if (done) return kfp_empty();
  if (done.error().code != Code::kConflict) return fail(done.error());
  return kfp_status(RpcCode::kFailedPrecondition, done.error().message);
}

KfpListArguments kfp_list_arguments(const Call& call) {
  return {.page_token = call.argument("page_token"),
          .page_size = call.argument("page_size"),
          .sort_by = call.argument("sort_by"),
          .filter = call.argument("filter")};
}

void write_kfp_list_end(JsonWriter& json, const KfpList& list, std::int64_t total, const std::optional<Cursor>& next) {
  FieldWriter(json).integer("total_size", total).text("next_page_token", list.next_page_token(next));
}

tl::unexpected<Error> kfp_not_found(std::string_view what, std::string_view id) {
  return fail(Code::kNotFound, std::string(what) + " " + std::string(id) + " not found");
}

Result<RunRow> kfp_run(RunStore& store, std::string_view id) {
  const auto uuid = Uuid::parse(id);
  if (!uuid) return kfp_not_found("Run", id);
  auto run = store.run(*uuid);
  if (!run && run.error().code == Code::kNotFound) return kfp_not_found("Run", id);
  return run;
}

Result<ExperimentRow> kfp_experiment(Catalog& catalog, std::string_view id) {
  const auto number = parse_integer(id);
  if (!number) return kfp_not_found("Experiment", id);
  auto experiment = catalog.experiment(*number);
  if (!experiment && experiment.error().code == Code::kNotFound) return kfp_not_found("Experiment", id);
  return experiment;
}

Result<PipelineRow> kfp_pipeline(Catalog& catalog, std::string_view id) {
  const auto uuid = Uuid::parse(id);
  if (!uuid) return kfp_not_found("Pipeline", id);
  auto pipeline = catalog.pipeline(*uuid);
  if (!pipeline && pipeline.error().code == Code::kNotFound) return kfp_not_found("Pipeline", id);
  return pipeline;
}

Result<VersionRow> kfp_version(Catalog& catalog, std::string_view pipeline, std::string_view version) {
  const auto of = Uuid::parse(pipeline);
  const auto uuid = Uuid::parse(version);
  if (!of || !uuid) return kfp_not_found("PipelineVersion", version);
  auto row = catalog.version(*of, *uuid);
  if (!row && row.error().code == Code::kNotFound) return kfp_not_found("PipelineVersion", version);
  return row;
}

Status check_kfp_name(std::string_view name, std::string_view field) {
  if (name.empty()) return fail(Code::kInvalid, std::string(field) + " is empty");
  if (characters(name) > kNameCharactersMax) return fail(Code::kInvalid, std::string(field) + " is longer than 128 characters");
  return {};
}

Status check_kfp_tags(const Tags& tags) {
  if (tags.size() > kTagsMax) return fail(Code::kInvalid, "tags: more than 20");
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.find('.') != std::string::npos)
      return fail(Code::kInvalid, "tags: the key '" + key + "' is empty or has a '.' in it");
    if (characters(key) > kTagCharactersMax || characters(value) > kTagCharactersMax)
      return fail(Code::kInvalid, "tags: '" + key + "' or its value is longer than 63 characters");
  }
  return {};
}

Result<bool> kfp_flag(const Call& call, std::string_view name) {
  const std::string_view text = call.argument(name);
  for (const std::string_view yes : {"true", "1", "t", "T", "TRUE", "True"})
    if (text == yes) return true;
  for (const std::string_view no : {"", "false", "0", "f", "F", "FALSE", "False"})
    if (text == no) return false;
  return fail(Code::kInvalid, std::string(name) + ": '" + std::string(text) + "' is neither true nor false");
}

void add_kfp_routes(Router& router, Service& service, const ApiOptions& options) {
  router.family("/apis", kfp_error);
  KfpRoutes routes(router, service);
  add_kfp_health_route(routes);
  add_kfp_experiment_routes(routes);
  add_kfp_pipeline_routes(routes);
  add_kfp_version_routes(routes);
  add_kfp_upload_routes(routes);
  add_kfp_submit_route(routes);
  add_kfp_run_routes(routes);
  add_kfp_task_routes(routes);
  add_kfp_read_routes(routes, options);
  add_kfp_recurring_routes(routes);
}

}  // namespace sluice
