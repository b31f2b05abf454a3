// A lock that processes and threads share, as a file.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"

namespace sluice {

// Held until it is destroyed. Every acquire opens the file anew, so two threads of a process exclude each other like two
// processes do. The file stays: to remove a lock file is a race that two owners win.
class FileLock {
 public:
  enum class Kind { kExclusive, kShared };

  // `waiting` is called once if somebody else holds it. kCancelled when `cancelled` becomes true before it is ours.
  static Result<FileLock> acquire(const std::string& path, const std::function<void()>& waiting,
                                  const std::atomic<bool>& cancelled, Kind kind = Kind::kExclusive);
  // Nothing if somebody else holds it in a way that keeps us out.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path, Kind kind);
  ~FileLock();
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  // A program that inherits it holds the lock too, until it ends.
  int fd() const { return fd_; }

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace sluice
