// Private to net: one connected socket of a client, plain or TLS, TCP or unix, that never waits longer than it is told.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "base/result.h"

namespace sluice {

using Deadline = std::chrono::steady_clock::time_point;
// `wait` from now; a wait of years is one without end.
Deadline deadline_in(Duration wait);

// Who is spoken to.
struct Origin {
  enum class Kind { kHttp, kHttps, kUnix };
  Kind kind = Kind::kHttp;
  std::string host;  // of IPv6 without brackets
  int port = 0;      // 0: the scheme's own
  std::string path;  // of the unix socket

  int port_or_default() const { return port != 0 ? port : kind == Kind::kHttps ? 443 : 80; }
  std::string authority() const;  // the Host header: "host:8080", "[::1]", "localhost" of a unix socket
  std::string text() const;       // "http://host:8080", "unix:/path"
};

class ClientSocket {
 public:
  // Tries each address of the host. kUnavailable: nobody answers, with the address and, if there is one, a hint; kInvalid: the
  // certificate is refused, or the socket's path is forbidden or too long.
  static Result<std::unique_ptr<ClientSocket>> connect(const Origin& origin, Duration patience);
  virtual ~ClientSocket() = default;

  // How many bytes have come; 0: the peer has ended the connection; nothing: the deadline has passed. kUnavailable: it broke.
  virtual Result<std::optional<std::size_t>> read(std::span<char> into, Deadline deadline) = 0;
  // How many bytes have gone; 0: the peer takes none, and has already answered. Nothing and kUnavailable as above.
  virtual Result<std::optional<std::size_t>> write(std::string_view bytes, Deadline deadline) = 0;
  // Between two requests: the peer has closed, or has sent what nobody asked for.
  virtual bool is_stale() const = 0;
};

// A descriptor that is closed with it.
// The events of poll() that `fd` is ready for (an error counts as each of them); 0: the deadline has passed.
short wait_for(int fd, short events, Deadline deadline);
// The handshake, and the check that the certificate is the host's and is trusted by this machine.
Result<std::unique_ptr<ClientSocket>> start_tls(OwnedFd fd, const Origin& origin, Deadline deadline);

}  // namespace sluice
