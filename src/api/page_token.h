// Where the next page of a list begins, as text that a client hands back. It is good only for the query that it came from.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/listing.h"

namespace sluice {

// base64url without padding.
std::string encode_base64url(std::string_view bytes);
// Nothing if it is not that; other bits behind the last byte are not either.
std::optional<std::string> decode_base64url(std::string_view text);

// `query`: all that the list depends on besides the page (filter, sort), in any fixed spelling.
std::string page_token(const Cursor& cursor, std::string_view query);
// kInvalid for what is no token, or one of another query.
Result<Cursor> read_page_token(std::string_view token, std::string_view query);

}  // namespace sluice
