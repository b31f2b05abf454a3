// URLs, queries, forms: text that comes from anybody. Pure; each has a fuzzer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice {

// "%41b" -> "Ab"; with `plus`, '+' is a space. Nothing if a % is not followed by two hex digits.
std::optional<std::string> decode_percent(std::string_view text, bool plus = false);
// Everything but letters, digits and -._~ becomes %XX.
std::string encode_percent(std::string_view text);

using QueryFields = std::vector<std::pair<std::string, std::string>>;
// "a=1&b=x+y" -> a: "1", b: "x y". kInvalid for a broken % and for more than 1,000 fields.
Result<QueryFields> parse_query(std::string_view query);

struct Url {
  std::string scheme;  // "http", lower case
  std::string host;    // lower case; of IPv6 without brackets
  int port = 0;        // 0: not given
  std::string target;  // "/path?query", at least "/"
};
Result<Url> parse_url(std::string_view text);
// "localhost:8080", "[::1]:8080", "example.com" -> host and port (0: none). Nothing if it is neither.
struct HostPort {
  std::string host;
  int port = 0;
};
std::optional<HostPort> parse_host(std::string_view text);

// One part of multipart/form-data.
struct FormPart {
  std::string name, filename, content_type;
  std::string_view content;  // in the body
};
// kInvalid for a content type that is not multipart/form-data with a boundary, and for a body that is not one; at most 100 parts.
Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body);

struct ServerEvent {  // text/event-stream
  std::string id, event, data;
};
std::string event_text(const ServerEvent& event);
// Cuts a stream of bytes into events; comments are passed over.
class EventReader {
 public:
  void append(std::string_view bytes) { buffer_.append(bytes); }
  std::optional<ServerEvent> next();

 private:
  std::string buffer_;
  std::size_t used_ = 0;
};

}  // namespace sluice
