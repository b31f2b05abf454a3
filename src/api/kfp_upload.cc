// /apis/v2beta1/pipelines/upload and upload_version: a file in a form, the rest in the query.
#include "api/kfp_package.h"
#include "api/kfp_pipelines.h"
#include "net/url.h"

namespace sluice {
namespace {

struct Upload {
  std::string name, display_name, description, code_source_url;
  Tags tags;
  std::string file_name, text;
};

Result<Tags> tags_argument(const Call& call) {
  const std::string_view text = call.argument("tags");
  if (text.empty()) return Tags{};
  const auto value = parse_json(text);
  if (!value || !value->is_struct()) return fail(Code::kInvalid, "tags must be a JSON object of texts");
  Tags tags;
  for (const auto& [key, content] : value->as_struct()) {
    if (!content.is_string()) return fail(Code::kInvalid, "tags." + key + " must be text");
    tags.emplace(key, content.as_string());
  }
  return tags;
}

// Reads, unpacks and checks what was sent.
Result<Upload> read_upload(const Call& call) {
  SLUICE_TRY(const auto parts, parse_multipart(call.request->header("content-type"), call.request->body));
  const FormPart* file = nullptr;
  for (const FormPart& part : parts)
    if (part.name == "uploadfile" && file == nullptr) file = &part;
  if (file == nullptr) return fail(Code::kInvalid, "the form has no file 'uploadfile'");
  Upload upload{.name = std::string(call.argument("name")),
                .display_name = std::string(call.argument("display_name")),
                .description = std::string(call.argument("description")),
                .code_source_url = std::string(call.argument("code_source_url")),
                .file_name = file->filename};
  SLUICE_TRY(upload.tags, tags_argument(call));
  SLUICE_TRY(upload.text, unpack_pipeline(upload.file_name, file->content));
  SLUICE_TRY_STATUS(checked_pipeline(upload.text, upload.file_name));
  return upload;
}

VersionRow version_of(const Upload& upload, Service& service) {
  return {.uuid = service.new_uuid(),
          .name = upload.name,
          .display_name = upload.display_name,
          .description = upload.description,
          .code_source_url = upload.code_source_url,
          .created = service.now(),
          .tags = upload.tags};
}

Status upload_pipeline(const Call& call, Service& service) {
  SLUICE_TRY(Upload upload, read_upload(call));
  VersionRow version = version_of(upload, service);
  SLUICE_TRY_STATUS(complete(version, upload.file_name));
  const PipelineRow pipeline{.uuid = service.new_uuid(),
                             .name = version.name,
                             .display_name = version.display_name,
                             .description = version.description,
                             .created = version.created,
                             .tags = version.tags};
  auto text = std::make_shared<const std::string>(std::move(upload.text));
  kfp_on_owner(
      service, call,
      [=](const Call&, Service::Writer writer) -> Result<HttpResponse> {
        SLUICE_TRY(const PipelineRow made, writer.store.catalog().create_pipeline_with_version(pipeline, version, *text));
        return kfp_pipeline_response(made);
      },
      kfp_upload_error);
  return {};
}

Status upload_version(const Call& call, Service& service, const std::shared_ptr<SpecCache>& specs) {
  const std::string_view id = call.argument("pipelineid");
  if (id.empty()) return fail(Code::kInvalid, "pipelineid is missing");
  const auto no_pipeline = [&] { return fail(Code::kInvalid, "pipelineid: Pipeline " + std::string(id) + " not found"); };
  const auto pipeline = Uuid::parse(id);
  if (!pipeline) return no_pipeline();
  {
    SLUICE_TRY(const Service::Reader reader, service.reader());
    const auto known = reader->catalog().pipeline(*pipeline);
    if (!known && known.error().code == Code::kNotFound) return no_pipeline();
    if (!known) return fail(known.error());
  }
  SLUICE_TRY(Upload upload, read_upload(call));
  VersionRow version = version_of(upload, service);
  version.pipeline = *pipeline;
  SLUICE_TRY_STATUS(complete(version, upload.file_name));
  auto text = std::make_shared<const std::string>(std::move(upload.text));
  kfp_on_owner(
      service, call,
      [=](const Call&, Service::Writer writer) -> Result<HttpResponse> {
        SLUICE_TRY(const VersionRow made, writer.store.catalog().create_version(version, *text));
        return kfp_version_response(made, writer.store, *specs);
      },
      kfp_upload_error);
  return {};
}

}  // namespace

void add_kfp_upload_routes(KfpRoutes& routes) {
  Service& service = routes.service();
  const auto specs = routes.specs();
  routes.background(
      "POST", "/apis/v2beta1/pipelines/upload", "Creates a pipeline, with a first version out of the file of a form",
      [&service](const Call& call) { return upload_pipeline(call, service); }, kfp_upload_error);
  routes.background(
      "POST", "/apis/v2beta1/pipelines/upload_version", "Adds a version out of the file of a form",
      [&service, specs](const Call& call) { return upload_version(call, service, specs); }, kfp_upload_error);
}

}  // namespace sluice
