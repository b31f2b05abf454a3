// What is in a directory on the disk, before anything of it is touched.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace sluice {

struct FoundFile {
  std::string path;    // relative to the directory, as a reader names it
  std::string source;  // absolute: where the bytes are; another place than `path` behind a symbolic link
};
struct FoundTree {
  std::vector<std::string> directories;  // relative
  std::vector<FoundFile> files;
};

// Follows symbolic links that stay inside `root`. kInvalid: a link that leaves it, leads nowhere or round in a circle; a socket,
// pipe or device; more than a million entries.
Result<FoundTree> scan_tree(const std::string& root);

}  // namespace sluice
