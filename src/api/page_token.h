// Where the next page of a list begins, as text that a client hands back. It is good only for the query that it came from.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "store/listing.h"

namespace sluice {

// The cursor as fields of a token, and back; nothing if they are not one.
void put_cursor(Struct& token, const Cursor& cursor);
std::optional<Cursor> cursor_from(const Value& token);

// `query`: all that the list depends on besides the page (filter, sort), in any fixed spelling.
std::string page_token(const Cursor& cursor, std::string_view query);
// kInvalid for what is no token, or one of another query.
Result<Cursor> read_page_token(std::string_view token, std::string_view query);

}  // namespace sluice
