#include "engine/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/check.h"

namespace sluice {
namespace {

std::int64_t monotonic_micros() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

Loop::Loop(std::function<Duration()> monotonic)
    : monotonic_(std::move(monotonic)), epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  SLUICE_CHECK(epoll_ >= 0 && wake_ >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_}};
  SLUICE_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
}

Loop::~Loop() {
  close(epoll_);
  close(wake_);
}

void Loop::watch(int fd, Callback ready) {
  const bool known = watched_.contains(fd);
  watched_[fd] = std::make_shared<Callback>(std::move(ready));
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  SLUICE_CHECK(epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::watch_writable(int fd, Callback ready) {
  const bool known = watched_.contains(fd);
  watched_[fd] = std::make_shared<Callback>(std::move(ready));
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.fd = fd}};
  SLUICE_CHECK(epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::unwatch(int fd) {
  if (watched_.erase(fd) > 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::after(Duration delay, Callback due) {
  constexpr std::int64_t kDelayMax = std::int64_t{1} << 62;  // leaves room for the time of day
  timers_.emplace(Due{now_micros() + std::clamp<std::int64_t>(delay.count(), 0, kDelayMax), timer_sequence_++}, std::move(due));
}

void Loop::post(Callback call) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(call));
  }
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  SLUICE_CHECK(write(wake_, &one, sizeof one) == sizeof one);
}

std::int64_t Loop::now_micros() const { return monotonic_ ? monotonic_().count() : monotonic_micros(); }

std::optional<Duration> Loop::next_timer() const {
  if (timers_.empty()) return std::nullopt;
  return Duration{std::max<std::int64_t>(0, timers_.begin()->first.first - now_micros())};
}

int Loop::wait_ms() const {
  if (monotonic_) return 0;
  if (timers_.empty()) return -1;
  const auto micros = timers_.begin()->first.first - now_micros();
  return static_cast<int>(std::clamp<std::int64_t>((micros + 999) / 1000, 0, 3'600'000));
}

void Loop::run_posted() {
  woken_ = false;
  std::vector<Callback> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(posted_);
  }
  for (const Callback& call : calls) call();
}

void Loop::run_timers() {
  const auto now = now_micros();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const Callback due = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    due();
  }
}

void Loop::run() {
  stopped_ = false;
  std::array<epoll_event, 64> events{};
  if (round_end_) round_end_();  // what was set up before we began to serve
  while (!stopped_) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
    SLUICE_CHECK(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; ++i) {
      const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
      if (fd == wake_) {
        std::uint64_t wakes = 0;
        (void)!read(wake_, &wakes, sizeof wakes);
        continue;
      }
      const auto found = watched_.find(fd);
      if (found == watched_.end()) continue;
      const auto ready = found->second;
      (*ready)();
    }
    run_posted();
    run_timers();
    if (round_end_) round_end_();
  }
}

}  // namespace sluice
