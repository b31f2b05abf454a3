// Stores to read from, one for whoever asks: opening the database costs half a millisecond, so what comes back is lent again.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/run_store.h"

namespace sluice {

class ReaderPool {
 public:
  explicit ReaderPool(std::string path) : idle_(std::make_shared<Idle>()), path_(std::move(path)) {}

  // Thread-safe. The store is one thread's at a time, until the last copy of the pointer goes; it may outlive the pool.
  Result<std::shared_ptr<RunStore>> lend();

 private:
  struct Idle {
    std::mutex mutex;
    std::vector<std::unique_ptr<RunStore>> stores;  // guarded by mutex
  };
  std::shared_ptr<Idle> idle_;
  const std::string path_;
};

}  // namespace sluice
