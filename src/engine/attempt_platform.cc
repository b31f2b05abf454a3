#include "engine/attempt_platform.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "base/text.h"
#include "engine/container.h"
#include "engine/secrets.h"

namespace sluice {
namespace {

Status write_file(const std::string& path, const std::string& text) {
  ::unlink(path.c_str());  // of a start that was put off
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
  if (fd < 0) return fail_errno("make " + path, errno);
  std::size_t done = 0;
  ssize_t wrote = 0;
  while (done < text.size() && (wrote = ::write(fd, text.data() + done, text.size() - done)) > 0)
    done += static_cast<std::size_t>(wrote);
  const int error = errno;
  ::close(fd);
  if (done < text.size()) return fail_errno("write " + path, error);
  return {};
}

Status make_folders(const Attempt& attempt, std::vector<AttemptMount>& mounts) {
  if (attempt.order.folders.empty()) return {};
  // What an owner that was killed has left of the attempt before.
  if (const int before = attempt.order.attempt - 1; before > 0) {
    std::error_code ignored;
    const std::string task = attempt.directory.substr(0, attempt.directory.rfind('.') + 1);
    std::filesystem::remove_all(task + std::to_string(before) + ".mounts", ignored);
  }
  const std::string base = own_folders_of(attempt);
  if (::mkdir(base.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno("make " + base, errno);
  for (std::size_t i = 0; i < attempt.order.folders.size(); ++i) {
    const OwnFolder& folder = attempt.order.folders[i];
    const std::string place = base + "/" + std::to_string(i);
    SLUICE_TRY_STATUS(make_directory(place));
    for (const auto& [name, text] : folder.files) {
      if (!is_plain_name(name)) return fail(Code::kInvalid, "'" + name + "' cannot be the name of a file");
      SLUICE_TRY_STATUS(write_file(place + "/" + name, text));
    }
    for (const std::string& target : folder.targets)
      mounts.push_back({.source = place, .target = target, .read_only = folder.read_only});
  }
  return {};
}

// One after the other, each in a shell of its own so that its variables stay its own; then the command, which takes the shell's
// place. One that fails ends the attempt with its exit code.
void add_init(const Launch& launch, AttemptSpec& spec) {
  if (launch.init.empty()) return;
  std::string script;
  for (const InitLaunch& init : launch.init) {
    script += "echo " + shell_word("--- init container " + init.name) + " >&2\n(";
    for (const auto& [name, value] : init.env) script += "export " + name + "=" + shell_word(value) + "; ";
    script += "exec";
    for (const std::string& word : init.argv) script += " " + shell_word(word);
    script += ") || { code=$?; echo " + shell_word("init container " + init.name + " failed: exit code ") +
              "\"$code\" >&2; exit $code; }\n";
  }
  script += "echo '--- task' >&2\nexec \"$@\"\n";
  std::vector<std::string> argv{"sh", "-c", std::move(script), "sh"};
  argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
  spec.argv = std::move(argv);
  if (spec.warm) spec.cold_because = "it has init containers";
  spec.warm.reset();
}

// A variable that the engine's own program would heed must reach the container by value.
bool means_something_to_engines(std::string_view name) {
  for (const std::string_view prefix : {"LD_", "DOCKER_", "CONTAINER", "XDG_", "PODMAN_", "BUILDAH_", "STORAGE_", "DBUS_"})
    if (name.starts_with(prefix)) return true;
  for (const std::string_view other :
       {"PATH", "HOME", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "GODEBUG"})
    if (name == other) return true;
  return false;
}

// The variables of the attempt, but not this machine's own. Those of the component are no secrets, so they go by value and leave
// the engine's environment alone.
void move_variables(const Launch& launch, AttemptSpec& spec, ContainerCall& call) {
  const auto is_of_component = [&](const std::string& name) {
    return std::any_of(launch.env.begin(), launch.env.end(), [&](const auto& variable) { return variable.first == name; });
  };
  std::vector<std::pair<std::string, std::string>> kept;
  for (auto& [name, value] : spec.env) {
    if (is_of_component(name)) continue;
    if (means_something_to_engines(name)) {
      call.env.emplace_back(name, value);
      continue;
    }
    call.inherited.push_back(name);
    kept.emplace_back(name, std::move(value));
  }
  call.inherited.emplace_back("SLUICE_ATTEMPT");
  call.env.insert(call.env.end(), launch.env.begin(), launch.env.end());
  spec.env = std::move(kept);
}

void run_in_container(const Attempt& attempt, const Launch& launch, AttemptSpec& spec) {
  ContainerCall call{.engine = attempt.order.site->container_engine,
                     .name = container_name(attempt.id),
                     .image = launch.image,
                     .directory = attempt.directory,
                     .memory_bytes = attempt.order.need.memory_limit,
                     .cpu_milli = attempt.order.need.cpu_limit_milli,
                     .gpus = attempt.order.need.gpus,
                     .uid = static_cast<int>(::geteuid()),
                     .gid = static_cast<int>(::getegid())};
  const auto words = spec.argv.begin() + static_cast<std::ptrdiff_t>(std::min(launch.command_words, spec.argv.size()));
  call.command.assign(spec.argv.begin(), words);
  call.args.assign(words, spec.argv.end());
  // All that the attempt is told of lies at the same paths in the container.
  const auto show = [&](const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) call.mounts.push_back({.source = path, .target = path});
  };
  for (const char* part : {"", ".in", ".out", ".params"}) show(attempt.directory + part);
  if (attempt.order.plan->pipeline->workspace) show(attempt.order.plan->context.workspace_path);
  for (const std::string& path : spec.writable) show(path);
  call.mounts.insert(call.mounts.end(), spec.mounts.begin(), spec.mounts.end());
  move_variables(launch, spec, call);
  spec.argv = container_argv(call);
  spec.mounts.clear();
  if (spec.warm) spec.cold_because = "it runs in a container";
  spec.warm.reset();
  // Engines keep sockets and locks in the /tmp that all of them share; the container has its own.
  spec.private_tmp = false;
}

}  // namespace

std::string own_folders_of(const Attempt& attempt) { return attempt.directory + ".mounts"; }

Status add_platform(const Attempt& attempt, const Launch& launch, AttemptSpec& spec) {
  spec.mounts = attempt.order.mounts;
  spec.redact = attempt.order.redact;
  SLUICE_TRY_STATUS(make_folders(attempt, spec.mounts));
  if (!attempt.order.site->container_engine.empty()) {
    run_in_container(attempt, launch, spec);
    return {};
  }
  add_init(launch, spec);
  return {};
}

void remove_own_folders(const Attempt& attempt) {
  std::error_code ignored;
  std::filesystem::remove_all(own_folders_of(attempt), ignored);
}

}  // namespace sluice
