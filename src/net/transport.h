// Private to net: one connected socket, plain or TLS, TCP or unix. All calls and handlers on the connection's strand.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>

namespace sluice {

class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Done = std::function<void(boost::system::error_code, std::size_t)>;

  virtual ~Transport() = default;
  virtual void handshake(std::function<void(boost::system::error_code)> done) = 0;
  virtual void read_some(boost::asio::mutable_buffer buffer, Done done) = 0;
  virtual void write_all(std::array<boost::asio::const_buffer, 2> buffers, Done done) = 0;
  // Everything that waits ends with an error.
  virtual void close() = 0;
  virtual bool is_tls() const = 0;
};

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket);
std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, boost::asio::ssl::context& context);

}  // namespace sluice
