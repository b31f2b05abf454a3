#include "net/request_reader.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <functional>
#include <utility>

#include "base/text.h"

namespace sluice {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using ErrorCode = beast::error_code;

// More fields than any client sends, fewer than make a lookup slow.
constexpr std::size_t kHeadersMax = 200;

// Beast checks the syntax; what it reads is put where we want it, without a message of its own between.
class Parser final : public http::basic_parser<true> {
 public:
  HttpRequest request;
  std::shared_ptr<BodySink> sink;
  std::uint64_t body_left = 0;
  int status = 0;
  std::string why;
  int http_version = 11;
  bool has_head = false;
  std::string_view fed;  // what it reads now

  ErrorCode refuse(int code, std::string text) {
    status = code;
    why = std::move(text);
    return http::error::bad_value;
  }

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version, ErrorCode& error) override {
    request.method.assign(method.data(), method.size());
    request.target.assign(target.data(), target.size());
    http_version = version;
    if (version != 10 && version != 11) error = refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    // "GET http://host/path": as a proxy would be asked.
    if (!request.target.starts_with('/') && request.target != "*") {
      const auto scheme = request.target.find("://");
      if (scheme == std::string::npos) {
        error = refuse(400, "the target must begin with '/'");
        return;
      }
      const auto path = std::min(request.target.find_first_of("/?", scheme + 3), request.target.size());
      authority_ = request.target.substr(scheme + 3, path - scheme - 3);
      request.target.erase(0, path);
      if (!request.target.starts_with('/')) request.target.insert(0, "/");
    }
  }
  void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}  // of the other direction
  void on_field_impl(http::field, beast::string_view name, beast::string_view value, ErrorCode& error) override {
    // Fields behind a chunked body: nobody has looked at them when the request was admitted, so nobody is to believe them.
    if (has_head) return;
    if (is_folded(name, value)) {
      error = refuse(400, "a header field is folded over several lines");
      return;
    }
    if (request.headers.size() >= kHeadersMax) {
      error = refuse(431, "more than " + std::to_string(kHeadersMax) + " header fields");
      return;
    }
    request.headers.push_back({std::string(name.data(), name.size()), std::string(value.data(), value.size())});
  }
  void on_header_impl(ErrorCode& error) override {
    const auto count = [&](std::string_view name) {
      return std::count_if(request.headers.begin(), request.headers.end(),
                           [&](const HttpHeader& header) { return lower(header.name) == name; });
    };
    has_head = true;
    const auto hosts = count("host");
    if (hosts > 1 || (hosts == 0 && http_version == 11)) error = refuse(400, "exactly one Host header is needed");
    // Who may call is decided by the Host header, and a proxy would go by the target.
    if (!authority_.empty() && lower(authority_) != lower(request.header("host")))
      error = refuse(400, "the target and the Host header name different hosts");
    // "3, 3" is one number to some and none to others.
    if (request.header("content-length").find(',') != std::string_view::npos)
      error = refuse(400, "the length of the body is a list");
    // Whoever believes the one and whoever believes the other would see two different requests.
    if (count("content-length") > 1 || (count("content-length") == 1 && count("transfer-encoding") > 0))
      error = refuse(400, "the length of the body is said twice");
    const auto encodings = count("transfer-encoding");
    if (encodings > 1 || (encodings == 1 && lower(request.header("transfer-encoding")) != "chunked"))
      error = refuse(501, "transfer encodings other than chunked are not known");
    else if (encodings == 1 && http_version < 11)
      error = refuse(400, "HTTP/1.0 has no transfer encodings");
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(beast::string_view bytes, ErrorCode& error) override { return take(bytes, error); }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, ErrorCode& error) override {
    return take(bytes, error);
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
  void on_finish_impl(ErrorCode&) override {}

  // Some read such lines as two fields, so RFC 9112 (5.2) has them refused. Beast passes over empty ones and joins the others in
  // a buffer of its own, and does not say so.
  bool is_folded(beast::string_view name, beast::string_view value) const {
    if (value.empty()) return false;
    const char* const end = fed.data() + fed.size();
    const std::less<const char*> before;
    if (before(value.data(), fed.data()) || !before(value.data(), end)) return true;
    return std::find(name.data() + name.size(), value.data(), '\n') != value.data();
  }

  std::size_t take(beast::string_view bytes, ErrorCode& error) {
    if (bytes.size() > body_left) {
      error = refuse(413, "the body is larger than is taken here");
      return 0;
    }
    body_left -= bytes.size();
    if (sink == nullptr) {
      request.body.append(bytes.data(), bytes.size());
      return bytes.size();
    }
    if (const Status taken = sink->write({bytes.data(), bytes.size()}); !taken)
      error = refuse(http_status(taken.error().code), taken.error().message);
    return bytes.size();
  }

  std::string authority_;  // of a target that names its host
};

