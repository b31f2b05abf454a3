#include "store/tree_remover.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "base/owned_fd.h"

namespace sluice {
namespace {

// Each level costs a descriptor. What lies deeper is first brought up to the top.
constexpr int kDepthMax = 50;

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

Folder open_folder(int parent, const char* name, bool may_change) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = ::openat(parent, name, kFlags);
  if (fd < 0 && errno == EACCES && may_change && ::fchmodat(parent, name, 0700, 0) == 0) fd = ::openat(parent, name, kFlags);
  if (fd < 0) return {nullptr, ::closedir};
  DIR* folder = ::fdopendir(fd);
  if (folder == nullptr) ::close(fd);
  return {folder, ::closedir};
}

bool is_dots(const char* name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

}  // namespace

struct TreeRemover::Top {
  std::string path;  // for messages
  dev_t device = 0;
  int folder = -1;   // of the top itself
  int brought_up = 0;
  std::optional<Error> error;

  void note_error(const char* name, int error_number) {
    if (!error) error = fail_errno("remove '" + std::string(name) + "' in '" + path + "'", error_number).value();
  }
};

Status TreeRemover::remove(const std::string& path) {
  const auto slash = path.rfind('/');
  const OwnedFd parent(::open(path.substr(0, std::max<std::size_t>(slash, 1)).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat facts{};
  const std::string name = path.substr(slash + 1);
  if (parent.get() < 0 || ::fstatat(parent.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("look at '" + path + "'", errno);
  }
  Top top{.path = path, .device = facts.st_dev, .error = std::nullopt};
  remove_one(top, parent.get(), name.c_str(), 0);
  if (top.error) return fail(*top.error);
  return {};
}

void TreeRemover::note(std::uint64_t device, std::uint64_t inode, std::uint64_t links, std::int64_t size_bytes) {
  // What is really removed has one name less the next time.
  const bool is_last = links <= 1 || (dry_run_ && ++names_[{device, inode}] == links);
  if (is_last) bytes_ += size_bytes;
}

// Whether it is gone.
bool TreeRemover::remove_one(Top& top, int folder, const char* name, int depth) {
  struct stat facts{};
  if (::fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) top.note_error(name, errno);
    return false;
  }
  if (facts.st_dev != top.device) {
    top.note_error(name, EBUSY);
    return false;
  }
  const bool is_folder = S_ISDIR(facts.st_mode);
  if (is_folder && depth >= kDepthMax) {
    if (dry_run_) return false;
    const std::string brought = ".deep-" + std::to_string(++top.brought_up);
    if (::renameat(folder, name, top.folder, brought.c_str()) == 0) return true;
    top.note_error(name, errno);
    return false;
  }
  if (is_folder) {
    const Folder inside = open_folder(folder, name, !dry_run_);
    if (inside == nullptr) {
      top.note_error(name, errno);
      return false;
    }
    if (depth == 0) top.folder = ::dirfd(inside.get());
    // Without permission to write to it nothing in it can be removed.
    if (!dry_run_ && (facts.st_mode & 0700U) != 0700U) ::fchmod(::dirfd(inside.get()), 0700);
    empty(top, ::dirfd(inside.get()), depth + 1);
  }
  is_stopped_ = is_stopped_ || !go_on_();
  if (is_stopped_) return false;
  if (!dry_run_ && ::unlinkat(folder, name, is_folder ? AT_REMOVEDIR : 0) != 0) {
    if (errno != ENOENT) top.note_error(name, errno);
    return false;
  }
  if (S_ISREG(facts.st_mode)) note(facts.st_dev, facts.st_ino, facts.st_nlink, facts.st_size);
  return !dry_run_;
}

// Again until nothing more can be removed: names are passed over or come up from below while the folder is read.
void TreeRemover::empty(Top& top, int folder, int depth) {
  for (bool again = true; again && !is_stopped_;) {
    again = false;
    const Folder entries = open_folder(folder, ".", !dry_run_);
    if (entries == nullptr) return top.note_error(".", errno);
    while (const dirent* entry = ::readdir(entries.get()))
      if (!is_stopped_ && !is_dots(entry->d_name) && remove_one(top, folder, entry->d_name, depth)) again = true;
  }
}

}  // namespace sluice
