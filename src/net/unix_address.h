// Private to net: the address of a unix socket, however long its path is.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/owned_fd.h"

namespace sluice {

// An address has room for 107 characters: longer paths go through the descriptor of their folder, which is open as long as this
// is.
class UnixAddress {
 public:
  explicit UnixAddress(const std::string& path);
  // 0, or why there is none: ENAMETOOLONG, or what open() of the folder said.
  int error() const { return error_; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name_); }
  socklen_t size() const { return sizeof name_; }

 private:
  sockaddr_un name_{};
  OwnedFd folder_;
  int error_ = 0;
};

}  // namespace sluice
