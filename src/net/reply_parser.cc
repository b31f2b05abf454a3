#include "net/reply_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace sluice {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

constexpr std::uint32_t kHeaderBytesMax = 64 * 1024;
// "0\r\n\r\n": Beast asserts that it never sees fewer bytes of a last chunk than it needs, and stops the process if a peer sends
// them one by one and no chunk came before. So once it has asked for more of a body, it gets no fewer; what may then have to wait
// for the end of its chunk is a single byte.
constexpr std::size_t kLastChunkBytes = 5;
constexpr int kInterimMax = 20;  // answers of 1xx before the one that counts

struct Reply {
  int status = 0;
  std::vector<HttpHeader> headers;
  bool has_header = false;
  std::string body;
};

class Parser final : public http::basic_parser<false> {
 public:
  Parser(Reply& reply, bool has_body, std::optional<std::uint64_t> body_bytes_max) : reply_(reply) {
    eager(true);
    skip(!has_body);
    header_limit(kHeaderBytesMax);
    body_limit(body_bytes_max ? boost::optional<std::uint64_t>(*body_bytes_max) : boost::none);
  }

 private:
  void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int code, string_view, int, error_code&) override {
    reply_.status = code;
    reply_.headers.clear();
  }
  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    if (reply_.has_header) return;  // behind the body: a trailer, which nobody asked for
    reply_.headers.push_back({std::string(name), std::string(value)});
  }
  void on_header_impl(error_code&) override { reply_.has_header = reply_.status / 100 != 1; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view bytes, error_code&) override {
    reply_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& error) override {
    return on_body_impl(bytes, error);
  }
  void on_finish_impl(error_code&) override {}

  Reply& reply_;
};

}  // namespace

struct ReplyParser::Impl {
  bool has_body;
  std::optional<std::uint64_t> body_bytes_max;
  Reply reply;
  std::optional<Parser> parser;
  std::string buffer;  // what the parser needs more of before it can take it
  int interims = 0;
  bool has_begun = false, has_ended = false;
  bool asked_for_more = false;

  void begin() { parser.emplace(reply, has_body, body_bytes_max); }

  tl::unexpected<Error> wrong(const error_code& error) const {
    if (error == http::error::body_limit)
      return fail(Code::kInvalid, "the answer is larger than " + std::to_string(body_bytes_max.value_or(0)) + " bytes");
    return fail(Code::kInvalid, "the answer is no HTTP: " + error.message(), "is there an HTTP server?");
  }

  Status parse() {
    while (!buffer.empty() && !parser->is_done()) {
      if (asked_for_more && reply.has_header && buffer.size() < kLastChunkBytes) return {};
      error_code error;
      buffer.erase(0, parser->put({buffer.data(), buffer.size()}, error));
      asked_for_more = error == http::error::need_more;
      if (asked_for_more) {
        // The header has its limit in the parser; the lines between chunks have none there.
        if (buffer.size() > kHeaderBytesMax) return wrong(http::error::header_limit);
        return {};
      }
      if (error) return wrong(error);
      if (!parser->is_done() || reply.has_header) continue;
      if (++interims > kInterimMax) return wrong(http::error::bad_status);
      begin();
    }
    return {};
  }
};

ReplyParser::ReplyParser(bool has_body, std::optional<std::uint64_t> body_bytes_max)
    : impl_(new Impl{.has_body = has_body, .body_bytes_max = body_bytes_max}) {
  impl_->begin();
}

ReplyParser::~ReplyParser() = default;

Status ReplyParser::append(std::string_view bytes) {
  impl_->has_begun = impl_->has_begun || !bytes.empty();
  impl_->buffer.append(bytes);
  return impl_->parse();
}

Status ReplyParser::end() {
  impl_->has_ended = true;
  if (is_done()) return {};
  error_code error = http::error::end_of_stream;
  if (impl_->parser->got_some()) impl_->parser->put_eof(error);
  if (!error) return {};
  return fail(Code::kUnavailable,
              has_begun() ? "the connection ended in the middle of the answer" : "the connection ended before any answer");
}

bool ReplyParser::has_begun() const { return impl_->has_begun; }
bool ReplyParser::has_header() const { return impl_->reply.has_header; }
bool ReplyParser::is_done() const { return impl_->reply.has_header && impl_->parser->is_done(); }
bool ReplyParser::keeps_alive() const {
  return is_done() && !impl_->has_ended && impl_->buffer.empty() && impl_->parser->keep_alive();
}
int ReplyParser::status() const { return impl_->reply.status; }
std::vector<HttpHeader> ReplyParser::take_headers() { return std::exchange(impl_->reply.headers, {}); }
std::string ReplyParser::take_body() { return std::exchange(impl_->reply.body, {}); }

}  // namespace sluice
