#include "base/owned_fd.h"

#include <unistd.h>

namespace sluice {

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace sluice
