#include "net/transport.h"

#include <algorithm>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace sluice {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// So much is tried at once, before anybody waits. More goes in turns of the event loop: a reader that keeps up with a large file
// would have each piece sent from inside the end of the one before.
constexpr std::size_t kAtOnceMax = std::size_t{64} * 1024;

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
  }
  void handshake(std::function<void(error_code)> done) override { done({}); }
  void read_some(asio::mutable_buffer buffer, Done done) override { socket_.async_read_some(buffer, std::move(done)); }
  void write_all(std::array<asio::const_buffer, 2> buffers, Done done) override {
    // What fits into the kernel's buffer goes at once; most responses do.
    error_code error;
    const bool is_small = asio::buffer_size(buffers) <= kAtOnceMax;
    const std::size_t sent = is_small ? socket_.write_some(buffers, error) : 0;
    if (!error && sent == asio::buffer_size(buffers)) return done({}, sent);
    if (error && error != asio::error::would_block && error != asio::error::try_again) return done(error, 0);
    for (std::size_t skip = sent; asio::const_buffer & buffer : buffers) {
      const std::size_t part = std::min(skip, buffer.size());
      buffer += part;
      skip -= part;
    }
    asio::async_write(
        socket_, buffers, [this](const error_code& failed, std::size_t) { return next_part(failed); }, std::move(done));
  }
  void end_writing() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
  void close() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
  }
  bool is_tls() const override { return false; }

 private:
  Socket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}
  void handshake(std::function<void(error_code)> done) override {
    stream_.async_handshake(asio::ssl::stream_base::server, std::move(done));
  }
  void read_some(asio::mutable_buffer buffer, Done done) override { stream_.async_read_some(buffer, std::move(done)); }
  void write_all(std::array<asio::const_buffer, 2> buffers, Done done) override {
    asio::async_write(
        stream_, buffers, [this](const error_code& failed, std::size_t) { return next_part(failed); }, std::move(done));
  }
  void end_writing() override {
    error_code ignored;
    stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
  }
  // Without close_notify: our bodies have a length or a last chunk, so nobody mistakes the end.
  void close() override {
    error_code ignored;
    stream_.next_layer().shutdown(Socket::shutdown_both, ignored);
    stream_.next_layer().close(ignored);
  }
  bool is_tls() const override { return true; }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}
std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

}  // namespace sluice
