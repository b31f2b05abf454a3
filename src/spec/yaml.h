// YAML (and JSON) text as a tree of our own that remembers where everything stands.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/value.h"

namespace sluice {

// What we take, at most. 64 MiB holds a pipeline of 150,000 tasks; the SDK nests about 12 levels deep.
constexpr std::size_t kTextBytesMax = std::size_t{64} * 1024 * 1024;
constexpr std::size_t kDepthMax = 100;
constexpr std::uint64_t kNodesMax = 5'000'000;
// Errors of one file that are told. Whoever made more has one mistake many times over.
constexpr std::size_t kErrorsMax = 1000;

enum class YamlKind : std::uint8_t { kNull, kScalar, kList, kMap };

// 56 bytes and no destructor: millions of them lie in one arena. An alias is the same node met twice.
struct YamlNode {
  YamlKind kind = YamlKind::kNull;
  bool quoted = false;       // of a scalar: it is text whatever it looks like
  std::uint8_t height = 0;   // levels of containers in and below this node
  std::uint32_t weight = 1;  // nodes in it, aliases expanded
  Place place;
  std::string_view text;                       // of a scalar
  std::span<const YamlNode* const> children;   // of a list: the items; of a map: key, value, key, value, ... Keys are scalars.

  std::size_t fields() const { return children.size() / 2; }
  const YamlNode& key(std::size_t i) const { return *children[2 * i]; }
  const YamlNode& field(std::size_t i) const { return *children[2 * i + 1]; }
};

struct YamlFile {
  // Each document's root, in order; they live as long as this. Documents before an error in the syntax are here too.
  std::vector<const YamlNode*> roots;
  Diagnostics errors;    // keys that stand twice, then at most one that ended the reading
  bool complete = true;  // false: reading ended at an error
  std::unique_ptr<std::pmr::monotonic_buffer_resource> memory;
};

// Costs about 0.1 s per MB of YAML (yaml-cpp reads 10 MB/s) and a tenth of that for JSON. `file` names the text in errors.
YamlFile read_yaml(std::string_view text, std::string_view file);

// The value of a plain (unquoted) scalar, as PyYAML and the KFP back end both read it where they agree; where not:
//   1e3 is a number (JSON says so), 1:30 and 2024-01-01 and 089 and y and n are text. yes, no, on, off are booleans.
// .inf and .nan are infinite or no numbers; no KFP value may hold those, which is for the caller to refuse.
Value resolve_scalar(std::string_view text);
// The value of a null or scalar node.
Value resolve_scalar(const YamlNode& node);

}  // namespace sluice