// The status for what Beast finds wrong.
std::pair<int, std::string> fault_of(const ErrorCode& error) {
  if (error == http::error::header_limit) return {431, "the header is larger than is taken here"};
  if (error == http::error::body_limit) return {413, "the body is larger than is taken here"};
  if (error == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, "this is no HTTP request: " + error.message()};
}

// "0\r\n\r\n": Beast asserts that it never sees fewer bytes of a last chunk than these, and would stop the process if a peer sent
// them one by one. Once it has asked for more of a body it gets no fewer; nothing that ends a body is shorter.
constexpr std::size_t kLastChunkBytes = 5;
// Of a chunk's head, or of the fields behind the last one: no client sends so much.
constexpr std::size_t kChunkHeadBytesMax = 16 * 1024;

}  // namespace

struct RequestReader::Impl {
  Parser parser;
  bool head_told = false;
  bool starved = false;  // the parser has asked for more of a chunk's head
};

RequestReader::RequestReader(std::size_t header_bytes_max) : impl_(std::make_unique<Impl>()) {
  impl_->parser.header_limit(static_cast<std::uint32_t>(header_bytes_max));
  impl_->parser.body_limit(boost::none);  // ours: see take()
}
RequestReader::~RequestReader() = default;

RequestReader::Step RequestReader::feed(std::string_view bytes, std::size_t& used) {
  Parser& parser = impl_->parser;
  used = 0;
  while (true) {
    if (parser.is_header_done() && !std::exchange(impl_->head_told, true)) return Step::kHead;
    if (parser.is_done()) return Step::kDone;
    if (used == bytes.size()) return Step::kMore;
    if (impl_->starved && bytes.size() - used < kLastChunkBytes) return Step::kMore;
    ErrorCode error;
    parser.fed = bytes.substr(used);
    const std::size_t taken = parser.put(boost::asio::buffer(parser.fed.data(), parser.fed.size()), error);
    used += taken;
    impl_->starved = parser.is_header_done() && error == http::error::need_more;
    if (impl_->starved && bytes.size() - used > kChunkHeadBytesMax)
      std::tie(parser.status, parser.why) = std::pair(431, "the lines between chunks are longer than is taken here");
    else if (error == http::error::need_more)
      return Step::kMore;
    if (error) {
      if (parser.status == 0) std::tie(parser.status, parser.why) = fault_of(error);
      return Step::kBad;
    }
    if (taken == 0 && !parser.is_header_done()) return Step::kMore;
  }
}

void RequestReader::limit_body(std::uint64_t bytes_max) { impl_->parser.body_left = bytes_max; }
void RequestReader::set_sink(std::shared_ptr<BodySink> sink) { impl_->parser.sink = std::move(sink); }
HttpRequest& RequestReader::request() { return impl_->parser.request; }
const std::shared_ptr<BodySink>& RequestReader::sink() const { return impl_->parser.sink; }
bool RequestReader::keeps_alive() const { return impl_->parser.keep_alive(); }
bool RequestReader::is_http_1_1() const { return impl_->parser.http_version >= 11; }
bool RequestReader::expects_continue() const { return lower(impl_->parser.request.header("expect")) == "100-continue"; }
bool RequestReader::has_body() const {
  const auto length = impl_->parser.content_length();
  return impl_->parser.chunked() || (length && *length > 0);
}
int RequestReader::status() const { return impl_->parser.status; }
const std::string& RequestReader::why() const { return impl_->parser.why; }

}  // namespace sluice
