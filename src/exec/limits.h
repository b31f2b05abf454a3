// What an attempt may use of the machine, all its processes together: a cgroup of its own (v2, else v1) where this user may make
// one, else a watchdog that sums up what its processes hold. For an attempt without a limit there is nothing of this.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>

#include "exec/supervisor.h"

namespace sluice {

// Where groups are made: below the supervisor's own, so that whatever holds the supervisor holds them too. An empty path: not
// here.
struct CgroupPlaces {
  std::string memory, cpu;
  bool v2 = false;  // then both are the same
};
// From /proc/self/cgroup and /proc/self/mountinfo; paths are those of the mounts. Nothing is made or tried.
CgroupPlaces cgroup_places(const std::string& own_groups, const std::string& mounts);
// The groups that this process is in, as they are now.
CgroupPlaces own_cgroups();
// Those of this process, where groups may be made as far as can be said; found out once. What supervisors that were killed have
// left there is removed.
const CgroupPlaces& usable_cgroups();

class AttemptLimit {
 public:
  // Makes the groups. Where there are none the memory of the attempt is watched, and its cpu is not limited.
  explicit AttemptLimit(const AttemptSpec& spec, const CgroupPlaces& places = usable_cgroups());
  // Removes them; nothing of the attempt is alive.
  ~AttemptLimit();
  AttemptLimit(const AttemptLimit&) = delete;
  AttemptLimit& operator=(const AttemptLimit&) = delete;

  // A child that is about to exec writes "0" into each that is not -1, and is limited from there on.
  const std::array<int, 2>& doors() const { return doors_; }
  // The child has: else it is put there, or is watched where that does not work.
  void confirm(pid_t pid);
  // The same for a process that is there already, with all that it will fork.
  void add(pid_t pid);

  // How often look() is to be called while the attempt runs.
  int look_every_ms() const { return has_memory_group_ ? 100 : 20; }
  // Whether the attempt has had to be killed for want of memory since it began: the kernel has killed one of its processes, or
  // all of them in session `pid` hold more than the limit. Then whoever asks kills the rest.
  bool look(pid_t pid);
  bool is_over() const { return is_over_; }
  // As far as it is known: of a group to the byte, of what is watched the highest that was seen.
  std::int64_t peak_bytes();

 private:
  void make_memory_group(const std::string& place);
  void make_cpu_group(const std::string& place);

  std::int64_t memory_bytes_;
  int cpu_milli_;
  std::string memory_group_, cpu_group_;  // empty: none
  bool has_memory_group_ = false;
  bool v2_ = false;
  std::array<int, 2> doors_{-1, -1};
  bool is_over_ = false;
  std::int64_t peak_ = 0;
};

// How often the kernel has killed something for want of memory: in our own cgroup where that is known, else on this machine. -1:
// it does not say.
std::int64_t oom_kills();

// Anonymous memory of all processes of a session, in bytes: shared pages count for each.
std::int64_t session_memory(pid_t session);

}  // namespace sluice
