// Private to net: one connected socket, plain or TLS, TCP or unix. All calls and handlers on the connection's strand.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace sluice {

// The socket's own executor is that strand: also the steps in between, which TLS has several of, run on it. OpenSSL's sessions
// bear no two threads, and a stream reads and writes at once.
class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Done = std::function<void(boost::system::error_code, std::size_t)>;

  virtual ~Transport() = default;
  virtual void handshake(std::function<void(boost::system::error_code)> done) = 0;
  virtual void read_some(boost::asio::mutable_buffer buffer, Done done) = 0;
  virtual void write_all(std::array<boost::asio::const_buffer, 2> buffers, Done done) = 0;
  // The peer is told that nothing more comes, and may still be read from.
  virtual void end_writing() = 0;
  // Everything that waits ends with an error.
  virtual void close() = 0;
  virtual bool is_tls() const = 0;

  // When the peer last took some of what is written.
  std::chrono::steady_clock::time_point last_taken() const { return last_taken_; }

 protected:
  // A completion condition of async_write, which asks after each part; so much goes in the next one.
  std::size_t next_part(const boost::system::error_code& error) {
    last_taken_ = std::chrono::steady_clock::now();
    return error ? 0 : std::size_t{64} * 1024;
  }

 private:
  std::chrono::steady_clock::time_point last_taken_;
};

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket);
std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, boost::asio::ssl::context& context);

}  // namespace sluice
