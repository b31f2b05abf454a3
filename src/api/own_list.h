// What the lists below /api/v1 have in common: sort, limit, page_token, and how their answers end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/own.h"
#include "store/listing.h"

namespace sluice {

// "storage_state", "sort", "limit", "page_token".
void add_list_arguments(std::vector<RouteArgument>& query);

// Of the arguments sort, limit and page_token. `fields`: by which it may be sorted.
Result<ListQuery> list_query(const Call& call, const std::vector<std::string>& fields, std::string_view sort);
// What is archived is not shown unless the argument storage_state asks for it: ARCHIVED, or ANY.
Status add_storage_predicate(const Call& call, const char* field, std::vector<Predicate>& where);
// "total" and "next_page_token".
void write_list_end(JsonWriter& json, const Call& call, std::int64_t total, const std::optional<Cursor>& next);

// The decimal text of an experiment's id.
std::optional<std::int64_t> experiment_id(std::string_view text);

}  // namespace sluice
