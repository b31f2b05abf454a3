// Carries out a plan of mounts, in the process whose namespace is to have them.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "exec/mount_plan.h"

namespace sluice {

// Made before the fork; open_sources() and carry_out() then make system calls only, so that they may run in the child of a
// process with threads. `mounts` and `steps` must outlive it.
class MountSteps {
 public:
  MountSteps(const std::vector<AttemptMount>& mounts, const std::vector<MountStep>& steps);
  // Takes hold of the sources, before anything hides them. Both return false with errno set; failed() is then what it was about.
  bool open_sources();
  bool carry_out();
  // Number of the step, or of the mount if no step has been begun.
  std::size_t failed() const { return failed_; }
  bool has_begun() const { return has_begun_; }

 private:
  bool carry_out(const MountStep& step);

  struct Source {
    int fd = -1;
    std::array<char, 32> link{};  // /proc/self/fd/N
  };
  const std::vector<AttemptMount>& mounts_;
  const std::vector<MountStep>& steps_;
  std::vector<Source> sources_;
  std::size_t failed_ = 0;
  bool has_begun_ = false;
};

// "/proc/self/fd/N", without asking for memory.
void write_descriptor_link(std::array<char, 32>& link, int fd);

}  // namespace sluice
