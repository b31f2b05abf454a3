// The messages between the engine and its supervisor, and their frames: 4 bytes of length (little-endian), then compact JSON with
// a "type". A type that this build does not know is read as UnknownMessage and passed over, so that a newer peer can talk to an
// older one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "exec/supervisor.h"

namespace sluice {

// What this build speaks. Two peers use the highest version that both speak.
constexpr int kWireVersionMin = 1;
constexpr int kWireVersionMax = 1;

// 64 MiB: far above what execve takes (arguments and environment are 2 MiB together by default), far below what hurts.
constexpr std::size_t kMessageBytesMax = std::size_t{64} << 20U;

struct Hello {
  int version_min = kWireVersionMin;
  int version_max = kWireVersionMax;
  std::string program;  // program_identity of SupervisorOptions; for people too: it begins with the version
  pid_t pid = 0;
};
struct WireStart {
  AttemptSpec spec;
};
struct WireStop {
  std::string id;
  Duration grace{0};
};
struct WireAck {
  std::vector<std::string> ids;
};
struct WireShutDown {};
// The supervisor's: all that it has of an engine before has been told, and these wait for a slot.
struct WireListed {
  std::vector<std::string> held;
};
struct WireWithdraw {
  std::vector<std::string> ids;
};
// So many attempts at a time from now on; 0 holds all that come.
struct WireSlots {
  int slots = 0;
};
// The last frame in NAME.exits of a supervisor that ended with nothing left undone.
struct WireEnded {};
struct UnknownMessage {
  std::string type;
};
using WireMessage = std::variant<Hello, WireStart, WireStop, WireAck, WireShutDown, WireListed, WireWithdraw, WireSlots,
                                 WireEnded, AttemptBegan, AttemptExit, AttemptsWithdrawn, UnknownMessage>;

// Appends the whole frame. Text that is not UTF-8 would not arrive as it is: check_spec() refuses it before.
void append_frame(std::string& out, const WireMessage& message);
void append_frame(std::string& out, const AttemptSpec& start);

// kInvalid if the attempt cannot be carried over the wire or handed to execve as it is: no argv, a NUL byte, bytes that are not
// UTF-8, a variable without a name, a message over kMessageBytesMax. `frame` is what append_frame made of it.
Status check_spec(const AttemptSpec& spec, std::string_view frame);

// kUnavailable if the two ranges of versions have nothing in common: names both sides.
Status check_hello(const Hello& peer);

// Cuts a stream of bytes into messages. After an error the stream has lost its place: end the connection.
class FrameReader {
 public:
  void append(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole message; nothing if more bytes are needed; kCorrupt for a frame that is too long or does not read as a
  // message.
  Result<std::optional<WireMessage>> next();

 private:
  std::string buffer_;
  std::size_t used_ = 0;  // bytes at the front of buffer_ that are done with
};

}  // namespace sluice
