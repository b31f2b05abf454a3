#include <sys/socket.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/connection.h"
#include "net/http_server.h"
#include "net/listener.h"

namespace sluice {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

// How long accepting rests when descriptors or memory are short: connections that end make room.
constexpr std::chrono::milliseconds kAcceptRests{50};

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler& handler)
      : options_(std::move(options)), handler_(handler), io_(options_.threads), work_(asio::make_work_guard(io_)) {}
  ~Server() override { end(); }

  Status open();
  int port() const override { return port_; }
  std::size_t connections() const override {
    const std::lock_guard lock(mutex_);
    return connections_.size();
  }
  void after(Duration delay, std::function<void()> call) override;
  void drain(Duration patience) override;

 private:
  struct Listener {
    explicit Listener(asio::io_context& io) : acceptor(io), rest(io) {}
    Acceptor acceptor;
    asio::steady_timer rest;
    bool is_tcp = false;
  };
  Status add(Result<int> fd, bool is_tcp);
  Status load_certificate();
  void accept(Listener& listener);
  void on_accept(Listener& listener, error_code error, Transport::Socket socket);
  void on_end(Connection* connection);
  void end();

  const HttpServerOptions options_;
  HttpHandler& handler_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;  // guarded by mutex_, like what follows
  std::vector<Listener*> resting_;  // there are as many connections as there may be
  bool draining_ = false;
};

Status Server::load_certificate() {
  if (options_.tls_certificate.empty() && options_.tls_key.empty()) return {};
  if (options_.tls_certificate.empty() || options_.tls_key.empty())
    return fail(Code::kInvalid, "TLS needs a certificate and its key", "give both, as PEM files");
  tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  tls_->set_options(asio::ssl::context::no_sslv2 | asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                        asio::ssl::context::no_tlsv1_1 | asio::ssl::context::single_dh_use,
                    error);
  tls_->use_certificate_chain_file(options_.tls_certificate, error);
  if (error)
    return fail(Code::kInvalid, "cannot read the certificate " + options_.tls_certificate + ": " + error.message(), "a PEM file");
  tls_->use_private_key_file(options_.tls_key, asio::ssl::context::pem, error);
  if (error) return fail(Code::kInvalid, "cannot use the key " + options_.tls_key + ": " + error.message(), "a PEM file");
  return {};
}

Status Server::open() {
  SLUICE_TRY_STATUS(load_certificate());
  if (!options_.host.empty()) SLUICE_TRY_STATUS(add(listen_tcp(options_.host, options_.port), true));
  if (!options_.unix_path.empty()) SLUICE_TRY_STATUS(add(listen_unix(options_.unix_path), false));
  for (const auto& listener : listeners_) accept(*listener);
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { io_.run(); });
  return {};
}

Status Server::add(Result<int> fd, bool is_tcp) {
  if (!fd) return fail(std::move(fd).error());
  auto listener = std::make_unique<Listener>(io_);
  listener->is_tcp = is_tcp;
  if (is_tcp) port_ = port_of(*fd);
  error_code error;
  // The family is only used to make sockets, which we do not.
  listener->acceptor.assign(asio::generic::stream_protocol(is_tcp ? AF_INET : AF_UNIX, 0), *fd, error);
  if (error) return fail(Code::kInternal, "cannot listen: " + error.message());
  listeners_.push_back(std::move(listener));
  return {};
}

void Server::accept(Listener& listener) {
  {
    const std::lock_guard lock(mutex_);
    if (draining_) return;
    if (connections_.size() >= static_cast<std::size_t>(options_.connections_max)) {
      resting_.push_back(&listener);
      return;
    }
  }
  listener.acceptor.async_accept(
      [this, &listener](error_code error, Transport::Socket socket) { on_accept(listener, error, std::move(socket)); });
}

void Server::on_accept(Listener& listener, error_code error, Transport::Socket socket) {
  if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) return;
  if (error) {
    listener.rest.expires_after(kAcceptRests);
    listener.rest.async_wait([this, &listener](error_code stopped) {
      if (!stopped) accept(listener);
    });
    return;
  }
  std::string peer = listener.is_tcp ? peer_of(socket.native_handle()) : "unix";
  Connection::Strand strand(socket.get_executor());
  auto transport =
      tls_ != nullptr && listener.is_tcp ? make_tls_transport(std::move(socket), *tls_) : make_plain_transport(std::move(socket));
  auto connection = std::make_shared<Connection>(std::move(transport), std::move(strand), std::move(peer), options_, handler_,
                                                 [this](Connection* ended) { on_end(ended); });
  bool is_late = false;
  {
    const std::lock_guard lock(mutex_);
    connections_.emplace(connection.get(), connection);
    is_late = draining_;
  }
  connection->start();
  if (is_late) connection->drain();
  accept(listener);
}

void Server::on_end(Connection* connection) {
  std::shared_ptr<Connection> last;  // destroyed after the lock is free
  std::vector<Listener*> rested;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = connections_.find(connection); found != connections_.end()) {
      last = std::move(found->second);
      connections_.erase(found);
    }
    rested = std::exchange(resting_, {});
    if (connections_.empty()) ended_.notify_all();
  }
  for (Listener* listener : rested) asio::post(io_, [this, listener] { accept(*listener); });
}

void Server::after(Duration delay, std::function<void()> call) {
  auto timer = std::make_shared<asio::steady_timer>(io_, delay);
  timer->async_wait([timer, call = std::move(call)](error_code error) {
    if (!error) call();
  });
}

void Server::drain(Duration patience) {
  std::vector<std::shared_ptr<Connection>> all;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
  }
  asio::post(io_, [this] {
    for (const auto& listener : listeners_) {
      error_code ignored;
      listener->acceptor.close(ignored);
      listener->rest.cancel();
    }
  });
  for (const auto& connection : all) connection->drain();
  all.clear();
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, patience, [&] { return connections_.empty(); });
}

void Server::end() {
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  std::unordered_map<Connection*, std::shared_ptr<Connection>> left;
  {
    const std::lock_guard lock(mutex_);
    left = std::exchange(connections_, {});
  }
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, HttpHandler& handler) {
  auto server = std::make_unique<Server>(options, handler);
  SLUICE_TRY_STATUS(server->open());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace sluice
