#include "engine/read_back.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice {
namespace {

Status replay(RunStore& store, const RunRow& row, ReadBack& run) {
  run.last = row.ended;
  // The entry that the snapshot stands on is read, too: it says what time it was. After a success it is gone.
  std::uint64_t next = run.seq + 1;
  SLUICE_TRY(const auto entries, store.journal_after(row.id, std::max<std::uint64_t>(run.seq, 1) - 1));
  for (const JournalEntry& entry : entries) {
    run.last = std::max(run.last, entry.at);
    if (entry.seq <= run.seq) continue;
    if (entry.seq != next) return fail(Code::kCorrupt, "its journal has no entry " + std::to_string(next));
    ++next;
    SLUICE_TRY(const Event event, event_from(entry.kind, entry.payload));
    (void)step(*run.prepared.plan, run.state, event, entry.at);
    run.seq = entry.seq;
  }
  if (next != row.seq + 1)
    return fail(Code::kCorrupt, "its journal ends at entry " + std::to_string(next - 1) + " of " + std::to_string(row.seq));
  return {};
}

}  // namespace

Result<ReadBack> read_back(RunStore& store, const RunRow& row, const SiteRules& sites) {
  SLUICE_TRY(const std::string spec, store.spec(row.spec_digest));
  const Submission submission{.spec = spec,
                              .spec_file = row.spec_file,
                              .parameters = row.parameters,
                              .name = row.name,
                              .experiment = row.experiment,
                              .cache = row.options.bool_or("cache", true)};
  ReadBack run{.prepared = prepare(submission, sites, run_context_from_value(row.context))};
  const Diagnostics& errors = run.prepared.errors;
  if (!errors.empty()) return fail(Code::kInvalid, errors.front().text(), errors.front().hint);
  SLUICE_TRY(const std::optional<Snapshot> snapshot, store.snapshot(row.id));
  if (snapshot && snapshot->seq > 0 && snapshot->seq <= row.seq) {
    // One that does not read back, perhaps of another build, mostly only saves no time: the journal is all there.
    if (auto state = state_from_snapshot(*run.prepared.plan, snapshot->version, snapshot->text)) {
      run.state = std::move(*state);
      run.seq = run.snapshot_seq = snapshot->seq;
    }
  }
  SLUICE_TRY_STATUS(replay(store, row, run));
  SLUICE_TRY(run.kept, store.kept_results(row.id));
  return run;
}

}  // namespace sluice
