// What every RunStore does in the same way, whatever it keeps its rows in.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"
#include "store/catalog_rules.h"
#include "store/run_store.h"

namespace sluice {

inline std::string_view experiment_of(const NewRun& run) { return run.experiment.empty() ? kDefaultExperiment : run.experiment; }

// "sha256:<hex>" of a pipeline's text.
std::string spec_digest(std::string_view spec);

// kInvalid unless the entries are numbered expected_seq + 1, + 2, ... and a snapshot is that of the newest.
Status check_entries(const Write& write);

struct UuidRange {
  Uuid first, last;
};
// The UUIDs that start with `prefix`, in either spelling and case. kInvalid below 4 characters, kNotFound if none can start so.
Result<UuidRange> uuids_with_prefix(std::string_view prefix);

tl::unexpected<Error> no_run(std::string_view which);
tl::unexpected<Error> run_exists(const Uuid& uuid);
tl::unexpected<Error> key_is_taken(std::string_view key, const Uuid& run);
tl::unexpected<Error> run_moved_on(RunId run, std::uint64_t expected_seq, std::uint64_t seq);
tl::unexpected<Error> prefix_is_ambiguous(std::string_view prefix, const Uuid& one, const Uuid& other);
tl::unexpected<Error> not_succeeded(const RunRow& run);

}  // namespace sluice
