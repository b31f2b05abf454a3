// HTTP as the program sees it: requests and responses as values. No socket and no library shows here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice {

struct HttpHeader {
  std::string name, value;
};
// The value of the first header of that name (any case); empty if there is none.
std::string_view find_header(const std::vector<HttpHeader>& headers, std::string_view name);

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";          // as sent, percent-encoded: "/a%20b?x=1"
  std::vector<HttpHeader> headers;
  std::string body;                  // empty if it went to a sink
  std::string peer;  // "127.0.0.1:51234"; "unix" over the data directory's socket, which only its user can open
  bool is_tls = false;

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
  std::string_view path() const;  // of the target, still encoded: "/a%20b"
  std::string_view query() const;  // "x=1"
};

// A file as a response's body. Sent in pieces of constant memory; a Range of the request is obeyed (206, or 416).
struct FileBody {
  std::string path;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";  // empty: no such header
  std::vector<HttpHeader> headers;
  std::string body;
  std::optional<FileBody> file;  // instead of body
};

// The open end of a response whose length nobody knows: chunks, each sent as soon as the peer takes it. A copy is the same
// stream. Thread-safe.
class HttpStream {
 public:
  struct Impl;
  explicit HttpStream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  // False: the peer is gone, or does not read (kStreamBacklogMax waits for it; then the connection is cut).
  bool write(std::string bytes) const;
  void close() const;
  bool is_gone() const;
  std::size_t backlog() const;  // bytes that wait for the peer
  // Called once, on a network thread, when the peer is gone or the server drains.
  void on_gone(std::function<void()> call) const;

 private:
  std::shared_ptr<Impl> impl_;
};
constexpr std::size_t kStreamBacklogMax = std::size_t{16} << 20U;

// Answers one request; a copy answers the same one, and the first answer counts. Thread-safe. When the last copy goes without an
// answer, the peer gets 500.
class Responder {
 public:
  struct Impl;
  explicit Responder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  // Hands the response to `take`, for callers without a socket; stream() then gathers nothing and says that it is gone.
  static Responder to(std::function<void(HttpResponse)> take);

  void send(HttpResponse response) const;
  HttpStream stream(HttpResponse head) const;

 private:
  std::shared_ptr<Impl> impl_;
};

// Where the body of one upload goes, piece by piece, on a network thread.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // An error ends the upload: the peer gets its status (invalid 400, unavailable 503, ...).
  virtual Status write(std::string_view bytes) = 0;
};

// What becomes of a request whose header has arrived.
struct Admission {
  std::optional<HttpResponse> refusal;  // sent at once, and the connection is closed
  std::optional<std::uint64_t> body_bytes_max;  // instead of the server's limit
  std::shared_ptr<BodySink> sink;  // else the body is gathered in HttpRequest::body
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // On a network thread; must not block. `head` has no body yet.
  virtual Admission admit(const HttpRequest& head) = 0;
  // On a network thread, when the body is there. Reads of the store are fine here; what takes longer goes elsewhere with the
  // responder. `sink` is what admit() gave.
  virtual void serve(HttpRequest request, std::shared_ptr<BodySink> sink, Responder responder) = 0;
};

// "Not Found"
std::string_view status_text(int status);
// The status that an error is answered with: invalid 400, not_found 404, conflict 409, unavailable 503, cancelled 499,
// timeout 504, corrupt and internal 500.
int http_status(Code code);

}  // namespace sluice
