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
      : options_(std::move(options)),
        handler_(handler),
        io_(std::make_shared<asio::io_context>(options_.threads)),
        work_(asio::make_work_guard(*io_)),
        accepting_(io_->get_executor()) {}
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
    explicit Listener(const Connection::Strand& strand) : acceptor(strand), rest(strand) {}
    Acceptor acceptor;
    asio::steady_timer rest;
    bool is_tcp = false;
    bool is_closed = false;
  };
  Status add(Result<int> fd, bool is_tcp);
  Status load_certificate();
  void accept(Listener& listener);
  bool is_full(Listener& listener);
  void on_ready(Listener& listener);
  void begin(const Listener& listener, int fd);
  void close_listeners();
  void on_end(Connection* connection);
  void end();

  const HttpServerOptions options_;
  HttpHandler& handler_;
  const std::shared_ptr<asio::io_context> io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  const Connection::Strand accepting_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
  bool is_over_ = false;  // no thread runs any more
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
  for (const auto& listener : listeners_) asio::post(accepting_, [this, raw = listener.get()] { accept(*raw); });
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { io_->run(); });
  return {};
}

Status Server::add(Result<int> fd, bool is_tcp) {
  if (!fd) return fail(std::move(fd).error());
  auto listener = std::make_unique<Listener>(accepting_);
  listener->is_tcp = is_tcp;
  if (is_tcp) port_ = port_of(*fd);
  error_code error;
  // The family is only used to make sockets, which we do not.
  listener->acceptor.assign(asio::generic::stream_protocol(is_tcp ? AF_INET : AF_UNIX, 0), *fd, error);
  if (error) return fail(Code::kInternal, "cannot listen: " + error.message());
  listeners_.push_back(std::move(listener));
  return {};
}

// On accepting_, like everything that touches a listener.
void Server::accept(Listener& listener) {
  if (is_full(listener)) return;
  listener.acceptor.async_wait(Acceptor::wait_read, [this, &listener](error_code error) {
    if (!error) on_ready(listener);
  });
}

// True also while draining: there is nothing to accept then.
bool Server::is_full(Listener& listener) {
  const std::lock_guard lock(mutex_);
  if (draining_) return true;
  if (connections_.size() < static_cast<std::size_t>(options_.connections_max)) return false;
  resting_.push_back(&listener);
  return true;
}

void Server::on_ready(Listener& listener) {
  if (is_full(listener)) return;
  // Not Asio's accept: programs that are started at this moment would inherit the socket, and keep it open.
  const int fd = ::accept4(listener.acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) {
    begin(listener, fd);
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    listener.rest.expires_after(kAcceptRests);
    return listener.rest.async_wait([this, &listener](error_code stopped) {
      if (!stopped) accept(listener);
    });
  }
  accept(listener);
}

void Server::begin(const Listener& listener, int fd) {
  std::string peer = listener.is_tcp ? peer_of(fd) : "unix";
  Connection::Strand strand(io_->get_executor());
  Transport::Socket socket(strand);
  error_code error;
  socket.assign(asio::generic::stream_protocol(listener.is_tcp ? AF_INET : AF_UNIX, 0), fd, error);
  if (error) {
    ::close(fd);
    return;
  }
  auto transport =
      tls_ != nullptr && listener.is_tcp ? make_tls_transport(std::move(socket), *tls_) : make_plain_transport(std::move(socket));
  auto connection = std::make_shared<Connection>(io_, std::move(transport), std::move(strand), std::move(peer), options_,
                                                 handler_, [this](Connection* ended) { on_end(ended); });
  bool is_late = false;
  {
    const std::lock_guard lock(mutex_);
    connections_.emplace(connection.get(), connection);
    is_late = draining_;
  }
  connection->start();
  if (is_late) connection->drain();
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
  for (Listener* listener : rested) asio::post(accepting_, [this, listener] { accept(*listener); });
}

void Server::after(Duration delay, std::function<void()> call) {
  auto timer = std::make_shared<asio::steady_timer>(*io_, delay);
  timer->async_wait([this, timer, call = std::move(call)](error_code error) {
    if (!error && !is_over_) call();
  });
}

void Server::close_listeners() {
  for (const auto& listener : listeners_) {
    error_code ignored;
    listener->acceptor.close(ignored);
    listener->rest.cancel();
    // Nobody takes the name meanwhile: whoever wants to listen there must be the owner of the folder, and we are.
    if (!listener->is_tcp && !std::exchange(listener->is_closed, true)) ::unlink(options_.unix_path.c_str());
  }
}

void Server::drain(Duration patience) {
  std::vector<std::shared_ptr<Connection>> all;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
  }
  asio::post(accepting_, [this] { close_listeners(); });
  for (const auto& connection : all) connection->drain();
  all.clear();
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, patience, [&] { return connections_.empty(); });
}

void Server::end() {
  io_->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  is_over_ = true;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> left;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    left = connections_;
  }
  for (const auto& [key, connection] : left) connection->abandon();
  left.clear();
  close_listeners();
  // What still waits holds connections, which hold what it waits in.
  io_->restart();
  io_->poll();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, HttpHandler& handler) {
  auto server = std::make_unique<Server>(options, handler);
  SLUICE_TRY_STATUS(server->open());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace sluice
