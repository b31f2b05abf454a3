#include "exec/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace sluice {

Result<FileLock> FileLock::acquire(const std::string& path, const std::function<void()>& waiting,
                                   const std::atomic<bool>& cancelled, Kind kind) {
  // flock() that waits cannot be told to stop, so ask ten times a second: what is waited for takes seconds to minutes.
  for (bool told = false;;) {
    SLUICE_TRY(auto lock, try_acquire(path, kind));
    if (lock) return std::move(*lock);
    if (!std::exchange(told, true) && waiting) waiting();
    if (cancelled.load()) return fail(Code::kCancelled, "cancelled while another process builds");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path, Kind kind) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno("open " + path, errno);
  FileLock lock(fd);
  while (::flock(fd, (kind == Kind::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail_errno("lock " + path, errno);
    return std::optional<FileLock>();
  }
  return std::optional<FileLock>(std::move(lock));
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace sluice
