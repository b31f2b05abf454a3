// What this machine has: processors, memory, GPUs.
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

struct MachineFacts {
  int cpus = 1;                   // that this process may run on
  std::int64_t memory_bytes = 0;  // that it may use: of the machine, or of its cgroup if that is less; 0: not known
  int gpus = 0;                   // of NVIDIA's: /dev/nvidia0, /dev/nvidia1, ...
};
MachineFacts this_machine();

// MemTotal of /proc/meminfo's text, in bytes; 0: it does not say.
std::int64_t memory_total(const std::string& meminfo);

}  // namespace sluice
