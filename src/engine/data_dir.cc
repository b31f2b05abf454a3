#include "engine/data_dir.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace sluice {

Result<DataDir> DataDir::at(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  if (error) return fail(Code::kInvalid, "data directory '" + path + "': " + error.message());
  std::string root = absolute.string();
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  return DataDir(std::move(root));
}

Status make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return fail_errno("make directory " + path, errno);
}

Status DataDir::create() const {
  std::error_code error;
  std::filesystem::create_directories(root_, error);
  if (error) {
    Error e = fail_errno("make data directory " + root_, error.value()).value();
    if (e.hint.empty() || e.code == Code::kInvalid)
      e.hint = "name a directory that you may write to with --data-dir DIR or SLUICE_DATA_DIR";
    if (e.code == Code::kInternal || e.code == Code::kNotFound) e.code = Code::kInvalid;
    return fail(std::move(e));
  }
  if (access(root_.c_str(), W_OK | X_OK) != 0)
    return fail(Code::kInvalid, "data directory " + root_ + " is not writable",
                "name another with --data-dir DIR or SLUICE_DATA_DIR");
  for (const char* folder : {"/runs", "/objects", "/secrets", "/volumes"}) SLUICE_TRY_STATUS(make_directory(root_ + folder));
  const std::string ignore = root_ + "/.gitignore";
  const int fd = open(ignore.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd >= 0) {
    const bool written = write(fd, "*\n", 2) == 2;
    const int write_error = errno;
    close(fd);
    if (!written) {
      unlink(ignore.c_str());
      return fail_errno("write " + ignore, write_error);
    }
  }
  return {};
}

bool DataDir::exists() const { return access(database().c_str(), F_OK) == 0; }

std::string DataDir::attempt(std::string_view run_uuid, TaskId id, std::string_view name, int attempt) const {
  std::string path = run(run_uuid) + "/" + std::to_string(id.value) + "-";
  // Task names come from a file: only what is harmless in a file name stays.
  for (const char c : name.substr(0, 64)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    path += plain ? c : '_';
  }
  return path + "." + std::to_string(attempt);
}

std::string DataDir::secret(std::string_view name, std::string_view key) const {
  return root_ + "/secrets/" + std::string(name) + "/" + std::string(key);
}

Result<std::optional<Ownership>> Ownership::acquire(const DataDir& dir) {
  const int fd = open(dir.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno("open " + dir.lock(), errno);
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    // owner_pid() holds a shared lock for an instant: whoever only asks must not keep an owner out.
    const int error = errno;
    if (error == EWOULDBLOCK && flock(fd, LOCK_SH | LOCK_NB) == 0) {
      flock(fd, LOCK_UN);
      sched_yield();
      continue;
    }
    close(fd);
    if (error == EWOULDBLOCK) return std::optional<Ownership>();
    return fail_errno("lock " + dir.lock(), error);
  }
  Ownership ownership(fd);
  ownership.say(OwnerKind::kRun);
  return std::optional<Ownership>(std::move(ownership));
}

void Ownership::say(OwnerKind kind, const std::string& url) const {
  const std::string text = std::to_string(getpid()) + (kind == OwnerKind::kServer ? " server " + url : "") + "\n";
  // Only for people and for clients that look for a URL; the lock itself is what counts, so a full disk is no reason to fail
  // here. Written over what is there and then cut, so that a reader never finds it empty.
  if (pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()))
    (void)!ftruncate(fd_, static_cast<off_t>(text.size()));
}

Ownership::Ownership(Ownership&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Ownership::~Ownership() {
  if (fd_ >= 0) close(fd_);
}

OwnerInfo owner_of(const DataDir& dir) {
  OwnerInfo owner;
  const int fd = open(dir.lock().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return owner;
  if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    std::array<char, 1024> text{};
    const auto size = read(fd, text.data(), text.size() - 1);
    owner.kind = OwnerKind::kRun;
    owner.pid = size > 0 ? std::atoi(text.data()) : -1;
    std::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    line = line.substr(0, line.find('\n'));
    constexpr std::string_view kServer = " server ";
    if (const auto at = line.find(kServer); at != std::string_view::npos) {
      owner.kind = OwnerKind::kServer;
      owner.url = line.substr(at + kServer.size());
    }
  }
  close(fd);
  return owner;
}

int owner_pid(const DataDir& dir) { return owner_of(dir).pid; }

}  // namespace sluice
