// The supervisor's own main loop: one thread, one epoll, nothing that blocks.
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/match.h"
#include "exec/attempt.h"
#include "exec/channel.h"
#include "exec/orphans.h"
#include "exec/spawn.h"
#include "exec/supervisor.h"
#include "exec/tmp_slots.h"

namespace sluice {
namespace {

// Between SIGTERM and SIGKILL when all must end: the engine is gone or wants to go.
constexpr Duration kLastGrace = std::chrono::seconds(2);
// Processes that we killed tell by SIGCHLD when they are gone; a second look at those that appeared meanwhile comes after this.
constexpr int kLookAgainMs = 10;
// How long the last events may take to go out when the engine does not read.
constexpr int kFlushMaxMs = 5000;
// That an attempt has begun may wait this long for company: a task of a millisecond wakes the engine once, not twice.
constexpr int kBeganWaitsMs = 2;

class SupervisorLoop {
 public:
  SupervisorLoop(int socket, const SupervisorOptions& options)
      : slots_(options.slots > 0 ? static_cast<std::size_t>(options.slots) : SIZE_MAX),
        channel_(socket),
        tmp_(options),
        environment_(environ) {}
  ~SupervisorLoop();
  SupervisorLoop(const SupervisorLoop&) = delete;
  SupervisorLoop& operator=(const SupervisorLoop&) = delete;

  int run();

 private:
  bool set_up();
  bool watch(int fd, void* source) const;  // events of `fd` will point to `source`
  void turn();
  int wait_ms();
  void on_signals();
  void on_socket();
  void accept(WireMessage message);
  void start(AttemptSpec spec);
  void start_now(AttemptSpec spec);
  void start_held();
  void stop_held(const std::string& id);
  void tell(const AttemptExit& exit);
  void stop(AttemptProcess& attempt, Duration grace);
  void end_all();
  void reap();
  void on_main_ended(AttemptProcess& attempt);
  void settle();
  void finish(AttemptProcess& attempt);
  void kill_overdue();
  void send_waiting();

  const std::size_t slots_;  // attempts at a time
  Channel channel_;
  TmpSlots tmp_;
  BaseEnvironment environment_;
  ProgramFinder programs_;
  SystemClock clock_;
  Instant now_;  // of this turn
  int epoll_ = -1;
  int signals_ = -1;
  int devnull_ = -1;
  bool is_peer_gone_ = false;
  bool is_ending_ = false;  // no new starts; the loop ends with the last attempt
  bool watches_room_ = false;
  bool has_news_ = true;         // something is to be sent that must not wait
  std::deque<AttemptSpec> held_; // sent ahead: each starts when an attempt before it has ended, without a word from the engine
  Orphans::Attempts attempts_;
  Orphans::Mains mains_;
  std::vector<AttemptProcess*> ended_;  // main process gone, not finished
  Orphans orphans_;
  std::size_t stopping_ = 0;                            // attempts with a kill_at
  std::unordered_map<std::string, AttemptExit> exits_;  // reported, not acknowledged
};

SupervisorLoop::~SupervisorLoop() {
  for (const int fd : {epoll_, signals_, devnull_})
    if (fd >= 0) ::close(fd);
}

bool SupervisorLoop::set_up() {
  ::prctl(PR_SET_NAME, "sluice-superv");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::umask(022);
  // What the starter of the engine forgot to close is not for attempts either.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  // Attempts inherit ignored signals, so nothing is ignored here; what concerns us arrives through the descriptor.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t ours;
  sigemptyset(&ours);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE}) sigaddset(&ours, signal);
  ::sigprocmask(SIG_SETMASK, &ours, nullptr);
  signals_ = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  devnull_ = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (signals_ < 0 || epoll_ < 0 || devnull_ < 0) return false;
  return watch(signals_, &signals_) && watch(channel_.fd(), &channel_);
}

bool SupervisorLoop::watch(int fd, void* source) const {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = source}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

int SupervisorLoop::run() {
  if (!set_up()) {
    std::perror("sluice supervise");
    return 70;
  }
  append_frame(channel_.outbox(), Hello{});
  while (!is_ending_ || !attempts_.empty()) {
    if (has_news_ || watches_room_) send_waiting();
    turn();
  }
  orphans_.kill_children();
  // Only a peer that is still there is waited for.
  for (int waited = 0; !is_peer_gone_ && channel_.has_unsent() && waited < kFlushMaxMs; waited += 100) {
    pollfd room{channel_.fd(), POLLOUT, 0};
    ::poll(&room, 1, 100);
    is_peer_gone_ = !channel_.flush();
  }
  return 0;
}

