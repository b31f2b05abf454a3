// Content-addressed, immutable bytes: DATA/objects/sha256/ab/<62 more hex digits>, mode 0444. A directory is an object that
// holds its manifest (sorted lines "sha256 mode size path"), its files are objects of their own.
//
// Thread-safe: work threads call it in parallel, also for equal content.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace sluice {

struct StoredObject {
  std::string digest;  // "sha256:<hex>"
  std::int64_t size_bytes = 0;
  bool is_directory = false;
};

class ObjectStore {
 public:
  // `sync`: bytes are on the disk before put returns (the commit that names them comes later).
  ObjectStore(std::string root, bool sync) : root_(std::move(root)), sync_(sync) {}
  Status open();  // makes the folders

  // Takes in the file or directory at `path` and leaves there a link to the object (of a directory: a tree of links), so that path and
  // file name stay readable for ever. Symbolic links inside a directory are followed if they stay inside it, else kInvalid; sockets,
  // devices and pipes are kInvalid. Stored once however often it is put.
  Result<StoredObject> put(const std::string& path);

  // A private copy for a reader at `destination`, which must not exist: a reflink where the file system can, a copy up to 64 MiB,
  // above that a hard link (of a directory: per file). kNotFound if there is no such object.
  Status fetch(const std::string& digest, const std::string& destination) const;

  // Path of the object's bytes (a file's content, a directory's manifest).
  std::string path_of(const std::string& digest) const;
  bool has(const std::string& digest) const;
  // Re-hashes the stored bytes: kCorrupt if they are not what their name says. Of a directory: each file of it.
  Status verify(const std::string& digest) const;

 private:
  std::string root_;
  bool sync_;
};

}  // namespace sluice
