#include "exec/mount_steps.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

bool is_there_or(bool done) { return done || errno == EEXIST; }

bool make_file(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd >= 0) ::close(fd);
  return is_there_or(fd >= 0);
}

// The covered directory becomes our working directory, from where its entries can still be reached.
bool cover(const char* place, const char* covered) {
  if (::chdir(covered) != 0 || ::mount("none", place, "tmpfs", 0, "mode=0755") != 0) return false;
  // A copy of what the place lies in, when it is bound back, must not hold a copy of itself.
  return ::mount(nullptr, place, nullptr, MS_UNBINDABLE, nullptr) == 0;
}

// An entry that has gone meanwhile is not missed.
bool bind_back(const char* name, const char* path) {
  return ::mount(name, path, nullptr, MS_BIND | MS_REC, nullptr) == 0 || errno == ENOENT;
}

// What a mount may not do stays so: in a user namespace nothing else is allowed.
bool make_read_only(const char* path) {
  struct statvfs info{};
  if (::statvfs(path, &info) != 0) return false;
  unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
  for (const auto& [has, flag] : {std::pair<unsigned long, unsigned long>{ST_NOSUID, MS_NOSUID},
                                  {ST_NODEV, MS_NODEV},
                                  {ST_NOEXEC, MS_NOEXEC},
                                  {ST_NOATIME, MS_NOATIME},
                                  {ST_NODIRATIME, MS_NODIRATIME},
                                  {ST_RELATIME, MS_RELATIME}})
    if ((info.f_flag & has) != 0) flags |= flag;
  return ::mount(nullptr, path, nullptr, flags, nullptr) == 0;
}

}  // namespace

void write_descriptor_link(std::array<char, 32>& link, int fd) {
  constexpr std::string_view kPrefix = "/proc/self/fd/";
  std::memcpy(link.data(), kPrefix.data(), kPrefix.size());
  std::size_t end = kPrefix.size();
  int unit = 1;
  while (fd / unit >= 10) unit *= 10;
  for (; unit > 0; unit /= 10) link.at(end++) = static_cast<char>('0' + fd / unit % 10);
  link.at(end) = '\0';
}

MountSteps::MountSteps(const std::vector<AttemptMount>& mounts, const std::vector<MountStep>& steps)
    : mounts_(mounts), steps_(steps), sources_(mounts.size()) {}

bool MountSteps::open_sources() {
  for (failed_ = 0; failed_ < mounts_.size(); ++failed_) {
    Source& source = sources_[failed_];
    source.fd = ::open(mounts_[failed_].source.c_str(), O_PATH | O_CLOEXEC);
    if (source.fd < 0) return false;
    write_descriptor_link(source.link, source.fd);
  }
  return true;
}

bool MountSteps::carry_out() {
  has_begun_ = true;
  for (failed_ = 0; failed_ < steps_.size(); ++failed_)
    if (!carry_out(steps_[failed_])) return false;
  return true;
}

bool MountSteps::carry_out(const MountStep& step) {
  const char* path = step.path.c_str();
  switch (step.kind) {
    case MountStep::Kind::kCover: return cover(path, step.source.c_str());
    case MountStep::Kind::kDirectory: return is_there_or(::mkdir(path, 0755) == 0);
    case MountStep::Kind::kFile: return make_file(path);
    case MountStep::Kind::kLink: return is_there_or(::symlink(step.source.c_str(), path) == 0);
    case MountStep::Kind::kBack: return bind_back(step.source.c_str(), path);
    case MountStep::Kind::kRoot: return ::chdir(path) == 0 && ::chroot(".") == 0;
    case MountStep::Kind::kMount: return ::mount(sources_[step.mount].link.data(), path, nullptr, MS_BIND | MS_REC, nullptr) == 0;
    case MountStep::Kind::kReadOnly: return make_read_only(path);
  }
  return false;
}

}  // namespace sluice
