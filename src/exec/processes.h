// What /proc says about processes of attempts.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice {

// The SLUICE_ATTEMPT that process `pid` was started with; nothing if it has none, is a zombie, or may not be read.
std::optional<std::string> attempt_of(pid_t pid);

// All processes that this user owns, from /proc.
std::vector<pid_t> own_processes();

// The children of the calling (single-threaded) process, zombies included. One read of an open file, a few microseconds; where
// the kernel does not have that file (CONFIG_PROC_CHILDREN), a walk over /proc.
class ChildList {
 public:
  ChildList();
  ~ChildList();
  ChildList(const ChildList&) = delete;
  ChildList& operator=(const ChildList&) = delete;

  void read(std::vector<pid_t>& children);

 private:
  bool read_file(std::vector<pid_t>& children);

  int fd_;
  std::string text_;
};

}  // namespace sluice
