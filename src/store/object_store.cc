#include "store/object_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "base/clock.h"
#include "store/files.h"
#include "store/intake.h"
#include "store/tree.h"
#include "store/tree_scan.h"

namespace sluice {
namespace {

// Up to this a reader's input is a copy of its own (64 MiB: some 30 ms), above it a link that is looked at after the attempt.
constexpr std::int64_t kCopyBytesMax = std::int64_t{64} << 20U;

// What leftovers of a killed process must be older than. No file is in the making for so long without being written to.
constexpr Duration kLeftoverAge = std::chrono::hours(1);

struct Object {
  std::string path;
  OwnedFd file;
  std::int64_t size_bytes = 0;
  bool is_directory = false;
};

Result<bool> begins_like_manifest(const OwnedFd& file, const std::string& path) {
  std::string start(kTreeMagic.size(), '\0');
  const ssize_t count = ::pread(file.get(), start.data(), start.size(), 0);
  if (count < 0) return fail_errno("read '" + path + "'", errno);
  return start == kTreeMagic;
}

Result<Object> open_object(const std::string& root, const std::string& digest) {
  const auto hex = digest_hex(digest);
  if (!hex) return fail(Code::kInvalid, "'" + digest + "' is no digest");
  Object object{.path = Intake::object_path(root, *hex)};
  auto file = open_file(object.path, O_RDONLY);
  if (!file && file.error().code == Code::kNotFound) return fail(Code::kNotFound, "there is no object " + digest);
  if (!file) return fail(std::move(file).error());
  object.file = std::move(*file);
  SLUICE_TRY(const auto facts, stat_of(object.file, object.path));
  object.size_bytes = facts.st_size;
  SLUICE_TRY(object.is_directory, begins_like_manifest(object.file, object.path));
  return object;
}

Status fetch_file(const Object& object, const std::string& destination, bool executable) {
  const unsigned mode = executable ? 0755 : 0644;
  if (object.size_bytes <= kCopyBytesMax || executable) return copy_file(object.file, destination, mode, CopyHow::kCloneOrCopy);
  Status cloned = copy_file(object.file, destination, mode, CopyHow::kCloneOnly);
  if (cloned || cloned.error().code != Code::kUnavailable) return cloned;
  if (::link(object.path.c_str(), destination.c_str()) == 0) return {};
  // Another file system, or no more links to this inode.
  return copy_file(object.file, destination, mode, CopyHow::kCloneOrCopy);
}

Status link_file(const Object& object, const std::string& destination, bool executable) {
  if (!executable && ::link(object.path.c_str(), destination.c_str()) == 0) return {};
  if (!executable && errno == EEXIST) return fail(Code::kConflict, "'" + destination + "' is there already");
  return copy_file(object.file, destination, executable ? 0755 : 0444, CopyHow::kCloneOrCopy);
}

using Give = Status (*)(const Object& object, const std::string& destination, bool executable);

Result<Tree> tree_of(const Object& object, const std::string& digest) {
  SLUICE_TRY(const std::string manifest, read_all(object.path));
  auto tree = parse_manifest(manifest);
  if (!tree) return fail(std::move(tree).error().with_context("object " + digest + ": "));
  return tree;
}

// A file that a directory names must be there: that it is not is damage.
Result<Object> open_member(const std::string& root, const std::string& directory, const std::string& path,
                           const TreeEntry& entry) {
  auto object = open_object(root, entry.digest);
  if (!object && object.error().code == Code::kNotFound)
    return fail(Code::kCorrupt, "directory " + directory + ": the object " + entry.digest + " of '" + path + "' is missing");
  return object;
}

Status give_tree(const std::string& root, const Tree& tree, const std::string& digest, const std::string& destination,
                 Give give) {
  for (const auto& [path, entry] : tree) {
    const std::string target = destination + "/" + path;
    if (entry.is_directory) {
      SLUICE_TRY_STATUS(make_folder(target));
      continue;
    }
    SLUICE_TRY(const Object object, open_member(root, digest, path, entry));
    SLUICE_TRY_STATUS(give(object, target, entry.executable));
  }
  return {};
}

Status give_object(const std::string& root, const std::string& digest, const std::string& destination, Give give) {
  SLUICE_TRY(const Object object, open_object(root, digest));
  if (!object.is_directory) return give(object, destination, false);
  SLUICE_TRY(const Tree tree, tree_of(object, digest));
  if (::mkdir(destination.c_str(), 0755) != 0) {
    if (errno == EEXIST) return fail(Code::kConflict, "'" + destination + "' is there already");
    return fail_errno("make folder '" + destination + "'", errno);
  }
  Status status = give_tree(root, tree, digest, destination, give);
  if (!status) {
    std::error_code ignored;
    std::filesystem::remove_all(destination, ignored);
  }
  return status;
}

Result<StoredObject> put_file(Intake& intake, const std::string& path) {
  SLUICE_TRY(const OwnedFd file, open_file(path, O_RDONLY));
  SLUICE_TRY(const bool manifest, begins_like_manifest(file, path));
  if (manifest)
    return fail(Code::kInvalid, "'" + path + "' begins like the manifest of a stored directory", "put something in front of it");
  SLUICE_TRY(const TakenFile taken, intake.take(path));
  return StoredObject{.digest = "sha256:" + taken.hex, .size_bytes = taken.size_bytes};
}

Result<StoredObject> put_tree(Intake& intake, const std::string& path) {
  SLUICE_TRY(const FoundTree found, scan_tree(path));
  Tree tree;
  for (const std::string& directory : found.directories) tree[directory].is_directory = true;
  std::map<std::string, TakenFile> taken;  // by source, which several names can share
  std::int64_t size_bytes = 0;
  for (const auto& [name, source] : found.files) {
    auto known = taken.find(source);
    if (known == taken.end()) {
      SLUICE_TRY(TakenFile file, intake.take(source));
      known = taken.emplace(source, std::move(file)).first;
    }
    const TakenFile& file = known->second;
    tree[name] = {.executable = file.executable, .size_bytes = file.size_bytes, .digest = "sha256:" + file.hex};
    size_bytes += file.size_bytes;
  }
  SLUICE_TRY(const std::string hex, intake.add(to_manifest(tree)));
  return StoredObject{.digest = "sha256:" + hex, .size_bytes = size_bytes, .is_directory = true};
}

Status verify_object(const Object& object, const std::string& digest) {
  SLUICE_TRY(const TakenFile found, hash_file(object.file, object.path));
  if (digest == "sha256:" + found.hex) return {};
  return fail(Code::kCorrupt, "object " + digest + " has been changed: its bytes are sha256:" + found.hex);
}

}  // namespace

Status ObjectStore::open() {
  std::error_code error;
  std::filesystem::create_directories(root_, error);
  if (error) return fail_errno("make folder '" + root_ + "'", error.value());
  SLUICE_TRY_STATUS(make_folder(root_ + "/sha256"));
  SLUICE_TRY_STATUS(make_folder(Intake::temporary_folder(root_)));
  if (sync_) SLUICE_TRY_STATUS(sync_folder(root_));
  return remove_older(Intake::temporary_folder(root_), SystemClock().now() - kLeftoverAge);
}

Result<StoredObject> ObjectStore::put(const std::string& path) {
  // Looked at before it is opened: opening a device can have effects.
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return fail_errno("store '" + path + "'", errno);
  if (S_ISLNK(facts.st_mode)) return fail(Code::kInvalid, "'" + path + "' is a symbolic link", "copy what it points to");
  if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode))
    return fail(Code::kInvalid, "'" + path + "' is a socket, a pipe or a device: only files and directories can be kept");
  Intake intake(root_, sync_, names_);
  auto object = S_ISREG(facts.st_mode) ? put_file(intake, path) : put_tree(intake, path);
  if (object) SLUICE_TRY_STATUS(intake.finish());
  return object;
}

