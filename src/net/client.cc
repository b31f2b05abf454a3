#include <algorithm>
#include <array>

#include "base/text.h"
#include "net/client_socket.h"
#include "net/http_client.h"
#include "net/reply_parser.h"
#include "net/url.h"

namespace sluice {
namespace {

// One read takes what a socket's default receive buffer commonly holds.
constexpr std::size_t kReadBytes = 64 * 1024;

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_plain(std::string_view text, char least) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= static_cast<unsigned char>(least) && byte != 0x7F) || c == '\t';
  });
}

// These tell how the request travels, which is the client's business.
bool is_ours(const HttpHeader& header) {
  const std::string name = lower(header.name);
  return name == "content-length" || name == "transfer-encoding" || name == "connection";
}

// What is the same for all requests of a client.
struct Peer {
  Origin origin;
  std::string prefix;  // of the paths: "/prefix", or empty
  std::string token;
};

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// As it is sent. kInvalid for what would not be read as it is meant.
Result<std::string> request_text(const Peer& peer, const HttpRequest& request, bool keep_alive) {
  std::string target = peer.prefix + (request.target.starts_with('/') ? "" : "/") + request.target;
  if (!is_token(request.method)) return fail(Code::kInvalid, "'" + request.method + "' is no method of HTTP");
  if (!is_plain(target, '!') || target.find_first_of("#\t") != std::string::npos)
    return fail(Code::kInvalid, "the target '" + target + "' holds a character that has to be written as %XX");
  std::string out = request.method + " " + target + " HTTP/1.1\r\n";
  if (request.header("Host").empty()) append_header(out, "Host", peer.origin.authority());
  if (request.header("User-Agent").empty()) append_header(out, "User-Agent", "sluice/" SLUICE_VERSION);
  if (request.header("Accept").empty()) append_header(out, "Accept", "*/*");
  if (!peer.token.empty() && request.header("Authorization").empty()) {
    if (!is_plain(peer.token, '!')) return fail(Code::kInvalid, "the token holds a space or a control character");
    append_header(out, "Authorization", "Bearer " + peer.token);
  }
  for (const HttpHeader& header : request.headers) {
    if (is_ours(header)) continue;
    if (!is_token(header.name) || !is_plain(header.value, ' '))
      return fail(Code::kInvalid, "the header '" + header.name + "' holds a control character");
    append_header(out, header.name, header.value);
  }
  const bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (has_body) append_header(out, "Content-Length", std::to_string(request.body.size()));
  if (!keep_alive) append_header(out, "Connection", "close");
  return out.append("\r\n").append(request.body);
}

// One request and its answer on a connection.
class Exchange {
 public:
  Exchange(ClientSocket& socket, ReplyParser& parser, Duration answer_time)
      : socket_(socket), parser_(parser), answer_time_(answer_time), buffer_(kReadBytes) {}

  // Until `is_enough` of the answer is here.
  template <class Enough>
  Status run(std::string_view text, Enough is_enough) {
    const Status sent = send(text);
    if (!sent && sent.error().code == Code::kTimeout) return sent;
    // A server that refuses a request may answer and close before it has read all of it.
    while (!is_enough()) {
      if (Status received = receive(); !received) return sent || parser_.has_begun() ? received : sent;
    }
    return {};
  }

  std::size_t sent() const { return sent_; }

 private:
  Status send(std::string_view text) {
    while (sent_ < text.size()) {
      SLUICE_TRY(const auto gone, socket_.write(text.substr(sent_), deadline_in(answer_time_)));
      if (!gone) return fail(Code::kTimeout, "took no byte of the request for " + format_duration(answer_time_));
      if (*gone == 0) return {};
      sent_ += *gone;
    }
    return {};
  }

  Status receive() {
    SLUICE_TRY(const auto got, socket_.read(buffer_, deadline_in(answer_time_)));
    if (!got) return fail(Code::kTimeout, "did not answer within " + format_duration(answer_time_));
    return *got == 0 ? parser_.end() : parser_.append({buffer_.data(), *got});
  }

  ClientSocket& socket_;
  ReplyParser& parser_;
  const Duration answer_time_;
  std::vector<char> buffer_;
  std::size_t sent_ = 0;
};

class ReplyStream final : public HttpReplyStream {
 public:
  ReplyStream(std::string name, std::unique_ptr<ClientSocket> socket, std::unique_ptr<ReplyParser> parser)
      : name_(std::move(name)), socket_(std::move(socket)), parser_(std::move(parser)), buffer_(kReadBytes) {}

  int status() const override { return parser_->status(); }

