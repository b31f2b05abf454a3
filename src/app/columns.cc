#include "app/columns.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice {
namespace {

struct Range {
  char32_t first, last;
};

// Unicode 15's East Asian Width W and F, neighbouring blocks joined. wcwidth() would need a UTF-8 locale, which a small image
// may lack.
constexpr std::array<Range, 23> kWide{{
    {0x1100, 0x115F}, {0x231A, 0x231B}, {0x23E9, 0x23EC},   {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},
    {0x2705, 0x2705}, {0x274C, 0x274C}, {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2B1B, 0x2B1C},   {0x2E80, 0x303E},
    {0x3041, 0x4DBF}, {0x4E00, 0xA4CF}, {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F680, 0x1FAFF}, {0x20000, 0x3FFFD},
}};
constexpr std::array<Range, 12> kNone{{
    {0x0300, 0x036F},
    {0x0483, 0x0489},
    {0x0591, 0x05BD},
    {0x0610, 0x061A},
    {0x064B, 0x065F},
    {0x0E34, 0x0E3A},
    {0x0E47, 0x0E4E},
    {0x1AB0, 0x1AFF},
    {0x200B, 0x200F},
    {0x20D0, 0x20F0},
    {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F},
}};

template <std::size_t N>
bool holds(const std::array<Range, N>& ranges, char32_t character) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), character,
                                      [](char32_t wanted, const Range& range) { return wanted < range.first; });
  return after != ranges.begin() && character <= std::prev(after)->last;
}

// One thing that a terminal takes as a whole: a character, a broken byte, or an escape sequence.
struct Glyph {
  std::size_t bytes = 1;
  int columns = 1;
  bool is_escape = false;
  bool is_broken = false;
};

Glyph escape_at(std::string_view text) {
  std::size_t size = 1;
  if (size < text.size() && text[size] == '[') {
    ++size;
    while (size < text.size() && (text[size] < '@' || text[size] > '~')) ++size;
  }
  return {.bytes = std::min(size + 1, text.size()), .columns = 0, .is_escape = true};
}

// `text` is not empty.
Glyph glyph_at(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead == 0x1B) return escape_at(text);
  if (lead < 0x80) return {.columns = lead < 0x20 || lead == 0x7F ? 0 : 1};
  const std::size_t size = lead >= 0xF0 && lead < 0xF5   ? 4
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xC2 && lead < 0xE0 ? 2
                                                         : 0;
  if (size == 0 || size > text.size()) return {.is_broken = true};
  char32_t character = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) != 0x80U) return {.is_broken = true};
    character = (character << 6U) | (byte & 0x3FU);
  }
  if (character < 0xA0) return {.bytes = size, .columns = 0};  // C1 controls
  return {.bytes = size, .columns = holds(kNone, character) ? 0 : holds(kWide, character) ? 2 : 1};
}

}  // namespace

int columns_of(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Glyph glyph = glyph_at(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return columns;
}

std::string clip_columns(std::string_view text, int width) {
  width = std::max(width, 1);
  std::size_t bytes = 0, fits = 0;  // so much fits in width, and in width less the column of the "…"
  int columns = 0;
  bool colored = false;
  while (bytes < text.size()) {
    const Glyph glyph = glyph_at(text.substr(bytes));
    if (columns + glyph.columns > width) return std::string(text.substr(0, fits)) + (colored ? "…\x1b[0m" : "…");
    columns += glyph.columns;
    colored = colored || glyph.is_escape;
    bytes += glyph.bytes;
    if (columns < width) fits = bytes;
  }
  return std::string(text);
}

std::string pad_columns(std::string text, int width) {
  const int columns = columns_of(text);
  if (columns < width) text.append(static_cast<std::size_t>(width - columns), ' ');
  return text;
}

std::string pad_columns_left(std::string text, int width) {
  const int columns = columns_of(text);
  if (columns < width) text.insert(0, static_cast<std::size_t>(width - columns), ' ');
  return text;
}

std::string one_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  std::string out;
  while (!text.empty()) {
    const Glyph glyph = glyph_at(text);
    const auto lead = static_cast<unsigned char>(text[0]);
    if (glyph.is_broken)
      out += '?';
    else if (glyph.is_escape)
      ;  // somebody's colours
    else if (lead < 0x20 || lead == 0x7F || (lead == 0xC2 && glyph.columns == 0))
      out += lead == '\r' ? "" : " ";
    else
      out += text.substr(0, glyph.bytes);
    text.remove_prefix(glyph.bytes);
  }
  return out;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) out += pad_columns(row[i], widths[i]) + "  ";
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

}  // namespace sluice
