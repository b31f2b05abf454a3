// The log of an attempt: one file of framed chunks, so that stdout and stderr can be told apart and merged in order.
//
// A frame: stream (1 byte: 1 stdout, 2 stderr, 3 note of ours), length (4 bytes LE), time (8 bytes LE, microseconds UTC), bytes. A torn last frame (a
// crash) is ignored by readers. Beyond half of bytes_max, further frames go to two rotating tail files LOG.tail0, LOG.tail1 of a quarter each; the reader shows head,
// a note "… 123 MiB cut …", tail.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

enum class Stream : std::uint8_t { kStdout = 1, kStderr = 2, kNote = 3 };

class LogWriter {
 public:
  LogWriter(std::string path, std::int64_t bytes_max) : path_(std::move(path)), bytes_max_(bytes_max) {}
  ~LogWriter();
  LogWriter(LogWriter&& other) noexcept;
  LogWriter& operator=(LogWriter&&) = delete;
  // Opens the file at the first call. After a write error (disk full) the rest is dropped and counted.
  void write(Stream stream, std::string_view bytes, Instant at);

 private:
  std::string path_;
  std::int64_t bytes_max_;
  int fd_ = -1;
  int tail_ = -1;                 // which tail file is open; -1: still in the head
  std::int64_t written_ = 0;      // in the file that is open
  bool broken_ = false;
};

struct LogChunk {
  Stream stream;
  Instant at;
  std::string_view bytes;
};
// Calls `visit` for every chunk in order; false from it stops. kNotFound never: a missing file is an empty log.
Status read_log(const std::string& path, const std::function<bool(const LogChunk&)>& visit);

// Reads on where the last call ended: for --follow. Handles the move to the tail files.
class LogFollower {
 public:
  explicit LogFollower(std::string path) : path_(std::move(path)) {}
  Status poll(const std::function<void(const LogChunk&)>& visit);

 private:
  std::string path_;
  std::int64_t offset_ = 0;       // of bytes in the head that were read
  std::int64_t tail_offset_ = 0;
  int tail_ = -1;
};

// The last `lines` lines of stdout and stderr together, for the summary of a failed task.
Result<std::string> last_log_lines(const std::string& path, int lines);

}  // namespace sluice
