#include "net/client_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>

#include "net/unix_address.h"

namespace sluice {
namespace {

// Longer than any process lives, and far from where adding it to now would overflow.
constexpr Duration kForever = std::chrono::hours(24 * 365 * 10);

std::string text_of(int error_number) { return std::generic_category().message(error_number); }

class PlainSocket final : public ClientSocket {
 public:
  explicit PlainSocket(OwnedFd fd) : fd_(std::move(fd)) {}

  Result<std::optional<std::size_t>> read(std::span<char> into, Deadline deadline) override {
    while (true) {
      const auto got = ::recv(fd_.get(), into.data(), into.size(), 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return fail(Code::kUnavailable, "the connection broke: " + text_of(errno));
      if (wait_for(fd_.get(), POLLIN, deadline) == 0) return std::nullopt;
    }
  }

  Result<std::optional<std::size_t>> write(std::string_view bytes, Deadline deadline) override {
    while (true) {
      const auto gone = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (gone >= 0) return static_cast<std::size_t>(gone);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return fail(Code::kUnavailable, "the connection broke: " + text_of(errno));
      // A server that refuses an upload answers in the middle of it, and may then read no more.
      const short ready = wait_for(fd_.get(), POLLIN | POLLOUT, deadline);
      if (ready == 0) return std::nullopt;
      if ((ready & POLLOUT) == 0) return 0;
    }
  }

  bool is_stale() const override { return wait_for(fd_.get(), POLLIN, Deadline::min()) != 0; }

 private:
  OwnedFd fd_;
};

// An error of a connect() that somebody else may yet make good.
tl::unexpected<Error> nobody(const Origin& origin, const std::string& why, const std::string& hint) {
  return fail(Code::kUnavailable, "connect to " + origin.text() + ": " + why, hint);
}

tl::unexpected<Error> cannot_connect(const Origin& origin, int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM: return fail(Code::kInvalid, "connect to " + origin.text() + ": " + text_of(error_number), "whose is it?");
    case ENOENT:
    case ECONNREFUSED: return nobody(origin, text_of(error_number), "is the server running, and is this its address?");
    case EAGAIN:
    case ETIMEDOUT:
      return nobody(origin, "nobody answers in time", "is this the address of the server, and no firewall before it?");
    default: return nobody(origin, text_of(error_number), "");
  }
}

// 0, or the error's number.
int connect_by(int fd, const sockaddr* name, socklen_t name_size, Deadline deadline) {
  if (::connect(fd, name, name_size) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  if (wait_for(fd, POLLOUT, deadline) == 0) return ETIMEDOUT;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) return errno;
  return error_number;
}

Result<OwnedFd> connect_tcp(const Origin& origin, Deadline deadline) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(origin.port_or_default());
  if (const int error = ::getaddrinfo(origin.host.c_str(), port.c_str(), &wanted, &found); error != 0)
    return nobody(origin, "the host has no address: " + std::string(::gai_strerror(error)), "is the name spelled right?");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int left = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) ++left;
  int error_number = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next, --left) {
    OwnedFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol));
    if (fd.get() < 0) {
      error_number = errno;
      continue;
    }
    // One that swallows everything must leave time for those behind it.
    const auto now = std::chrono::steady_clock::now();
    error_number = connect_by(fd.get(), address->ai_addr, address->ai_addrlen, now + (deadline - now) / left);
    if (error_number != 0) continue;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }
  return cannot_connect(origin, error_number);
}

Result<OwnedFd> connect_unix(const Origin& origin, Duration patience) {
  const UnixAddress address(origin.path);
  if (address.error() == ENAMETOOLONG) return fail(Code::kInvalid, "connect to " + origin.text() + ": the name is too long");
  if (address.error() != 0) return cannot_connect(origin, address.error());
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return fail_errno("make a socket", errno);
  // While the listener's queue is full, a connect that may not block fails at once: this one may, for as long as it is told.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timeval time{.tv_sec = seconds.count(), .tv_usec = (patience - seconds).count()};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  while (::connect(fd.get(), address.get(), address.size()) != 0)
    if (errno != EINTR) return cannot_connect(origin, errno);
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno("unblock a socket", errno);
  return fd;
}

}  // namespace

Deadline deadline_in(Duration wait) { return std::chrono::steady_clock::now() + std::clamp(wait, Duration{0}, kForever); }

std::string Origin::authority() const {
  if (kind == Kind::kUnix) return "localhost";
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const int usual = kind == Kind::kHttps ? 443 : 80;
  return port_or_default() == usual ? name : name + ":" + std::to_string(port);
}

std::string Origin::text() const {
  if (kind == Kind::kUnix) return "unix:" + path;
  return (kind == Kind::kHttps ? "https://" : "http://") + authority();
}

short wait_for(int fd, short events, Deadline deadline) {
  while (true) {
    const auto now = std::chrono::steady_clock::now();  // once: of two, the difference would round up to a millisecond
    const auto millis = std::chrono::ceil<std::chrono::milliseconds>(std::max(deadline, now) - now).count();
    pollfd asked{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&asked, 1, static_cast<int>(std::clamp<decltype(millis)>(millis, 0, INT_MAX)));
    if (ready > 0) return (asked.revents & (POLLERR | POLLNVAL)) != 0 ? events : asked.revents;
    if (ready == 0 && std::chrono::steady_clock::now() >= deadline) return 0;
  }
}

Result<std::unique_ptr<ClientSocket>> ClientSocket::connect(const Origin& origin, Duration patience) {
  const Deadline deadline = deadline_in(patience);
  if (origin.kind == Origin::Kind::kUnix) {
    SLUICE_TRY(OwnedFd fd, connect_unix(origin, std::clamp(patience, Duration{1}, kForever)));
    return std::make_unique<PlainSocket>(std::move(fd));
  }
  SLUICE_TRY(OwnedFd fd, connect_tcp(origin, deadline));
  if (origin.kind == Origin::Kind::kHttps) return start_tls(std::move(fd), origin, deadline);
  return std::make_unique<PlainSocket>(std::move(fd));
}

}  // namespace sluice
