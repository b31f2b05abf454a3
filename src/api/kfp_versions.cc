// /apis/v2beta1/pipelines/{pipeline_id}/versions
#include "api/kfp_pipelines.h"

namespace sluice {
namespace {

Status create(const Call& call, Service& service, const std::shared_ptr<SpecCache>& specs) {
  VersionRow version;
  SLUICE_TRY_STATUS(read_message(call.request->body, [&](MessageReader& message) { version = read_kfp_version(message); }));
  SLUICE_TRY_STATUS(complete(version, ""));
  {
    // Looked for before the download; it may be gone after it, which the store tells.
    SLUICE_TRY(const Service::Reader reader, service.reader());
    SLUICE_TRY(const PipelineRow pipeline, kfp_pipeline(reader->catalog(), call.part("pipeline_id")));
    version.pipeline = pipeline.uuid;
  }
  SLUICE_TRY(FetchedPackage package, fetch_package(version.package_url));
  version.uuid = service.new_uuid();
  version.created = service.now();
  auto text = std::make_shared<const std::string>(std::move(package.text));
  kfp_on_owner(service, call, [=](const Call&, Service::Writer writer) -> Result<HttpResponse> {
    SLUICE_TRY(const VersionRow made, writer.store.catalog().create_version(version, *text));
    return kfp_version_response(made, writer.store, *specs);
  });
  return {};
}

Result<VersionRow> version_of(const Call& call, RunStore& store) {
  return kfp_version(store.catalog(), call.part("pipeline_id"), call.part("version_id"));
}

Result<HttpResponse> list(const Call& call, RunStore& store, SpecCache& specs) {
  SLUICE_TRY(const KfpList asked, read_kfp_list(kfp_version_fields(), kfp_list_arguments(call)));
  SLUICE_TRY(const PipelineRow pipeline, kfp_pipeline(store.catalog(), call.part("pipeline_id")));
  SLUICE_TRY(const auto listed, store.catalog().list_versions(pipeline.uuid, asked.query));
  JsonWriter json;
  json.begin_object();
  if (!listed.rows.empty()) {
    json.key("pipeline_versions").begin_array();
    for (const VersionRow& row : listed.rows) write_kfp_version(json, row, specs.get(store, row.spec_digest));
    json.end_array();
  }
  write_kfp_list_end(json, asked, listed.total, listed.next);
  return json_response(json.end_object().take());
}

Result<HttpResponse> patch(const Call& call, Service::Writer writer, SpecCache& specs) {
  Catalog& catalog = writer.store.catalog();
  SLUICE_TRY(const VersionRow row, version_of(call, writer.store));
  DisplayChange change;
  SLUICE_TRY_STATUS(read_message(call.request->body, [&](MessageReader& message) {
    change = read_kfp_change(message);
    message.pass_over({"pipeline_version_id", "package_url", "code_source_url", "pipeline_spec"});
  }));
  if (change.display_name) SLUICE_TRY_STATUS(check_kfp_name(*change.display_name, "display_name"));
  if (change.tags) SLUICE_TRY_STATUS(check_kfp_tags(*change.tags));
  SLUICE_TRY_STATUS(catalog.change_version(row.pipeline, row.uuid, change));
  SLUICE_TRY(const VersionRow changed, catalog.version(row.pipeline, row.uuid));
  return kfp_version_response(changed, writer.store, specs);
}

}  // namespace

void write_kfp_version(JsonWriter& json, const VersionRow& row, const Value& spec) {
  json.begin_object();
  FieldWriter fields(json);
  fields.text("pipeline_id", row.pipeline.text())
      .text("pipeline_version_id", row.uuid.text())
      .text("display_name", row.display_name)
      .text("name", row.name)
      .text("description", row.description)
      .time("created_at", row.created);
  if (!row.package_url.empty()) json.key("package_url").begin_object().field("pipeline_url", row.package_url).end_object();
  fields.text("code_source_url", row.code_source_url).texts("tags", row.tags);
  if (!spec.is_null()) json.field("pipeline_spec", spec);
  json.end_object();
}

HttpResponse kfp_version_response(const VersionRow& row, RunStore& store, SpecCache& specs) {
  JsonWriter json;
  write_kfp_version(json, row, specs.get(store, row.spec_digest));
  return json_response(json.take());
}

void add_kfp_version_routes(KfpRoutes& routes) {
  Service& service = routes.service();
  const auto specs = routes.specs();
  constexpr auto* kAll = "/apis/v2beta1/pipelines/{pipeline_id}/versions";
  constexpr auto* kOne = "/apis/v2beta1/pipelines/{pipeline_id}/versions/{version_id}";
  routes.background("POST", kAll, "Adds a version that is fetched from a URL",
                    [&service, specs](const Call& call) { return create(call, service, specs); });
  routes.read("GET", kAll, "Versions of a pipeline",
              [specs](const Call& call, RunStore& store) { return list(call, store, *specs); });
  routes.read("GET", kOne, "One version", [specs](const Call& call, RunStore& store) -> Result<HttpResponse> {
    SLUICE_TRY(const VersionRow row, version_of(call, store));
    return kfp_version_response(row, store, *specs);
  });
  routes.write("PATCH", kOne, "Changes its display name, description or tags",
               [specs](const Call& call, Service::Writer writer) { return patch(call, writer, *specs); });
  routes.write("DELETE", kOne, "Deletes a version; runs made of it stay",
               [](const Call& call, Service::Writer writer) -> Result<HttpResponse> {
                 SLUICE_TRY(const VersionRow row, version_of(call, writer.store));
                 SLUICE_TRY_STATUS(writer.store.catalog().delete_version(row.pipeline, row.uuid));
                 return kfp_empty();
               });
}

}  // namespace sluice
