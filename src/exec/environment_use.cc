// Which environments are used, by whom and when they were last: what the collection of garbage needs to know.
//
// KEY.use lies beside each environment. Its time is that of the last use; whoever uses the environment holds it shared, for as
// long as its process lives. Tasks may outlive that process: they are found by their command lines and variables, which name the
// environment's folder.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/text.h"
#include "exec/environment.h"
#include "exec/environment_marker.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyDigits = 64;
// A use is worth a write to the disk so often.
constexpr Duration kNoteEvery = std::chrono::hours(24);

bool is_hex(std::string_view text) {
  return text.size() == kKeyDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Nothing: there is no such file.
std::optional<Instant> written(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return from_micros(std::int64_t{facts.st_mtim.tv_sec} * 1'000'000 + facts.st_mtim.tv_nsec / 1000);
}

}  // namespace

void EnvironmentStore::begin_use(const std::string& key, const std::atomic<bool>& cancelled) {
  {
    const std::lock_guard lock(mutex_);
    if (uses_.contains(key)) return;
  }
  // Held by another only while it takes the environment away. In a folder that we may only read nobody takes anything away.
  auto lock = FileLock::acquire(root_ + "/" + key + ".use", {}, cancelled, FileLock::Kind::kShared);
  if (!lock) return;
  const std::lock_guard guard(mutex_);
  uses_.try_emplace(key, Use{.lock = std::move(*lock), .noted = Instant{}});
}

void EnvironmentStore::note_use(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto use = uses_.find(key);
  const Instant now = SystemClock().now();
  if (use == uses_.end() || now - use->second.noted < kNoteEvery) return;
  use->second.noted = now;
  (void)::futimens(use->second.lock.fd(), nullptr);  // that it cannot be noted is no reason to fail
}

std::vector<EnvironmentInfo> EnvironmentStore::list() const {
  std::vector<EnvironmentInfo> out;
  for (const fs::path& entry : folder_entries(root_)) {
    const std::string key = entry.filename();
    if (!is_hex(key)) continue;
    auto info = read_marker(entry);
    if (!info) continue;
    info->key = key;
    info->last_used = std::max(info->built, written(root_ + "/" + key + ".use").value_or(Instant{}));
    out.push_back(std::move(*info));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.last_used > b.last_used; });
  return out;
}

std::vector<std::string> EnvironmentStore::leftovers() const {
  std::vector<std::string> out;
  for (const fs::path& entry : folder_entries(root_)) {
    const std::string name = entry.filename();
    const std::string key = name.substr(0, kKeyDigits);
    std::error_code error;
    const bool is_part = name == key ? !read_marker(entry) : name == key + ".trash";
    if (is_hex(key) && is_part && fs::is_directory(fs::symlink_status(entry, error)) &&
        std::find(out.begin(), out.end(), key) == out.end())
      out.push_back(key);
  }
  return out;
}

Result<std::optional<RetiredEnvironment>> EnvironmentStore::retire(const std::string& key, Instant before) {
  if (!is_hex(key)) return fail(Code::kInvalid, "'" + key + "' is no key of an environment (64 hex digits)");
  const std::string path = root_ + "/" + key, trash = path + ".trash";
  // Its time first: to open the file would make it.
  const auto last_used = written(path + ".use");
  if (last_used && *last_used >= before) return std::nullopt;
  SLUICE_TRY(auto use, FileLock::try_acquire(path + ".use", FileLock::Kind::kExclusive));
  if (!use) return std::nullopt;
  SLUICE_TRY(auto build, FileLock::try_acquire(path + ".lock", FileLock::Kind::kExclusive));
  if (!build) return std::nullopt;
  // What is in the way is what an earlier removal could not finish: it is what is left to be removed.
  if (::access(trash.c_str(), F_OK) != 0 && ::rename(path.c_str(), trash.c_str()) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail_errno("remove " + path, errno);
  }
  return std::optional(RetiredEnvironment{.path = trash, .use = std::move(*use), .build = std::move(*build)});
}

std::set<std::string> EnvironmentStore::used_by_processes() const {
  std::set<std::string> keys;
  const std::string folder = root_ + "/";
  for (const fs::path& process : folder_entries("/proc")) {
    if (!parse_integer(process.filename().native())) continue;
    for (const char* file : {"cmdline", "environ"}) {
      const auto text = small_file_text(process / file);
      for (auto at = text ? text->find(folder) : std::string::npos; at != std::string::npos; at = text->find(folder, at)) {
        at += folder.size();
        if (std::string key = text->substr(at, kKeyDigits); is_hex(key)) keys.insert(std::move(key));
      }
    }
  }
  return keys;
}

}  // namespace sluice
