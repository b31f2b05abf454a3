#include "exec/uv_tool.h"

#include <filesystem>
#include <map>
#include <mutex>

#include "base/text.h"
#include "exec/command.h"
#include "exec/file_lock.h"

namespace sluice {
namespace {

// Two minutes: a slow line for 20 MB. Whoever has no network at all should fall back to pip (and its error) soon.
constexpr Duration kInstallTimeMax = std::chrono::minutes(2);

bool succeeded(const Result<CommandResult>& result) { return result && result->exit_code == 0; }

// kUnavailable if it cannot be installed.
Result<UvTool> install_uv(const std::string& tools_dir, const std::string& interpreter, const ProgressFn& progress,
                          const std::atomic<bool>& cancelled) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(tools_dir).parent_path(), error);
  SLUICE_TRY(const FileLock lock,
             FileLock::acquire(tools_dir + ".lock", [&] { progress({.phase = "waiting for another build"}); }, cancelled));
  const std::string uv = tools_dir + "/bin/uv";
  if (auto tool = probe_uv(uv, cancelled)) return tool;  // somebody else has made it while we waited
  progress({.phase = "installing uv"});
  std::filesystem::remove_all(tools_dir, error);
  const Command steps[] = {{.argv = {interpreter, "-I", "-m", "venv", tools_dir}},
                           {.argv = {tools_dir + "/bin/python3", "-I", "-m", "pip", "install", "--retries", "1", "--timeout",
                                     "15", "--only-binary", ":all:", "uv"}}};
  for (Command step : steps) {
    step.variables = installer_variables();
    step.keep_fd = lock.fd();
    step.time_max = kInstallTimeMax;
    const auto done = run_command(step, cancelled);
    if (succeeded(done)) continue;
    std::filesystem::remove_all(tools_dir, error);
    if (!done && done.error().code == Code::kCancelled) return fail(done.error());
    return fail(Code::kUnavailable, "uv could not be installed");
  }
  return probe_uv(uv, cancelled);
}

}  // namespace

VariableChanges installer_variables() {
  VariableChanges out;
  for (const char* name :
       {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET", "PIP_PREFIX",
        "PIP_ROOT", "PIP_DRY_RUN", "PIP_QUIET", "PIP_REPORT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT",
        "UV_WORKING_DIR", "UV_VENV_SEED", "UV_COMPILE_BYTECODE", "FORCE_COLOR", "CLICOLOR_FORCE"})
    out.emplace_back(name, std::nullopt);
  out.emplace_back("PIP_USER", "0");
  out.emplace_back("PIP_NO_INPUT", "1");
  out.emplace_back("PIP_PROGRESS_BAR", "off");
  out.emplace_back("PIP_DISABLE_PIP_VERSION_CHECK", "1");
  out.emplace_back("PYTHONUNBUFFERED", "1");  // line by line also into a pipe
  out.emplace_back("GIT_TERMINAL_PROMPT", "0");
  out.emplace_back("NO_COLOR", "1");
  out.emplace_back("UV_PYTHON_DOWNLOADS", "never");
  return out;
}

Result<UvTool> probe_uv(const std::string& program, const std::atomic<bool>& cancelled) {
  const auto result = run_command({.argv = {program, "--version"}, .time_max = std::chrono::seconds(20)}, cancelled);
  if (!result) return fail(result.error());
  // A shim that has no uv behind it is on PATH too, and fails.
  if (result->exit_code != 0 || result->last_lines.empty() || !result->last_lines.back().starts_with("uv "))
    return fail(Code::kUnavailable, program + " does not start");
  return UvTool{.path = program, .version = std::string(split(result->last_lines.back(), ' ')[1])};
}

Result<UvTool> find_uv(const std::string& tools_dir, const std::string& interpreter, const ProgressFn& progress,
                       const std::atomic<bool>& cancelled) {
  static std::mutex mutex;
  static std::map<std::string, UvTool> known;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(tools_dir); found != known.end()) return found->second;
  }
  // Not under the mutex: this takes seconds, and each caller has a cancel flag of its own. Two at a time meet at the lock file.
  auto tool = probe_uv("uv", cancelled);
  if (!tool) tool = probe_uv(tools_dir + "/bin/uv", cancelled);
  if (!tool) tool = install_uv(tools_dir, interpreter, progress, cancelled);
  if (!tool && tool.error().code == Code::kCancelled) return fail(tool.error());
  const std::lock_guard lock(mutex);
  return known.emplace(tools_dir, tool.value_or(UvTool{})).first->second;
}

}  // namespace sluice
