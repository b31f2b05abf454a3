#include "exec/machine.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "exec/limits.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  return static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

// 0: none. Groups above may have a lower one still; the nearest is what containers are given.
std::int64_t cgroup_memory() {
  const CgroupPlaces places = own_cgroups();
  if (places.memory.empty()) return 0;
  const auto text = small_file_text(places.memory + (places.v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  return text ? parse_integer(trim(*text)).value_or(0) : 0;
}

int nvidia_gpus() {
  int count = 0;
  struct stat info{};
  while (count < 64 && ::stat(("/dev/nvidia" + std::to_string(count)).c_str(), &info) == 0 && S_ISCHR(info.st_mode)) ++count;
  return count;
}

}  // namespace

std::int64_t memory_total(const std::string& meminfo) {
  for (const std::string_view line : split(meminfo, '\n')) {
    if (!line.starts_with("MemTotal:") || !line.ends_with(" kB")) continue;
    const auto kib = parse_integer(trim(line.substr(9, line.size() - 9 - 3)));
    return kib && *kib > 0 && *kib < (1LL << 50U) ? *kib * 1024 : 0;
  }
  return 0;
}

MachineFacts this_machine() {
  MachineFacts machine{.cpus = usable_cpus(), .gpus = nvidia_gpus()};
  machine.memory_bytes = memory_total(small_file_text("/proc/meminfo").value_or(""));
  const std::int64_t group = cgroup_memory();
  if (group > 0 && (machine.memory_bytes == 0 || group < machine.memory_bytes)) machine.memory_bytes = group;
  return machine;
}

}  // namespace sluice
