// A small event loop: descriptors, timers, and functions posted by other threads. Everything registered here is called on the
// thread that calls run(), one after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace sluice {

class Loop {
 public:
  using Callback = std::function<void()>;

  // `monotonic`: the clock of its timers, for simulations. Time passes in whoever serves such a loop: it never waits.
  explicit Loop(std::function<Duration()> monotonic = {});
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Calls `ready` whenever `fd` can be read (or its peer is gone), until unwatch(fd). The loop does not own fd.
  void watch(int fd, Callback ready);
  // Also when it can be written; `watch` again without it when there is nothing left to write.
  void watch_writable(int fd, Callback ready);
  void unwatch(int fd);

  // Calls `due` once, `delay` from now on the monotonic clock. Timers of the same instant run in the order they were set.
  void after(Duration delay, Callback due);

  // Until the first of them is due, 0 at least; nothing if none is set.
  std::optional<Duration> next_timer() const;

  // Thread-safe; also from within a callback. Runs after what is ready now.
  void post(Callback call);

  // Called once at the end of every round of callbacks, before the loop sleeps: the place to commit what a round brought.
  void at_round_end(Callback call) { round_end_ = std::move(call); }

  // Serves until stop().
  void run();
  void stop() { stopped_ = true; }

 private:
  using Due = std::pair<std::int64_t, std::uint64_t>;  // monotonic µs, sequence
  std::int64_t now_micros() const;
  int wait_ms() const;
  void run_posted();
  void run_timers();

  const std::function<Duration()> monotonic_;
  int epoll_ = -1;
  int wake_ = -1;
  bool stopped_ = false;
  std::uint64_t timer_sequence_ = 0;
  std::map<int, std::shared_ptr<Callback>> watched_;  // shared: a callback may unwatch itself or others
  std::map<Due, Callback> timers_;
  Callback round_end_;
  std::atomic<bool> woken_{false};  // a wake-up is already on its way
  std::mutex mutex_;
  std::vector<Callback> posted_;    // guarded by mutex_
};

}  // namespace sluice
