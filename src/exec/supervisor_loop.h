// The supervisor's own main loop: one thread, one epoll, nothing that blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "exec/attempt.h"
#include "exec/channel.h"
#include "exec/exit_file.h"
#include "exec/orphans.h"
#include "exec/spawn.h"
#include "exec/supervisor.h"
#include "exec/tmp_slots.h"
#include "exec/warm_pool.h"

namespace sluice {

class SupervisorLoop {
 public:
  SupervisorLoop(int fd, int exits_fd, const SupervisorOptions& options);
  ~SupervisorLoop();
  SupervisorLoop(const SupervisorLoop&) = delete;
  SupervisorLoop& operator=(const SupervisorLoop&) = delete;

  int run();

 private:
  enum class Ending { kNo, kAsked, kAlone };  // all attempts are stopped: by the peer's wish, or without it

  // supervise.cc: attempts.
  bool set_up();
  bool watch(int fd, void* source) const;  // events of `fd` will point to `source`
  void turn();
  int wait_ms();
  void on_signals();
  void start(AttemptSpec spec);
  void start_now(AttemptSpec spec);
  void start_held();
  void begin(std::unique_ptr<AttemptProcess> owned);
  bool take_back(const std::string& id);
  void stop_held(const std::string& id);
  void stop(AttemptProcess& attempt, Duration grace);
  void end_all(Ending why);
  void reap();
  void on_main_ended(AttemptProcess& attempt);
  void end_main(AttemptProcess& attempt, int wait_status, const rusage& usage);
  void settle();
  void finish(AttemptProcess& attempt);
  void kill_overdue();
  // supervise_limits.cc: attempts that may not use all of the machine.
  void look_at_limits();
  void note_oom(AttemptProcess& attempt);

  // supervise_warm.cc: steps in forks of warm workers.
  void start_warm(AttemptSpec spec);
  void start_warming();
  void on_warm();
  void take_warm(const WarmNews& news);
  void on_stray_ended(pid_t pid);

  // supervise_peer.cc: the engine.
  void on_connect();
  void greet();
  void on_peer();
  void read_messages();
  void part_with_peer();
  void lose_peer();
  void accept(WireMessage message);
  void list_everything();
  void withdraw(const std::vector<std::string>& ids);
  void acknowledge(const std::vector<std::string>& ids);
  void say(const WireMessage& message);
  void tell(const AttemptExit& exit);
  void send_waiting();
  void send_last_words();
  bool has_unsent() const { return peer_ && peer_->has_unsent(); }
  // Nobody is there and nothing is to be done.
  bool is_idle() const { return listener_ >= 0 && !peer_ && attempts_.empty() && held_.empty() && warming_.empty(); }
  void leave_files();

  const SupervisorOptions options_;
  std::size_t slots_;  // attempts at a time
  int listener_ = -1;  // -1: ends with its peer
  std::optional<Channel> peer_;
  ExitFile exit_file_;
  TmpSlots tmp_;
  BaseEnvironment environment_;
  ProgramFinder programs_;
  WarmPool warm_;
  SystemClock clock_;
  Instant now_;  // of this turn
  int epoll_ = -1;
  int signals_ = -1;
  int devnull_ = -1;
  Ending ending_ = Ending::kNo;  // no new starts; the loop ends with the last attempt
  bool has_cut_short_ = false;   // attempts that nobody had asked to stop
  bool watches_room_ = false;
  bool has_heard_all_ = false;  // the peer, of what was before it came; false: there is none
  bool has_news_ = true;          // something is to be sent that must not wait
  std::optional<Instant> idle_since_;
  std::deque<AttemptSpec> held_;  // sent ahead: each starts when an attempt before it has ended, without a word from the engine
  std::deque<AttemptSpec> warming_;  // have a slot, and wait for a process of a warm worker
  Orphans::Attempts attempts_;
  Orphans::Mains mains_;
  std::vector<AttemptProcess*> ended_;  // main process gone, not finished
  Orphans orphans_;
  std::size_t stopping_ = 0;  // attempts with a kill_at
  std::size_t limited_ = 0;  // attempts with a limit
  Instant look_at_;  // when they are looked at next
  std::int64_t oom_kills_ = -1;  // that are known of
  std::map<std::string, AttemptExit> exits_;  // not acknowledged
};

}  // namespace sluice
