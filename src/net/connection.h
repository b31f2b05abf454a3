// Private to net: one connection and the requests that come over it, one after the other.
//
//   reading -> (admitted, body) -> serving -> writing -> reading ...      or   serving -> streaming -> reading or lingering
//
// Everything runs on the connection's strand, except what Responder and HttpStream say.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/owned_fd.h"
#include "net/http.h"
#include "net/http_server.h"
#include "net/request_reader.h"
#include "net/transport.h"

namespace sluice {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Strand = boost::asio::strand<boost::asio::any_io_executor>;
  // `network`: what the strand runs on. Whoever answers late may be the last to hold the connection, after the server.
  Connection(std::shared_ptr<void> network, std::unique_ptr<Transport> transport, Strand strand, std::string peer,
             const HttpServerOptions& options, HttpHandler& handler, std::function<void(Connection*)> on_end);
  ~Connection();

  void start();
  // From any thread: closes it now, or when the request under way has been answered.
  void drain();
  void cut();
  // Now, and nothing that others say reaches it any more: no thread serves it, and its strand is about to go.
  void abandon();

  // What Responder and HttpStream do, from any thread.
  void answer(std::uint64_t request, HttpResponse response);
  void begin_stream(std::uint64_t request, HttpResponse head, std::shared_ptr<HttpStream::Impl> stream);
  void flush_stream();

 private:
  enum class Phase { kHandshake, kIdle, kHead, kBody, kServing, kWriting, kStreaming, kLingering, kClosed };

  void arm(Duration time);
  void wait();
  void on_deadline();
  void on_handshake(boost::system::error_code error);
  void read_more();
  void on_read(boost::system::error_code error, std::size_t count);
  void work();             // takes what has been read as far as it goes
  bool take_step();        // false: there is nothing more to do for now
  bool on_head();
  void tell_to_continue();
  void serve();
  void refuse(HttpResponse response);
  void send(HttpResponse response);
  void write(bool then_close);
  void on_written(boost::system::error_code error, bool then_close);
  void begin_file(const HttpResponse& response, std::string& head);
  void send_piece();
  void finish_request();
  void linger();
  void close();
  std::string head_of(const HttpResponse& response, std::optional<std::uint64_t> length) const;

  template <class Call>
  void on_strand(Call call) {
    if (!abandoned_) boost::asio::dispatch(strand_, std::move(call));
  }

  const std::shared_ptr<void> network_;  // first, to go last
  const std::unique_ptr<Transport> transport_;
  const Strand strand_;
  boost::asio::steady_timer timer_;
  const std::string peer_;
  const HttpServerOptions& options_;
  HttpHandler& handler_;
  std::function<void(Connection*)> on_end_;

  Phase phase_ = Phase::kHandshake;
  std::chrono::steady_clock::time_point deadline_;
  bool waits_ = false;  // the timer is set, for the deadline or for an earlier moment
  std::array<char, 16 * 1024> buffer_;
  std::string in_;                  // read, not taken yet
  std::size_t taken_ = 0;           // so much of in_ is done with
  bool reading_ = false;
  bool continuing_ = false;         // "100 Continue" is being written
  std::chrono::steady_clock::time_point lingers_until_;
  std::atomic<bool> abandoned_{false};
  bool working_ = false;            // work() is on the stack: no second one inside
  std::unique_ptr<RequestReader> reader_;
  std::uint64_t request_ = 0;       // number of the one that is served
  bool head_only_ = false;          // HEAD
  bool keeps_alive_ = true;
  bool is_http_1_1_ = true;
  std::string range_;               // of the request
  bool draining_ = false;
  std::string out_head_, out_body_;  // being written
  struct File {
    OwnedFd fd;
    std::uint64_t offset = 0, left = 0;
  };
  File file_;
  std::shared_ptr<HttpStream::Impl> stream_;
};

}  // namespace sluice
