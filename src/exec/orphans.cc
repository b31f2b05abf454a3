#include "exec/orphans.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace sluice {
namespace {

// Whoever is in our session is a helper of ours: an attempt begins with a session of its own.
bool is_helper(pid_t pid) { return ::getsid(pid) == ::getsid(0); }

// Which attempt an orphan comes from: by its environment, else (a program that wrote over it) by its session.
std::string owner_of(pid_t pid, const Orphans::Attempts& attempts) {
  if (auto id = attempt_of(pid); id && attempts.count(*id) > 0) return std::move(*id);
  const pid_t session = ::getsid(pid);
  for (const auto& [id, attempt] : attempts)
    if (attempt->pid() == session) return id;
  return "";
}

}  // namespace

void Orphans::find(const Attempts& attempts, const Mains& mains, std::size_t expected) {
  children_.read(pids_);
  if (pids_.size() == expected) return;
  for (const pid_t pid : pids_)
    if (mains.count(pid) == 0 && orphans_.count(pid) == 0 && !is_helper(pid))
      orphans_.emplace(pid, Orphan{owner_of(pid, attempts)});
}

bool Orphans::end_those_of(const AttemptProcess& attempt, bool is_last, Instant now) {
  const bool is_due = !attempt.kill_at || *attempt.kill_at <= now;
  bool found = false;
  for (auto& [pid, orphan] : orphans_) {
    if (orphan.attempt != attempt.id() && !(is_last && orphan.attempt.empty())) continue;
    found = true;
    const pid_t group = ::getpgid(pid);
    if (is_due) {
      // Its group too, so that a process which forks faster than we look does not get away.
      if (group > 0 && group != ::getpgrp()) ::kill(-group, SIGKILL);
      ::kill(pid, SIGKILL);
    } else if (!orphan.told && group != attempt.pid()) {
      ::kill(pid, SIGTERM);
    }
    orphan.told = true;
  }
  return found;
}

void Orphans::kill_children() {
  for (children_.read(pids_); !pids_.empty(); children_.read(pids_)) {
    for (const pid_t pid : pids_)
      if (!is_helper(pid)) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, 0) < 0 && errno == EINTR) {}
  }
}

}  // namespace sluice
