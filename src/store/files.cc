#include "store/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <vector>

namespace sluice {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;

tl::unexpected<Error> fail_on(const char* what, const std::string& path, int error_number) {
  return fail_errno(std::string(what) + " '" + path + "'", error_number);
}

// Copies inside the kernel; false: not between these two files, and nothing was copied.
Result<bool> copy_in_kernel(const OwnedFd& source, const OwnedFd& target, const std::string& path) {
  for (bool first = true;; first = false) {
    const ssize_t count = ::copy_file_range(source.get(), nullptr, target.get(), nullptr, 64 * kChunkBytes, 0);
    if (count > 0) continue;
    // Some file systems (procfs, old kernels across devices) answer 0 at once: the plain way finds out whether that is the end.
    if (count == 0) return !first;
    if (errno == EINTR) continue;
    if (first && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) return false;
    return fail_on("copy to", path, errno);
  }
}

Status fill(const OwnedFd& source, const OwnedFd& target, const std::string& path, CopyHow how) {
  if (::ioctl(target.get(), FICLONE, source.get()) == 0) return {};
  if (how == CopyHow::kCloneOnly) return fail(Code::kUnavailable, "'" + path + "': this file system cannot share blocks");
  if (::lseek(source.get(), 0, SEEK_SET) != 0) return fail_on("seek in", path, errno);
  SLUICE_TRY(const bool copied, copy_in_kernel(source, target, path));
  if (copied) return {};
  return read_through(source, path, [&](std::string_view bytes) { return write_all(target, path, bytes); });
}

}  // namespace

Result<OwnedFd> open_file(const std::string& path, int flags, unsigned mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode);
    if (fd >= 0) return OwnedFd(fd);
    if (errno == EINTR) continue;
    if (errno == ELOOP) return fail(Code::kInvalid, "'" + path + "' is a symbolic link");
    if (errno == EEXIST) return fail(Code::kConflict, "'" + path + "' is there already");
    return fail_on("open", path, errno);
  }
}

Result<struct stat> stat_of(const OwnedFd& file, const std::string& path) {
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return fail_on("stat", path, errno);
  return facts;
}

Status read_through(const OwnedFd& file, const std::string& path, const std::function<Status(std::string_view)>& sink) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kChunkBytes);
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.get(), kChunkBytes);
    if (count == 0) return {};
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_on("read", path, errno);
    SLUICE_TRY_STATUS(sink({buffer.get(), static_cast<std::size_t>(count)}));
  }
}

Result<std::string> read_all(const std::string& path) {
  SLUICE_TRY(const OwnedFd file, open_file(path, O_RDONLY));
  std::string content;
  SLUICE_TRY_STATUS(read_through(file, path, [&](std::string_view bytes) {
    content += bytes;
    return Status{};
  }));
  return content;
}

Status write_all(const OwnedFd& file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_on("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

bool has_writers(const OwnedFd& file) {
  // The kernel grants a read lease only on a file that nobody has open for writing. Who opens it while we hold the lease makes
  // the kernel signal us: SIGURG is ignored unless somebody asks for it, the default SIGIO would end the program.
  if (::fcntl(file.get(), F_SETSIG, SIGURG) != 0 || ::fcntl(file.get(), F_SETLEASE, F_RDLCK) != 0) return true;
  ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
  return false;
}

Status copy_file(const OwnedFd& source, const std::string& target, unsigned mode, CopyHow how) {
  SLUICE_TRY(const OwnedFd file, open_file(target, O_WRONLY | O_CREAT | O_EXCL, 0600));
  Status status = fill(source, file, target, how);
  // The mode is set apart from open(), whose mode the umask cuts.
  if (status && ::fchmod(file.get(), mode) != 0) status = fail_on("set the mode of", target, errno);
  if (!status) ::unlink(target.c_str());
  return status;
}

Instant change_time(const struct stat& facts) {
  return from_micros(std::int64_t{facts.st_ctim.tv_sec} * 1'000'000 + facts.st_ctim.tv_nsec / 1000);
}

Status sync_folder(const std::string& path) {
  SLUICE_TRY(const OwnedFd folder, open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0) return fail_on("sync", path, errno);
  return {};
}

Result<bool> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return true;
  if (errno == EEXIST) return false;
  return fail_on("make folder", path, errno);
}

Status remove_older(const std::string& folder, Instant before) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
  if (entries == nullptr) return fail_on("open", folder, errno);
  while (const dirent* entry = ::readdir(entries.get())) {
    struct stat facts{};
    const int fd = ::dirfd(entries.get());
    if (::fstatat(fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(facts.st_mode)) continue;
    // The change time, which nobody can set: a fresh link to an old object is young by it.
    if (facts.st_ctim.tv_sec < to_micros(before) / 1'000'000) ::unlinkat(fd, entry->d_name, 0);
  }
  return {};
}

}  // namespace sluice
