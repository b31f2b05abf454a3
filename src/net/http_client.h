// A blocking HTTP/1.1 client, for the verbs of the command line and for fetching packages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/http.h"

namespace sluice {

struct HttpReply {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;
  std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

// A response that arrives in pieces (server-sent events, a log that is followed).
class HttpReplyStream {
 public:
  virtual ~HttpReplyStream() = default;
  virtual int status() const = 0;
  // The next bytes, at least one; nothing once `wait` has passed; empty text: the end. kUnavailable: the connection broke.
  virtual Result<std::optional<std::string>> next(Duration wait) = 0;
};

struct HttpClientOptions {
  std::string token;                            // Authorization: Bearer
  Duration connect_time = std::chrono::seconds(10);
  Duration answer_time = std::chrono::seconds(60);   // without a byte of the answer; kTimeout
  std::uint64_t body_bytes_max = 256ULL << 20U;  // of an answer; more is kInvalid
};

class HttpClient {
 public:
  // `base`: "http://host:8080", "https://host/prefix" (certificates are checked against the system's), or "unix:/path/to/socket".
  // Nothing is connected yet. kInvalid for another scheme.
  static Result<std::unique_ptr<HttpClient>> to(const std::string& base, HttpClientOptions options = {});
  virtual ~HttpClient() = default;

  // Keeps its connection; one that the server has closed meanwhile is made again once, for requests that may be repeated (GET) or
  // of which no byte was sent. kUnavailable: nobody answers, with the address.
  virtual Result<HttpReply> call(HttpRequest request) = 0;
  // On a connection of its own.
  virtual Result<std::unique_ptr<HttpReplyStream>> stream(HttpRequest request) = 0;
};

// GET of a whole URL, following up to five redirects.
Result<HttpReply> http_get(const std::string& url, HttpClientOptions options = {});

}  // namespace sluice
