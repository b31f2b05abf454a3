// One end of the socket between engine and supervisor: messages in, messages out, nothing ever blocks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"
#include "exec/wire.h"

namespace sluice {

class Channel {
 public:
  // Owns `fd`, a SEQPACKET socket, and makes it non-blocking with large buffers.
  explicit Channel(int fd);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int fd() const { return fd_; }

  // Bytes of whole frames to go out with the next flush(): append to it.
  std::string& outbox() { return out_; }
  // Sends what the socket takes; the rest stays for the next call. kUnavailable: the peer is gone.
  Status flush();
  bool has_unsent() const { return sent_ < out_.size(); }

  // Takes in what has arrived, at most kPacketsMax packets. False: the peer has closed its end.
  Result<bool> fill();
  Result<std::optional<WireMessage>> next() { return in_.next(); }

  void close();

 private:
  int fd_;
  std::string out_;
  std::size_t sent_ = 0;
  FrameReader in_;
};

}  // namespace sluice
