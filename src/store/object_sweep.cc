#include "store/object_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "store/files.h"
#include "store/intake.h"
#include "store/tree.h"

namespace sluice {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::size_t kHexDigits = 64;
// What the hands call an object whose bytes are no longer what its name says: nobody can be given it.
constexpr std::string_view kChanged = ".changed";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Calls `use` with each name in the folder.
Status each_name(const std::string& folder, const std::function<Status(int fd, std::string_view name)>& use) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
  if (entries == nullptr && errno == ENOENT) return {};
  if (entries == nullptr) return fail_errno("open '" + folder + "'", errno);
  while (const dirent* entry = ::readdir(entries.get())) SLUICE_TRY_STATUS(use(::dirfd(entries.get()), entry->d_name));
  return {};
}

// One that cannot be read is kept, and is no directory that anybody could use.
bool is_manifest(const std::string& path) {
  const auto file = open_file(path, O_RDONLY);
  if (!file) return false;
  std::string start(kTreeMagic.size(), '\0');
  return ::pread(file->get(), start.data(), start.size(), 0) == static_cast<ssize_t>(start.size()) && start == kTreeMagic;
}

}  // namespace

Instant ObjectSweep::limit(const ObjectStore& objects, Instant now, Duration grace) {
  return std::min(now - grace, objects.oldest_lease(now));
}

bool ObjectSweep::read_hex(std::string_view hex, Digest& digest) {
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    digest.at(i) = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

void ObjectSweep::name_all(std::string_view text) {
  Digest digest{};
  for (auto at = text.find(kDigestPrefix); at != std::string_view::npos; at = text.find(kDigestPrefix, at)) {
    at += kDigestPrefix.size();
    if (text.size() - at < kHexDigits) return;
    if (read_hex(text.substr(at, kHexDigits), digest)) named_.insert(digest);
  }
}

// Its lines begin with digests. One that is damaged keeps what can be read of it.
void ObjectSweep::name_members(std::string_view manifest) {
  Digest digest{};
  while (!manifest.empty()) {
    const std::string_view line = manifest.substr(0, manifest.find('\n'));
    if (line.size() > kHexDigits && read_hex(line.substr(0, kHexDigits), digest)) named_.insert(digest);
    manifest.remove_prefix(std::min(manifest.size(), line.size() + 1));
  }
}

bool ObjectSweep::is_named(std::string_view hex) const {
  Digest digest{};
  return hex.size() == kHexDigits && read_hex(hex, digest) && named_.contains(digest);
}

Status ObjectSweep::scan(std::vector<Found>& found) const {
  const auto look_at = [&](const std::string& start, int folder, std::string_view name) -> Status {
    std::string hex = start + std::string(name);
    const std::string_view digits = std::string_view(hex).substr(0, kHexDigits);
    Digest digest{};
    const bool is_ours = digits.size() == kHexDigits && read_hex(digits, digest) &&
                         (hex.size() == kHexDigits || std::string_view(hex).substr(kHexDigits) == kChanged);
    struct stat facts{};
    if (!is_ours || ::fstatat(folder, std::string(name).c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode))
      return {};
    const bool is_needed = change_time(facts) >= before_ || is_named(hex);
    found.push_back({.object = {.hex = std::move(hex),
                                .size_bytes = facts.st_size,
                                .links = facts.st_nlink,
                                .inode = facts.st_ino,
                                .device = facts.st_dev},
                     .is_needed = is_needed});
    return {};
  };
  const std::string root = objects_.root() + "/sha256";
  return each_name(root, [&](int, std::string_view start) -> Status {
    if (start.size() != 2 || hex_value(start[0]) < 0 || hex_value(start[1]) < 0) return {};
    const std::string folder(start);
    return each_name(root + "/" + folder, [&](int fd, std::string_view name) { return look_at(folder, fd, name); });
  });
}

Result<std::vector<ObjectSweep::Condemned>> ObjectSweep::condemned() {
  std::vector<Found> found;
  SLUICE_TRY_STATUS(scan(found));
  for (Found& each : found) {
    const std::string path = Intake::object_path(objects_.root(), each.object.hex);
    each.is_directory = is_manifest(path);
    if (!each.is_needed || !each.is_directory) continue;
    auto manifest = read_all(path);
    // Without it nobody knows what else is needed.
    if (!manifest) return fail(std::move(manifest).error());
    name_members(*manifest);
  }
  std::erase_if(found, [this](const Found& each) { return each.is_needed || is_named(each.object.hex); });
  std::stable_partition(found.begin(), found.end(), [](const Found& each) { return each.is_directory; });
  std::vector<Condemned> out;
  out.reserve(found.size());
  for (Found& each : found) out.push_back(std::move(each.object));
  return out;
}

}  // namespace sluice