  Result<std::optional<std::string>> next(Duration wait) override {
    const Deadline deadline = deadline_in(wait);
    while (true) {
      if (std::string bytes = parser_->take_body(); !bytes.empty()) return bytes;
      if (broken_) return fail(*broken_);
      if (parser_->is_done()) return std::string();
      auto got = socket_->read(buffer_, deadline);
      if (got && !*got) return std::nullopt;
      Status taken;
      if (!got)
        taken = fail(got.error());
      else
        taken = **got == 0 ? parser_->end() : parser_->append({buffer_.data(), **got});
      // What came before it is handed out first.
      if (!taken) broken_ = std::move(taken.error()).with_context(name_ + ": ");
    }
  }

 private:
  const std::string name_;
  std::unique_ptr<ClientSocket> socket_;
  std::unique_ptr<ReplyParser> parser_;
  std::vector<char> buffer_;
  std::optional<Error> broken_;
};

class Client final : public HttpClient {
 public:
  Client(Peer peer, HttpClientOptions options)
      : peer_(std::move(peer)), name_(peer_.origin.text()), options_(std::move(options)) {}

  Result<HttpReply> call(HttpRequest request) override {
    SLUICE_TRY(const std::string text, request_text(peer_, request, true));
    const bool may_repeat = request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
    if (socket_ != nullptr && socket_->is_stale()) socket_.reset();
    const bool is_reused = socket_ != nullptr;
    bool was_lost = false;
    auto reply = attempt(text, request.method != "HEAD", may_repeat, was_lost);
    // The server closed it while this request was under way to it.
    if (!reply && is_reused && was_lost) return attempt(text, request.method != "HEAD", may_repeat, was_lost);
    return reply;
  }

  Result<std::unique_ptr<HttpReplyStream>> stream(HttpRequest request) override {
    SLUICE_TRY(const std::string text, request_text(peer_, request, false));
    SLUICE_TRY(auto socket, ClientSocket::connect(peer_.origin, options_.connect_time));
    auto parser = std::make_unique<ReplyParser>(request.method != "HEAD", std::nullopt);
    const Status ran = Exchange(*socket, *parser, options_.answer_time).run(text, [&] { return parser->has_header(); });
    if (!ran) return fail(Error(ran.error()).with_context(name_ + ": "));
    return std::make_unique<ReplyStream>(name_, std::move(socket), std::move(parser));
  }

 private:
  // `was_lost`: no byte of an answer came over a connection that broke, and the request can be sent once more.
  Result<HttpReply> attempt(const std::string& text, bool has_body, bool may_repeat, bool& was_lost) {
    was_lost = false;
    if (socket_ == nullptr) {
      SLUICE_TRY(socket_, ClientSocket::connect(peer_.origin, options_.connect_time));
    }
    ReplyParser parser(has_body, options_.body_bytes_max);
    Exchange exchange(*socket_, parser, options_.answer_time);
    const Status ran = exchange.run(text, [&] { return parser.is_done(); });
    if (!ran || !parser.keeps_alive() || exchange.sent() < text.size()) socket_.reset();
    if (!ran) {
      was_lost = ran.error().code == Code::kUnavailable && !parser.has_begun() && (may_repeat || exchange.sent() == 0);
      return fail(Error(ran.error()).with_context(name_ + ": "));
    }
    return HttpReply{.status = parser.status(), .headers = parser.take_headers(), .body = parser.take_body()};
  }

  const Peer peer_;
  const std::string name_;
  const HttpClientOptions options_;
  std::unique_ptr<ClientSocket> socket_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::to(const std::string& base, HttpClientOptions options) {
  Peer peer{.token = options.token};
  if (base.starts_with("unix:")) {
    peer.origin = {.kind = Origin::Kind::kUnix, .path = base.substr(5)};
    if (peer.origin.path.empty() || peer.origin.path.find('\0') != std::string::npos)
      return fail(Code::kInvalid, "'" + base + "' names no socket", "unix:/path/to/socket");
    return std::make_unique<Client>(std::move(peer), std::move(options));
  }
  SLUICE_TRY(Url url, parse_url(base));
  if (url.scheme != "http" && url.scheme != "https")
    return fail(Code::kInvalid, "URL '" + base + "': the scheme '" + url.scheme + "' is not spoken here",
                "http://, https:// or unix:/path/to/socket");
  if (url.target.find('?') != std::string::npos)
    return fail(Code::kInvalid, "URL '" + base + "': a server's address has no query");
  while (url.target.ends_with('/')) url.target.pop_back();
  peer.origin = {.kind = url.scheme == "https" ? Origin::Kind::kHttps : Origin::Kind::kHttp, .host = url.host, .port = url.port};
  peer.prefix = std::move(url.target);
  return std::make_unique<Client>(std::move(peer), std::move(options));
}

}  // namespace sluice
