#include "net/transport.h"

#include <algorithm>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace sluice {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

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
    const std::size_t sent = socket_.write_some(buffers, error);
    if (!error && sent == asio::buffer_size(buffers)) return done({}, sent);
    if (error && error != asio::error::would_block && error != asio::error::try_again) return done(error, 0);
    for (std::size_t skip = sent; asio::const_buffer & buffer : buffers) {
      const std::size_t part = std::min(skip, buffer.size());
      buffer += part;
      skip -= part;
    }
    asio::async_write(socket_, buffers, std::move(done));
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
    asio::async_write(stream_, buffers, std::move(done));
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
