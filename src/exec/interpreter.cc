#include "exec/interpreter.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "base/text.h"
#include "exec/command.h"
#include "exec/interpreter_cache.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr Duration kProbeTimeMax = std::chrono::seconds(20);
constexpr const char* kInstallHint = "install python3 and python3-venv";

// sys._base_executable is the interpreter that a virtual environment was made with (3.7.2 and later); before that the base
// installation's own bin/pythonX.Y is looked up.
constexpr const char* kProbe = R"(
import os, sys
path = getattr(sys, "_base_executable", None) or sys.executable
base = os.path.join(sys.base_exec_prefix, "bin", "python%d.%d" % sys.version_info[:2])
if sys.prefix != sys.base_prefix and os.path.exists(base):
    path = base
print(os.path.realpath(path))
print("%d.%d.%d" % sys.version_info[:3])
)";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The version as numbers, to sort 3.9 before 3.10.
std::vector<int> numbers(std::string_view version) {
  std::vector<int> out;
  for (const std::string_view part : split(version, '.')) {
    int number = 0;
    std::from_chars(part.data(), part.data() + part.size(), number);
    out.push_back(number);
  }
  return out;
}

// "3.10" of "3.10.13"; "" and "3" as they are.
std::string major_minor(const std::string& wanted) {
  const auto first = wanted.find('.');
  return first == std::string::npos ? wanted : wanted.substr(0, wanted.find('.', first + 1));
}

void add_from_path(const std::string& name, std::vector<std::string>& out) {
  const std::string path = variable("PATH");
  for (const std::string_view dir : split(path, ':')) {
    const std::string candidate = std::string(dir) + "/" + name;
    if (!dir.empty() && ::access(candidate.c_str(), X_OK) == 0) out.push_back(candidate);
  }
}

// Interpreters that pyenv and uv keep under `root` in a folder per version ("3.10.13", "cpython-3.10.13-linux-..."), newest
// first.
void add_kept(const std::string& root, std::string_view prefix, const std::string& wanted, std::vector<std::string>& out) {
  std::vector<std::pair<std::vector<int>, std::string>> found;
  for (const fs::path& entry : folder_entries(root)) {
    const std::string name = entry.filename().string();
    if (!name.starts_with(prefix)) continue;
    const std::string version = name.substr(prefix.size(), name.find_first_not_of("0123456789.", prefix.size()) - prefix.size());
    const std::string python = (entry / "bin" / ("python" + major_minor(version))).string();
    if (version.starts_with("3") && version_matches(version, wanted) && ::access(python.c_str(), X_OK) == 0)
      found.emplace_back(numbers(version), python);
  }
  std::sort(found.rbegin(), found.rend());
  for (auto& [version, python] : found) out.push_back(std::move(python));
}

void add_all_kept(const std::string& wanted, std::vector<std::string>& out) {
  const std::string home = variable("HOME");
  const std::string pyenv = variable("PYENV_ROOT");
  add_kept((pyenv.empty() ? home + "/.pyenv" : pyenv) + "/versions", "", wanted, out);
  const std::string uv = variable("UV_PYTHON_INSTALL_DIR");
  const std::string data = variable("XDG_DATA_HOME");
  add_kept(uv.empty() ? (data.empty() ? home + "/.local/share" : data) + "/uv/python" : uv, "cpython-", wanted, out);
}

// In the order in which they are tried: those that should be the wanted version, then any Python 3.
std::vector<std::string> candidates(const std::string& wanted, const std::string& preferred) {
  std::vector<std::string> out;
  if (!wanted.empty()) {
    add_from_path("python" + major_minor(wanted), out);
    add_all_kept(wanted, out);
  }
  if (!preferred.empty()) out.push_back(preferred);
  add_from_path("python3", out);
  add_from_path("python", out);
  add_all_kept("", out);
  std::set<std::string> seen;
  std::erase_if(out, [&](const std::string& candidate) { return !seen.insert(candidate).second; });
  return out;
}

// An empty path: it does not start.
Interpreter ask(InterpreterCache& cache, const std::string& candidate) {
  if (auto known = cache.find(candidate)) return *std::move(known);
  static const std::atomic<bool> kNever{false};
  auto answer = probe_interpreter(candidate, kNever);
  // What could not be started or was too slow may do better next time; only what ran and refused is remembered.
  if (answer || answer.error().code == Code::kInvalid) cache.remember(candidate, answer.value_or(Interpreter{}));
  return answer.value_or(Interpreter{});
}

Result<FoundInterpreter> look_up(const std::string& wanted, const std::string& preferred) {
  InterpreterCache cache(fs::path(default_environment_root()).parent_path().string() + "/interpreters.json");
  Interpreter other;
  for (const std::string& candidate : candidates(wanted, preferred)) {
    // Once there is a second best, only a candidate that has the wanted version in its path is worth a start (20-100 ms).
    if (!other.path.empty() && candidate.find(major_minor(wanted)) == std::string::npos) continue;
    Interpreter found = ask(cache, candidate);
    if (found.path.empty() && candidate == preferred)
      return fail(Code::kInvalid, "there is no Python 3 at " + preferred + ", which the settings name", "see [environments]");
    if (found.path.empty()) continue;
    if (version_matches(found.version, wanted)) return FoundInterpreter{.interpreter = std::move(found), .exact = true};
    // python3.10 of the kind "3.10.4 instead of 3.10.13" is nearer than python3.
    if (other.path.empty()) other = std::move(found);
  }
  if (other.path.empty()) return fail(Code::kUnavailable, "no Python 3 was found on PATH", kInstallHint);
  return FoundInterpreter{.interpreter = std::move(other), .exact = false};
}

}  // namespace

bool version_matches(const std::string& version, const std::string& wanted) {
  return wanted.empty() || version == wanted || version.starts_with(wanted + ".");
}

Result<Interpreter> probe_interpreter(const std::string& program, const std::atomic<bool>& cancelled) {
  auto result = run_command(Command{.argv = {program, "-I", "-c", kProbe}, .time_max = kProbeTimeMax}, cancelled);
  if (!result) {
    if (result.error().code == Code::kCancelled) return fail(result.error());
    return fail(Code::kUnavailable, "Python at " + program + " does not start: " + result.error().message, kInstallHint);
  }
  const auto& lines = result->last_lines;
  if (result->exit_code != 0 || lines.size() < 2 || !lines[lines.size() - 2].starts_with('/') || !lines.back().starts_with("3."))
    return fail(Code::kInvalid, program + " is no Python 3: " + (lines.empty() ? "it says nothing" : lines.back()), kInstallHint);
  return Interpreter{.path = lines[lines.size() - 2], .version = lines.back()};
}

Result<FoundInterpreter> find_interpreter(const std::string& wanted_version, const std::string& preferred) {
  static std::mutex mutex;
  static std::map<std::string, FoundInterpreter> known;
  const std::lock_guard lock(mutex);
  // PATH is part of the question, so that a process that changes it (tests do) gets another answer.
  const std::string question = wanted_version + "\n" + preferred + "\n" + variable("PATH") + "\n" + variable("HOME");
  if (const auto found = known.find(question); found != known.end()) return found->second;
  SLUICE_TRY(FoundInterpreter found, look_up(wanted_version, preferred));
  known[question] = found;
  return found;
}

}  // namespace sluice
