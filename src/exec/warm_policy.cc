#include "exec/warm_policy.h"

#include <algorithm>

namespace sluice {
namespace {

bool is_idle(const WarmWorkerState& worker) { return worker.is_ready && worker.steps == 0 && worker.waiting == 0; }

std::int64_t bytes_of(const WarmWorkerState& worker) { return worker.bytes + worker.spares * worker.spare_bytes; }

class WarmPlanner {
 public:
  explicit WarmPlanner(const WarmView& view) : view_(view), workers_(view.workers) {}

  // What gives memory back comes before what takes it, so that a second look finds nothing more to do.
  std::vector<WarmMove> run() {
    end_old();
    for (WarmWorkerState& worker : workers_)
      if (worker.waiting > 0 && worker.spares == 0 && worker.is_ready) fork(worker, 1);
    for (WarmWorkerState& worker : workers_)
      if (worker.spares > wanted(worker)) drop(worker, worker.spares - wanted(worker));
    make_room();
    for (WarmWorkerState& worker : workers_) drop_excess(worker);
    for (WarmWorkerState& worker : workers_) fork_what_fits(worker);
    for (const WarmWorkerState& worker : workers_)
      if (worker.is_ready && worker.is_stale && excess(worker.bytes) <= 0) moves_.push_back(ReplaceWorker{worker.number});
    return std::move(moves_);
  }

 private:
  void end(WarmWorkerState& worker) {
    freed_ += bytes_of(worker);
    moves_.push_back(EndWorker{worker.number});
    worker.number = -1;
  }
  void forget_ended() {
    std::erase_if(workers_, [](const WarmWorkerState& worker) { return worker.number < 0; });
  }

  void end_old() {
    for (WarmWorkerState& worker : workers_)
      if (is_idle(worker) && (worker.is_replaced || view_.now - worker.used >= view_.idle_max)) end(worker);
    forget_ended();
  }

  // By how much `more` bytes are too much.
  std::int64_t excess(std::int64_t more) const {
    std::int64_t used = more;
    for (const WarmWorkerState& worker : workers_) used += bytes_of(worker);
    return std::max(used - view_.bytes_max, view_.bytes_spare + more - view_.bytes_available - freed_);
  }

  void make_room() {
    while (excess(0) > 0) {
      WarmWorkerState* oldest = nullptr;
      for (WarmWorkerState& worker : workers_)
        if (is_idle(worker) && (oldest == nullptr || worker.used < oldest->used)) oldest = &worker;
      if (oldest == nullptr) break;
      end(*oldest);
      forget_ended();
    }
  }

  int wanted(const WarmWorkerState& worker) const {
    if (!worker.is_ready) return 0;
    if (worker.is_replaced) return worker.waiting;
    const bool is_busy = worker.steps > 0 || worker.waiting > 0 || view_.now - worker.used < kWarmBusy;
    return is_busy ? std::max(view_.slots + 1, worker.waiting) : 1;
  }

  // What waits is served whatever memory says, one at a time: it would need as much of it cold.
  void fork(WarmWorkerState& worker, int count) {
    worker.spares += count;
    freed_ -= count * worker.spare_bytes;
    moves_.push_back(ForkSpares{worker.number, count});
  }
  void drop(WarmWorkerState& worker, int count) {
    worker.spares -= count;
    freed_ += count * worker.spare_bytes;
    moves_.push_back(DropSpares{worker.number, count});
  }

  void drop_excess(WarmWorkerState& worker) {
    if (!worker.is_ready || worker.spare_bytes == 0) return;
    const int most = worker.spares - (worker.waiting > 0 && worker.spares > 0 ? 1 : 0);
    const std::int64_t needed = (std::max<std::int64_t>(0, excess(0)) + worker.spare_bytes - 1) / worker.spare_bytes;
    const int count = static_cast<int>(std::min<std::int64_t>(most, needed));
    if (count > 0) drop(worker, count);
  }

  void fork_what_fits(WarmWorkerState& worker) {
    const int missing = wanted(worker) - worker.spares;
    const std::int64_t room = -excess(0);
    if (missing <= 0 || room < 0) return;
    const std::int64_t fits = worker.spare_bytes > 0 ? room / worker.spare_bytes : missing;
    const int count = static_cast<int>(std::min<std::int64_t>(missing, fits));
    if (count > 0) fork(worker, count);
  }

  const WarmView& view_;
  std::vector<WarmWorkerState> workers_;
  std::vector<WarmMove> moves_;
  std::int64_t freed_ = 0;  // of what is available; negative: taken
};

}  // namespace

std::vector<WarmMove> next_warm_moves(const WarmView& view) { return WarmPlanner(view).run(); }

}  // namespace sluice
