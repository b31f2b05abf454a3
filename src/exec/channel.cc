#include "exec/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kPacketBytesMax = 64 * 1024;
// 4 MiB hold the starts of some ten thousand small attempts; the default of 208 KiB is a burst of a few hundred.
constexpr int kSocketBufferBytes = 4 << 20;
// 16 packets are 1 MiB: then the caller gets to do other things before it reads on.
constexpr int kPacketsMax = 16;

bool is_peer_gone(int error) { return error == EPIPE || error == ECONNRESET || error == ENOTCONN; }

}  // namespace

Channel::Channel(int fd) : fd_(fd) {
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
  // Above net.core.wmem_max only with CAP_NET_ADMIN; otherwise what the system allows.
  if (::setsockopt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &kSocketBufferBytes, sizeof kSocketBufferBytes) != 0)
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
}

Channel::~Channel() { close(); }

void Channel::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Status Channel::flush() {
  while (has_unsent()) {
    const auto packet = std::string_view(out_).substr(sent_, kPacketBytesMax);
    const auto sent = ::send(fd_, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      sent_ += static_cast<std::size_t>(sent);
    } else if (is_peer_gone(errno)) {
      return fail(Code::kUnavailable, "the supervisor's socket is closed");
    } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
      break;
    } else if (errno != EINTR) {
      return fail_errno("send to the supervisor's socket", errno);
    }
  }
  // Moving the rest to the front costs its length, so it waits until that is less than what has been sent.
  if (sent_ * 2 >= out_.size()) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  return {};
}

Result<bool> Channel::fill() {
  static thread_local std::array<char, kPacketBytesMax> packet;
  for (int i = 0; i < kPacketsMax; ++i) {
    const auto received = ::recv(fd_, packet.data(), packet.size(), MSG_DONTWAIT);
    if (received > 0) {
      in_.append({packet.data(), static_cast<std::size_t>(received)});
    } else if (received == 0) {
      return false;
    } else if (errno == EAGAIN) {
      return true;
    } else if (errno != EINTR && errno != ECONNRESET) {
      // ECONNRESET says once that the peer closed with messages of ours unread; its own last messages may still follow.
      return fail_errno("read from the supervisor's socket", errno);
    }
  }
  return true;
}

}  // namespace sluice
