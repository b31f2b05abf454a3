// A run as its rows and its journal have it: what a crash, a retry or somebody who looks into it begins with.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "sched/sched.h"
#include "store/run_store.h"

namespace sluice {

struct ReadBack {
  Prepared prepared;  // without errors
  State state;
  std::uint64_t seq = 0;  // of its newest entry
  std::uint64_t snapshot_seq = 0;  // that the state was read from
  std::vector<KeptResult> kept;
  Instant last{};  // by the run's clock: nothing of it is later
};
// kCorrupt: the journal does not read back. Of a success there is none, but a snapshot of its end, if this program made the run
// and it is not very large. kInvalid: its text cannot run here any more.
Result<ReadBack> read_back(RunStore& store, const RunRow& row, const SiteRules& sites);

}  // namespace sluice
