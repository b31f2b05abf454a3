#include "api/own_list.h"

#include <algorithm>

#include "api/page_token.h"
#include "base/text.h"

namespace sluice {
namespace {

constexpr std::int64_t kLimitMax = 1000;
constexpr std::int64_t kLimit = 50;

// All that the list depends on besides the page.
std::string query_text(const Call& call) {
  Struct fields{{"path", std::string(call.request->path())}};
  for (const auto& [name, value] : call.query)
    if (name != "page_token" && name != "limit") fields.insert_or_assign("argument " + name, value);
  return to_json(fields);
}

}  // namespace

void add_list_arguments(std::vector<RouteArgument>& query) {
  query.push_back({"storage_state", "AVAILABLE (the default), ARCHIVED, or ANY"});
  query.push_back({"sort", "a field, with ' asc' or ' desc' behind it"});
  query.push_back({"limit", "rows of a page, from 1 to 1000; 50 if it is not given", "integer"});
  query.push_back({"page_token", "next_page_token of the page before"});
}

Result<ListQuery> list_query(const Call& call, const std::vector<std::string>& fields, std::string_view sort) {
  if (!call.argument("sort").empty()) sort = call.argument("sort");
  const std::string_view field = sort.substr(0, sort.find(' '));
  const std::string_view direction = trim(sort.substr(field.size()));
  if (std::find(fields.begin(), fields.end(), field) == fields.end())
    return fail(Code::kInvalid, "cannot sort by '" + std::string(field) + "'" + did_you_mean(field, fields),
                "sort takes " + join(fields, ", "));
  if (!direction.empty() && direction != "asc" && direction != "desc")
    return fail(Code::kInvalid, "sort: '" + std::string(direction) + "' is neither asc nor desc");
  ListQuery query{.sort = std::string(field), .descending = direction == "desc"};
  SLUICE_TRY(const std::int64_t limit, call.integer("limit", kLimit, 1, kLimitMax));
  query.limit = static_cast<int>(limit);
  if (const auto token = call.argument("page_token"); !token.empty()) {
    SLUICE_TRY(query.from, read_page_token(token, query_text(call)));
  }
  return query;
}

Status add_storage_predicate(const Call& call, const char* field, std::vector<Predicate>& where) {
  const std::string state(call.has_argument("storage_state") ? call.argument("storage_state") : "AVAILABLE");
  if (state == "ANY") return {};
  if (state != "AVAILABLE" && state != "ARCHIVED")
    return fail(Code::kInvalid, "storage_state: '" + state + "' is none of AVAILABLE, ARCHIVED, ANY");
  where.push_back({field, Compare::kEquals, {state}});
  return {};
}

void write_list_end(JsonWriter& json, const Call& call, std::int64_t total, const std::optional<Cursor>& next) {
  json.field("total", total);
  if (next) json.field("next_page_token", page_token(*next, query_text(call)));
}

std::optional<std::int64_t> experiment_id(std::string_view text) {
  const auto id = parse_integer(text);
  return id && *id >= 0 ? id : std::nullopt;
}

}  // namespace sluice
