// DATA/supervisors: NAME.sock and NAME.exits of every supervisor, and `log`, what they have to complain about.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "exec/supervisor.h"

namespace sluice {

struct SupervisorFiles {
  std::string base;  // DATA/supervisors/NAME
  std::string socket() const { return base + ".sock"; }
  std::string exits() const { return base + ".exits"; }
  std::string name() const { return base.substr(base.rfind('/') + 1); }
  // The socket first: a socket is never there without its NAME.exits.
  void remove() const;
};
std::string supervisors_folder(const std::string& data_dir);
SupervisorFiles supervisor_files(const std::string& data_dir, const std::string& name);
// All that are there, by name.
std::vector<SupervisorFiles> list_supervisor_files(const std::string& data_dir);

// Files of a supervisor that is about to be made: a new name, NAME.exits locked.
struct NewSupervisor {
  SupervisorFiles files;
  OwnedFd exits;
};
Result<NewSupervisor> new_supervisor(const std::string& data_dir);

Result<OwnedFd> listen_on(const SupervisorFiles& files);
// kUnavailable: nobody listens.
Result<OwnedFd> connect_to(const SupervisorFiles& files);

enum class Life { kAlive, kDead, kGone };  // gone: it has ended and removed its files
// Looks again until it is not alive any more, or `patience` is over.
Result<Life> supervisor_life(const SupervisorFiles& files, Duration patience);

// Starts `sluice supervise` in a session of its own, with `socket` as 3 and `exits` as 4 and no other descriptors. Its complaints
// go to our stderr, of one that outlives us to the log.
Result<pid_t> spawn_supervisor(const SupervisorOptions& options, int socket, int exits);

// "0.1.0 12ab34cd56ef7890": version of this program, and a fingerprint of its file, of what attempts inherit from this process's
// environment and of how they see /tmp. Attempts that are started by supervisors of the same identity do not see a difference.
std::string build_identity(const SupervisorOptions& options);

}  // namespace sluice
