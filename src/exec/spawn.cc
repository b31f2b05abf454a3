#include "exec/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include "base/text.h"

namespace sluice {
namespace {

// PATH where the attempt has none: what execvp takes.
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";
// MAX_ARG_STRLEN of the kernel: 32 pages.
constexpr std::size_t kArgumentBytesMax = 32 * 4096;

// The child runs in our memory, on a stack of its own, while we wait for it to exec: what vfork does, in a way that compilers and
// sanitizers can follow. 64 KiB are ten times what its few system calls need; there is one child at a time.
alignas(16) std::array<std::byte, 64 * 1024> g_child_stack;

struct Child {
  const SpawnRequest& request;
  pid_t parent = 0;
  const char* failed_call = nullptr;
  int error = 0;
};

int give_up(Child& child, const char* call) {
  child.error = errno;
  child.failed_call = call;
  return 127;
}

// Only system calls: memory and locks belong to the parent. Returns only if execve is not reached. A sanitizer would note down
// this stack as the parent's.
__attribute__((no_sanitize("address", "thread"))) int run_child(void* argument) {
  Child& child = *static_cast<Child*>(argument);
  const SpawnRequest& request = child.request;
  // Before setns: seen from another user namespace they may not be written. Whether it worked is for the parent to see.
  for (const int group : request.cgroups)
    if (group >= 0 && ::write(group, "0", 1) < 0) continue;
  if (request.user_namespace >= 0 && ::setns(request.user_namespace, CLONE_NEWUSER) != 0) return give_up(child, "setns");
  if (request.mount_namespace >= 0 && ::setns(request.mount_namespace, CLONE_NEWNS) != 0) return give_up(child, "setns");
  if (request.root >= 0 && (::fchdir(request.root) != 0 || ::chroot(".") != 0)) return give_up(child, "chroot");
  if (request.own_session) ::setsid();
  // After setns, which clears it. If the parent died before, nobody would kill us.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != child.parent) return 127;
  if (::chdir(request.directory) != 0) return give_up(child, "chdir");
  if (::dup2(request.stdin_fd, 0) < 0 || ::dup2(request.stdout_fd, 1) < 0 || ::dup2(request.stderr_fd, 2) < 0)
    return give_up(child, "dup2");
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(request.program, request.argv, request.envp);
  return give_up(child, "execve");
}

bool is_inherited(std::string_view name) {
  return !name.starts_with("SLUICE_") && !name.starts_with("PYTHON") && name != "VIRTUAL_ENV";
}

}  // namespace

SpawnOutcome spawn(const SpawnRequest& request) {
  Child child{.request = request, .parent = ::getpid()};
  // Blocked until execve: a signal handler in the child would run in our memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::clone(run_child, g_child_stack.data() + g_child_stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  const int clone_error = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return {.failed_call = "clone", .error = clone_error};
  if (child.failed_call == nullptr) return {.pid = pid};
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  return {.failed_call = child.failed_call, .error = child.error};
}

ProgramFinder::Found ProgramFinder::find(const std::string& name, const std::string& path_list, const std::string& directory) {
  if (name.empty()) return {.exit_code = 127, .error = "the command's name is empty"};
  if (name.find('/') != std::string::npos) return {.path = name};  // execve says what is wrong with it
  const auto known = found_.find(key(name, path_list));
  if (known != found_.end()) return {.path = known->second};
  std::string refused;
  for (const std::string_view entry : split(path_list.empty() ? kDefaultPath : std::string_view(path_list), ':')) {
    const bool is_absolute = entry.starts_with('/');
    std::string path = is_absolute ? std::string(entry) : directory + "/" + std::string(entry);
    path.append("/").append(name);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (::access(path.c_str(), X_OK) != 0) {
      if (refused.empty()) refused = path;
      continue;
    }
    if (is_absolute) found_.emplace(key(name, path_list), path);
    return {.path = std::move(path)};
  }
  if (!refused.empty()) return {.exit_code = 126, .error = name + ": " + refused + " is not executable"};
  return {.exit_code = 127, .error = name + ": not found on PATH"};
}

BaseEnvironment::BaseEnvironment(char** environment) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view text(*environment);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0 || !is_inherited(text.substr(0, equals))) continue;
    variables_.push_back({std::string(text.substr(0, equals)), std::string(text)});
  }
  std::stable_sort(variables_.begin(), variables_.end(), [](const Variable& a, const Variable& b) { return a.name < b.name; });
}

