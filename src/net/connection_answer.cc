// What a connection sends: responses, files, streams.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "net/connection.h"
#include "net/range.h"
#include "net/responder.h"
#include "net/response_head.h"

namespace sluice {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kPieceBytes = 256 * 1024;  // of a file: a read costs nothing beside the write, and memory stays small

}  // namespace

std::string Connection::head_of(const HttpResponse& response, std::optional<std::uint64_t> length) const {
  return response_head(response, {.length = length, .keeps_alive = keeps_alive_, .is_http_1_1 = is_http_1_1_});
}

void Connection::send(HttpResponse response) {
  if (draining_) keeps_alive_ = false;
  phase_ = Phase::kWriting;
  if (response.file) {
    begin_file(response, out_head_);
  } else {
    out_head_ = head_of(response, response.body.size());
    out_body_ = std::move(response.body);
  }
  if (head_only_ || response.status == 204 || response.status == 304) {
    out_body_.clear();
    file_.left = 0;
  }
  write(!keeps_alive_);
}

void Connection::begin_file(const HttpResponse& asked, std::string& head) {
  HttpResponse response = asked;
  const auto missing = [&](int status, std::string_view why) {
    response = plain_response(status, why);
    head = head_of(response, response.body.size());
    out_body_ = std::move(response.body);
  };
  file_.fd = OwnedFd(::open(asked.file->path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat facts{};
  if (file_.fd.get() < 0 || ::fstat(file_.fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return missing(404, "there is no such file");
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  const ByteRange range = asked.status == 200 ? parse_range(range_, size) : ByteRange{.length = size};
  response.headers.push_back({"Accept-Ranges", "bytes"});
  if (range.kind == ByteRange::Kind::kUnsatisfiable) {
    missing(416, "the file has no such range");
    head.insert(head.size() - 2, "Content-Range: bytes */" + std::to_string(size) + "\r\n");
    return;
  }
  if (range.kind == ByteRange::Kind::kPart) {
    response.status = 206;
    response.headers.push_back({"Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                                     std::to_string(range.first + range.length - 1) + "/" +
                                                     std::to_string(size)});
  }
  file_.offset = range.first;
  file_.left = range.length;
  out_body_.clear();
  head = head_of(response, range.length);
}

void Connection::write(bool then_close) {
  transport_->write_all({asio::buffer(out_head_), asio::buffer(out_body_)},
                        [self = shared_from_this(), then_close](error_code error, std::size_t) {
                          asio::dispatch(self->strand_, [self, error, then_close] { self->on_written(error, then_close); });
                        });
  if (phase_ == Phase::kWriting) arm(options_.write_time);  // it is not written yet
}

void Connection::on_written(error_code error, bool then_close) {
  if (phase_ == Phase::kClosed) return;
  if (error) return close();
  out_head_.clear();
  if (file_.left > 0) return send_piece();
  out_body_ = {};  // an idle connection does not keep the memory of a large answer
  file_.fd = OwnedFd();
  if (then_close) return linger();
  finish_request();
}

void Connection::send_piece() {
  out_body_.resize(std::min<std::uint64_t>(kPieceBytes, file_.left));
  const auto got = ::pread(file_.fd.get(), out_body_.data(), out_body_.size(), static_cast<off_t>(file_.offset));
  if (got <= 0) return close();  // it has become shorter: the length that was said cannot be kept
  out_body_.resize(static_cast<std::size_t>(got));
  file_.offset += static_cast<std::uint64_t>(got);
  file_.left -= static_cast<std::uint64_t>(got);
  write(!keeps_alive_);
}

void Connection::finish_request() {
  phase_ = Phase::kIdle;
  head_only_ = false;
  if (draining_) return close();
  arm(options_.idle_time);
  work();
}

void Connection::begin_stream(std::uint64_t request, HttpResponse head, std::shared_ptr<HttpStream::Impl> stream) {
  {
    const std::lock_guard lock(stream->mutex);
    stream->flush_posted = true;  // by us, below
    stream->chunked = is_http_1_1_;
  }
  if (abandoned_) return stream->end();
  on_strand([self = shared_from_this(), request, head = std::move(head), stream = std::move(stream)]() mutable {
    if (self->phase_ != Phase::kServing || self->request_ != request) return stream->end();
    if (!self->is_http_1_1_ || self->draining_) self->keeps_alive_ = false;
    self->phase_ = Phase::kStreaming;
    self->stream_ = std::move(stream);
    self->out_head_ = self->head_of(head, std::nullopt);
    if (self->head_only_) {
      self->stream_->end();
      self->stream_.reset();
      self->phase_ = Phase::kWriting;
      return self->write(!self->keeps_alive_);
    }
    self->arm(self->options_.write_time);
    self->transport_->write_all({asio::buffer(self->out_head_), asio::const_buffer()}, [self](error_code error, std::size_t) {
      asio::dispatch(self->strand_, [self, error] {
        self->out_head_.clear();
        if (error) return self->close();
        self->flush_stream();
        self->read_more();  // only to see that the peer goes away
        if (self->draining_) self->drain();
      });
    });
  });
}

// Writes what has gathered; what comes meanwhile goes with the next write.
void Connection::flush_stream() {
  on_strand([self = shared_from_this()] {
    if (self->phase_ != Phase::kStreaming || !self->out_head_.empty()) return;  // a write is under way: its end flushes again
    bool ends = false;
    {
      const std::lock_guard lock(self->stream_->mutex);
      self->stream_->flush_posted = false;
      self->out_head_ = std::exchange(self->stream_->pending, {});
      self->stream_->in_flight = self->out_head_.size();
      ends = self->stream_->closed;
    }
    if (self->out_head_.empty()) {
      if (!ends) return;
      auto stream = std::move(self->stream_);
      stream->end();
      return self->keeps_alive_ ? self->finish_request() : self->linger();
    }
    self->arm(self->options_.write_time);
    self->transport_->write_all({asio::buffer(self->out_head_), asio::const_buffer()}, [self](error_code error, std::size_t) {
      asio::dispatch(self->strand_, [self, error] {
        self->out_head_.clear();
        if (self->phase_ != Phase::kStreaming) return;
        {
          const std::lock_guard lock(self->stream_->mutex);
          self->stream_->in_flight = 0;
        }
        if (error) return self->close();
        self->flush_stream();
      });
    });
  });
}

}  // namespace sluice
