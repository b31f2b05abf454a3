// Text in the columns of a terminal: bytes, characters and columns are three different counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// Columns that `text` takes: an East Asian wide character or an emoji two, a combining mark and an escape sequence none, a byte
// that is no UTF-8 one.
int columns_of(std::string_view text);

// `text` in at most `width` columns; one that is cut ends with "…", and with its colours switched off if it has any.
std::string clip_columns(std::string_view text, int width);

// With spaces up to `width` columns; a longer one stays as it is.
std::string pad_columns(std::string text, int width);       // spaces behind
std::string pad_columns_left(std::string text, int width);  // spaces in front

// The first line of somebody else's text, harmless on a terminal: control characters become spaces, bytes that are no UTF-8 "?".
std::string one_line(std::string_view text);

// Rows as columns, each as wide as its widest cell; no spaces at the ends of lines.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace sluice
