#include "store/intake.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <random>

#include "base/sha256.h"

namespace sluice {
namespace {

constexpr unsigned kObjectMode = 0444;
constexpr unsigned kExecutableMode = 0555;

bool same_content(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Status sync_data(const OwnedFd& file, const std::string& path) {
  if (::fdatasync(file.get()) != 0) return fail_errno("sync '" + path + "'", errno);
  return {};
}

}  // namespace

bool make_young(const std::string& object_path) { return ::chmod(object_path.c_str(), kObjectMode) == 0; }

Result<TakenFile> hash_file(const OwnedFd& file, const std::string& path) {
  Sha256 hash;
  TakenFile taken;
  SLUICE_TRY_STATUS(read_through(file, path, [&](std::string_view bytes) {
    hash.update(bytes);
    taken.size_bytes += static_cast<std::int64_t>(bytes.size());
    return Status{};
  }));
  taken.hex = hash.hex();
  return taken;
}

std::string Intake::object_path(const std::string& root, std::string_view hex) {
  return (root + "/sha256/").append(hex.substr(0, 2)).append("/").append(hex.substr(2));
}

std::string Intake::new_temporary() const {
  // Random per process, so that no leftover of another one is in the way; counted within it, for its threads.
  static const std::string process = [] {
    std::random_device random;
    return std::to_string(random()) + "-" + std::to_string(random()) + "-";
  }();
  static std::atomic<std::uint64_t> counter{0};
  return temporary_folder(root_) + "/" + process + std::to_string(++counter);
}

Result<TakenFile> Intake::take(const std::string& path) {
  Source source{.path = path};
  SLUICE_TRY(source.file, open_file(path, O_RDONLY));
  SLUICE_TRY(source.facts, stat_of(source.file, path));
  if (!S_ISREG(source.facts.st_mode)) return fail(Code::kInvalid, "'" + path + "' is not a file");
  const bool executable = (source.facts.st_mode & S_IXUSR) != 0;

  // To be moved in, the file must be nobody else's: another link to it or an open descriptor could change the object later. It
  // loses its write permission before we look for writers, so that none can come after.
  const bool ours_alone =
      !executable && source.facts.st_nlink == 1 && ::fchmod(source.file.get(), kObjectMode) == 0 && !has_writers(source.file);
  SLUICE_TRY(TakenFile taken, hash_file(source.file, path));
  if (!holds(taken.hex, taken.size_bytes)) {
    bool moved = false;
    if (ours_alone) {
      SLUICE_TRY(moved, move_in(source, taken.hex));
    }
    if (!moved) {
      SLUICE_TRY(taken, copy_in(source));
    }
  }
  taken.executable = executable;
  link_back(taken.hex, source, executable);
  return taken;
}

// Whether the object is there, which is then as young as one that was just made. One of another size was damaged: publish()
// replaces it. Its folder is synced in any case: the thread that has just put the object may not have come to that yet.
bool Intake::holds(const std::string& hex, std::int64_t size_bytes) {
  const std::string object = object_path(root_, hex);
  folders_.insert(folder_of(object));
  struct stat facts{};
  const std::lock_guard lock(names_);
  return ::lstat(object.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size == size_bytes && make_young(object);
}

// Makes the file itself the object. False: it is on another file system, or somebody has touched it since it was hashed.
Result<bool> Intake::move_in(const Source& source, const std::string& hex) {
  const std::string temporary = new_temporary();
  if (::link(source.path.c_str(), temporary.c_str()) != 0) return false;
  const auto now = stat_of(source.file, source.path);
  // Two links: the path still meant the file that we have open.
  if (!now || now->st_nlink != 2 || !same_content(*now, source.facts)) {
    ::unlink(temporary.c_str());
    return false;
  }
  if (sync_)
    if (Status synced = sync_data(source.file, source.path); !synced) {
      ::unlink(temporary.c_str());
      return fail(std::move(synced).error());
    }
  SLUICE_TRY_STATUS(publish(temporary, hex, source.facts.st_size));
  return true;
}

// Copies and hashes in one pass, so that the object is right whatever others do to the file meanwhile.
Result<TakenFile> Intake::copy_in(const Source& source) {
  if (::lseek(source.file.get(), 0, SEEK_SET) != 0) return fail_errno("seek in '" + source.path + "'", errno);
  const std::string temporary = new_temporary();
  SLUICE_TRY(const OwnedFd target, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
  Sha256 hash;
  TakenFile taken;
  Status status = read_through(source.file, source.path, [&](std::string_view bytes) {
    hash.update(bytes);
    taken.size_bytes += static_cast<std::int64_t>(bytes.size());
    return write_all(target, temporary, bytes);
  });
  if (status && ::fchmod(target.get(), kObjectMode) != 0) status = fail_errno("set the mode of '" + temporary + "'", errno);
  if (status && sync_) status = sync_data(target, temporary);
  if (!status) {
    ::unlink(temporary.c_str());
    return fail(std::move(status).error());
  }
  taken.hex = hash.hex();
  SLUICE_TRY_STATUS(publish(temporary, taken.hex, taken.size_bytes));
  return taken;
}

Result<std::string> Intake::add(std::string_view bytes) {
  std::string hex = sha256_hex(bytes);
  const auto size_bytes = static_cast<std::int64_t>(bytes.size());
  if (holds(hex, size_bytes)) return hex;
  const std::string temporary = new_temporary();
  SLUICE_TRY(const OwnedFd target, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, kObjectMode));
  Status status = write_all(target, temporary, bytes);
  if (status && sync_) status = sync_data(target, temporary);
  if (!status) {
    ::unlink(temporary.c_str());
    return fail(std::move(status).error());
  }
  SLUICE_TRY_STATUS(publish(temporary, hex, size_bytes));
  return hex;
}

// Gives the finished file its name, unless another thread was first. The temporary name is gone afterwards.
Status Intake::publish(const std::string& temporary, const std::string& hex, std::int64_t size_bytes) {
  const std::string object = object_path(root_, hex);
  auto made = make_folder(folder_of(object));
  Status status;
  if (!made)
    status = fail(std::move(made).error());
  else if (*made)
    folders_.insert(root_ + "/sha256");
  // link() does not replace; rename() is for a damaged object, and for file systems without links.
  if (status && ::link(temporary.c_str(), object.c_str()) != 0 && !holds(hex, size_bytes) &&
      ::rename(temporary.c_str(), object.c_str()) != 0)
    status = fail_errno("store as '" + object + "'", errno);
  ::unlink(temporary.c_str());
  return status;
}

Status Intake::finish() {
  if (sync_)
    for (const std::string& folder : folders_) SLUICE_TRY_STATUS(sync_folder(folder));
  folders_.clear();
  return {};
}

// Replaces the file by a link to the object. Where that cannot be the file stays: it has the same bytes.
void Intake::link_back(const std::string& hex, const Source& source, bool executable) const {
  if (executable) {
    // A file that has other names as well is somebody's: its mode is not ours to change.
    if (source.facts.st_nlink == 1) ::fchmod(source.file.get(), kExecutableMode);
    return;
  }
  const std::string object = object_path(root_, hex);
  struct stat facts{};
  if (::lstat(object.c_str(), &facts) != 0 || (facts.st_ino == source.facts.st_ino && facts.st_dev == source.facts.st_dev))
    return;
  const std::string temporary = new_temporary();
  if (::link(object.c_str(), temporary.c_str()) != 0) return;
  ::rename(temporary.c_str(), source.path.c_str());
  ::unlink(temporary.c_str());
}

}  // namespace sluice
