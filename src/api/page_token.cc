#include "api/page_token.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"

namespace sluice {
namespace {

// A name in it may have 512 characters of 4 bytes, each as \uXXXX at worst.
constexpr std::size_t kTokenMax = 16 * 1024;

// Enough to tell queries of one client apart; it is no secret.
std::string fingerprint(std::string_view query) { return sha256_hex(query).substr(0, 16); }

}  // namespace

void put_cursor(Struct& token, const Cursor& cursor) {
  // Whole numbers are text in it: a double would round those above 2^53.
  token.emplace("id", std::to_string(cursor.id));
  if (const auto* number = std::get_if<std::int64_t>(&cursor.key); number != nullptr)
    token.emplace("number", std::to_string(*number));
  else
    token.emplace("text", std::get<std::string>(cursor.key));
}

std::optional<Cursor> cursor_from(const Value& token) {
  const auto id = parse_integer(token.string_or("id", ""));
  if (!id) return std::nullopt;
  if (const Value* text = token.find("text"); text != nullptr)
    return text->is_string() ? std::optional(Cursor{text->as_string(), *id}) : std::nullopt;
  const auto number = parse_integer(token.string_or("number", ""));
  return number ? std::optional(Cursor{*number, *id}) : std::nullopt;
}

std::string page_token(const Cursor& cursor, std::string_view query) {
  Struct token{{"query", fingerprint(query)}};
  put_cursor(token, cursor);
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
