// The socket of a data directory's owner, both ends. The wire is described in owner.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/notices.h"
#include "base/result.h"
#include "engine/data_dir.h"
#include "engine/loop.h"

namespace sluice {

class Owner;

class ControlServer {
 public:
  static Result<std::unique_ptr<ControlServer>> listen(Loop& loop, const DataDir& dir, Owner& owner);
  ~ControlServer();
  void tell(const Notice& notice);

 private:
  struct Client {
    int fd = -1;
    std::string in, out;
    std::size_t searched = 0;  // so much of `in` holds no end of a line
    std::optional<Uuid> watches;
  };
  ControlServer(Loop& loop, std::string path, int fd, Owner& owner)
      : loop_(loop), path_(std::move(path)), fd_(fd), owner_(owner) {}
  void on_connect();
  void on_client(int fd);
  void on_line(Client& client, std::string_view line);
  void send(Client& client, const Value& message);
  void flush(Client& client);
  void drop(int fd);

  Loop& loop_;
  const std::string path_;
  const int fd_;
  Owner& owner_;
  std::map<int, Client> clients_;
};

// A client's connection; blocking.
class ControlClient {
 public:
  // Nothing if nobody listens there.
  static std::optional<ControlClient> connect(const DataDir& dir);
  ~ControlClient();
  ControlClient(ControlClient&& other) noexcept;
  ControlClient& operator=(ControlClient&&) = delete;

  // Sends one request; the answer's "error" comes back as an Error.
  Result<Value> ask(const Value& request);
  // The next line, or nothing once `timeout_ms` has passed. kUnavailable: the owner is gone.
  Result<std::optional<Value>> next(int timeout_ms);
  int fd() const { return fd_; }

 private:
  explicit ControlClient(int fd) : fd_(fd) {}
  std::optional<Value> buffered();
  int fd_;
  std::string in_;
};

Value to_value(const Error& error);
Error error_from_value(const Value& value);

}  // namespace sluice
