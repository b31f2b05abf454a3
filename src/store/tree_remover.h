// Folders that tasks have made, and their end: whatever is in them, nothing outside is touched.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/result.h"

namespace sluice {

// Symbolic links are removed and never followed, other file systems that are mounted inside stay, folders may be nested as deep
// as they like, and lack any permission.
class TreeRemover {
 public:
  // `go_on` is asked before each name is removed; false: that was all. With `dry_run` everything is counted and nothing removed.
  TreeRemover(bool dry_run, std::function<bool()> go_on) : dry_run_(dry_run), go_on_(std::move(go_on)) {}

  // Removes what is at `path`, and below; that nothing is there is well. An error is the first of what stays.
  Status remove(const std::string& path);

  // A file's name is gone, or will be: its bytes are free when that was the last of its names.
  void note(std::uint64_t device, std::uint64_t inode, std::uint64_t links, std::int64_t size_bytes);
  std::int64_t bytes() const { return bytes_; }  // freed so far
  bool is_stopped() const { return is_stopped_; }

 private:
  struct Top;
  void empty(Top& top, int folder, int depth);
  bool remove_one(Top& top, int folder, const char* name, int depth);

  const bool dry_run_;
  const std::function<bool()> go_on_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> names_;  // of a dry run: of files with more names than one
  std::int64_t bytes_ = 0;
  bool is_stopped_ = false;
};

}  // namespace sluice
