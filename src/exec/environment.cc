#include "exec/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "exec/environment_build.h"
#include "exec/environment_marker.h"
#include "exec/file_lock.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

bool is_key(const std::string& key) { return key.size() == 64 && key.find_first_not_of("0123456789abcdef") == std::string::npos; }

Status check(const EnvironmentSpec& spec) {
  if (!is_key(spec.key)) return fail(Code::kInvalid, "'" + spec.key + "' is no key of an environment (64 hex digits)");
  if (spec.interpreter.empty()) return fail(Code::kInvalid, "the environment names no interpreter");
  for (const auto* list : {&spec.requirements, &spec.no_deps, &spec.index_options})
    for (const std::string& text : *list)
      // Both would end the argument early or start another line of it.
      if (trim(text).empty() || text.find('\0') != std::string::npos || text.find('\n') != std::string::npos)
        return fail(Code::kInvalid, "'" + replace_all(text, "\n", "\\n") + "' is no requirement or index option");
  return {};
}

// Takes the folder away in one step (rename), then deletes it. What an earlier removal could not finish is deleted too. An error
// only if the folder is still in its place.
Status remove_environment(const std::string& path) {
  const std::string trash = path + ".trash";
  std::error_code error;
  fs::remove_all(trash, error);
  if (::rename(path.c_str(), trash.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("remove " + path, errno);
  }
  fs::remove_all(trash, error);
  return {};
}

}  // namespace

bool EnvironmentStore::has(const std::string& key) const { return is_key(key) && is_finished_environment(root_ + "/" + key); }

Result<Environment> EnvironmentStore::ensure(const EnvironmentSpec& spec, const ProgressFn& progress,
                                             const std::atomic<bool>& cancelled) {
  SLUICE_TRY_STATUS(check(spec));
  const std::string path = root_ + "/" + spec.key;
  Environment out{.path = path, .python = path + "/bin/python3"};
  begin_use(spec.key, cancelled);
  if (has(spec.key)) return out;
  const ProgressFn tell = progress ? progress : [](const BuildProgress&) {};
  std::error_code error;
  fs::create_directories(root_, error);
  if (error) return fail_errno("make folder " + root_, error.value());
  begin_use(spec.key, cancelled);

  SLUICE_TRY(const FileLock lock,
             FileLock::acquire(path + ".lock", [&] { tell({.phase = "waiting for another build"}); }, cancelled));
  if (has(spec.key)) return out;
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  SLUICE_TRY_STATUS(remove_environment(path));
  // Built where it stays, because scripts and activate name their folder; nobody looks at it before it has its marker.
  const auto built = build_environment({.spec = spec,
                                        .path = path,
                                        .tools_dir = fs::path(root_).parent_path().string() + "/tools",
                                        .settings = settings_,
                                        .lock_fd = lock.fd(),
                                        .progress = tell,
                                        .cancelled = cancelled});
  Status done = built ? write_marker(path, spec, *built, seconds()) : Status(fail(built.error()));
  if (!done) {
    // The build's own error says more than one of the clean-up would.
    static_cast<void>(remove_environment(path));
    return fail(std::move(done).error());
  }
  out.built = true;
  out.build_seconds = seconds();
  return out;
}

std::string default_environment_root() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/sluice/envs";
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.cache/sluice/envs";
  // No HOME (a service): the account's own, or at last a folder that is nobody else's.
  const passwd* account = ::getpwuid(::getuid());
  if (account != nullptr && account->pw_dir != nullptr && account->pw_dir[0] == '/')
    return std::string(account->pw_dir) + "/.cache/sluice/envs";
  return "/tmp/sluice-" + std::to_string(::getuid()) + "/envs";
}

}  // namespace sluice
