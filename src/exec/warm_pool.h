// The warm workers of one supervisor, and the processes that they have forked: who is ready for a step, who runs one, who has
// ended.
//
// A worker is a child of ours and a helper, in our session. What it forks is a child of the worker's: that such a process has
// ended is seen through a pidfd, and how through the worker, which waits for it only when told to. So until reap() its number
// cannot be another process's. When a worker dies, what it has forked dies with it and comes to us, as orphans do.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "exec/spawn.h"
#include "exec/supervisor.h"
#include "exec/tmp_slots.h"
#include "exec/warm_policy.h"
#include "exec/warm_variables.h"
#include "exec/warm_wire.h"
#include "exec/warm_worker.h"

namespace sluice {

// How a step ends, in two stages; or in the first one alone.
struct WarmNews {
  enum class Kind {
    kDone,   // it has said that its work is done and how, and takes itself apart
    kDying,  // its process is gone, and waits for reap()
    kEnded,  // and this was its end
    kLost,   // nobody can tell any more how it ended
  };
  pid_t pid = -1;
  Kind kind = Kind::kEnded;
  int wait_status = 0;
  Duration cpu{0};
  std::int64_t max_rss_bytes = 0;
};

class WarmPool {
 public:
  // `base`: what every attempt inherits; it outlives the pool.
  WarmPool(const SupervisorOptions& options, const BaseEnvironment& base);
  ~WarmPool();
  WarmPool(const WarmPool&) = delete;
  WarmPool& operator=(const WarmPool&) = delete;

  // False: no descriptors left.
  bool set_up(int devnull);
  // Becomes readable when turn() has something to do.
  int fd() const { return epoll_; }

  // Where a step can run now. kWait: a worker for it starts, or forks; ask again after the next turn(). Starts a worker.
  enum class Way { kWarm, kWait, kCold };
  struct Answer {
    Way way = Way::kCold;
    std::string why;  // of kCold
  };
  Answer ask(const AttemptSpec& spec, Instant now);
  // A step that was told to wait need not be waited for.
  void forget(const std::string& id) { waiting_.erase(id); }

  // Hands a step to a process that waits for one, after kWarm: its pid, or -1: there is none any more, ask again.
  struct Place {
    int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;
    const TmpSlots::Lease& tmp;
  };
  pid_t hand(const AttemptSpec& spec, std::span<char* const> envp, const Place& place, Instant now);

  std::vector<WarmNews> turn(Instant now);
  // After kDying, when the process group has been dealt with.
  void reap(pid_t pid);
  // A child of ours has ended and been waited for. The answer: steps of which it knew the end and took it with it.
  std::vector<WarmNews> child_reaped(pid_t pid);

  // Whether turn() is due though nothing has happened.
  bool is_due(Instant now) const;
  // Until it is; -1: never.
  int wait_ms(Instant now) const;
  std::size_t workers() const { return workers_.size(); }
  // Main processes of attempts that are children of workers.
  std::size_t steps() const;
  // All workers end, at once but for those that may have something to note down.
  void end(Instant now);

 private:
  struct Worker {
    int number = 0;
    pid_t pid = -1;
    OwnedFd control;
    std::string environment;
    Variables variables;
    std::vector<std::string> packages;  // of what it has imported, in upper case
    bool is_ready = false;
    bool is_replaced = false;
    bool is_stale = false;
    bool has_forked = false;  // a spare of it has been ready
    bool is_gone = false;  // it has closed its socket
    bool is_stuck = false;  // it does not fork when told to: only its steps are waited for
    int tries = 1;         // this is the N-th in a row that starts
    int replaces = 0;      // number of another
    int forking = 0;
    Instant since{}, used{};    // started; had something to do
    Instant told{}, learned{};  // was told to fork; was told what a step has imported
    std::int64_t bytes = 0, spare_bytes = 0;
  };
  // What a worker has forked.
  struct Forked {
    enum class State { kSpare, kStep, kDone };
    int worker = 0;
    State state = State::kSpare;
    OwnedFd socket;
    OwnedFd pidfd;
    bool is_asked = false;  // the worker has been told to wait for it
  };
  struct Trouble {
    std::string why;
    Instant at{};
  };

  // What an event points to: a worker's control socket, or a forked process's socket or pidfd.
  enum class Source : std::uint64_t { kControl = 0, kSocket = 1, kPidfd = 2 };
  bool watch(int fd, Source source, int number) const;
  Worker* find_worker(const std::string& environment, const Variables& wanted, bool ready);
  Status start(const std::string& environment, const Variables& wanted, Instant now, int tries, int replaces);
  void on_control(Worker& worker, std::vector<WarmNews>& out, Instant now);
  void take(Worker& worker, const WorkerNews& news, OwnedFd fd, std::vector<WarmNews>& out, Instant now);
  void on_ready(Worker& worker, const WorkerReady& ready, Instant now);
  void on_spare(Worker& worker, pid_t pid, OwnedFd socket, Instant now);
  void on_step_news(pid_t pid, Forked& forked, std::vector<WarmNews>& out, Instant now);
  void on_death(pid_t pid, Forked& forked, std::vector<WarmNews>& out);
  void give_up(Worker& worker, const std::string& why, Instant now);
  void end(Worker& worker, Instant now);
  void on_spoilt(Worker& worker, pid_t pid, Instant now);
  static void drop(Forked& forked);
  void look_at_starts(Instant now);
  void look_at_memory();
  void carry_out(Instant now);
  void perform(const WarmMove& move, Instant now);
  WarmView view(Instant now) const;
  std::optional<pid_t> spare_of(int worker) const;
  bool is_being_replaced(int worker) const;

  const SupervisorOptions options_;
  const BaseEnvironment& base_;
  int epoll_ = -1;
  int devnull_ = -1;
  int numbers_ = 0;  // given out
  std::map<int, Worker> workers_;
  std::map<pid_t, Forked> forked_;
  std::map<std::string, int> waiting_;                        // attempt -> worker
  std::map<std::string, std::vector<std::string>> packages_;  // of environments, as their newest worker had them
  std::map<std::pair<std::string, Variables>, Trouble> trouble_;
  std::vector<pid_t> reaps_;  // that a worker could not be told yet
  MachineMemory memory_;
  Instant looked_{};
};

}  // namespace sluice
