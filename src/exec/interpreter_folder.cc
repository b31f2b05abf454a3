// Names under which an interpreter is found on PATH.
#include <unistd.h>

#include <filesystem>
#include <mutex>

#include "base/sha256.h"
#include "exec/environment.h"

namespace sluice {
namespace {

// Readers see the old link or the new one, never none: the link is made aside and renamed.
Status make_link(const std::string& target, const std::string& path) {
  std::error_code error;
  if (std::filesystem::read_symlink(path, error) == target) return {};
  const std::string aside = path + "." + std::to_string(::getpid());
  std::filesystem::remove(aside, error);
  std::filesystem::create_symlink(target, aside, error);
  if (!error) std::filesystem::rename(aside, path, error);
  if (error) return fail(Code::kUnavailable, "make the link " + path + ": " + error.message());
  return {};
}

}  // namespace

Result<std::string> interpreter_folder(const Interpreter& interpreter) {
  // Threads that prepare runs at the same time would take each other's links away; processes tell theirs apart by their ids.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const std::string cache = std::filesystem::path(default_environment_root()).parent_path();
  const std::string folder = cache + "/interpreters/" + sha256_hex(interpreter.path).substr(0, 16);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(Code::kUnavailable, "make " + folder + ": " + error.message(), "check XDG_CACHE_HOME and the space there");
  for (const char* name : {"/python", "/python3"}) SLUICE_TRY_STATUS(make_link(interpreter.path, folder + name));
  return folder;
}

}  // namespace sluice
