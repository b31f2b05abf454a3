#include "app/copying.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "store/files.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

bool is_immutable(const struct stat& info) { return S_ISREG(info.st_mode) && (info.st_mode & 0222U) == 0; }

Status copy_symbolic_link(const std::string& source, const std::string& target) {
  std::error_code error;
  fs::copy_symlink(source, target, error);
  if (error) return fail_errno("copy " + source, error.value());
  return {};
}

}  // namespace

Status FileCopier::copy_file_to(const std::string& source, const std::string& target) {
  struct stat info{};
  if (lstat(source.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("look at " + source, errno);
  }
  if (S_ISLNK(info.st_mode)) return copy_symbolic_link(source, target);
  if (!S_ISREG(info.st_mode)) return {};  // a pipe or socket that a task has left: nothing to keep
  const bool is_linked = is_immutable(info) && link(source.c_str(), target.c_str()) == 0;
  if (!is_linked) {
    auto file = open_file(source, O_RDONLY);
    if (!file && file.error().code == Code::kNotFound) return {};
    if (!file) return fail(file.error());
    SLUICE_TRY_STATUS(copy_file(*file, target, info.st_mode & 07777U, CopyHow::kCloneOrCopy));
  }
  ++copied_.files;
  copied_.linked += is_linked ? 1 : 0;
  copied_.bytes += info.st_size;
  if (progress_) progress_(copied_);
  return {};
}

Status FileCopier::copy_folder_to(const std::string& source, const std::string& target,
                                  const std::function<bool(const std::string& name)>& wanted) {
  struct stat info{};
  if (lstat(source.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return {};
  if (mkdir(target.c_str(), (info.st_mode & 07777U) | 0700U) != 0 && errno != EEXIST)
    return fail_errno("make folder " + target, errno);
  std::error_code error;
  fs::directory_iterator entries(source, error);
  if (error) return fail_errno("read folder " + source, error.value());
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (wanted && !wanted(name)) continue;
    std::error_code gone;
    const bool is_folder = entries->is_directory(gone) && !entries->is_symlink(gone);
    const std::string from = source + "/" + name, to = target + "/" + name;
    SLUICE_TRY_STATUS(is_folder ? copy_folder_to(from, to) : copy_file_to(from, to));
  }
  if (error) return fail_errno("read folder " + source, error.value());
  return {};
}

}  // namespace sluice
