// Submissions are prepared by the threads that serve HTTP, several at a time.
#include <gtest/gtest.h>

#include <thread>

#include "engine/test_engine.h"

namespace sluice {
namespace {

TEST(Prepare, IsDoneByManyThreadsAtOnce) {
  const TestFolder folder;
  const ScopedVariable cache("XDG_CACHE_HOME",
                             folder.path());  // the interpreter is looked up, and its folder made, by all of them
  const DataDir dir = DataDir::at(folder.path() + "/data").value();
  std::string text = pipeline_text(step_line("a") + step_line("b", "a"));
  text.replace(text.find("alpine"), 6, "'python:3'");
  constexpr int kThreads = 8;
  std::vector<Prepared> prepared(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      const Uuid uuid = EngineWorld::uuid_of(static_cast<std::uint8_t>(i));
      prepared.at(static_cast<std::size_t>(i)) = prepare({.spec = text}, {}, new_run_context(dir, uuid, Instant{}));
    });
  for (std::thread& thread : threads) thread.join();
  for (const Prepared& one : prepared) {
    ASSERT_TRUE(one.errors.empty()) << one.errors.front().text();
    ASSERT_EQ(one.sites.by_executor.size(), 1U);
    EXPECT_TRUE(one.sites.by_executor.begin()->second.python);
    EXPECT_EQ(one.sites.by_executor.begin()->second.path_prefix, prepared.front().sites.by_executor.begin()->second.path_prefix);
  }
}

}  // namespace
}  // namespace sluice
