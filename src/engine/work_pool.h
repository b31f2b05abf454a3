// Threads for work that would make the loop wait: hashing, copying, building environments.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

class WorkPool {
 public:
  WorkPool(const std::string& name, int threads);
  // Waits for what is running; what has not begun is dropped.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Thread-safe. The queue has no bound: what is in it is bounded by the attempts in flight.
  void submit(std::function<void()> work);

 private:
  void serve(const std::string& name);

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sluice
