// Private to net: what stands behind Responder and HttpStream.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/connection.h"
#include "net/http.h"

namespace sluice {

struct Responder::Impl {
  std::weak_ptr<Connection> connection;
  std::uint64_t request = 0;
  std::function<void(HttpResponse)> take;  // instead of a connection
  std::atomic<bool> answered{false};

  ~Impl();
  bool claim() { return !answered.exchange(true); }
};

struct HttpStream::Impl {
  std::mutex mutex;
  std::weak_ptr<Connection> connection;  // these are guarded by mutex
  std::string pending;                   // not taken by the connection yet
  bool chunked = true;
  bool closed = false;                   // by us
  bool gone = true;                      // the peer
  bool flush_posted = false;
  std::size_t in_flight = 0;             // bytes that are being written
  std::function<void()> on_gone;

  // The peer is gone, or will not be written to any more. Calls what waits for that.
  void end();
};

}  // namespace sluice
