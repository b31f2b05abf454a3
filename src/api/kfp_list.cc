#include "api/kfp_list.h"

#include <algorithm>
#include <cctype>

#include "api/kfp_filter.h"
#include "api/page_token.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

constexpr int kPageSize = 20;
constexpr int kPageSizeMax = 200;
constexpr std::string_view kSort = "created_at asc";
// A filter of 256 KiB in JSON in base64.
constexpr std::size_t kTokenBytesMax = std::size_t{1} << 20U;

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
  auto cursor = cursor_from(*value);
  if (!cursor) return std::nullopt;
  Token token{.sort = std::string(value->string_or("sort", "")),
              .filter = std::string(value->string_or("filter", "")),
              .cursor = std::move(*cursor)};
  return token;
}

// Whether the store keeps numbers under that field.
bool is_number(const KfpField& field) {
  return field.kind == KfpFieldKind::kTime || field.kind == KfpFieldKind::kNumberId || field.kind == KfpFieldKind::kNothing;
}

}  // namespace

std::string KfpList::next_page_token(const std::optional<Cursor>& next) const {
  if (!next) return {};
  Struct token{{"sort", sort}, {"filter", filter}};
  put_cursor(token, *next);
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
