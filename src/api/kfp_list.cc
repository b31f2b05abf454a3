#include "api/kfp_list.h"

#include <algorithm>
#include <cctype>

#include "api/kfp_filter.h"
#include "api/kfp_json.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

constexpr int kPageSize = 20;
constexpr int kPageSizeMax = 200;
constexpr std::string_view kSort = "created_at asc";
// A filter of 256 KiB in JSON in base64.
constexpr std::size_t kTokenBytesMax = std::size_t{1} << 20U;
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Result<int> read_page_size(std::string_view text) {
  if (text.empty()) return kPageSize;
  const auto size = parse_integer(text);
  if (!size) return fail(Code::kInvalid, "page_size must be a whole number");
  if (*size < 0) return fail(Code::kInvalid, "page_size must not be negative");
  return *size == 0 ? kPageSize : static_cast<int>(std::min<std::int64_t>(*size, kPageSizeMax));
}

struct Sort {
  const KfpField* field = nullptr;
  bool descending = false;
};

Result<Sort> read_sort(const KfpFields& fields, std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text.empty() ? kSort : text, ' '))
    if (!word.empty()) words.push_back(lower(word));
  if (words.empty() || words.size() > 2 || (words.size() == 2 && words[1] != "asc" && words[1] != "desc"))
    return fail(Code::kInvalid, "sort_by must be a field, 'FIELD asc' or 'FIELD desc', not '" + std::string(text) + "'");
  const KfpField* field = find_kfp_field(fields, words[0]);
  if (field == nullptr) {
    std::vector<std::string> names;
    for (const KfpField& known : fields.fields) names.emplace_back(known.name);
    return fail(Code::kInvalid, "sort_by: there is no field '" + words[0] + "' to sort by" + did_you_mean(words[0], names));
  }
  return Sort{field, words.size() == 2 && words[1] == "desc"};
}

// The settings of one list call; two that mean the same are equal.
struct Settings {
  Sort sort;
  std::vector<Predicate> where;
};

Result<Settings> read_settings(const KfpFields& fields, std::string_view sort, std::string_view filter) {
  Settings settings;
  SLUICE_TRY(settings.sort, read_sort(fields, sort));
  if (!filter.empty()) {
    SLUICE_TRY(settings.where, read_kfp_filter(fields, filter));
  }
  return settings;
}

bool means_same(const Settings& a, const Settings& b) {
  const auto same = [](const Predicate& x, const Predicate& y) {
    return x.field == y.field && x.compare == y.compare && x.values == y.values;
  };
  return std::string_view(a.sort.field->stored) == b.sort.field->stored && a.sort.descending == b.sort.descending &&
         std::equal(a.where.begin(), a.where.end(), b.where.begin(), b.where.end(), same);
}

struct Token {
  std::string sort, filter;
  Cursor cursor;
};

std::optional<Token> read_token(std::string_view text) {
  if (text.size() > kTokenBytesMax) return std::nullopt;
  const auto json = decode_base64(text);
  if (!json) return std::nullopt;
  const auto value = parse_json(*json);
  if (!value || !value->is_struct()) return std::nullopt;
  const auto id = parse_integer(value->string_or("id", ""));
  if (!id) return std::nullopt;
  Token token{.sort = std::string(value->string_or("sort", "")), .filter = std::string(value->string_or("filter", ""))};
  token.cursor.id = *id;
  if (const Value* name = value->find("text"); name != nullptr && name->is_string()) {
    token.cursor.key = name->as_string();
  } else if (const auto number = parse_integer(value->string_or("number", ""))) {
    token.cursor.key = *number;
  } else {
    return std::nullopt;
  }
  return token;
}

// Whether the store keeps numbers under that field.
bool is_number(const KfpField& field) {
  return field.kind == KfpFieldKind::kTime || field.kind == KfpFieldKind::kNumberId || field.kind == KfpFieldKind::kNothing;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) text += k < digits ? kDigits[bits >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<std::uint32_t>(digit)) & 0xffffffU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255U);
  }
  return bytes;
}

std::string KfpList::next_page_token(const std::optional<Cursor>& next) const {
  if (!next) return {};
  // Whole numbers are text in it: a double would round those above 2^53.
  Struct token{{"id", std::to_string(next->id)}, {"sort", sort}, {"filter", filter}};
  if (const auto* number = std::get_if<std::int64_t>(&next->key))
    token.emplace("number", std::to_string(*number));
  else
    token.emplace("text", std::get<std::string>(next->key));
  return encode_base64(to_json(token));
}

Result<KfpList> read_kfp_list(const KfpFields& fields, const KfpListArguments& arguments) {
  KfpList list{.sort = std::string(arguments.sort_by), .filter = std::string(arguments.filter)};
  SLUICE_TRY(list.query.limit, read_page_size(arguments.page_size));
  const auto bad_token = [] { return fail(Code::kInvalid, "Invalid page token"); };
  std::optional<Token> token;
  if (!arguments.page_token.empty()) {
    token = read_token(arguments.page_token);
    if (!token) return bad_token();
    if (list.sort.empty() && list.filter.empty()) {
      list.sort = token->sort;
      list.filter = token->filter;
    }
  }
  auto settings = read_settings(fields, list.sort, list.filter);
  if (!settings) return fail(std::move(settings.error()));
  list.query.sort = settings->sort.field->stored;
  list.query.descending = settings->sort.descending;
  list.query.where = settings->where;
  if (!token) return list;
  const auto made_with = read_settings(fields, token->sort, token->filter);
  if (!made_with || std::holds_alternative<std::int64_t>(token->cursor.key) != is_number(*made_with->sort.field))
    return bad_token();
  if (!means_same(*settings, *made_with))
    return fail(Code::kInvalid, "page_token is of a list with another sort_by or filter",
                "give the same ones, or leave both empty");
  list.query.from = token->cursor;
  return list;
}

}  // namespace sluice
