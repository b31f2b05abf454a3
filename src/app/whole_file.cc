#include "app/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "store/files.h"

namespace sluice {

Status write_whole_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  {
    SLUICE_TRY(const OwnedFd file, open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    if (Status written = write_all(file, temporary, content); !written) {
      unlink(temporary.c_str());
      return written;
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  unlink(temporary.c_str());
  return fail_errno("write " + path, error);
}

}  // namespace sluice
