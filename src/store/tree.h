// A directory as the object store keeps it: the list of what is in it, and the text of that list, whose SHA-256 names the
// directory.
//
//   sluice tree 1
//   - 040000 0 empty
//   6e34… 100755 120 bin/run
//   1f0c… 100644 3 name\x0awith\x5cnewline
//
// Sorted by path, every directory listed before what is in it, so equal directories have equal text. In a path the bytes below
// 0x20, 0x7f and the backslash are \xNN; all others, UTF-8 or not, are themselves.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice {

struct TreeEntry {
  bool is_directory = false;
  bool executable = false;
  std::int64_t size_bytes = 0;
  std::string digest;  // "sha256:…" of a file
  friend bool operator==(const TreeEntry&, const TreeEntry&) = default;
};
// By path, relative to the directory. A map sorts "a" before "a/b", whatever else begins with "a".
using Tree = std::map<std::string, TreeEntry, std::less<>>;

// The 64 hex digits of "sha256:<64 lower-case hex digits>"; nothing if it is not that.
std::optional<std::string_view> digest_hex(std::string_view digest);

// The first bytes of every manifest. No plain file that begins like this is taken in, so the bytes tell what an object is.
constexpr std::string_view kTreeMagic = "sluice tree 1\n";

std::string to_manifest(const Tree& tree);
// kCorrupt unless `text` is exactly what to_manifest makes of some tree. Paths are then known to stay inside the directory.
Result<Tree> parse_manifest(std::string_view text);

}  // namespace sluice