BaseEnvironment::Block BaseEnvironment::with(const AttemptSpec& spec,
                                             std::span<const std::pair<std::string, std::string>> extra) const {
  Block block;
  std::vector<char*> own(variables_.size());
  // execve takes char*, and does not write to it.
  for (std::size_t i = 0; i < variables_.size(); ++i) own[i] = const_cast<char*>(variables_[i].text.c_str());
  block.owned.reserve(spec.env.size() + extra.size() + 1);
  const auto set = [&](std::string_view name, std::string_view value) {
    const auto at = std::lower_bound(variables_.begin(), variables_.end(), name,
                                     [](const Variable& v, std::string_view n) { return v.name < n; });
    for (auto same = at; same != variables_.end() && same->name == name; ++same)
      own[static_cast<std::size_t>(same - variables_.begin())] = nullptr;
    block.owned.emplace_back(name).append("=").append(value);
  };
  for (auto variable = spec.env.begin(); variable != spec.env.end(); ++variable) {
    // Of a name that is set twice the last one counts.
    const bool is_set_again =
        std::any_of(variable + 1, spec.env.end(), [&](const auto& later) { return later.first == variable->first; });
    if (!is_set_again && variable->first != "SLUICE_ATTEMPT") set(variable->first, variable->second);
  }
  for (const auto& [name, value] : extra) set(name, value);
  set("SLUICE_ATTEMPT", spec.id);
  block.envp.reserve(own.size() + block.owned.size() + 1);
  // First, so that a look for leftovers in /proc/PID/environ ends with the first bytes.
  block.envp.push_back(block.owned.back().data());
  for (std::size_t i = 0; i + 1 < block.owned.size(); ++i) block.envp.push_back(block.owned[i].data());
  for (char* text : own)
    if (text != nullptr) block.envp.push_back(text);
  block.envp.push_back(nullptr);
  return block;
}

std::string_view BaseEnvironment::value(const AttemptSpec& spec, std::string_view name) const {
  for (auto variable = spec.env.rbegin(); variable != spec.env.rend(); ++variable)
    if (variable->first == name) return variable->second;
  const auto at = std::lower_bound(variables_.begin(), variables_.end(), name,
                                   [](const Variable& v, std::string_view n) { return v.name < n; });
  return at != variables_.end() && at->name == name ? std::string_view(at->text).substr(name.size() + 1) : std::string_view();
}

std::string BaseEnvironment::text() const {
  std::string text;
  for (const Variable& variable : variables_)
    if (variable.name != "_" && variable.name != "SHLVL" && variable.name != "OLDPWD") text.append(variable.text) += '\0';
  return text;
}

ExecFailure explain_exec_failure(const AttemptSpec& spec, const std::string& program, const SpawnOutcome& outcome) {
  const std::string_view call(outcome.failed_call);
  if (call == "chdir") return {.error = "working directory of the attempt: " + std::string(std::strerror(outcome.error))};
  if (call != "execve") return {.error = std::string(call) + ": " + std::strerror(outcome.error)};
  if (outcome.error == ENOENT || outcome.error == ENOTDIR) {
    const bool exists = ::access(program.c_str(), F_OK) == 0;
    return {127, program + (exists ? ": the interpreter that it names does not exist" : ": no such file")};
  }
  if (outcome.error == EACCES) return {.error = program + ": not executable"};
  if (outcome.error != E2BIG) return {.error = program + ": " + std::strerror(outcome.error)};
  for (std::size_t i = 0; i < spec.argv.size(); ++i)
    if (spec.argv[i].size() >= kArgumentBytesMax)
      return {.error = "argument " + std::to_string(i) +
                       " is too long: " + format_bytes(static_cast<double>(spec.argv[i].size())) +
                       ", and this kernel takes at most 128 KiB in one argument; hand large values over as a file (an artifact)"};
  for (const auto& [name, value] : spec.env)
    if (name.size() + value.size() + 1 >= kArgumentBytesMax)
      return {.error = "environment variable " + name + " is too long: " + format_bytes(static_cast<double>(value.size())) +
                       ", and this kernel takes at most 128 KiB in one"};
  return {.error =
              "the command and its environment together are too long for this kernel; hand large values over as a file (an "
              "artifact)"};
}

}  // namespace sluice
