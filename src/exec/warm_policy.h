// How many warm workers and waiting processes there should be: a pure policy, asked again after everything that happens.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace sluice {

struct WarmWorkerState {
  int number = 0;
  bool is_ready = false;   // it has imported what it wants to
  bool is_replaced = false;  // a newer worker for the same steps is ready: this one only ends what it has begun
  bool is_stale = false;   // steps have imported what it has not, and nobody replaces it yet
  int spares = 0;          // forked and waiting, or about to
  int steps = 0;           // running
  int waiting = 0;         // steps that wait for it
  std::int64_t bytes = 0;        // its own memory
  std::int64_t spare_bytes = 0;  // what one spare adds to that
  Instant used{};          // when it last had something to do
};

struct WarmView {
  std::vector<WarmWorkerState> workers;
  int slots = 2;
  std::int64_t bytes_max = 0;        // for workers and spares; steps are not counted
  std::int64_t bytes_available = 0;  // of the machine
  std::int64_t bytes_spare = 0;      // that should stay available to others
  Duration idle_max{0};
  Instant now{};
};

struct ForkSpares {
  int worker = 0;
  int count = 0;
};
struct DropSpares {
  int worker = 0;
  int count = 0;
};
struct EndWorker {
  int worker = 0;
};
struct ReplaceWorker {  // start another one for the same steps
  int worker = 0;
};
using WarmMove = std::variant<ForkSpares, DropSpares, EndWorker, ReplaceWorker>;

// What to do now; nothing once it is done, until something changes. A worker with steps, or for which steps wait, is never ended:
// the ceiling of memory costs idle workers first, the one that was used longest ago before the others, then spares.
std::vector<WarmMove> next_warm_moves(const WarmView& view);

// A worker that has had nothing to do for so long keeps one spare.
constexpr std::chrono::seconds kWarmBusy{5};

}  // namespace sluice