void SupervisorLoop::turn() {
  std::array<epoll_event, 64> events;
  const bool holds_back = !has_news_ && channel_.has_unsent();
  const int count = ::epoll_wait(epoll_, events.data(), events.size(), wait_ms());
  now_ = clock_.now();
  has_news_ = holds_back && count == 0;
  // Output first, because an exit destroys the pipes that later events of this turn may point to.
  bool has_signals = false;
  bool has_messages = false;
  for (int i = 0; i < count; ++i) {
    void* source = events.at(static_cast<std::size_t>(i)).data.ptr;
    if (source == &signals_) {
      has_signals = true;
    } else if (source == &channel_) {
      has_messages = true;
    } else {
      auto* pipe = static_cast<OutputPipe*>(source);
      pipe->attempt->read_output(*pipe, now_);
    }
  }
  if (has_signals) on_signals();
  if (stopping_ > 0) kill_overdue();
  if (!ended_.empty()) settle();
  if (has_messages) on_socket();
  if (count == 0 && !holds_back) tmp_.do_idle_work();
}

int SupervisorLoop::wait_ms() {
  int wait = tmp_.idle_work_after_ms(!attempts_.empty());
  const auto at_most = [&](std::int64_t ms) { wait = wait < 0 ? static_cast<int>(ms) : std::min(wait, static_cast<int>(ms)); };
  if (!ended_.empty()) at_most(kLookAgainMs);
  if (channel_.has_unsent() && !watches_room_) at_most(kBeganWaitsMs);
  if (stopping_ > 0) {
    const Instant now = clock_.now();
    for (const auto& [id, attempt] : attempts_)
      if (attempt->kill_at && !attempt->has_main_ended())
        at_most(std::clamp<std::int64_t>((*attempt->kill_at - now).count() / 1000 + 1, kLookAgainMs, 60'000));
  }
  return wait;
}

void SupervisorLoop::send_waiting() {
  if (is_peer_gone_) return;
  if (!channel_.flush()) {
    is_peer_gone_ = true;
    end_all();
    return;
  }
  if (channel_.has_unsent() == watches_room_) return;
  watches_room_ = channel_.has_unsent();
  epoll_event event{.events = EPOLLIN | (watches_room_ ? EPOLLOUT : 0U), .data = {.ptr = &channel_}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, channel_.fd(), &event);
}

void SupervisorLoop::on_signals() {
  std::array<signalfd_siginfo, 8> infos;
  const auto got = ::read(signals_, infos.data(), sizeof infos);
  for (std::size_t i = 0; got > 0 && i < static_cast<std::size_t>(got) / sizeof infos[0]; ++i) {
    if (infos.at(i).ssi_signo == SIGTERM) end_all();
    if (infos.at(i).ssi_signo == SIGCHLD) reap();
  }
}

void SupervisorLoop::on_socket() {
  const auto open = channel_.fill();
  while (true) {
    auto message = channel_.next();
    if (!message) {
      // We cannot know what a peer wants that we do not understand; ending is the one safe answer.
      std::fprintf(stderr, "sluice supervise: %s\n", message.error().message.c_str());
      is_peer_gone_ = true;
      break;
    }
    if (!*message) break;
    accept(std::move(**message));
  }
  if (!open || !*open) is_peer_gone_ = true;
  if (!is_peer_gone_) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, channel_.fd(), nullptr);
  channel_.close();
  end_all();
}

void SupervisorLoop::accept(WireMessage message) {
  std::visit(Match{
                 [&](const Hello& hello) {
                   // The peer reads our hello and knows why; nothing runs yet that could be lost.
                   if (!check_hello(hello)) end_all();
                 },
                 [&](WireStart& m) { start(std::move(m.spec)); },
                 [&](const WireStop& m) {
                   if (const auto found = attempts_.find(m.id); found != attempts_.end())
                     stop(*found->second, m.grace);
                   else
                     stop_held(m.id);
                 },
                 [&](const WireAck& m) {
                   for (const std::string& id : m.ids) exits_.erase(id);
                 },
                 [&](const WireShutDown&) { end_all(); },
                 [](const auto&) {},
             },
             message);
}

// An id is started once: a start that is repeated is answered with what became of the first one.
void SupervisorLoop::start(AttemptSpec spec) {
  if (is_ending_ || attempts_.count(spec.id) > 0) return;
  if (const auto old = exits_.find(spec.id); old != exits_.end()) {
    append_frame(channel_.outbox(), old->second);
    has_news_ = true;
    return;
  }
  if (std::any_of(held_.begin(), held_.end(), [&](const AttemptSpec& held) { return held.id == spec.id; })) return;
  held_.push_back(std::move(spec));
  start_held();
}

void SupervisorLoop::start_held() {
  while (!held_.empty() && attempts_.size() < slots_) {
    AttemptSpec spec = std::move(held_.front());
    held_.pop_front();
    start_now(std::move(spec));
  }
}

void SupervisorLoop::start_now(AttemptSpec spec) {
  auto lease = tmp_.take(spec);
  auto owned = std::make_unique<AttemptProcess>(std::move(spec), std::move(lease));
  AttemptProcess& attempt = *owned;
  now_ = clock_.now();
  if (!attempt.start(programs_, environment_, devnull_, now_)) {
    tmp_.give_back(attempt.tmp(), "");
    tell(attempt.exit());
    return;
  }
  for (OutputPipe& pipe : attempt.pipes()) watch(pipe.read_fd, &pipe);
  append_frame(channel_.outbox(), AttemptBegan{attempt.id(), attempt.pid(), now_});
  mains_.emplace(attempt.pid(), &attempt);
  attempts_.emplace(attempt.id(), std::move(owned));
}

// An attempt that has not begun has nothing to end: it is answered at once.
void SupervisorLoop::stop_held(const std::string& id) {
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const AttemptSpec& spec) { return spec.id == id; });
  if (held == held_.end()) return;
  held_.erase(held);
  tell({.id = id, .exit_code = 128 + SIGTERM, .error = "stopped before it began", .began = now_, .ended = now_});
}

