// SIGINT and SIGTERM as something a loop can wait for.
#pragma once

namespace sluice {

class Signals {
 public:
  // From here on both signals only make fd() readable. One object at a time.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return read_; }
  // The signal that came, 0 if none is waiting.
  int take();

 private:
  int read_ = -1, write_ = -1;
};

}  // namespace sluice
