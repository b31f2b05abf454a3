// Private to net: what stands before the body of a response, and a response of words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace sluice {

struct HeadFacts {
  std::optional<std::uint64_t> length;  // nothing: nobody knows, it comes in chunks (in HTTP/1.0 until the connection ends)
  bool keeps_alive = true;
  bool is_http_1_1 = true;
};
// Status line to empty line. What would end a line before its time is left out, so a header cannot become two.
std::string response_head(const HttpResponse& response, const HeadFacts& facts);

// Words for people.
HttpResponse plain_response(int status, std::string_view text);

}  // namespace sluice
