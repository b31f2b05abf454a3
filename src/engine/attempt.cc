#include "engine/attempt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "engine/attempt_platform.h"
#include "plan/checkpoint.h"

namespace sluice {
namespace {

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

bool exists(const std::string& path) {
  struct stat info{};
  return lstat(path.c_str(), &info) == 0;
}

// Of plain paths: ".." may lead out of the folder.
bool is_below(const std::string& path, const std::string& folder) {
  const std::string plain = std::filesystem::path(path).lexically_normal();
  return plain.size() > folder.size() && plain.starts_with(folder) && plain[folder.size()] == '/';
}

// The text of a parameter goes through the journal and through memory, several times.
constexpr std::int64_t kOutputFileMax = 64LL << 20U;

// Nothing if there is no such file. A task can leave anything at the path: only what is a file is opened, as opening a pipe would
// wait for a writer.
Result<std::optional<std::string>> read_output(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    return fail_errno("read " + path, errno);
  }
  if (!S_ISREG(info.st_mode)) return fail(Code::kInvalid, path + " is no file");
  if (info.st_size > kOutputFileMax)
    return fail(Code::kInvalid,
                path + " has " + std::to_string(info.st_size >> 20U) + " MiB: a parameter's value has at most " +
                    std::to_string(kOutputFileMax >> 20U),
                "hand over large values as artifacts");
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno("read " + path, errno);
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t size = 0;
  ssize_t got = 1;
  while (size < text.size() && (got = read(fd, text.data() + size, text.size() - size)) > 0)
    size += static_cast<std::size_t>(got);
  const int error = errno;
  close(fd);
  if (got < 0) return fail_errno("read " + path, error);
  text.resize(size);
  return std::optional<std::string>(std::move(text));
}

LinkedInput linked_input(const std::string& path, const std::string& digest, const struct stat& info) {
  return {.path = path,
          .digest = digest,
          .size = info.st_size,
          .mtime_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec,
          .ctime_ns = info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec};
}

// Only a single large file comes as a link to the object itself; what a tree links to is verified by its files' digests when it
// is read next.
void note_if_linked(Attempt& attempt, const ObjectStore& objects, const Artifact& artifact) {
  struct stat copy{}, object{};
  if (lstat(artifact.uri.c_str(), &copy) != 0 || !S_ISREG(copy.st_mode) || copy.st_nlink < 2) return;
  if (stat(objects.path_of(artifact.digest).c_str(), &object) != 0 || object.st_ino != copy.st_ino) return;
  attempt.linked.push_back(linked_input(artifact.uri, artifact.digest, copy));
}

// .in/KEY/NAME, or .in/KEY/INDEX/NAME for a list: file names and extensions stay what the producer chose.
std::string place_of(const Attempt& attempt, const std::string& key, const std::vector<Artifact>& list, std::size_t index) {
  std::string place = attempt.directory + ".in/" + key;
  if (list.size() > 1) place += "/" + std::to_string(index);
  return place;
}

Status fetch_inputs(Attempt& attempt, const ObjectStore& objects) {
  attempt.linked.clear();
  for (auto& [key, list] : attempt.inputs.artifacts) {
    if (key.empty() || key == "." || key == ".." || key.find('/') != std::string::npos)
      return fail(Code::kInvalid, "input artifact '" + key + "': its name cannot be that of a folder");
    SLUICE_TRY_STATUS(make_directory(attempt.directory + ".in"));
    SLUICE_TRY_STATUS(make_directory(attempt.directory + ".in/" + key));
    for (std::size_t i = 0; i < list.size(); ++i) {
      Artifact& artifact = list[i];
      artifact.metadata.erase("_kfp_workspace");
      if (artifact.digest.empty()) continue;
      const std::string place = place_of(attempt, key, list, i);
      SLUICE_TRY_STATUS(make_directory(place));
      const std::string path = place + "/" + base_name(artifact.uri);
      if (auto fetched = objects.fetch(artifact.digest, path); !fetched)
        return fail(std::move(fetched).error().with_context("input artifact '" + key + "': "));
      artifact.uri = path;
      note_if_linked(attempt, objects, artifact);
    }
  }
  return {};
}

// custom_path says where the user put the content: it belongs at the artifact's own place.
// There may be something there, of a time before that was cut short. It goes when the copy is whole: the content may lie below
// it.
Status bring_home(Artifact& artifact, const std::string& home) {
  if (artifact.custom_path.empty() || artifact.custom_path == artifact.uri || !exists(artifact.custom_path)) return {};
  const std::string part = home + ".part";
  std::error_code error;
  std::filesystem::remove_all(part, error);
  if (!error) std::filesystem::copy(artifact.custom_path, part, std::filesystem::copy_options::recursive, error);
  if (!error) std::filesystem::remove_all(home, error);
  if (!error) std::filesystem::rename(part, home, error);
  if (error) return fail_errno("copy " + artifact.custom_path + " to " + home, error.value());
  artifact.uri = home;
  return {};
}

// In the working directory of the attempt or in one of the directories beside it.
bool is_own(const Attempt& attempt, std::string_view path) {
  const std::string& directory = attempt.directory;
  return path.size() > directory.size() && path.starts_with(directory) &&
         (path[directory.size()] == '/' || path[directory.size()] == '.');
}

Status take_in(const Attempt& attempt, ObjectStore& objects, const std::string& key, Artifact& artifact) {
  SLUICE_TRY_STATUS(bring_home(artifact, attempt.outputs.artifacts_dir + "/" + key));
  if (!is_own(attempt, artifact.uri) || !exists(artifact.uri)) return {};  // somebody else's storage, or not written
  // An input that is handed on keeps its content, and its copy lies in our own directory: it is stored already.
  auto stored = objects.put(artifact.uri);
  if (!stored) return fail(std::move(stored).error().with_context("output artifact '" + key + "': "));
  artifact.digest = stored->digest;
  artifact.size_bytes = stored->size_bytes;
  return {};
}

Result<TaskData> read_outputs(const Attempt& attempt, ObjectStore& objects) {
  OutputFiles files;
  SLUICE_TRY(files.executor_output, read_output(attempt.outputs.executor_output));
  for (const auto& [key, parameter] : attempt.order.component->spec->output_parameters) {
    SLUICE_TRY(auto text, read_output(attempt.outputs.parameters_dir + "/" + key));
    if (text) files.parameter_files.emplace(key, std::move(*text));
  }
  SLUICE_TRY(TaskData outputs, parse_outputs(attempt.context(), files));
  for (auto& [key, list] : outputs.artifacts)
    for (Artifact& artifact : list) SLUICE_TRY_STATUS(take_in(attempt, objects, key, artifact));
  return outputs;
}

// A component that says that it is Python and is no lightweight one runs as any command does.
void offer_warm(AttemptSpec& spec, Launch& launch, const std::string& environment_bin, bool warm) {
  if (!warm)
    spec.cold_because = "warm workers are off (SLUICE_WARM=0 or [warm] in sluice.toml)";
  else if (!launch.python)
    spec.cold_because = "its command is not that of a lightweight Python component";
  else if (environment_bin.empty())
    spec.cold_because = "it has no environment of its own";
  else
    spec.warm = WarmStep{.environment = std::filesystem::path(environment_bin).parent_path(),
                         .source = std::move(launch.python->source),
                         .args = std::move(launch.python->args)};
}

}  // namespace

