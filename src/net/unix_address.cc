#include "net/unix_address.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace sluice {

UnixAddress::UnixAddress(const std::string& path) {
  name_.sun_family = AF_UNIX;
  std::string fits = path;
  if (const auto slash = path.rfind('/'); path.size() >= sizeof name_.sun_path && slash != std::string::npos) {
    folder_ = OwnedFd(::open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (folder_.get() < 0) {
      error_ = errno;
      return;
    }
    fits = "/proc/self/fd/" + std::to_string(folder_.get()) + path.substr(slash);
  }
  if (fits.size() < sizeof name_.sun_path)
    std::memcpy(name_.sun_path, fits.data(), fits.size());
  else
    error_ = ENAMETOOLONG;
}

}  // namespace sluice
