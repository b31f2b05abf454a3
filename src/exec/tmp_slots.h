// A /tmp of its own for each attempt: mount namespaces that are made ahead, one per slot, and joined with setns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exec/supervisor.h"

namespace sluice {

class TmpSlots {
 public:
  // What an attempt joins; -1 and empty where there is nothing to join.
  struct Lease {
    int slot = -1;
    int user_namespace = -1;
    int mount_namespace = -1;
    int root = -1;
    bool use_tmpdir = false;  // no private /tmp here: TMPDIR must do
    std::string note;         // for the task, empty if all is well
    std::string refusal;      // not empty: what the attempt asks to have mounted cannot be; it must not start
  };

  explicit TmpSlots(const SupervisorOptions& options);
  ~TmpSlots();
  TmpSlots(const TmpSlots&) = delete;
  TmpSlots& operator=(const TmpSlots&) = delete;

  // A clean /tmp in which the host paths `writable` show through. Makes one (about a millisecond) if none is ready. With mounts
  // it is one for this attempt alone.
  Lease take(const AttemptSpec& spec);
  // The attempt's processes are gone. What it left in /tmp is deleted later, or moved to `keep_as` if that is not empty.
  void give_back(const Lease& lease, const std::string& keep_as);
  // When there is time, a piece of what can wait: makes a slot ahead, deletes a leftover. -1: there is nothing; else after that
  // many milliseconds without other work. Deleting waits for a pause between attempts: on ext4 it makes creating files slow for a
  // while.
  int idle_work_after_ms(bool is_busy) const;
  void do_idle_work();
  // What this machine can do. Nothing can be taken afterwards.
  PrivateTmp probe();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
