#include "store/tree_scan.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace sluice {
namespace {

// Twenty links side by side, each to a folder of twenty links, and so on, are few files and endless paths.
constexpr std::size_t kEntriesMax = 1'000'000;

// `path` is known to be there, so what is missing is what a link leads to.
Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (real != nullptr) return std::string(real.get());
  if (errno == ENOENT) return fail(Code::kInvalid, "'" + path + "' is a symbolic link that leads nowhere");
  if (errno == ELOOP) return fail(Code::kInvalid, "'" + path + "' is a symbolic link that leads round in a circle");
  return fail_errno("resolve '" + path + "'", errno);
}

bool is_inside(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

class Scan {
 public:
  explicit Scan(std::string root) : root_(std::move(root)) {}

  // `folder`: absolute, without links. `prefix`: what its entries are called below the root, "" or with a slash at the end.
  Status folder(const std::string& folder, const std::string& prefix) {
    SLUICE_TRY(const auto names, names_in(folder));
    open_.push_back(folder);
    for (const std::string& name : names) {
      if (++entries_ > kEntriesMax)
        return fail(Code::kInvalid, "'" + root_ + "' has more than a million entries", "pack it into one file");
      SLUICE_TRY_STATUS(entry(folder + "/" + name, prefix + name));
    }
    open_.pop_back();
    return {};
  }

  FoundTree take() { return std::move(found_); }

 private:
  static Result<std::vector<std::string>> names_in(const std::string& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    if (open == nullptr) return fail_errno("open '" + folder + "'", errno);
    std::vector<std::string> names;
    for (errno = 0; const dirent* found = ::readdir(open.get()); errno = 0)
      if (const std::string_view name = found->d_name; name != "." && name != "..") names.emplace_back(name);
    if (errno != 0) return fail_errno("read '" + folder + "'", errno);
    return names;
  }

  Status entry(const std::string& path, const std::string& name) {
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) != 0) return fail_errno("stat '" + path + "'", errno);
    if (!S_ISLNK(facts.st_mode)) return put(path, name, facts.st_mode);

    SLUICE_TRY(const std::string target, real_path(path));
    if (!is_inside(target, root_))
      return fail(Code::kInvalid, "'" + path + "' is a symbolic link out of the directory, to '" + target + "'",
                  "copy what it points to");
    if (::lstat(target.c_str(), &facts) != 0) return fail_errno("stat '" + target + "'", errno);
    return put(target, name, facts.st_mode);
  }

  Status put(const std::string& path, const std::string& name, mode_t mode) {
    if (S_ISREG(mode)) {
      found_.files.push_back({.path = name, .source = path});
      return {};
    }
    if (!S_ISDIR(mode))
      return fail(Code::kInvalid, "'" + path + "' is a socket, a pipe or a device: only files and directories can be kept");
    if (std::find(open_.begin(), open_.end(), path) != open_.end())
      return fail(Code::kInvalid, "'" + root_ + "/" + name + "' is a symbolic link that leads round in a circle");
    found_.directories.push_back(name);
    return folder(path, name + "/");
  }

  std::string root_;
  FoundTree found_;
  std::vector<std::string> open_;  // the folders that we are in, outermost first
  std::size_t entries_ = 0;
};

}  // namespace

Result<FoundTree> scan_tree(const std::string& root) {
  SLUICE_TRY(const std::string real, real_path(root));
  Scan scan(real);
  SLUICE_TRY_STATUS(scan.folder(real, ""));
  return scan.take();
}

}  // namespace sluice
