// The bytes of artifacts and logs, as KFP's page and people with curl read them.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "api/kfp_runs.h"
#include "api/log_answer.h"
#include "base/base64.h"
#include "base/text.h"
#include "store/tree.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

// The answer is one JSON text, made in memory; /api/v1 streams what is larger.
constexpr std::uintmax_t kArtifactBytesMax = std::uintmax_t{32} << 20U;

Result<ArtifactRow> find_artifact(RunStore& store, const RunRow& run, std::string_view node, std::string_view name) {
  SLUICE_TRY(auto rows, store.tasks(run.id));
  const std::vector<TaskRow> tasks = with_root(run, std::move(rows));
  SLUICE_TRY(auto artifacts, store.artifacts(run.id));
  const TaskRow* task = find_task(run.uuid, tasks, node);
  if (task != nullptr)
    for (ArtifactRow& artifact : artifacts)
      if (artifact.task == task->id && artifact.key == name) return std::move(artifact);
  return kfp_not_found("Artifact", std::string(name) + " of node " + std::string(node));
}

Result<std::string> read_object(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return fail(Code::kNotFound, "the artifact's content is not there any more");
  if (size > kArtifactBytesMax)
    return fail(Code::kInvalid, "the artifact has " + format_bytes(static_cast<double>(size)) + ", too much for this path",
                "GET /api/v1/runs/RUN/artifacts/TASK/KEY/0 sends it");
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size)))
    return fail(Code::kUnavailable, "the artifact cannot be read");
  if (bytes.starts_with(kTreeMagic))
    return fail(Code::kInvalid, "the artifact is a directory", "GET /api/v1/runs/RUN/artifacts/TASK/KEY/0 lists its files");
  return bytes;
}

// {"data": base64}
Status read_artifact(const Call& call, Service& service) {
  SLUICE_TRY(const Service::Reader reader, service.reader());
  SLUICE_TRY(const RunRow run, kfp_run(*reader, call.part("run_id")));
  SLUICE_TRY(const ArtifactRow artifact, find_artifact(*reader, run, call.part("node_id"), call.part("artifact_name")));
  const std::string path = service.objects().path_of(artifact.digest);
  if (path.empty()) return fail(Code::kNotFound, "the artifact's content is not held here but at " + artifact.uri);
  SLUICE_TRY(const std::string bytes, read_object(path));
  std::string body = "{";
  if (!bytes.empty()) body += "\"data\":\"" + encode_base64(bytes) + "\"";
  call.responder.send(json_response(body + "}"));
  return {};
}

Status read_log(const Call& call, Service& service, const ApiOptions& options) {
  LogQuery query;
  SLUICE_TRY(query.follow, kfp_flag(call, "follow"));
  SLUICE_TRY(const Service::Reader reader, service.reader());
  SLUICE_TRY(const RunRow run, kfp_run(*reader, call.part("run_id")));
  SLUICE_TRY(auto rows, reader->tasks(run.id));
  const std::vector<TaskRow> tasks = with_root(run, std::move(rows));
  const TaskRow* task = find_task(run.uuid, tasks, call.part("node_id"));
  if (task == nullptr) return kfp_not_found("Node", call.part("node_id"));
  query.task = task->path;
  return answer_logs(call, service, options, run, std::move(query));
}

}  // namespace

void add_kfp_read_routes(KfpRoutes& routes, const ApiOptions& options) {
  Service& service = routes.service();
  routes.background("GET", "/apis/v2beta1/runs/{run_id}/nodes/{node_id}/artifacts/{artifact_name}:read",
                    "The bytes of an artifact", [&service](const Call& call) { return read_artifact(call, service); });
  routes.add("GET", "/apis/v1alpha1/runs/{run_id}/nodes/{node_id}/log", "What a task printed",
             [&service, &options](const Call& call) {
               const Status done = read_log(call, service, options);
               if (!done) call.responder.send(kfp_error(done.error()));
             });
}

}  // namespace sluice
