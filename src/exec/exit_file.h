// NAME.exits: how attempts ended, appended by their supervisor before it tells anybody, so that a kill of every process loses no
// end. Frames of the wire, one after the other (ADR 0006). Its lock, held by the supervisor, says that the supervisor lives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exec/supervisor.h"
#include "exec/wire.h"

namespace sluice {

class ExitFile {
 public:
  // `fd`: open for appending, empty; it is owned, -1: there is none. Not `keeps`: it is only held for its lock.
  ExitFile(int fd, bool keeps) : fd_(fd), keeps_(keeps && fd >= 0) {}
  ~ExitFile();
  ExitFile(const ExitFile&) = delete;
  ExitFile& operator=(const ExitFile&) = delete;

  // One write() without a sync. What a full disk does not take is written with the next call.
  void append(const WireMessage& message);
  // Nobody needs what has been appended any more: the file starts anew when it is large.
  void all_acknowledged();

 private:
  int fd_;
  bool keeps_;
  std::int64_t size_ = 0;  // of whole frames
  std::string unwritten_;
};

struct ExitFileContent {
  std::vector<AttemptExit> exits;  // the newest of each attempt
  bool ended_well = false;  // the supervisor had nothing left to do when it ended
};
// What is damaged, or was being written when the supervisor died, ends the list.
Result<ExitFileContent> read_exit_file(const std::string& path);

}  // namespace sluice
