// Content-addressed, immutable bytes: DATA/objects/sha256/ab/<62 more hex digits>, mode 0444. A directory is an object that
// holds its manifest (tree.h: sorted lines "sha256 mode size path"), its files are objects of their own.
//
// Thread-safe: work threads call it in parallel, also for equal content.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

struct StoredObject {
  std::string digest;  // "sha256:<hex>"
  std::int64_t size_bytes = 0;  // of a directory: of all its files
  bool is_directory = false;
};

class ObjectStore {
 public:
  // `sync`: bytes are on the disk before put returns (the commit that names them comes later).
  ObjectStore(std::string root, bool sync) : root_(std::move(root)), sync_(sync) {}
  // Makes the folders, and removes what a process that died an hour ago or earlier has left half done.
  Status open();

  // Takes in the file or directory at `path` and leaves there a link to the object (of a directory: a tree of links), so that
  // path and file name stay readable for ever. Where no link can be (another file system, an executable file, 65,000 links
  // already) the file stays as it is. Symbolic links inside a directory are followed if they stay inside it, else kInvalid;
  // sockets, devices and pipes are kInvalid, and so is a plain file that begins like a manifest. Stored once however often it is
  // put.
  //
  // A file on the store's file system that nobody else holds (one link, not open for writing) is moved in at the cost of hashing
  // it; else it is copied.
  Result<StoredObject> put(const std::string& path);

  // A private copy for a reader at `destination`, which must not exist: a reflink where the file system can, a copy up to 64 MiB,
  // above that a hard link (of a directory: per file), which has the object's mode 0444. kNotFound if there is no such object,
  // kConflict if there is something at `destination`; nothing of a failed call stays there.
  Status fetch(const std::string& digest, const std::string& destination) const;

  // What put() leaves at a path: a link to the object, of a directory a tree of links; executable files and what cannot be linked
  // are copies. `destination` must not exist. kNotFound if not all of its bytes are there; nothing of a failed call stays.
  Status link(const std::string& digest, const std::string& destination) const;
  // What is named by nobody in the database may be on its way there: it was put, or found by keep(), for a commit that is still
  // to come. Whoever does that holds a lease from before the first such call until after the commit: nothing that was put or kept
  // under it is removed as garbage meanwhile. Costs nothing on the disk.
  using Lease = std::shared_ptr<const void>;
  Lease lease();
  // Like has(), of a directory for each of its files too; and what is there is from now on as young as if it had just been put.
  bool keep(const std::string& digest);

  // For the collection of garbage. What is older than this was put before every lease that is alive now.
  Instant oldest_lease(Instant now) const;
  // Removes an object (64 hex digits, perhaps with ".changed") unless it was put or kept since `before`: false then, and if it is
  // gone already.
  Result<bool> remove_unless_young(const std::string& hex, Instant before);
  const std::string& root() const { return root_; }

  // Path of the object's bytes (a file's content, a directory's manifest); empty for what is no digest.
  std::string path_of(const std::string& digest) const;
  bool has(const std::string& digest) const;
  // Re-hashes the stored bytes: kCorrupt if they are not what their name says. Of a directory: each file of it.
  Status verify(const std::string& digest) const;

 private:
  struct Leases {
    std::mutex mutex;
    std::multiset<Instant> begun;  // guarded by mutex
  };

  std::string root_;
  bool sync_;
  std::shared_ptr<Leases> leases_ = std::make_shared<Leases>();
  std::mutex names_;  // whoever finds an object and makes it young, or finds it old and removes it
};

}  // namespace sluice
