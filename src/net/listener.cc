#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/owned_fd.h"
#include "net/unix_address.h"

namespace sluice {
namespace {

constexpr int kBacklog = 1024;

}  // namespace

Result<int> listen_tcp(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  const std::string service = std::to_string(port);
  const std::string where = host + ":" + service;
  if (const int error =
          ::getaddrinfo(is_bracketed ? host.substr(1, host.size() - 2).c_str() : host.c_str(), service.c_str(), &hints, &found);
      error != 0)
    return fail(Code::kInvalid, "cannot listen on " + where + ": " + ::gai_strerror(error),
                "give an address of this machine, such as 127.0.0.1 or 0.0.0.0");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  OwnedFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return fail_errno("make a socket", errno);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    const int error = errno;
    if (error == EADDRINUSE)
      return fail(Code::kConflict, "port " + service + " of " + host + " is in use",
                  "give another one with --port (0 takes a free one), or end the program that has it");
    if (error == EADDRNOTAVAIL) return fail(Code::kInvalid, "cannot listen on " + where + ": no address of this machine");
    if (error == EACCES) return fail(Code::kInvalid, "cannot listen on " + where + ": ports below 1024 are for root");
    return fail_errno("listen on " + where, error);
  }
  return socket.release();
}

Result<int> listen_unix(const std::string& path) {
  OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return fail_errno("make a socket", errno);
  const UnixAddress address(path);
  if (address.error() == ENAMETOOLONG) return fail(Code::kInvalid, "the name of socket " + path + " is too long");
  if (address.error() != 0) return fail_errno("open the folder of socket " + path, address.error());
  ::unlink(path.c_str());
  // The file gets the mode of its socket, so nobody else can connect at any time. (The umask is of the whole process, whose other
  // threads make files meanwhile.)
  if (::fchmod(socket.get(), 0600) != 0) return fail_errno("set the mode of " + path, errno);
  if (::bind(socket.get(), address.get(), address.size()) != 0) {
    if (errno == EADDRINUSE) return fail(Code::kConflict, path + " is in the way of a socket, and cannot be removed");
    return fail_errno("bind " + path, errno);
  }
  if (::listen(socket.get(), kBacklog) != 0) return fail_errno("listen on " + path, errno);
  return socket.release();
}

int port_of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  if (name.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
  if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port);
  return 0;
}

std::string peer_of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return "unknown";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (name.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&name);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  if (name.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&name);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  return "unix";
}

}  // namespace sluice