Attempt::Attempt(AttemptOrder given, const DataDir& dir)
    : order(std::move(given)),
      id(order.run_uuid + "/" + std::to_string(order.task.value) + "/" + std::to_string(order.attempt)),
      directory(dir.attempt(order.run_uuid, order.task, order.task_name, order.attempt)),
      outputs{.parameters_dir = directory + ".params",
              .artifacts_dir = directory + ".out",
              .executor_output = directory + ".out/executor_output.json"},
      inputs(order.inputs) {}

LaunchContext Attempt::context() const {
  return {.plan = *order.plan,
          .component = *order.component,
          .task_name = order.task_name,
          .task_uuid = std::to_string(order.task.value),
          .inputs = inputs,
          .outputs = outputs,
          .checkpoint = order.checkpoint.path,
          .in_container = order.site != nullptr && !order.site->container_engine.empty()};
}

bool Attempt::has_input_artifacts() const { return !inputs.artifacts.empty(); }
bool Attempt::has_outputs() const {
  return !order.component->spec->output_parameters.empty() || !order.component->spec->output_artifacts.empty();
}

Status make_place(const Attempt& attempt) {
  if (mkdir(attempt.directory.c_str(), 0755) != 0) {
    if (errno != EEXIST) return fail_errno("make directory " + attempt.directory, errno);
    // Of an attempt that the journal forgot in a power cut, or of a start that was cut short. The directory goes last: where it
    // is not, there is nothing.
    std::error_code error;
    for (const char* part : {".log", ".in", ".out", ".params", ".tmp", ".mounts", ""})
      if (!error) std::filesystem::remove_all(attempt.directory + part, error);
    if (error) return fail_errno("remove " + attempt.directory, error.value());
    SLUICE_TRY_STATUS(make_directory(attempt.directory));
  }
  return {};
}

Status lay_out(Attempt& attempt, const ObjectStore& objects) {
  SLUICE_TRY_STATUS(make_place(attempt));
  if (attempt.order.checkpoint.make) SLUICE_TRY_STATUS(make_checkpoint(attempt.order.checkpoint));
  return fetch_inputs(attempt, objects);
}

void find_inputs(Attempt& attempt, const ObjectStore& objects) {
  for (auto& [key, list] : attempt.inputs.artifacts)
    for (std::size_t i = 0; i < list.size(); ++i) {
      Artifact& artifact = list[i];
      artifact.metadata.erase("_kfp_workspace");
      if (artifact.digest.empty()) continue;
      artifact.uri = place_of(attempt, key, list, i) + "/" + base_name(artifact.uri);
      note_if_linked(attempt, objects, artifact);
    }
  for (LinkedInput& linked : attempt.linked) linked.size = -1;
}

