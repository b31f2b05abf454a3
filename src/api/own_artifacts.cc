// What a run made: the list, and the bytes.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "api/own.h"
#include "base/text.h"
#include "store/tree.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

// A manifest of a million files has about 100 MiB; more is not listed over HTTP.
constexpr std::uintmax_t kManifestMax = std::uintmax_t{128} << 20U;
constexpr std::size_t kFilesMax = 100'000;

Result<HttpResponse> list_artifacts(const Call& call, RunStore& store) {
  SLUICE_TRY(const RunRow run, run_of(call, store));
  SLUICE_TRY(const auto tasks, store.tasks(run.id));
  SLUICE_TRY(const auto artifacts, store.artifacts(run.id));
  std::map<TaskId, std::string> paths;
  for (const TaskRow& task : tasks) paths.emplace(task.id, task.path);
  JsonWriter json;
  json.begin_object().key("artifacts").begin_array();
  for (const ArtifactRow& artifact : artifacts) {
    json.begin_object().field("task", artifact.task.value).field("path", paths[artifact.task]).field("key", artifact.key);
    json.field("index", artifact.index).field("name", artifact.name).field("type", artifact.type).field("uri", artifact.uri);
    json.field("digest", artifact.digest).field("size_bytes", artifact.size_bytes);
    json.field("metadata", parse_json(artifact.metadata).value_or(Value(Struct{}))).end_object();
  }
  return json_response(json.end_array().end_object().take() + "\n");
}

Result<ArtifactRow> find_artifact(const Call& call, RunStore& store, const RunRow& run) {
  const std::string_view task = call.part("task");
  auto id = parse_integer(task);
  if (!id) {
    SLUICE_TRY(const auto tasks, store.tasks(run.id));
    for (const TaskRow& row : tasks)
      if (row.path == task) id = row.id.value;
  }
  SLUICE_TRY(auto artifacts, store.artifacts(run.id));
  const auto index = parse_integer(call.part("index"));
  for (ArtifactRow& artifact : artifacts)
    if (id && index && artifact.task.value == *id && artifact.index == *index && artifact.key == call.part("key"))
      return std::move(artifact);
  return fail(Code::kNotFound, "run " + run.uuid.text() + " has no artifact '" + std::string(call.part("key")) + "' number " +
                                   std::string(call.part("index")) + " of task '" + std::string(task) + "'");
}

// By the name that it is saved under. What may hold script is never shown in our origin: every answer is a download, in a
// sandbox.
const char* content_type_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, const char*>, 12> kTypes{{{".txt", "text/plain; charset=utf-8"},
                                                                             {".log", "text/plain; charset=utf-8"},
                                                                             {".md", "text/plain; charset=utf-8"},
                                                                             {".yaml", "text/plain; charset=utf-8"},
                                                                             {".csv", "text/csv; charset=utf-8"},
                                                                             {".json", "application/json"},
                                                                             {".html", "text/html; charset=utf-8"},
                                                                             {".svg", "image/svg+xml"},
                                                                             {".png", "image/png"},
                                                                             {".jpg", "image/jpeg"},
                                                                             {".pdf", "application/pdf"},
                                                                             {".gz", "application/gzip"}}};
  const std::string lowered = lower(name);
  for (const auto& [ending, type] : kTypes)
    if (lowered.ends_with(ending)) return type;
  return "application/octet-stream";
}

