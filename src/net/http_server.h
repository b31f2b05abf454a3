// An HTTP/1.1 server on TCP and on a unix socket: keep-alive, pipelining, limits, streams, graceful drain, TLS if asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "net/http.h"

namespace sluice {

struct HttpServerOptions {
  std::string host = "127.0.0.1";       // empty: no TCP at all
  int port = 0;                         // 0: a free one
  std::string unix_path;                // empty: none; what is there is replaced; mode 0600
  std::string tls_certificate, tls_key; // PEM files; both empty: plain
  int threads = 2;
  std::size_t header_bytes_max = 64 * 1024;   // more: 431
  std::uint64_t body_bytes_max = 64ULL << 20U;  // more: 413
  int connections_max = 4096;           // further ones wait in the kernel's queue until one ends
  Duration header_time = std::chrono::seconds(30);  // from the first byte of a request to the end of its header; else 408
  Duration body_time = std::chrono::seconds(60);    // without a byte of the body; else the connection is closed
  Duration write_time = std::chrono::seconds(60);   // without a byte taken by the peer
  Duration idle_time = std::chrono::seconds(75);    // between two requests of a connection
};

class HttpServer {
 public:
  // Listens and serves when this returns. kConflict: the address is in use; kInvalid: a bad host, certificate or key, each named.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, HttpHandler& handler);
  // Cuts whatever is left.
  virtual ~HttpServer() = default;

  virtual int port() const = 0;  // 0 without TCP
  virtual std::size_t connections() const = 0;
  // Calls `call` on a network thread, `delay` from now.
  virtual void after(Duration delay, std::function<void()> call) = 0;
  // Accepts nothing more, closes idle connections and streams, and lets requests under way finish, at most `patience` long.
  virtual void drain(Duration patience) = 0;
};

}  // namespace sluice
