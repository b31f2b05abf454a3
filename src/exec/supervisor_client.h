// The engine's end of one supervisor, over a socket that is already there.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/channel.h"
#include "exec/supervisor.h"
#include "exec/wire.h"

namespace sluice {

class SupervisorClient final : public Supervisor {
 public:
  enum class Parting { kShutDown, kLeave };  // what the destructor does

  // `fd`: our end of a SEQPACKET socket that a supervisor serves; it is owned from now on. `pid`: that supervisor, if it is a
  // child of ours (then its end is waited for), else -1.
  static Result<std::unique_ptr<SupervisorClient>> connect(int fd, pid_t pid, Parting parting, const std::string& identity);
  ~SupervisorClient() override;

  // An epoll descriptor rather than the socket: it is also readable when messages of ours wait and the socket has room again.
  int fd() const override { return epoll_; }
  Status start(std::span<const AttemptSpec> attempts) override;
  Status stop(const std::string& id, Duration grace) override { return send(WireStop{id, grace}); }
  Status withdraw(std::span<const std::string> ids) override;
  Status ack(std::span<const std::string> ids) override;
  Result<std::vector<SupervisorEvent>> receive() override;
  Status shut_down() override;

  // shut_down() without the wait.
  Status ask_to_end() { return send(WireShutDown{}); }
  Status set_slots(int slots) { return send(WireSlots{slots}); }

  const std::optional<Hello>& peer() const { return peer_; }  // what it has said of itself
  // It understands nothing of what we say.
  bool is_refused() const { return peer_ && !check_hello(*peer_); }
  // Waits until it has said what it has. kUnavailable: it is gone, or refused. kTimeout: it does not answer.
  Status await_listing(Duration patience);
  const SupervisorInventory& listing() const { return listing_; }
  SupervisorInventory inventory() const override { return listing_; }

 private:
  SupervisorClient(int socket, int epoll, pid_t pid, Parting parting);
  Status send(const WireMessage& message);
  Status send();
  void take_in();
  void accept(WireMessage message);
  void lose(const std::string& why);

  Channel channel_;
  int epoll_;
  pid_t pid_;
  Parting parting_;
  bool watching_room_ = false;
  bool is_listing_ = false;  // what arrives is of the past, until all of that has been said
  std::optional<Hello> peer_;
  SupervisorInventory listing_;
  std::vector<SupervisorEvent> events_;
  std::optional<Error> gone_;
};

}  // namespace sluice
