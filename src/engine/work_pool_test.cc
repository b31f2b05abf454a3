#include "engine/work_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace sluice {
namespace {

TEST(WorkPool, EverythingIsWorkedOff) {
  WorkPool pool("work", 3);
  std::atomic<int> done{0};
  std::promise<void> all;
  for (int i = 0; i < 1000; ++i)
    pool.submit([&] {
      if (++done == 1000) all.set_value();
    });
  all.get_future().wait();
  EXPECT_EQ(done, 1000);
}

TEST(WorkPool, ThreadsWorkSideBySide) {
  WorkPool pool("a name that is longer than threads may have", 2);
  std::promise<void> first;
  std::promise<void> second;
  std::promise<void> both;
  pool.submit([&] {
    first.set_value();
    second.get_future().wait();
    both.set_value();
  });
  pool.submit([&] {
    first.get_future().wait();
    second.set_value();
  });
  both.get_future().wait();
}

TEST(WorkPool, WorkMaySubmitWork) {
  WorkPool pool("work", 1);
  std::promise<void> inner;
  pool.submit([&] { pool.submit([&] { inner.set_value(); }); });
  inner.get_future().wait();
}

TEST(WorkPool, TheEndWaitsForWhatRunsAndDropsTheRest) {
  std::promise<void> running;
  std::promise<void> go_on;
  const auto dropped = std::make_shared<int>(0);
  std::atomic<bool> ended{false};
  auto pool = std::make_unique<WorkPool>("work", 1);
  pool->submit([&] {
    running.set_value();
    go_on.get_future().wait();
    ended = true;
  });
  pool->submit([dropped] { ++*dropped; });
  running.get_future().wait();
  std::thread ender([&] { pool.reset(); });
  // The second piece is dropped while the first still runs.
  while (dropped.use_count() > 1) std::this_thread::yield();
  EXPECT_FALSE(ended);
  go_on.set_value();
  ender.join();
  EXPECT_TRUE(ended);
  EXPECT_EQ(*dropped, 0);
}

}  // namespace
}  // namespace sluice
