// What is installed in an environment, as one digest, and back.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "exec/environment.h"
#include "exec/environment_marker.h"

namespace sluice {
namespace {

std::string lock_path(const std::string& root, const std::string& lock) {
  return std::filesystem::path(root).parent_path().string() + "/locks/" + lock;
}

// For people alone: that it cannot be kept hinders nobody.
void keep_list(const std::string& path, const std::string& text) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const std::string fresh = path + "." + std::to_string(::getpid());
  std::ofstream(fresh, std::ios::binary) << text;
  if (std::rename(fresh.c_str(), path.c_str()) != 0) (void)std::remove(fresh.c_str());
}

}  // namespace

std::string EnvironmentStore::lock(const std::string& key) const {
  if (!has(key)) return {};
  const std::string path = root_ + "/" + key;
  struct stat info{};
  if (::stat((path + "/sluice-env.json").c_str(), &info) != 0) return {};
  const std::int64_t mtime_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  const std::lock_guard guard(locks_mutex_);
  Lock& known = locks_[key];
  if (known.mtime_ns == mtime_ns && !known.digest.empty()) return known.digest;
  const auto marker = read_marker(path);
  if (!marker) return {};
  known = {.mtime_ns = mtime_ns, .digest = lock_digest(marker->installed)};
  keep_list(lock_path(root_, known.digest), join(marker->installed, "\n"));
  return known.digest;
}

std::vector<std::string> EnvironmentStore::installed(const std::string& lock) const {
  std::vector<std::string> out;
  if (lock.size() != 64 || lock.find_first_not_of("0123456789abcdef") != std::string::npos) return out;
  std::ifstream file(lock_path(root_, lock), std::ios::binary);
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) out.push_back(line);
  return out;
}

}  // namespace sluice
