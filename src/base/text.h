// Small things done to text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string replace_all(std::string text, std::string_view from, std::string_view to);
std::string lower(std::string_view text);

// The candidate nearest to `name` by edit distance, for "did you mean"; empty if none is near (more than a third differs).
std::string closest(std::string_view name, std::span<const std::string> candidates);
// "; did you mean 'x'?" or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

// What comes after the last slash: "c" of "a/b/c". A view of `path`.
std::string_view base_name(std::string_view path);

// As one word of a shell: in single quotes.
std::string shell_word(std::string_view word);

// A whole number in decimal digits, perhaps with a minus, and nothing else.
std::optional<std::int64_t> parse_integer(std::string_view text);

// 1536 -> "1.5 KiB".
std::string format_bytes(double bytes);

}  // namespace sluice