Status check_inputs(const Attempt& attempt, const ObjectStore& objects) {
  for (const LinkedInput& before : attempt.linked) {
    struct stat info{};
    if (lstat(before.path.c_str(), &info) != 0) continue;  // removed: only its own name for the object is gone
    const LinkedInput now = linked_input(before.path, before.digest, info);
    // ctime alone also moves when other links to the object come and go, so it counts only together with the rest.
    if (now.size == before.size && now.mtime_ns == before.mtime_ns) continue;
    // Nobody may be given these bytes under the digest of others; whoever needs them is told that they are gone.
    const std::string object = objects.path_of(before.digest);
    const Status same = objects.verify(before.digest);
    const bool is_unknown = !same && same.error().code == Code::kUnavailable;
    if (before.size < 0 && same) continue;
    if (before.size < 0 && is_unknown) return same;
    if (!same && !is_unknown) (void)rename(object.c_str(), (object + ".changed").c_str());
    return fail(Code::kCorrupt, "changed its input " + before.path, "copy an input before you change it");
  }
  return {};
}

Result<AttemptSpec> make_spec(const Attempt& attempt, const std::string& environment_bin, bool warm) {
  SLUICE_TRY(Launch launch, make_launch(attempt.context()));
  if (launch.needs_outputs_dir) {
    SLUICE_TRY_STATUS(make_directory(attempt.outputs.artifacts_dir));
    SLUICE_TRY_STATUS(make_directory(attempt.outputs.parameters_dir));
  }
  AttemptSpec spec{.id = attempt.id, .argv = std::move(launch.argv), .directory = attempt.directory, .log_path = attempt.log()};
  const bool in_container = !attempt.order.site->container_engine.empty();
  if (spec.argv.empty() && !in_container) return fail(Code::kInvalid, "the component has no command to run");
  std::string path;
  for (const std::string& prefix : {environment_bin, attempt.order.site->path_prefix})
    if (!prefix.empty()) path += prefix + ":";
  if (!path.empty()) {
    const char* inherited = std::getenv("PATH");
    spec.env.emplace_back("PATH", path + (inherited != nullptr ? inherited : "/usr/local/bin:/usr/bin:/bin"));
  }
  if (attempt.order.site->python) {
    spec.env.emplace_back("PYTHONUNBUFFERED", "1");  // so that `logs --follow` sees a line when it is printed
    spec.env.emplace_back("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    offer_warm(spec, launch, environment_bin, warm);
  }
  spec.env.emplace_back("KFP_RETRY_INDEX", std::to_string(attempt.order.attempt - 1));
  if (!attempt.order.checkpoint.path.empty()) spec.env.emplace_back(kCheckpointVariable, attempt.order.checkpoint.path);
  spec.env.emplace_back("KFP_POD_NAME", pod_name(*attempt.order.plan, attempt.order.task));
  spec.env.emplace_back("KFP_POD_UID", attempt.id);
  spec.env.insert(spec.env.end(), attempt.order.env.begin(), attempt.order.env.end());
  spec.env.insert(spec.env.end(), launch.env.begin(), launch.env.end());
  SLUICE_TRY_STATUS(add_platform(attempt, launch, spec));
  return spec;
}

Collected collect(const Attempt& attempt, ObjectStore& objects) {
  if (auto unchanged = check_inputs(attempt, objects); !unchanged)
    return {FailureKind::kInput, fail(std::move(unchanged).error())};
  return {FailureKind::kOutput, read_outputs(attempt, objects)};
}

Result<TaskData> import_artifact(const Attempt& attempt, ObjectStore& objects) {
  SLUICE_TRY(Import import, make_import(*attempt.order.component, attempt.order.inputs));
  Artifact& artifact = import.artifact;
  const bool local = artifact.uri.starts_with('/') && exists(artifact.uri);
  if (import.download_to_workspace) {
    if (!local)
      return fail(Code::kInvalid,
                  "cannot copy '" + artifact.uri + "' to the workspace: it is no file or directory of this machine",
                  "import it without download_to_workspace, or fetch it in a task of its own");
    // The content is stored and each consumer gets a copy of its own, which is what a shared workspace is there for.
    std::error_code error;
    std::filesystem::create_directories(attempt.outputs.artifacts_dir, error);
    const std::string home = attempt.outputs.artifacts_dir + "/" + base_name(artifact.uri);
    if (!error) std::filesystem::remove_all(home, error);  // of a time before that was cut short
    if (!error) std::filesystem::copy(artifact.uri, home, std::filesystem::copy_options::recursive, error);
    if (error) return fail_errno("copy " + artifact.uri + " to " + home, error.value());
    artifact.uri = home;
  }
  // What lies among our own runs is stored content already; anything else on this machine stays where its owner put it.
  const std::string runs = std::filesystem::path(attempt.directory).parent_path().parent_path();
  if (local && is_below(artifact.uri, runs)) {
    SLUICE_TRY(const StoredObject stored, objects.put(artifact.uri));
    artifact.digest = stored.digest;
    artifact.size_bytes = stored.size_bytes;
  }
  TaskData outputs;
  outputs.artifacts[import.key].push_back(std::move(artifact));
  return outputs;
}

}  // namespace sluice
