#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "spec/yaml.h"

namespace sluice {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits of `text` in `base` as a double, underscores skipped. Nothing if there are other characters or no digits.
std::optional<double> digits_value(std::string_view text, int base) {
  double value = 0;
  bool any = false;
  for (const char c : text) {
    if (c == '_') continue;
    int digit = 99;
    if (is_digit(c)) digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
    any = true;
  }
  return any ? std::optional(value) : std::nullopt;
}

// Is it [digits][.digits][e[+-]digits], with at least one digit before the exponent?
bool is_decimal(std::string_view text) {
  std::size_t i = 0;
  const auto skip_digits = [&] {
    const auto start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - start;
  };
  std::size_t digits = skip_digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    digits += skip_digits();
  }
  if (digits == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (skip_digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<double> decimal_value(std::string_view text) {
  std::string stripped;
  if (text.find('_') != std::string_view::npos) {
    if (!is_digit(text.front())) return std::nullopt;
    stripped = text;
    std::erase(stripped, '_');
    text = stripped;
  }
  if (!is_decimal(text)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    // from_chars does not say which: a tiny number is 0, a huge one infinite (and refused where a value is wanted).
    const auto e = text.find_first_of("eE");
    const bool tiny =
        e != std::string_view::npos ? text.substr(e + 1).starts_with('-') : text.starts_with("0") || text.starts_with(".");
    return tiny ? 0 : std::numeric_limits<double>::infinity();
  }
  return value;
}

std::optional<double> number_value(std::string_view text) {
  double sign = 1;
  if (text.starts_with('-') || text.starts_with('+')) {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  std::optional<double> value;
  const bool zero = text.front() == '0' && text.size() > 1;
  const auto all_digits = text.find_first_not_of("0123456789_") == std::string_view::npos;
  if (zero && text[1] == 'x')
    value = digits_value(text.substr(2), 16);
  else if (zero && text[1] == 'o')
    value = digits_value(text.substr(2), 8);
  else if (zero && text[1] == 'b')
    value = digits_value(text.substr(2), 2);
  else if (zero && all_digits)
    value = digits_value(text, 8);
  else if (text == ".inf" || text == ".Inf" || text == ".INF")
    value = std::numeric_limits<double>::infinity();
  else if (text == ".nan" || text == ".NaN" || text == ".NAN")
    value = std::numeric_limits<double>::quiet_NaN();
  else
    value = decimal_value(text);
  if (value) *value *= sign;
  return value;
}

// "true", "True" or "TRUE": the three ways in which YAML writes a word.
bool is_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size() || text.empty()) return false;
  if (text == lower) return true;
  const auto upper = [](char c) { return static_cast<char>(c - 'a' + 'A'); };
  if (text.front() != upper(lower.front())) return false;
  const bool all_upper =
      std::equal(text.begin() + 1, text.end(), lower.begin() + 1, [&](char a, char b) { return a == upper(b); });
  return all_upper || text.substr(1) == lower.substr(1);
}

}  // namespace

Value resolve_scalar(std::string_view text) {
  if (text.empty() || text == "~") return nullptr;
  const char first = text.front();
  if (is_digit(first) || first == '-' || first == '+' || first == '.') {
    if (const auto number = number_value(text)) return *number;
    return text;
  }
  if (text.size() > 5 || std::string_view("nNtTfFyYoO").find(first) == std::string_view::npos) return text;
  if (is_word(text, "null")) return nullptr;
  for (const std::string_view word : {"true", "yes", "on"})
    if (is_word(text, word)) return true;
  for (const std::string_view word : {"false", "no", "off"})
    if (is_word(text, word)) return false;
  return text;
}

Value resolve_scalar(const YamlNode& node) {
  if (node.kind == YamlKind::kNull) return nullptr;
  return node.quoted ? Value(node.text) : resolve_scalar(node.text);
}

}  // namespace sluice
