// Private to net: reads one answer, from whatever pieces its bytes come in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace sluice {

class ReplyParser {
 public:
  // `has_body` is false for the answer to HEAD, whose header describes a body that does not come.
  ReplyParser(bool has_body, std::optional<std::uint64_t> body_bytes_max);
  ~ReplyParser();
  ReplyParser(const ReplyParser&) = delete;
  ReplyParser& operator=(const ReplyParser&) = delete;

  // Answers of 1xx are passed over. kInvalid: this is no HTTP, or its header or body is too large; the parser is of no use then.
  Status append(std::string_view bytes);
  // The connection has ended. kUnavailable: before the answer has.
  Status end();

  bool has_begun() const;  // a byte has come
  bool has_header() const;
  bool is_done() const;
  bool keeps_alive() const;  // the connection can carry the next request
  int status() const;
  std::vector<HttpHeader> take_headers();
  std::string take_body();  // what has come of it since the last time

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
