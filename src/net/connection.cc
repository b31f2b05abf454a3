#include "net/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "net/responder.h"
#include "net/response_head.h"

namespace sluice {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

// A socket that is closed with bytes of the peer unread resets the connection, and the peer, still sending, loses the answer that
// says why. So what it sends is thrown away for a while: until it pauses or is done.
constexpr std::chrono::seconds kLingerPause{2};
constexpr std::chrono::seconds kLingerMax{30};

}  // namespace

Connection::Connection(std::shared_ptr<void> network, std::unique_ptr<Transport> transport, Strand strand, std::string peer,
                       const HttpServerOptions& options, HttpHandler& handler, std::function<void(Connection*)> on_end)
    : network_(std::move(network)),
      transport_(std::move(transport)),
      strand_(std::move(strand)),
      timer_(strand_),
      peer_(std::move(peer)),
      options_(options),
      handler_(handler),
      on_end_(std::move(on_end)) {}

Connection::~Connection() {
  if (stream_ != nullptr) stream_->end();
}

void Connection::start() {
  on_strand([self = shared_from_this()] {
    self->arm(self->options_.header_time);
    self->transport_->handshake([self](error_code error) { self->on_handshake(error); });
  });
}

void Connection::on_handshake(error_code error) {
  if (error) return close();
  phase_ = Phase::kIdle;
  reader_ = std::make_unique<RequestReader>(options_.header_bytes_max);
  if (draining_) return close();
  arm(options_.idle_time);
  read_more();
}

// Any progress moves the deadline; what is past it closes the connection. One that moves into the future costs no timer.
void Connection::arm(Duration time) {
  deadline_ = steady_clock::now() + time;
  if (!waits_ || deadline_ < timer_.expiry()) wait();
}

void Connection::wait() {
  waits_ = true;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    if (const auto self = weak.lock(); self && !error) self->on_deadline();
  });
}

void Connection::on_deadline() {
  waits_ = false;
  if (phase_ == Phase::kClosed) return;
  if (deadline_ > steady_clock::now()) return wait();
  if (phase_ == Phase::kHead) return refuse(plain_response(408, "the header did not come in time"));
  if (phase_ == Phase::kServing) return;  // it is we who are slow
  if (phase_ == Phase::kStreaming && out_head_.empty()) return;
  if (phase_ == Phase::kWriting || phase_ == Phase::kStreaming) {  // a large body, of which some is taken now and then
    deadline_ = std::max(deadline_, transport_->last_taken() + options_.write_time);
    if (deadline_ > steady_clock::now()) return wait();
  }
  close();
}

void Connection::read_more() {
  if (reading_ || phase_ == Phase::kClosed) return;
  reading_ = true;
  transport_->read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code error, std::size_t count) {
    asio::dispatch(self->strand_, [self, error, count] { self->on_read(error, count); });
  });
}

void Connection::on_read(error_code error, std::size_t count) {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  if (error) return close();
  if (phase_ == Phase::kLingering) {
    if (steady_clock::now() >= lingers_until_) return close();
    arm(kLingerPause);
    return read_more();
  }
  in_.append(buffer_.data(), count);
  if (phase_ == Phase::kStreaming) return;  // the next request waits; and we do not read on, so it cannot grow
  work();
}

void Connection::work() {
  if (working_) return;
  working_ = true;
  while (take_step()) {}
  working_ = false;
  in_.erase(0, std::exchange(taken_, 0));
  if (!continuing_ && (phase_ == Phase::kIdle || phase_ == Phase::kHead || phase_ == Phase::kBody)) read_more();
}

bool Connection::take_step() {
  if (continuing_) return false;
  if (phase_ != Phase::kIdle && phase_ != Phase::kHead && phase_ != Phase::kBody) return false;
  // Empty lines between requests are passed over (RFC 9112, 2.2).
  while (phase_ == Phase::kIdle && taken_ < in_.size() && (in_[taken_] == '\r' || in_[taken_] == '\n')) ++taken_;
  if (phase_ == Phase::kIdle && taken_ == in_.size()) return false;
  const bool is_first = std::exchange(phase_, phase_ == Phase::kIdle ? Phase::kHead : phase_) == Phase::kIdle;
  std::size_t used = 0;
  const auto step = reader_->feed(std::string_view(in_).substr(taken_), used);
  taken_ += used;
  switch (step) {
    case RequestReader::Step::kMore:
      if (is_first) arm(options_.header_time);
      if (phase_ == Phase::kBody && used > 0) arm(options_.body_time);
      return false;
    case RequestReader::Step::kBad: refuse(plain_response(reader_->status(), reader_->why())); return false;
    case RequestReader::Step::kHead: return on_head();
    case RequestReader::Step::kDone: serve(); return true;  // it may have been answered already
  }
  return false;
}

