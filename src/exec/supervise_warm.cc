// How the supervisor starts steps in processes that warm workers have forked ahead, and learns how they ended.
#include <algorithm>
#include <csignal>
#include <memory>
#include <utility>

#include "exec/supervisor_loop.h"

namespace sluice {
namespace {

// A process that was to take a step may be gone: so often another one is looked for.
constexpr int kHandTriesMax = 4;

rusage usage_of(const WarmNews& news) {
  rusage usage{};
  usage.ru_utime.tv_sec = news.cpu.count() / 1'000'000;
  usage.ru_utime.tv_usec = news.cpu.count() % 1'000'000;
  usage.ru_maxrss = news.max_rss_bytes / 1024;
  return usage;
}

}  // namespace

void SupervisorLoop::start_warm(AttemptSpec spec) {
  for (int tries = 0; tries < kHandTriesMax; ++tries) {
    now_ = clock_.now();
    const WarmPool::Answer answer = warm_.ask(spec, now_);
    if (answer.way == WarmPool::Way::kWait) {
      warming_.push_back(std::move(spec));
      return;
    }
    if (answer.way == WarmPool::Way::kCold) {
      spec.cold_because = answer.why;
      return start_now(std::move(spec));
    }
    auto lease = tmp_.take(spec);
    auto attempt = std::make_unique<AttemptProcess>(std::move(spec), std::move(lease));
    if (attempt->start_warm(warm_, environment_, devnull_, now_)) return begin(std::move(attempt));
    tmp_.give_back(attempt->tmp(), "");
    if (!attempt->exit().error.empty()) return tell(attempt->exit());
    spec = attempt->spec();
  }
  spec.cold_because = "it could not be handed to a warm worker";
  start_now(std::move(spec));
}

// Those that wait, in the order in which they came.
void SupervisorLoop::start_warming() {
  for (AttemptSpec& spec : std::exchange(warming_, {})) start_warm(std::move(spec));
}

void SupervisorLoop::on_warm() {
  for (const WarmNews& news : warm_.turn(now_)) take_warm(news);
  if (!warming_.empty()) start_warming();
  start_held();
}

void SupervisorLoop::take_warm(const WarmNews& news) {
  const auto found = mains_.find(news.pid);
  if (found == mains_.end()) return;
  AttemptProcess& attempt = *found->second;
  switch (news.kind) {
    case WarmNews::Kind::kDone:
      // It has nothing left to do, and its number is its own until its worker waits for it: killed, it is gone sooner.
      ::kill(attempt.kill_at ? news.pid : -news.pid, SIGKILL);
      break;
    case WarmNews::Kind::kDying:
      if (!attempt.kill_at) ::kill(-news.pid, SIGKILL);
      attempt.note_dying();
      return warm_.reap(news.pid);
    case WarmNews::Kind::kEnded: break;
    case WarmNews::Kind::kLost: attempt.note_lost(); return end_main(attempt, SIGKILL, usage_of(news));
  }
  end_main(attempt, news.wait_status, usage_of(news));
}

// Whatever was a child of ours and no attempt's main process; or a main process whose worker has died.
void SupervisorLoop::on_stray_ended(pid_t pid) {
  for (const WarmNews& news : warm_.child_reaped(pid)) take_warm(news);
  if (!warming_.empty()) start_warming();
}

}  // namespace sluice
