#include "api/page_token.h"

#include <array>
#include <charconv>

#include "base/json.h"
#include "base/sha256.h"

namespace sluice {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
// A name in it may have 512 characters of 4 bytes, each as \uXXXX at worst.
constexpr std::size_t kTokenMax = 16 * 1024;

// Enough to tell queries of one client apart; it is no secret.
std::string fingerprint(std::string_view query) { return sha256_hex(query).substr(0, 16); }

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<Cursor> cursor_from(const Value& token) {
  const auto id = integer_of(token.string_or("id", ""));
  if (!id) return std::nullopt;
  if (const Value* text = token.find("text"); text != nullptr)
    return text->is_string() ? std::optional(Cursor{text->as_string(), *id}) : std::nullopt;
  const auto number = integer_of(token.string_or("number", ""));
  return number ? std::optional(Cursor{*number, *id}) : std::nullopt;
}

}  // namespace

std::string encode_base64url(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8U | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text += kDigits[bits >> static_cast<unsigned>(count - 6) & 63U];
  }
  if (count > 0) text += kDigits[bits << static_cast<unsigned>(6 - count) & 63U];
  return text;
}

std::optional<std::string> decode_base64url(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> static_cast<unsigned>(count) & 255U);
  }
  const bool is_rest_zero = (bits & ((1U << static_cast<unsigned>(count)) - 1U)) == 0;
  return count < 6 && is_rest_zero ? std::optional(std::move(bytes)) : std::nullopt;
}

std::string page_token(const Cursor& cursor, std::string_view query) {
  // Whole numbers are text in it: a double would round those above 2^53.
  Struct token{{"id", std::to_string(cursor.id)}, {"query", fingerprint(query)}};
  if (const auto* number = std::get_if<std::int64_t>(&cursor.key); number != nullptr)
    token.emplace("number", std::to_string(*number));
  else
    token.emplace("text", std::get<std::string>(cursor.key));
  return encode_base64url(to_json(token));
}

Result<Cursor> read_page_token(std::string_view token, std::string_view query) {
  const auto broken = [] { return fail(Code::kInvalid, "page_token is not one that a list has given"); };
  if (token.size() > kTokenMax) return broken();
  const auto json = decode_base64url(token);
  if (!json) return broken();
  const auto value = parse_json(*json);
  if (!value || !value->is_struct()) return broken();
  auto cursor = cursor_from(*value);
  if (!cursor) return broken();
  if (value->string_or("query", "") != fingerprint(query))
    return fail(Code::kInvalid, "page_token is of another query", "ask for the first page again, without page_token");
  return std::move(*cursor);
}

}  // namespace sluice