bool Connection::on_head() {
  phase_ = Phase::kBody;
  HttpRequest& request = reader_->request();
  request.peer = peer_;
  request.is_tls = transport_->is_tls();
  is_http_1_1_ = reader_->is_http_1_1();
  head_only_ = request.method == "HEAD";
  Admission admission = handler_.admit(request);
  if (admission.refusal) {
    refuse(std::move(*admission.refusal));
    return false;
  }
  const std::uint64_t bytes_max = admission.body_bytes_max.value_or(options_.body_bytes_max);
  const std::string length(request.header("content-length"));
  if (!length.empty() && std::strtoull(length.c_str(), nullptr, 10) > bytes_max) {
    refuse(plain_response(413, "the body is larger than the " + std::to_string(bytes_max) + " bytes that are taken here"));
    return false;
  }
  reader_->limit_body(bytes_max);
  reader_->set_sink(std::move(admission.sink));
  if (!reader_->has_body()) return true;
  arm(options_.body_time);
  if (is_http_1_1_ && reader_->expects_continue() && taken_ == in_.size()) tell_to_continue();
  return true;
}

// Nothing else is written until it has gone.
void Connection::tell_to_continue() {
  static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
  continuing_ = true;
  transport_->write_all({asio::buffer(kGoOn.data(), kGoOn.size()), asio::const_buffer()},
                        [self = shared_from_this()](error_code error, std::size_t) {
                          asio::dispatch(self->strand_, [self, error] {
                            self->continuing_ = false;
                            return error ? self->close() : self->work();
                          });
                        });
}

void Connection::serve() {
  phase_ = Phase::kServing;
  ++request_;
  keeps_alive_ = reader_->keeps_alive();
  range_ = reader_->request().header("range");
  auto impl = std::make_shared<Responder::Impl>();
  impl->connection = weak_from_this();
  impl->request = request_;
  HttpRequest request = std::move(reader_->request());
  auto sink = reader_->sink();
  reader_ = std::make_unique<RequestReader>(options_.header_bytes_max);
  handler_.serve(std::move(request), std::move(sink), Responder(std::move(impl)));
}

// The place in the stream of bytes is lost, or what follows is not wanted.
void Connection::refuse(HttpResponse response) {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kServing;
  keeps_alive_ = false;
  range_.clear();
  ++request_;
  send(std::move(response));
}

void Connection::answer(std::uint64_t request, HttpResponse response) {
  on_strand([self = shared_from_this(), request, response = std::move(response)]() mutable {
    if (self->phase_ == Phase::kServing && self->request_ == request) self->send(std::move(response));
  });
}

void Connection::drain() {
  on_strand([self = shared_from_this()] {
    self->draining_ = true;
    if (self->phase_ == Phase::kIdle || self->phase_ == Phase::kHandshake || self->phase_ == Phase::kLingering)
      return self->close();
    if (self->phase_ != Phase::kStreaming) return;
    self->keeps_alive_ = false;
    HttpStream(self->stream_).close();
  });
}

void Connection::cut() {
  on_strand([self = shared_from_this()] { self->close(); });
}

void Connection::abandon() {
  abandoned_ = true;
  close();
}

void Connection::linger() {
  if (draining_) return close();
  phase_ = Phase::kLingering;
  lingers_until_ = steady_clock::now() + kLingerMax;
  arm(kLingerPause);
  transport_->end_writing();
  read_more();
}

void Connection::close() {
  if (std::exchange(phase_, Phase::kClosed) == Phase::kClosed) return;
  timer_.cancel();
  transport_->close();
  if (const auto stream = std::move(stream_)) stream->end();
  on_end_(this);
}

}  // namespace sluice
