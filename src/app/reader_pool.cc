#include "app/reader_pool.h"

namespace sluice {
namespace {

// More than this read at the same time only when something is wrong; each holds descriptors and a page cache of up to 2 MiB.
constexpr std::size_t kIdleMax = 8;

}  // namespace

Result<std::shared_ptr<RunStore>> ReaderPool::lend() {
  std::unique_ptr<RunStore> store;
  {
    const std::lock_guard lock(idle_->mutex);
    if (!idle_->stores.empty()) {
      store = std::move(idle_->stores.back());
      idle_->stores.pop_back();
    }
  }
  if (store == nullptr) {
    SLUICE_TRY(store, open_sqlite_store({.path = path_, .read_only = true}));
  }
  return std::shared_ptr<RunStore>(store.release(), [idle = idle_](RunStore* returned) {
    std::unique_ptr<RunStore> owned(returned);
    const std::lock_guard lock(idle->mutex);
    if (idle->stores.size() < kIdleMax) idle->stores.push_back(std::move(owned));
  });
}

}  // namespace sluice
