// For tests: a server that does to each connection what its script says, and nothing of its own accord.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

// The server's end of one connection; closed when its script returns.
class TestConnection {
 public:
  explicit TestConnection(int fd) : fd_(fd) {}
  int fd() const { return fd_; }

  // A header and as much body as its Content-Length says; empty when the client has gone.
  std::string read_request() {
    while (true) {
      if (const auto end = buffer_.find("\r\n\r\n"); end != std::string::npos) {
        const auto field = buffer_.find("Content-Length: ");
        const std::size_t body = field < end ? std::stoul(buffer_.substr(field + 16)) : 0;
        if (buffer_.size() >= end + 4 + body) {
          std::string out = buffer_.substr(0, end + 4 + body);
          buffer_.erase(0, out.size());
          return out;
        }
      }
      if (!read_more()) return {};
    }
  }
  // A header alone.
  std::string read_header() {
    while (buffer_.find("\r\n\r\n") == std::string::npos)
      if (!read_more()) return {};
    return buffer_.substr(0, buffer_.find("\r\n\r\n") + 4);
  }
  void write(std::string_view text) const {
    while (!text.empty()) {
      const auto gone = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (gone <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(gone));
    }
  }
  // Until the client has closed.
  void wait_for_end() {
    while (read_more()) buffer_.clear();
  }

 private:
  bool read_more() {
    std::array<char, 4096> bytes{};
    const auto got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (got > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  int fd_;
  std::string buffer_;
};

class TestPeer {
 public:
  using Script = std::function<void(TestConnection&)>;

  // The n-th connection is given to the n-th script, on a thread of its own; there are no more of them than scripts.
  // `unix_path`: there instead of on a free port of 127.0.0.1.
  explicit TestPeer(std::vector<Script> scripts, const std::string& unix_path = "") : scripts_(std::move(scripts)) {
    sockaddr_in tcp{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    sockaddr_un local{.sun_family = AF_UNIX};
    unix_path.copy(local.sun_path, sizeof local.sun_path - 1);
    const bool is_tcp = unix_path.empty();
    const auto* name = is_tcp ? reinterpret_cast<const sockaddr*>(&tcp) : reinterpret_cast<const sockaddr*>(&local);
    listener_ = ::socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, name, is_tcp ? sizeof tcp : sizeof local), 0) << std::strerror(errno);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof tcp;
    if (is_tcp) ::getsockname(listener_, reinterpret_cast<sockaddr*>(&tcp), &size);
    port_ = is_tcp ? ntohs(tcp.sin_port) : 0;
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~TestPeer() {
    ::shutdown(listener_, SHUT_RDWR);  // accept() returns
    acceptor_.join();
    ::close(listener_);
    for (std::thread& thread : threads_) thread.join();
  }
  TestPeer(const TestPeer&) = delete;
  TestPeer& operator=(const TestPeer&) = delete;

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return threads_.size();
  }

 private:
  void accept_all() {
    for (const Script& script : scripts_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      threads_.emplace_back([fd, &script] {
        TestConnection connection(fd);
        script(connection);
        ::close(fd);
      });
    }
  }

  const std::vector<Script> scripts_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::vector<std::thread> threads_;  // guarded by mutex_
};

}  // namespace sluice
