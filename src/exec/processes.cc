#include "exec/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

namespace sluice {
namespace {

constexpr std::string_view kVariable = "SLUICE_ATTEMPT=";

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// The file's bytes from its beginning; nothing if it does not open or read.
std::optional<std::string> read_all(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  while (true) {
    const std::size_t before = text.size();
    text.resize(before + 16384);
    const auto got = ::read(fd, text.data() + before, text.size() - before);
    text.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    ::close(fd);
    if (got < 0) return std::nullopt;
    return text;
  }
}

// 0 if the process is gone. /proc/PID/stat is "PID (NAME) STATE PPID ..."; a NAME may hold anything, also brackets.
pid_t parent_of(pid_t pid) {
  const auto stat = read_all("/proc/" + std::to_string(pid) + "/stat");
  const auto bracket = stat ? stat->rfind(')') : std::string::npos;
  pid_t parent = 0;
  if (bracket != std::string::npos && bracket + 4 < stat->size())
    std::from_chars(stat->data() + bracket + 4, stat->data() + stat->size(), parent);
  return parent;
}

}  // namespace

std::optional<std::string> attempt_of(pid_t pid) {
  const auto environment = read_all("/proc/" + std::to_string(pid) + "/environ");
  if (!environment) return std::nullopt;
  for (std::size_t at = 0; at < environment->size();) {
    const auto end = environment->find('\0', at);
    const auto variable = std::string_view(*environment).substr(at, end == std::string::npos ? end : end - at);
    if (variable.starts_with(kVariable)) return std::string(variable.substr(kVariable.size()));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return std::nullopt;
}

std::vector<pid_t> own_processes() {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, CloseDir> proc(::opendir("/proc"));
  if (!proc) return pids;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size() || pid <= 0) continue;
    struct stat status{};
    if (::fstatat(::dirfd(proc.get()), entry->d_name, &status, 0) == 0 && status.st_uid == ::geteuid()) pids.push_back(pid);
  }
  return pids;
}

ChildList::ChildList() {
  const std::string path = "/proc/self/task/" + std::to_string(::gettid()) + "/children";
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

ChildList::~ChildList() {
  if (fd_ >= 0) ::close(fd_);
}

void ChildList::read(std::vector<pid_t>& children) {
  children.clear();
  if (read_file(children)) return;
  const pid_t self = ::getpid();
  for (const pid_t pid : own_processes())
    if (parent_of(pid) == self) children.push_back(pid);
}

bool ChildList::read_file(std::vector<pid_t>& children) {
  if (fd_ < 0) return false;
  if (text_.empty()) text_.resize(4096);
  std::size_t size = 0;
  while (true) {
    const auto got = ::pread(fd_, text_.data() + size, text_.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    size += static_cast<std::size_t>(got);
    if (size < text_.size()) break;  // a short read ends the list, which is only written when its reader has room
    text_.resize(text_.size() * 2);
    size = 0;  // from the start: the list may have changed between two reads
  }
  const char* at = text_.data();
  const char* const end = at + size;
  while (at < end) {
    pid_t pid = 0;
    const auto parsed = std::from_chars(at, end, pid);
    if (parsed.ptr == at)
      ++at;  // the blank between two pids
    else
      at = parsed.ptr;
    if (pid > 0) children.push_back(pid);
  }
  return true;
}

}  // namespace sluice
