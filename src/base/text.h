// Small things done to text.
#pragma once

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

// 1536 -> "1.5 KiB".
std::string format_bytes(double bytes);

}  // namespace sluice
