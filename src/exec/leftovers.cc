// Ending what is left of attempts whose supervisor is gone: every process carries its attempt's id in its environment.
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <set>
#include <vector>

#include "exec/processes.h"
#include "exec/supervisor.h"

namespace sluice {
namespace {

// A process that survives SIGKILL this long is stuck in the kernel (a dead network file system).
constexpr std::chrono::seconds kGoneMax{30};

struct Leftover {
  pid_t pid = 0;
  int pidfd = -1;
};

// A pidfd pins the process: the id is read again after it is there, so that what is killed is what carries the id.
std::vector<Leftover> find_leftovers(const std::function<bool(const std::string&)>& is_wanted) {
  std::vector<Leftover> found;
  const pid_t self = ::getpid();
  for (const pid_t pid : own_processes()) {
    if (pid == self) continue;
    if (const auto id = attempt_of(pid); !id || !is_wanted(*id)) continue;
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) continue;
    if (const auto id = attempt_of(pid); id && is_wanted(*id))
      found.push_back({pid, pidfd});
    else
      ::close(pidfd);
  }
  return found;
}

// False if it is not gone in time.
bool wait_gone(const Leftover& leftover, std::chrono::steady_clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd ended{leftover.pidfd, POLLIN, 0};
    const int ready = ::poll(&ended, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// A process may fork between our look and its death, so the walk is repeated until it finds nothing.
Result<int> end_all(const std::function<bool(const std::string&)>& is_wanted) {
  const auto deadline = std::chrono::steady_clock::now() + kGoneMax;
  std::set<pid_t> seen;
  while (true) {
    const auto found = find_leftovers(is_wanted);
    if (found.empty()) return static_cast<int>(seen.size());
    for (const Leftover& leftover : found) {
      ::syscall(SYS_pidfd_send_signal, leftover.pidfd, SIGKILL, nullptr, 0);
      seen.insert(leftover.pid);
    }
    pid_t stuck = 0;
    for (const Leftover& leftover : found) {
      if (!wait_gone(leftover, deadline)) stuck = leftover.pid;
      ::close(leftover.pidfd);
    }
    if (stuck != 0)
      return fail(
          Code::kTimeout, "process " + std::to_string(stuck) + " of an earlier attempt does not end, not even by SIGKILL",
          "it hangs in the kernel, most likely on a file system that is away; see /proc/" + std::to_string(stuck) + "/stack");
  }
}

}  // namespace

Result<int> end_leftovers(const std::string& id) {
  if (id.empty()) return fail(Code::kInvalid, "an attempt without an id has no leftovers");
  return end_all([&](const std::string& other) { return other == id; });
}

Result<int> end_leftovers_of(const std::string& prefix) {
  if (prefix.empty()) return fail(Code::kInvalid, "the empty prefix would end the attempts of every run on this machine");
  return end_all([&](const std::string& other) { return other.starts_with(prefix); });
}

std::vector<std::string> live_attempts() {
  std::set<std::string> ids;
  for (const pid_t pid : own_processes())
    if (auto id = attempt_of(pid); id && !id->empty()) ids.insert(std::move(*id));
  return {ids.begin(), ids.end()};
}

}  // namespace sluice
