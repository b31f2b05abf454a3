// Starting one process of an attempt: a child in our own memory that execs, with everything prepared before so that it only makes
// system calls.
#pragma once

#include <sys/types.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exec/supervisor.h"

namespace sluice {

struct SpawnRequest {
  const char* program = nullptr;  // path
  char* const* argv = nullptr;  // null-terminated
  char* const* envp = nullptr;  // null-terminated
  const char* directory = nullptr;  // working directory
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;
  int user_namespace = -1;  // joined if not -1
  int mount_namespace = -1;
  int root = -1;  // root directory to have in the mount namespace
  std::array<int, 2> cgroups{-1, -1};  // cgroup.procs to write itself into
  bool own_session = true;  // false: a helper of ours, which stays in our session
};
struct SpawnOutcome {
  pid_t pid = -1;
  const char* failed_call = nullptr;  // "execve", "chdir", ...; null: the program runs
  int error = 0;  // errno of it
};
// A session and process group of its own, signals unblocked, killed with its parent. Must be called on the main thread: PDEATHSIG
// watches the thread that forked. Returns when the program runs or could not be started (then the child is reaped).
SpawnOutcome spawn(const SpawnRequest& request);

// Looks programs up on a PATH and remembers what it found, as a shell does: a start then costs no look at the disk.
class ProgramFinder {
 public:
  struct Found {
    std::string path;
    int exit_code = 0;  // 127 not found, 126 found but not executable
    std::string error;
  };
  // `directory` is what relative entries and names are relative to.
  Found find(const std::string& name, const std::string& path_list, const std::string& directory);
  // What was remembered for `name` has turned out to be gone.
  void forget(const std::string& name, const std::string& path_list) { found_.erase(key(name, path_list)); }

 private:
  static std::string key(const std::string& name, const std::string& path_list) { return name + '\0' + path_list; }

  std::unordered_map<std::string, std::string> found_;
};

// What every attempt inherits: the environment of the submitter less what would leak into it (SLUICE_*, PYTHON*, VIRTUAL_ENV).
class BaseEnvironment {
 public:
  explicit BaseEnvironment(char** environment);

  // Environment and argv as execve wants them, good as long as the spec and the base live.
  struct Block {
    std::vector<std::string> owned;
    std::vector<char*> envp;
  };
  Block with(const AttemptSpec& spec, std::span<const std::pair<std::string, std::string>> extra) const;
  // All of it, for a fingerprint, less what differs between two commands of one shell.
  std::string text() const;
  // The value that an attempt sees; empty if it has none.
  std::string_view value(const AttemptSpec& spec, std::string_view name) const;

 private:
  struct Variable {
    std::string name;
    std::string text;  // NAME=VALUE
  };
  std::vector<Variable> variables_;  // sorted by name
};

// Why execve refused, in words, and the exit code that a shell would give.
struct ExecFailure {
  int exit_code = 126;
  std::string error;
};
ExecFailure explain_exec_failure(const AttemptSpec& spec, const std::string& program, const SpawnOutcome& outcome);

}  // namespace sluice
