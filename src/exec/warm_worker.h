// The process of one warm worker (worker/worker.py), started in an environment's own interpreter.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/owned_fd.h"
#include "base/result.h"
#include "exec/spawn.h"
#include "exec/warm_variables.h"

namespace sluice {

// An id that is longer does not fit where /proc/PID/environ of a step shows it.
constexpr std::size_t kWarmIdMax = 400;

struct WorkerProcess {
  pid_t pid = -1;
  OwnedFd control;  // our end
};
// In our session, as our helpers are, killed with us. `variables` come on top of what every attempt inherits.
Result<WorkerProcess> start_worker(const std::string& environment, const BaseEnvironment& base, const Variables& variables,
                                   int devnull);

// What such a process runs.
std::string_view worker_program();

// One packet, with descriptors. False: it did not go out.
bool send_packet(int socket, std::string_view packet, std::span<const int> fds = {});
struct ReceivedPacket {
  std::string bytes;  // empty: the other end is closed
  OwnedFd fd;         // of those that came with it, the first
};
// Nothing: there is none now.
std::optional<ReceivedPacket> receive_packet(int socket);

// Memory of a process in bytes, as the kernel counts it; 0 if it cannot be told.
std::int64_t resident_bytes(pid_t pid);
// What it does not share with others. Walks its page tables: milliseconds for a big one.
std::int64_t private_bytes(pid_t pid);
struct MachineMemory {
  std::int64_t total_bytes = 0, available_bytes = 0;
};
MachineMemory machine_memory();

}  // namespace sluice
