#include "engine/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "base/check.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

// A descriptor that is readable from the start.
class Ready {
 public:
  Ready() : fd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)) { SLUICE_CHECK(fd >= 0); }
  ~Ready() { ::close(fd); }
  Ready(const Ready&) = delete;
  Ready& operator=(const Ready&) = delete;
  void take() const {
    eventfd_t count = 0;
    ::eventfd_read(fd, &count);
  }
  const int fd;
};

TEST(Loop, TimersRunInTheOrderOfTheirTimesAndThenOfTheirSetting) {
  Loop loop;
  std::vector<int> order;
  loop.after(4ms, [&] {
    order.push_back(4);
    loop.stop();
  });
  loop.after(2ms, [&] { order.push_back(2); });
  loop.after(-1s, [&] { order.push_back(0); });
  loop.after(-1s, [&] { order.push_back(1); });
  loop.after(Duration::max(), [&] { order.push_back(9); });
  loop.run();
  EXPECT_EQ(order.at(2), 2);
  EXPECT_EQ(order.back(), 4);
  EXPECT_EQ(order.size(), 4U);
}

TEST(Loop, ATimerMaySetOthers) {
  Loop loop;
  int runs = 0;
  const std::function<void()> again = [&] {
    if (++runs == 5) return loop.stop();
    loop.after(0s, again);
  };
  loop.after(0s, again);
  loop.run();
  EXPECT_EQ(runs, 5);
}

TEST(Loop, CallsFromOtherThreadsRunOnTheLoopsThreadInTheirOrder) {
  Loop loop;
  constexpr int kThreads = 4;
  constexpr int kCalls = 500;
  std::vector<std::vector<int>> seen(kThreads);
  int left = kThreads * kCalls;
  const auto here = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i)
        loop.post([&, t, i] {
          EXPECT_EQ(std::this_thread::get_id(), here);
          seen.at(static_cast<std::size_t>(t)).push_back(i);
          if (--left == 0) loop.stop();
        });
    });
  loop.run();
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& calls : seen) {
    EXPECT_EQ(calls.size(), static_cast<std::size_t>(kCalls));
    EXPECT_TRUE(std::is_sorted(calls.begin(), calls.end()));
  }
}

TEST(Loop, WhatIsPostedFromACallRunsInTheNextRound) {
  Loop loop;
  std::string order;
  loop.at_round_end([&] { order += "|"; });
  loop.post([&] {
    order += "a";
    loop.post([&] {
      order += "b";
      loop.stop();
    });
  });
  loop.run();
  EXPECT_EQ(order, "|a|b|") << "the first bar: what was set up before";
}

TEST(Loop, ADescriptorIsServedUntilItIsUnwatched) {
  Loop loop;
  const Ready ready;
  int calls = 0;
  loop.watch(ready.fd, [&] {
    if (++calls < 3) return;
    loop.unwatch(ready.fd);
    loop.after(0s, [&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(calls, 3);
  loop.unwatch(ready.fd);  // twice is no harm
}

TEST(Loop, ACallbackMayUnwatchItselfAndOthersThatAreReadyToo) {
  Loop loop;
  const Ready one;
  const Ready other;
  std::string calls;
  const auto callback = [&](const char* name) {
    return [&, text = std::string(name)] {
      loop.unwatch(one.fd);
      loop.unwatch(other.fd);
      calls += text;  // what was captured is still there
      loop.post([&] { loop.stop(); });
    };
  };
  loop.watch(one.fd, callback("a name that is longer than a short string"));
  loop.watch(other.fd, callback("a name that is longer than a short string"));
  loop.run();
  EXPECT_EQ(calls, "a name that is longer than a short string");
}

TEST(Loop, WatchingAgainReplacesTheCallback) {
  Loop loop;
  const Ready ready;
  std::string calls;
  loop.watch(ready.fd, [&] { calls += "old"; });
  loop.watch(ready.fd, [&] {
    calls += "new";
    ready.take();
    loop.watch_writable(ready.fd, [&] {  // an event counter can be written to
      calls += " writable";
      loop.stop();
    });
  });
  loop.run();
  EXPECT_EQ(calls, "new writable");
}

TEST(Loop, AnEndThatIsGoneIsReadable) {
  Loop loop;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  loop.watch(ends[0], [&] {
    loop.unwatch(ends[0]);
    loop.stop();
  });
  ::close(ends[1]);
  loop.run();
  ::close(ends[0]);
}

TEST(Loop, ItRunsAgainAfterAStop) {
  Loop loop;
  for (int i = 0; i < 3; ++i) {
    bool ran = false;
    loop.post([&] {
      ran = true;
      loop.stop();
    });
    loop.run();
    EXPECT_TRUE(ran);
  }
}

}  // namespace
}  // namespace sluice
