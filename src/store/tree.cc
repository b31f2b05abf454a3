#include "store/tree.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace sluice {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kDirectoryMode = "040000";
constexpr std::string_view kFileMode = "100644";
constexpr std::string_view kExecutableMode = "100755";

void append_escaped(std::string& out, std::string_view path) {
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F && c != '\\') {
      out += c;
      continue;
    }
    out.append("\\x").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
  }
}

std::optional<std::string> unescape(std::string_view text) {
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      path += text[i];
      continue;
    }
    if (i + 3 >= text.size() || text[i + 1] != 'x') return std::nullopt;
    const auto high = kHex.find(text[i + 2]);
    const auto low = kHex.find(text[i + 3]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    path += static_cast<char>(high << 4U | low);
    i += 3;
  }
  return path;
}

// Whether the path stays below the directory, whose tree so far has its parent.
bool belongs(const Tree& tree, std::string_view path) {
  for (const std::string_view part : split(path, '/'))
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) return false;
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return true;
  const auto parent = tree.find(path.substr(0, slash));
  return parent != tree.end() && parent->second.is_directory;
}

std::optional<std::pair<std::string, TreeEntry>> parse_line(std::string_view line) {
  std::array<std::string_view, 3> fields;
  for (auto& field : fields) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    field = line.substr(0, space);
    line.remove_prefix(space + 1);
  }
  auto path = unescape(line);
  if (!path) return std::nullopt;
  const auto [hex, mode, size] = fields;
  TreeEntry entry{.is_directory = mode == kDirectoryMode, .executable = mode == kExecutableMode};
  if (!entry.is_directory) entry.digest = "sha256:" + std::string(hex);
  if (!entry.is_directory && !entry.executable && mode != kFileMode) return std::nullopt;
  if (entry.is_directory ? hex != "-" : !digest_hex(entry.digest)) return std::nullopt;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), entry.size_bytes);
  if (error != std::errc() || end != size.data() + size.size() || entry.size_bytes < 0) return std::nullopt;
  return std::pair(std::move(*path), std::move(entry));
}

}  // namespace

std::optional<std::string_view> digest_hex(std::string_view digest) {
  constexpr std::string_view kPrefix = "sha256:";
  if (digest.size() != kPrefix.size() + 64 || digest.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const auto hex = digest.substr(kPrefix.size());
  if (hex.find_first_not_of(kHex) != std::string_view::npos) return std::nullopt;
  return hex;
}

std::string to_manifest(const Tree& tree) {
  std::string text(kTreeMagic);
  for (const auto& [path, entry] : tree) {
    text.append(entry.is_directory ? "-" : digest_hex(entry.digest).value_or(""));
    text.append(" ").append(entry.is_directory ? kDirectoryMode : entry.executable ? kExecutableMode : kFileMode);
    text.append(" ").append(std::to_string(entry.size_bytes)).append(" ");
    append_escaped(text, path);
    text += '\n';
  }
  return text;
}

Result<Tree> parse_manifest(std::string_view text) {
  const auto corrupt = [](std::string_view what) {
    return fail(Code::kCorrupt, "manifest of a directory: " + std::string(what));
  };
  const std::string_view whole = text;
  if (!text.starts_with(kTreeMagic)) return corrupt("does not begin with the name of its format");
  text.remove_prefix(kTreeMagic.size());
  Tree tree;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return corrupt("its last line is cut off");
    auto entry = parse_line(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (!entry) return corrupt("line " + std::to_string(tree.size() + 2) + " cannot be read");
    if (!belongs(tree, entry->first)) return corrupt("line " + std::to_string(tree.size() + 2) + " leads out of the directory");
    tree.insert(std::move(*entry));
  }
  // Order, doubles, spellings of numbers and escapes, all at once.
  if (to_manifest(tree) != whole) return corrupt("is not in its canonical form");
  return tree;
}

}  // namespace sluice
