// /apis/v2beta1/pipelines
#include "api/kfp_pipelines.h"

#include "api/kfp_package.h"
#include "net/http_client.h"

namespace sluice {
namespace {

// Without a byte of the answer.
constexpr Duration kFetchTime = std::chrono::seconds(30);

// The fields that both messages have.
template <class Row>
void read_display(MessageReader& message, Row& row) {
  row.name = message.text("name");
  row.display_name = message.text("display_name");
  row.description = message.text("description");
  row.tags = message.texts("tags").value_or(Tags{});
  message.pass_over({"created_at", "error"});
}

template <class Row>
Status complete_row(Row& row, std::string_view fallback) {
  if (row.name.empty()) row.name = row.display_name.empty() ? fallback : row.display_name;
  if (row.display_name.empty()) row.display_name = row.name;
  SLUICE_TRY_STATUS(check_kfp_name(row.name, "name"));
  SLUICE_TRY_STATUS(check_kfp_name(row.display_name, "display_name"));
  return check_kfp_tags(row.tags);
}

Result<HttpResponse> create(const Call& call, Service::Writer writer, Service& service) {
  PipelineRow row;
  SLUICE_TRY_STATUS(read_message(call.request->body, [&](MessageReader& message) { row = read_kfp_pipeline(message); }));
  SLUICE_TRY_STATUS(complete(row, ""));
  row.uuid = service.new_uuid();
  row.created = service.now();
  SLUICE_TRY(const PipelineRow made, writer.store.catalog().create_pipeline(row));
  return kfp_pipeline_response(made);
}

// The package is fetched before anything is written.
Status create_with_version(const Call& call, Service& service) {
  PipelineRow pipeline;
  VersionRow version;
  SLUICE_TRY_STATUS(read_message(call.request->body, [&](MessageReader& message) {
    if (auto inner = message.message("pipeline")) {
      pipeline = read_kfp_pipeline(*inner);
      inner->refuse_others();
    } else {
      message.error("pipeline", "is missing");
    }
    if (auto inner = message.message("pipeline_version")) {
      version = read_kfp_version(*inner);
      inner->refuse_others();
    } else {
      message.error("pipeline_version", "is missing");
    }
  }));
  SLUICE_TRY_STATUS(complete(pipeline, ""));
  if (version.name.empty() && version.display_name.empty()) version.name = pipeline.name;
  SLUICE_TRY_STATUS(complete(version, ""));
  SLUICE_TRY(FetchedPackage package, fetch_package(version.package_url));
  pipeline.uuid = service.new_uuid();
  version.uuid = service.new_uuid();
  pipeline.created = version.created = service.now();
  auto text = std::make_shared<const std::string>(std::move(package.text));
  kfp_on_owner(service, call, [=](const Call&, Service::Writer writer) -> Result<HttpResponse> {
    SLUICE_TRY(const PipelineRow made, writer.store.catalog().create_pipeline_with_version(pipeline, version, *text));
    return kfp_pipeline_response(made);
  });
  return {};
}

Result<HttpResponse> get(const Call& call, RunStore& store) {
  SLUICE_TRY(const PipelineRow row, kfp_pipeline(store.catalog(), call.part("pipeline_id")));
  return kfp_pipeline_response(row);
}

Result<HttpResponse> get_by_name(const Call& call, RunStore& store) {
  auto row = store.catalog().pipeline_by_name(call.part("name"));
  if (!row && row.error().code == Code::kNotFound) return kfp_not_found("Pipeline", call.part("name"));
  if (!row) return fail(std::move(row.error()));
  return kfp_pipeline_response(*row);
}

Result<HttpResponse> list(const Call& call, RunStore& store) {
  SLUICE_TRY(const KfpList asked, read_kfp_list(kfp_pipeline_fields(), kfp_list_arguments(call)));
  SLUICE_TRY(const auto listed, store.catalog().list_pipelines(asked.query));
  JsonWriter json;
  json.begin_object();
  if (!listed.rows.empty()) {
    json.key("pipelines").begin_array();
    for (const PipelineRow& row : listed.rows) write_kfp_pipeline(json, row);
    json.end_array();
  }
  write_kfp_list_end(json, asked, listed.total, listed.next);
  return json_response(json.end_object().take());
}

Result<HttpResponse> patch(const Call& call, Service::Writer writer) {
  Catalog& catalog = writer.store.catalog();
  SLUICE_TRY(const PipelineRow row, kfp_pipeline(catalog, call.part("pipeline_id")));
  DisplayChange change;
  SLUICE_TRY_STATUS(read_message(call.request->body, [&](MessageReader& message) {
    change = read_kfp_change(message);
    message.pass_over({"namespace"});
  }));
  if (change.display_name) SLUICE_TRY_STATUS(check_kfp_name(*change.display_name, "display_name"));
  if (change.tags) SLUICE_TRY_STATUS(check_kfp_tags(*change.tags));
  SLUICE_TRY_STATUS(catalog.change_pipeline(row.uuid, change));
  SLUICE_TRY(const PipelineRow changed, catalog.pipeline(row.uuid));
  return kfp_pipeline_response(changed);
}

Result<HttpResponse> remove(const Call& call, Service::Writer writer) {
  SLUICE_TRY(const bool cascade, kfp_flag(call, "cascade"));
  Catalog& catalog = writer.store.catalog();
  SLUICE_TRY(const PipelineRow row, kfp_pipeline(catalog, call.part("pipeline_id")));
  return kfp_precondition(catalog.delete_pipeline(row.uuid, cascade));
}

}  // namespace

void write_kfp_pipeline(JsonWriter& json, const PipelineRow& row) {
  json.begin_object();
  FieldWriter(json)
      .text("pipeline_id", row.uuid.text())
      .text("display_name", row.display_name)
      .text("name", row.name)
      .text("description", row.description)
      .time("created_at", row.created)
      .texts("tags", row.tags);
  json.end_object();
}

HttpResponse kfp_pipeline_response(const PipelineRow& row) {
  JsonWriter json;
  write_kfp_pipeline(json, row);
  return json_response(json.take());
}

Status complete(PipelineRow& row, std::string_view fallback) { return complete_row(row, fallback); }
Status complete(VersionRow& row, std::string_view fallback) { return complete_row(row, fallback); }

PipelineRow read_kfp_pipeline(MessageReader& message) {
  PipelineRow row;
  read_display(message, row);
  message.pass_over({"pipeline_id", "namespace"});
  return row;
}

VersionRow read_kfp_version(MessageReader& message) {
  VersionRow row;
  read_display(message, row);
  row.code_source_url = message.text("code_source_url");
  if (auto url = message.message("package_url")) {
    row.package_url = url->text("pipeline_url");
    url->refuse_others();
  }
  message.pass_over({"pipeline_id", "pipeline_version_id", "pipeline_spec"});
  return row;
}

DisplayChange read_kfp_change(MessageReader& message) {
  DisplayChange change;
  if (std::string name = message.text("display_name"); !name.empty()) change.display_name = std::move(name);
  if (message.has("description")) change.description = message.text("description");
  change.tags = message.texts("tags");
  message.pass_over({"pipeline_id", "name", "created_at", "error"});
  return change;
}

Result<FetchedPackage> fetch_package(const std::string& url) {
  if (url.empty()) return fail(Code::kInvalid, "package_url.pipeline_url is empty");
  SLUICE_TRY(const Url parsed, parse_url(url));
  if (parsed.scheme != "http" && parsed.scheme != "https")
    return fail(Code::kInvalid, "package_url: '" + parsed.scheme + "' URLs are not fetched", "http:// or https://");
  auto reply = http_get(url, {.answer_time = kFetchTime, .body_bytes_max = kPackageBytesMax});
  if (!reply) {
    // The request named what cannot be had: that is the caller's to mend.
    return fail(Code::kInvalid, "package_url: " + reply.error().message, reply.error().hint);
  }
  if (reply->status != 200)
    return fail(Code::kInvalid, "package_url: " + url + " answered with status " + std::to_string(reply->status));
  const std::string_view path = std::string_view(parsed.target).substr(0, parsed.target.find_first_of("?#"));
  const auto name = decode_percent(path.substr(path.rfind('/') + 1));
  FetchedPackage package{.name = name.value_or("package")};
  // A URL need not end in a file's name ("/download?id=3"), so what is no archive is taken for a text.
  SLUICE_TRY(package.text, unpack_pipeline(is_archive(reply->body) ? package.name : package.name + ".yaml", reply->body));
  SLUICE_TRY_STATUS(checked_pipeline(package.text, package.name));
  return package;
}

void add_kfp_pipeline_routes(KfpRoutes& routes) {
  Service& service = routes.service();
  routes.write("POST", "/apis/v2beta1/pipelines", "Creates a pipeline without a version",
               [&service](const Call& call, Service::Writer writer) { return create(call, writer, service); });
  routes.background("POST", "/apis/v2beta1/pipelines/create", "Creates a pipeline with a version that is fetched from a URL",
                    [&service](const Call& call) { return create_with_version(call, service); });
  routes.read("GET", "/apis/v2beta1/pipelines", "Pipelines", list);
  routes.read("GET", "/apis/v2beta1/pipelines/{pipeline_id}", "One pipeline", get);
  routes.read("GET", "/apis/v2beta1/pipelines/names/{name}", "One pipeline, by its name", get_by_name);
  routes.write("PATCH", "/apis/v2beta1/pipelines/{pipeline_id}", "Changes its display name, description or tags", patch);
  routes.write("DELETE", "/apis/v2beta1/pipelines/{pipeline_id}", "Deletes it, with cascade its versions too", remove);
}

}  // namespace sluice
