#include "store/run_rules.h"

#include <string>

#include "base/sha256.h"

namespace sluice {
namespace {

int nibble_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string spec_digest(std::string_view spec) { return "sha256:" + sha256_hex(spec); }

Status check_entries(const Write& write) {
  std::uint64_t due = write.expected_seq;
  for (const JournalEntry& entry : write.entries)
    if (entry.seq != ++due)
      return fail(Code::kInvalid, "journal of run " + std::to_string(write.run.value) + ": entry " + std::to_string(entry.seq) +
                                      " given where " + std::to_string(due) + " is due");
  if (write.snapshot && write.snapshot->seq != due)
    return fail(Code::kInvalid, "snapshot of run " + std::to_string(write.run.value) + " is of entry " +
                                    std::to_string(write.snapshot->seq) + ", the newest is " + std::to_string(due));
  return {};
}

Result<UuidRange> uuids_with_prefix(std::string_view prefix) {
  if (prefix.size() < 4)
    return fail(Code::kInvalid, "'" + std::string(prefix) + "' is too short for the start of a run's id",
                "give at least 4 digits");
  const bool dashed = prefix.find('-') != std::string_view::npos;
  // What is not given is all 0 in the first UUID and all f in the last.
  std::string first;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const bool dash_due = dashed && (i == 8 || i == 13 || i == 18 || i == 23);
    if (dash_due ? prefix[i] != '-' : nibble_of(prefix[i]) < 0) return no_run(prefix);
    if (!dash_due) first += prefix[i];
  }
  if (first.size() > 32) return no_run(prefix);
  std::string last = first;
  first.resize(32, '0');
  last.resize(32, 'f');
  return UuidRange{Uuid::parse(first).value(), Uuid::parse(last).value()};
}

Result<RunRow> find_run(RunStore& store, std::string_view id) {
  if (const auto uuid = Uuid::parse(id)) return store.run(*uuid);
  return store.run_by_prefix(id);
}

tl::unexpected<Error> no_run(std::string_view which) {
  return fail(Code::kNotFound, "there is no run '" + std::string(which) + "'", "`sluice list runs` shows them");
}

tl::unexpected<Error> run_exists(const Uuid& uuid) { return fail(Code::kConflict, "there is a run " + uuid.text() + " already"); }

tl::unexpected<Error> key_is_taken(std::string_view key, const Uuid& run) {
  return fail(Code::kConflict, "run " + run.text() + " was created with the key '" + std::string(key) + "'");
}

tl::unexpected<Error> run_moved_on(RunId run, std::uint64_t expected_seq, std::uint64_t seq) {
  return fail(Code::kConflict, "run " + std::to_string(run.value) + " is at journal entry " + std::to_string(seq) + ", not at " +
                                   std::to_string(expected_seq) + ": another engine is writing to it");
}

tl::unexpected<Error> prefix_is_ambiguous(std::string_view prefix, const Uuid& one, const Uuid& other) {
  return fail(Code::kConflict, "several runs start with '" + std::string(prefix) + "': " + one.text() + ", " + other.text(),
              "give more digits");
}

tl::unexpected<Error> not_succeeded(const RunRow& run) {
  return fail(Code::kConflict,
              "run " + run.uuid.text() + " is " + std::string(state_name(run.state)) + ": its journal is still needed");
}

}  // namespace sluice
