// How bytes become an object: the layout of the store's folder and the way of one file into it.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/files.h"

namespace sluice {

struct TakenFile {
  std::string hex;  // SHA-256
  std::int64_t size_bytes = 0;
  bool executable = false;
};

// One per call of the store: take or add what there is, then finish().
class Intake {
 public:
  // `names`: held while an object is found and made young, so that it is not removed as garbage in between.
  Intake(const std::string& root, bool sync, std::mutex& names) : root_(root), sync_(sync), names_(names) {}

  static std::string object_path(const std::string& root, std::string_view hex);
  static std::string temporary_folder(const std::string& root) { return root + "/tmp"; }

  // Stores the file at `path` and leaves a link to the object there, as ObjectStore::put says.
  Result<TakenFile> take(const std::string& path);
  // Stores bytes that are in memory; the digest's hex.
  Result<std::string> add(std::string_view bytes);
  // Makes the names of all that was taken and added survive a power cut (their bytes do already): one sync per folder, at most
  // 257.
  Status finish();

 private:
  struct Source {
    std::string path;
    OwnedFd file;
    struct stat facts;
  };

  bool holds(const std::string& hex, std::int64_t size_bytes);
  Result<bool> move_in(const Source& source, const std::string& hex);
  Result<TakenFile> copy_in(const Source& source);
  Status publish(const std::string& temporary, const std::string& hex, std::int64_t size_bytes);
  void link_back(const std::string& hex, const Source& source, bool executable) const;
  std::string new_temporary() const;

  const std::string& root_;
  bool sync_;
  std::mutex& names_;
  std::set<std::string> folders_;  // to be synced by finish()
};

// The age of an object is that of its inode's last change (ctime), which nobody can set back. Its mode is set to what it is: that
// makes it young and leaves the time of its content alone, by which readers of a link see that nobody has written to it.
bool make_young(const std::string& object_path);

// SHA-256 of the rest of the file, and its size.
Result<TakenFile> hash_file(const OwnedFd& file, const std::string& path);

}  // namespace sluice