void SupervisorLoop::tell(const AttemptExit& exit) {
  has_news_ = true;
  if (is_peer_gone_) return;
  append_frame(channel_.outbox(), exit);
  exits_.emplace(exit.id, exit);
}

void SupervisorLoop::stop(AttemptProcess& attempt, Duration grace) {
  const Instant kill_at = clock_.now() + grace;
  if (grace.count() <= 0 && !attempt.has_main_ended()) ::kill(-attempt.pid(), SIGKILL);
  if (attempt.kill_at) {
    attempt.kill_at = std::min(*attempt.kill_at, kill_at);
    return;
  }
  attempt.kill_at = kill_at;
  ++stopping_;
  if (!attempt.has_main_ended()) ::kill(-attempt.pid(), SIGTERM);
}

void SupervisorLoop::end_all() {
  if (is_ending_) return;
  is_ending_ = true;
  while (!held_.empty()) stop_held(std::string(held_.front().id));
  for (const auto& [id, attempt] : attempts_) stop(*attempt, kLastGrace);
}

void SupervisorLoop::reap() {
  while (true) {
    siginfo_t info{};
    // WNOWAIT: as long as the zombie is there, its number cannot become another process, so its group can be killed safely.
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    if (const auto main = mains_.find(info.si_pid); main != mains_.end()) {
      on_main_ended(*main->second);
    } else {
      ::waitpid(info.si_pid, nullptr, 0);
      orphans_.forget(info.si_pid);
    }
  }
}

void SupervisorLoop::on_main_ended(AttemptProcess& attempt) {
  // What is left of the group has no one to work for; a stopped attempt has the rest of its grace to end well.
  if (!attempt.kill_at) ::kill(-attempt.pid(), SIGKILL);
  int status = 0;
  rusage usage{};
  ::wait4(attempt.pid(), &status, 0, &usage);
  mains_.erase(attempt.pid());
  attempt.main_ended(status, usage, now_);
  ended_.push_back(&attempt);
}

// Finishes those attempts of which no process is left: when no child of ours but main processes is left, nothing is.
void SupervisorLoop::settle() {
  orphans_.find(attempts_, mains_);
  for (std::size_t i = 0; i < ended_.size();) {
    AttemptProcess* attempt = ended_[i];
    if (orphans_.end_those_of(*attempt, attempts_.size() == 1, now_)) {
      ++i;
      continue;
    }
    ended_.erase(ended_.begin() + static_cast<std::ptrdiff_t>(i));
    finish(*attempt);
  }
}

void SupervisorLoop::finish(AttemptProcess& attempt) {
  attempt.finish(now_);
  const bool failed = attempt.exit().exit_code != 0;
  tmp_.give_back(attempt.tmp(), failed ? attempt.spec().directory + ".tmp" : "");
  if (attempt.kill_at) --stopping_;
  tell(attempt.exit());
  attempts_.erase(attempt.id());
  start_held();
}

void SupervisorLoop::kill_overdue() {
  for (const auto& [id, attempt] : attempts_)
    if (attempt->kill_at && *attempt->kill_at <= now_ && !attempt->has_main_ended()) ::kill(-attempt->pid(), SIGKILL);
}

}  // namespace

int supervise_main(int fd, const SupervisorOptions& options) { return SupervisorLoop(fd, options).run(); }

}  // namespace sluice
