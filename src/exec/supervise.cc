// The supervisor's loop, and how it starts, stops and ends attempts.
#include <fcntl.h>
#include <linux/close_range.h>
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
#include <memory>

#include "base/clock.h"
#include "exec/supervisor_files.h"
#include "exec/supervisor_loop.h"

namespace sluice {
namespace {

// Between SIGTERM and SIGKILL when all must end: the engine is gone or wants to go.
constexpr Duration kLastGrace = std::chrono::seconds(2);
// Processes that we killed tell by SIGCHLD when they are gone; a second look at those that appeared meanwhile comes after this.
constexpr int kLookAgainMs = 10;
// So long one that outlives its peers waits for the next one when it has nothing to do.
constexpr std::chrono::seconds kIdleMax{2};
// That an attempt has begun may wait this long for company: a task of a millisecond wakes the engine once, not twice.
constexpr int kBeganWaitsMs = 2;

}  // namespace

SupervisorLoop::SupervisorLoop(int fd, int exits_fd, const SupervisorOptions& options)
    : options_(options),
      slots_(options.slots > 0 ? static_cast<std::size_t>(options.slots) : SIZE_MAX),
      listener_(options.outlives ? fd : -1),
      exit_file_(exits_fd, options.outlives),
      tmp_(options),
      environment_(environ),
      warm_(options, environment_) {
  if (options.outlives) return;
  peer_.emplace(fd);
  has_heard_all_ = true;  // nothing was before it
}

SupervisorLoop::~SupervisorLoop() {
  for (const int fd : {epoll_, signals_, devnull_, listener_})
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
  oom_kills_ = oom_kills();
  if (signals_ < 0 || epoll_ < 0 || devnull_ < 0) return false;
  if (!warm_.set_up(devnull_) || !watch(warm_.fd(), &warm_)) return false;
  return watch(signals_, &signals_) && (listener_ >= 0 ? watch(listener_, &listener_) : watch(peer_->fd(), &peer_));
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
  if (peer_) greet();
  const auto is_over = [&] { return ending_ != Ending::kNo && attempts_.empty(); };
  while (!is_over()) {
    if (has_news_ || watches_room_) send_waiting();
    if (!is_over()) turn();  // a peer that could not be written to is gone: then nothing would wake us any more
  }
  warm_.end(clock_.now());
  orphans_.kill_children();
  leave_files();
  send_last_words();
  return 0;
}

void SupervisorLoop::turn() {
  std::array<epoll_event, 64> events;
  const bool holds_back = !has_news_ && has_unsent();
  const int count = ::epoll_wait(epoll_, events.data(), events.size(), wait_ms());
  now_ = clock_.now();
  has_news_ = holds_back && count == 0;
  // Output first, because an exit destroys the pipes that later events of this turn may point to.
  bool has_signals = false;
  bool has_warm = warm_.is_due(now_);
  bool has_messages = false;
  bool has_connection = false;
  for (int i = 0; i < count; ++i) {
    void* source = events.at(static_cast<std::size_t>(i)).data.ptr;
    if (source == &signals_) {
      has_signals = true;
    } else if (source == &peer_) {
      has_messages = true;
    } else if (source == &listener_) {
      has_connection = true;
    } else if (source == &warm_) {
      has_warm = true;
    } else {
      auto* pipe = static_cast<OutputPipe*>(source);
      pipe->attempt->read_output(*pipe, now_);
    }
  }
  if (has_warm) on_warm();  // what a step has said comes before that its worker is gone
  if (has_signals) on_signals();
  if (stopping_ > 0) kill_overdue();
  if (limited_ > 0) look_at_limits();
  if (!ended_.empty()) settle();
  if (has_messages) on_peer();
  if (has_connection) on_connect();
  if (count == 0 && !holds_back) tmp_.do_idle_work();
  if (!is_idle()) {
    idle_since_.reset();
  } else if (!idle_since_) {
    idle_since_ = now_;
  } else if (now_ - *idle_since_ >= kIdleMax || now_ < *idle_since_) {
    end_all(Ending::kAlone);
  }
}

int SupervisorLoop::wait_ms() {
  int wait = tmp_.idle_work_after_ms(!attempts_.empty());
  const auto at_most = [&](std::int64_t ms) { wait = wait < 0 ? static_cast<int>(ms) : std::min(wait, static_cast<int>(ms)); };
  if (!ended_.empty()) at_most(kLookAgainMs);
  if (const int warm = warm_.wait_ms(now_); warm >= 0) at_most(warm);
  if (has_unsent() && !watches_room_) at_most(kBeganWaitsMs);
  if (is_idle()) at_most(std::chrono::milliseconds(kIdleMax).count() / 4);
  if (limited_ > 0) at_most(std::max<std::int64_t>(1, (look_at_ - clock_.now()).count() / 1000 + 1));
  if (stopping_ > 0) {
    const Instant now = clock_.now();
    for (const auto& [id, attempt] : attempts_)
      if (attempt->kill_at && !attempt->has_main_ended())
        at_most(std::clamp<std::int64_t>((*attempt->kill_at - now).count() / 1000 + 1, kLookAgainMs, 60'000));
  }
  return wait;
}

void SupervisorLoop::on_signals() {
  std::array<signalfd_siginfo, 8> infos;
  const auto got = ::read(signals_, infos.data(), sizeof infos);
  for (std::size_t i = 0; got > 0 && i < static_cast<std::size_t>(got) / sizeof infos[0]; ++i) {
    if (infos.at(i).ssi_signo == SIGTERM) end_all(Ending::kAlone);
    if (infos.at(i).ssi_signo == SIGCHLD) reap();
  }
}

// An id is started once: a start that is repeated is answered with what became of the first one.
void SupervisorLoop::start(AttemptSpec spec) {
  if (ending_ != Ending::kNo || attempts_.count(spec.id) > 0) return;
  if (const auto old = exits_.find(spec.id); old != exits_.end()) return say(old->second);
  for (const auto* queue : {&held_, &warming_})
    if (std::any_of(queue->begin(), queue->end(), [&](const AttemptSpec& held) { return held.id == spec.id; })) return;
  held_.push_back(std::move(spec));
  start_held();
}

void SupervisorLoop::start_held() {
  while (ending_ == Ending::kNo && !held_.empty() && attempts_.size() + warming_.size() < slots_) {
    AttemptSpec spec = std::move(held_.front());
    held_.pop_front();
    if (spec.warm)
      start_warm(std::move(spec));
    else
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
  begin(std::move(owned));
}

void SupervisorLoop::begin(std::unique_ptr<AttemptProcess> owned) {
  AttemptProcess& attempt = *owned;
  for (OutputPipe& pipe : attempt.pipes()) watch(pipe.read_fd, &pipe);
  if (has_heard_all_) append_frame(peer_->outbox(), AttemptBegan{attempt.id(), attempt.pid(), now_});  // no news that cannot wait
  mains_.emplace(attempt.pid(), &attempt);
  if (attempt.limit() != nullptr) {
    ++limited_;
    look_at_ = now_;
  }
  attempts_.emplace(attempt.id(), std::move(owned));
}

// False: it has begun, or is not known.
bool SupervisorLoop::take_back(const std::string& id) {
  for (auto* queue : {&held_, &warming_}) {
    const auto held = std::find_if(queue->begin(), queue->end(), [&](const AttemptSpec& spec) { return spec.id == id; });
    if (held == queue->end()) continue;
    queue->erase(held);
    warm_.forget(id);
    return true;
  }
  return false;
}

// An attempt that has not begun has nothing to end: it is answered at once.
void SupervisorLoop::stop_held(const std::string& id) {
  if (!take_back(id)) return;
  tell({.id = id, .exit_code = 128 + SIGTERM, .error = "stopped before it began", .began = now_, .ended = now_});
  start_held();
}

void SupervisorLoop::stop(AttemptProcess& attempt, Duration grace) {
  const Instant kill_at = clock_.now() + grace;
  if (grace.count() <= 0 && attempt.can_be_signalled()) ::kill(-attempt.pid(), SIGKILL);
  if (attempt.kill_at) {
    attempt.kill_at = std::min(*attempt.kill_at, kill_at);
    return;
  }
  attempt.kill_at = kill_at;
  ++stopping_;
  if (attempt.can_be_signalled()) ::kill(-attempt.pid(), SIGTERM);
}

void SupervisorLoop::end_all(Ending why) {
  if (ending_ != Ending::kNo) return;
  ending_ = why;
  while (!held_.empty()) stop_held(std::string(held_.front().id));
  while (!warming_.empty()) stop_held(std::string(warming_.front().id));
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
      on_stray_ended(info.si_pid);
    }
  }
}

void SupervisorLoop::on_main_ended(AttemptProcess& attempt) {
  // What is left of the group has no one to work for; a stopped attempt has the rest of its grace to end well.
  if (!attempt.kill_at) ::kill(-attempt.pid(), SIGKILL);
  int status = 0;
  rusage usage{};
  ::wait4(attempt.pid(), &status, 0, &usage);
  // A child of ours only since its worker has died.
  if (attempt.is_warm() && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !attempt.kill_at) attempt.note_lost();
  if (attempt.is_warm()) on_stray_ended(attempt.pid());
  end_main(attempt, status, usage);
}

void SupervisorLoop::end_main(AttemptProcess& attempt, int wait_status, const rusage& usage) {
  mains_.erase(attempt.pid());
  attempt.main_ended(wait_status, usage, now_);
  ended_.push_back(&attempt);
}

// Finishes those attempts of which no process is left: when no child of ours but main processes is left, nothing is.
void SupervisorLoop::settle() {
  orphans_.find(attempts_, mains_, mains_.size() - warm_.steps() + warm_.workers());
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
  if (attempt.limit() != nullptr) --limited_;
  attempt.finish(now_);
  note_oom(attempt);
  const bool failed = attempt.exit().exit_code != 0;
  tmp_.give_back(attempt.tmp(), failed ? attempt.spec().directory + ".tmp" : "");
  if (attempt.kill_at) --stopping_;
  tell(attempt.exit());
  attempts_.erase(attempt.id());
  start_held();
}

void SupervisorLoop::kill_overdue() {
  for (const auto& [id, attempt] : attempts_)
    if (attempt->kill_at && *attempt->kill_at <= now_ && attempt->can_be_signalled()) ::kill(-attempt->pid(), SIGKILL);
}

int supervise_main(int fd, int exits_fd, const SupervisorOptions& given) {
  SupervisorOptions options = given;
  if (options.program_identity.empty()) options.program_identity = build_identity(options);
  return SupervisorLoop(fd, exits_fd, options).run();
}

}  // namespace sluice