Status ObjectStore::fetch(const std::string& digest, const std::string& destination) const {
  return give_object(root_, digest, destination, fetch_file);
}

Status ObjectStore::link(const std::string& digest, const std::string& destination) const {
  Status linked = give_object(root_, digest, destination, link_file);
  // A member that is missing is damage to its directory; for us its bytes are not there.
  if (!linked && linked.error().code == Code::kCorrupt) return fail(Code::kNotFound, linked.error().message);
  return linked;
}

std::string ObjectStore::path_of(const std::string& digest) const {
  const auto hex = digest_hex(digest);
  return hex ? Intake::object_path(root_, *hex) : "";
}

bool ObjectStore::has(const std::string& digest) const {
  struct stat facts{};
  const std::string path = path_of(digest);
  return !path.empty() && ::lstat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
}

ObjectStore::Lease ObjectStore::lease() {
  const std::lock_guard lock(leases_->mutex);
  const auto place = leases_->begun.insert(SystemClock().now());
  // The list lives as long as any lease does, which may be longer than the store.
  return {leases_.get(), [leases = leases_, place](const void*) {
            const std::lock_guard guard(leases->mutex);
            leases->begun.erase(place);
          }};
}

Instant ObjectStore::oldest_lease(Instant now) const {
  const std::lock_guard lock(leases_->mutex);
  return leases_->begun.empty() ? now : std::min(now, *leases_->begun.begin());
}

bool ObjectStore::keep(const std::string& digest) {
  const auto keep_one = [this](const std::string& one) {
    const std::lock_guard lock(names_);
    return has(one) && make_young(path_of(one));
  };
  if (!keep_one(digest)) return false;
  // What was found cannot go any more, so the rest need not be done at once.
  const auto object = open_object(root_, digest);
  if (!object) return false;
  if (!object->is_directory) return true;
  const auto tree = tree_of(*object, digest);
  if (!tree) return false;
  return std::all_of(tree->begin(), tree->end(),
                     [&](const auto& entry) { return entry.second.is_directory || keep_one(entry.second.digest); });
}

Result<bool> ObjectStore::remove_unless_young(const std::string& hex, Instant before) {
  const std::string path = Intake::object_path(root_, hex);
  struct stat facts{};
  const std::lock_guard lock(names_);
  if (::lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || change_time(facts) >= before) return false;
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return fail_errno("remove '" + path + "'", errno);
}

Status ObjectStore::verify(const std::string& digest) const {
  SLUICE_TRY(const Object object, open_object(root_, digest));
  SLUICE_TRY_STATUS(verify_object(object, digest));
  if (!object.is_directory) return {};
  SLUICE_TRY(const Tree tree, tree_of(object, digest));
  std::set<std::string_view> verified;
  for (const auto& [path, entry] : tree) {
    if (entry.is_directory || !verified.insert(entry.digest).second) continue;
    SLUICE_TRY(const Object member, open_member(root_, digest, path, entry));
    if (Status status = verify_object(member, entry.digest); !status)
      return fail(std::move(status).error().with_context("directory " + digest + ": '" + path + "': "));
  }
  return {};
}

}  // namespace sluice