HttpResponse file_response(const Call& call, const std::string& path, std::string_view saved_as, const std::string& digest) {
  const std::string name(base_name(saved_as));
  std::string plain;
  for (const char c : name) plain += c >= ' ' && c < 0x7f && c != '"' && c != '\\' ? c : '_';
  HttpResponse response{
      .content_type = content_type_of(name),
      .headers = {{"Content-Disposition", "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + encode_percent(name)},
                  {"Content-Security-Policy", "sandbox"}}};
  if (digest_hex(digest)) {
    const std::string etag = "\"" + digest + "\"";
    response.headers.push_back({"ETag", etag});
    response.headers.push_back({"Cache-Control", "private, no-cache"});
    if (call.request->header("if-none-match") == etag) {
      response.status = 304;
      response.content_type.clear();
      return response;
    }
  }
  response.file = FileBody{path};
  return response;
}

tl::unexpected<Error> no_file(std::string_view path) {
  return fail(Code::kNotFound, "there is no file '" + std::string(path) + "' in the artifact");
}

using Files = std::vector<std::pair<std::string, std::int64_t>>;
HttpResponse files_response(const Files& files) {
  JsonWriter json;
  json.begin_object().key("files").begin_array();
  for (const auto& [path, size] : files) json.begin_object().field("path", path).field("size_bytes", size).end_object();
  return json_response(json.end_array().end_object().take() + "\n");
}

// The manifest, if the object is a directory.
Result<std::optional<Tree>> tree_of(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return fail(Code::kNotFound, "the artifact's content is not there any more");
  std::ifstream file(path, std::ios::binary);
  std::string text(kTreeMagic.size(), '\0');
  if (size < text.size() || !file.read(text.data(), static_cast<std::streamsize>(text.size())) || text != kTreeMagic)
    return std::optional<Tree>();
  if (size > kManifestMax) return fail(Code::kUnavailable, "the artifact has too many files to list them");
  text.resize(size);
  const auto rest = static_cast<std::streamsize>(size - kTreeMagic.size());
  if (!file.read(text.data() + kTreeMagic.size(), rest)) return fail(Code::kUnavailable, "the artifact cannot be read");
  SLUICE_TRY(Tree tree, parse_manifest(text));
  return std::optional(std::move(tree));
}

Result<HttpResponse> stored_content(const Call& call, const ObjectStore& objects, const ArtifactRow& artifact,
                                    std::string_view name) {
  const std::string_view path = call.part("path");
  SLUICE_TRY(const auto tree, tree_of(objects.path_of(artifact.digest)));
  if (!tree) {
    if (!path.empty()) return no_file(path);
    return file_response(call, objects.path_of(artifact.digest), name, artifact.digest);
  }
  if (path.empty()) {
    Files files;
    for (const auto& [inside, entry] : *tree)
      if (!entry.is_directory) files.emplace_back(inside, entry.size_bytes);
    return files_response(files);
  }
  const auto entry = tree->find(path);
  if (entry == tree->end() || entry->second.is_directory) return no_file(path);
  return file_response(call, objects.path_of(entry->second.digest), path, entry->second.digest);
}

// Where `path` leads, if that is inside `root`.
std::optional<fs::path> inside(const fs::path& root, const fs::path& path) {
  std::error_code error;
  const fs::path real_root = fs::canonical(root, error);
  if (error) return std::nullopt;
  fs::path real = fs::canonical(path, error);
  if (error) return std::nullopt;
  const auto [end, ignored] = std::mismatch(real_root.begin(), real_root.end(), real.begin(), real.end());
  return end == real_root.end() ? std::optional(std::move(real)) : std::nullopt;
}

Result<HttpResponse> local_directory(const fs::path& root) {
  Files files;
  std::error_code error;
  auto it = fs::recursive_directory_iterator(root, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code gone;
    if (!it->is_regular_file(gone) || it->is_symlink(gone)) continue;
    if (files.size() == kFilesMax) return fail(Code::kUnavailable, "the artifact has too many files to list them");
    const auto size = it->file_size(gone);
    if (!gone) files.emplace_back(it->path().lexically_relative(root).string(), static_cast<std::int64_t>(size));
  }
  if (error) return fail(Code::kUnavailable, "the artifact cannot be read: " + error.message());
  std::sort(files.begin(), files.end());
  return files_response(files);
}

// Content that we do not hold is served only from the run's own folder: a uri can say anything, /etc/shadow too.
Result<HttpResponse> local_content(const Call& call, const DataDir& dir, const RunRow& run, const ArtifactRow& artifact,
                                   std::string_view name) {
  const std::string_view path = call.part("path");
  const bool is_path = artifact.uri.starts_with('/');
  const auto root = is_path ? inside(dir.run(run.uuid.text()), artifact.uri) : std::nullopt;
  if (!root)
    return fail(Code::kNotFound, "the content of artifact '" + artifact.key + "' is not held here", "it lies at " + artifact.uri);
  std::error_code error;
  if (path.empty() && fs::is_directory(*root, error)) return local_directory(*root);
  const auto file = path.empty() ? root : inside(*root, *root / fs::path(path).relative_path());
  if (!file || !fs::is_regular_file(*file, error)) return no_file(path);
  return file_response(call, file->string(), path.empty() ? name : path, "");
}

Result<HttpResponse> get_content(const Call& call, RunStore& store, Service& service) {
  SLUICE_TRY(const RunRow run, run_of(call, store));
  SLUICE_TRY(const ArtifactRow artifact, find_artifact(call, store, run));
  const std::string_view last = base_name(artifact.uri);
  const std::string_view name = last.empty() ? std::string_view(artifact.key) : last;
  if (digest_hex(artifact.digest) && service.objects().has(artifact.digest))
    return stored_content(call, service.objects(), artifact, name);
  return local_content(call, service.dir(), run, artifact, name);
}

}  // namespace

void add_artifact_routes(OwnRoutes& routes) {
  Service& service = routes.service();
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}/artifacts",
               .summary = "The artifacts that a run made",
               .response_schema = "ArtifactList"},
              list_artifacts);
  const auto content = [&service](const Call& call, RunStore& store) { return get_content(call, store, service); };
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}/artifacts/{task}/{key}/{index}",
               .summary = "The bytes of an artifact; of a directory the list of its files, as FileList",
               .response_type = "application/octet-stream"},
              content);
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}/artifacts/{task}/{key}/{index}/{path...}",
               .summary = "The bytes of one file of an artifact that is a directory",
               .response_type = "application/octet-stream"},
              content);
}

}  // namespace sluice
