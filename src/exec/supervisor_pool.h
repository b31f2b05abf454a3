// All supervisors of a data directory that outlive their engines, as one: those that an engine before us has left, and the one
// that takes our starts.
//
// Starts go to a supervisor of this program (see build_identity), which is launched when there is none. One of another program,
// left by an engine before an upgrade, ends its attempts and then itself. When a supervisor dies, what its NAME.exits says is
// told as if it had said so itself; its other attempts are AttemptLost. What we hear of an attempt stays on disk until it is
// acknowledged.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exec/supervisor_client.h"
#include "exec/supervisor_files.h"

namespace sluice {

class SupervisorPool final : public Supervisor {
 public:
  // Starts the process of a supervisor as spawn_supervisor() does.
  using Spawn = std::function<Result<pid_t>(const SupervisorOptions&, int socket, int exits)>;

  // Finds those that are there, and waits until each has said what it has. kUnavailable: one of them speaks another protocol, or
  // does not answer. Only the owner of the data directory may call this.
  static Result<std::unique_ptr<SupervisorPool>> attach(SupervisorOptions options, Spawn spawn = spawn_supervisor);
  // Leaves them: their attempts go on.
  ~SupervisorPool() override;

  int fd() const override { return epoll_; }
  SupervisorInventory inventory() const override { return found_; }
  // Launches one if there is none.
  Status make_ready() override;
  Status start(std::span<const AttemptSpec> attempts) override;
  Status stop(const std::string& id, Duration grace) override;
  Status withdraw(std::span<const std::string> ids) override;
  Status ack(std::span<const std::string> ids) override;
  // Never an error: that a supervisor is gone is told of each of its attempts.
  Result<std::vector<SupervisorEvent>> receive() override;
  Status shut_down() override;

 private:
  struct Member {
    SupervisorFiles files;
    std::unique_ptr<SupervisorClient> client;  // null: it is dead
    pid_t child = -1;  // if it is a child of ours
    std::map<std::string, bool> attempts;  // not acknowledged -> whether its end has been told
  };

  SupervisorPool(SupervisorOptions options, Spawn spawn, int epoll);
  Status attach_to(const SupervisorFiles& files);
  Status adopt(Member member);
  void add_dead(const SupervisorFiles& files);
  Status launch();
  Status watch(const Member& member) const;
  void note(Member& member, const SupervisorEvent& event);
  void bury(Member& member, const std::string& why, std::vector<SupervisorEvent>& events);
  void tidy();
  void share_slots();
  template <class Send>
  Status by_member(std::span<const std::string> ids, const Send& send);

  SupervisorOptions options_;
  Spawn spawn_;
  int epoll_;
  SupervisorInventory found_;
  std::list<Member> members_;
  Member* current_ = nullptr;  // takes the starts
  int slots_given_ = -1;  // what current_ has been told
  std::map<std::string, Member*> owners_;  // of every attempt in a member
};

}  // namespace sluice
