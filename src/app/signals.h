// SIGINT and SIGTERM as something a loop can wait for.
#pragma once

#include <atomic>

namespace sluice {

class Signals {
 public:
  // From here on both signals only make fd() readable, and a write to a pipe that nobody reads is an error like any other: the
  // engine must not die because somebody looked at its first lines with `head`. One object at a time.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return read_; }
  // The signal that came, 0 if none is waiting.
  int take();
  // Whether one has come, also if it has been taken.
  const std::atomic<bool>& came() const;

 private:
  int read_ = -1, write_ = -1;
};

}  // namespace sluice
