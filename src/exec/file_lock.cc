#include "exec/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace sluice {

Result<FileLock> FileLock::acquire(const std::string& path, const std::function<void()>& waiting,
                                   const std::atomic<bool>& cancelled) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno("open " + path, errno);
  FileLock lock(fd);
  // flock() that waits cannot be told to stop, so ask ten times a second: what is waited for takes seconds to minutes.
  for (bool told = false; ::flock(fd, LOCK_EX | LOCK_NB) != 0;) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail_errno("lock " + path, errno);
    if (!std::exchange(told, true) && waiting) waiting();
    if (cancelled.load()) return fail(Code::kCancelled, "cancelled while another process builds");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace sluice
