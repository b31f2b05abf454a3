// The log of an attempt: one file of framed chunks, so that stdout and stderr can be told apart and merged in order.
//
// A frame: stream (1 byte: 1 stdout, 2 stderr, 3 note of ours), length (4 bytes LE), time (8 bytes LE, microseconds UTC), bytes.
// A torn last frame (a crash) is ignored by readers. Beyond half of bytes_max, further frames go to two rotating tail files
// LOG.tail0, LOG.tail1 of a quarter each; the reader shows head, a note "… 123 MiB cut …", tail. A tail file begins with a frame
// of stream 0 that says its number in the sequence and how many bytes of output came before it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

enum class Stream : std::uint8_t { kStdout = 1, kStderr = 2, kNote = 3 };

class LogWriter {
 public:
  LogWriter(std::string path, std::int64_t bytes_max);
  ~LogWriter();
  LogWriter(LogWriter&& other) noexcept;
  LogWriter& operator=(LogWriter&&) = delete;
  // From now on these texts appear as *** in stdout and stderr; see redact.h.
  void hide(const std::vector<std::string>& texts);
  // Opens the file at the first call. After a write error (disk full) the rest is dropped and counted.
  void write(Stream stream, std::string_view bytes, Instant at);
  // The output has ended: what was held back, as it could have been the beginning of a hidden text, is written.
  void finish(Instant at);
  std::int64_t dropped_bytes() const { return dropped_; }
  // Of the first write that failed; 0 if none did.
  int error() const { return error_; }

 private:
  struct Redaction;
  void write_shown(Stream stream, std::string_view bytes, Instant at);
  bool make_room(std::int64_t frame_bytes, Instant at);
  bool open_tail(Instant at);
  bool put(std::uint8_t stream, std::string_view bytes, Instant at);

  std::string path_;
  std::int64_t bytes_max_;
  int fd_ = -1;
  std::int64_t tail_ = -1;    // number of the tail file that is open, in LOG.tail<number % 2>; -1: still in the head
  std::int64_t written_ = 0;  // in the file that is open
  std::int64_t output_ = 0;   // bytes of output so far, without frames
  std::int64_t dropped_ = 0;
  int error_ = 0;
  std::unique_ptr<Redaction> redaction_;  // null: nothing is hidden
};

struct LogChunk {
  Stream stream;
  Instant at;
  std::string_view bytes;  // good during the call
};
// Calls `visit` for every chunk in order; false from it stops. kNotFound never: a missing file is an empty log. kCorrupt if the
// file holds something else than frames. Memory: one frame.
Status read_log(const std::string& path, const std::function<bool(const LogChunk&)>& visit);

// Reads on where the last call ended: for --follow. Handles the move to the tail files; what was overwritten between two calls is
// a note.
class LogFollower {
 public:
  explicit LogFollower(std::string path) : path_(std::move(path)) {}
  Status poll(const std::function<void(const LogChunk&)>& visit);
  // The same until `visit` answers false; the next call goes on behind that chunk.
  Status poll_until(const std::function<bool(const LogChunk&)>& visit);

 private:
  std::string path_;
  std::int64_t tail_ = -1;  // number of the tail file that is being read; -1: the head
  std::int64_t offset_ = 0;  // in the file that is being read
  std::int64_t output_ = 0;  // bytes of output that were read or are known to be cut
};

// The last `lines` lines of stdout and stderr together, for the summary of a failed task. Valid UTF-8; a line of more than 2,000
// bytes is shortened, and of a line that was drawn over with carriage returns (a progress bar) only its last state is kept.
Result<std::string> last_log_lines(const std::string& path, int lines);

}  // namespace sluice
