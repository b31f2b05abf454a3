// Runs, their tasks, and the journal of what happened to them.
//
// One writer: the engine, on its thread. Readers may be other threads or other processes, each with a RunStore of its own. An
// error of kUnavailable (disk full, database locked) means that the same call may work later; nothing of a failed call is there.
// One conformance suite (run_store_test.cc) runs on every implementation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "base/value.h"
#include "model/ids.h"
#include "model/state.h"
#include "store/catalog.h"
#include "store/listing.h"
#include "store/result_store.h"

namespace sluice {

// kNormal survives kill -9 of every process, kFull a power cut too (an fsync per commit).
enum class Sync { kNormal, kFull };

struct NewRun {
  Uuid uuid;
  std::string name;           // for people
  std::string pipeline_name;
  std::string description;
  std::string experiment;     // name; made if it is not there
  std::string spec;           // text of the pipeline, stored once per content
  std::string spec_file;      // where it came from, for messages
  Struct parameters;          // as given by the user, without defaults
  Value context;              // RunContext
  Value options;              // what else the run was asked with, e.g. {"cache": false}
  std::optional<Uuid> pipeline, version;  // the uploaded version it is made of
  std::string key;            // idempotency key of the request; empty: none
  Instant created;
};

struct RunRow {
  RunId id;
  Uuid uuid;
  std::string name, description, pipeline_name, experiment;
  std::int64_t experiment_id = 0;
  StorageState storage = StorageState::kAvailable;
  std::optional<Uuid> pipeline, version;
  RunState state = RunState::kPending;
  std::string error;
  std::string spec_digest, spec_file;
  Struct parameters;
  Value context, options;
  Instant created, began, ended;  // began, ended: 0 = not yet
  std::string outputs;            // JSON of TaskData; empty: none
  std::uint64_t seq = 0;          // of its newest journal entry
};

struct TaskRow {
  TaskId id;
  std::string path;               // "root/train"
  TaskState state = TaskState::kPending;
  int attempts = 0;
  int exit_code = 0;
  Instant began, ended;           // 0 = not yet
  std::string error;
  std::string outputs;            // JSON of TaskData; empty: none
  std::string notes;              // JSON list of texts: warnings on the task; empty: none
  std::string inputs;             // JSON of TaskData, as resolved; of leaves that have begun; empty: none
  std::string facts;              // JSON object of what else is known of it: see model/task_facts.h; empty: nothing
};

struct ArtifactRow {
  TaskId task;
  std::string key;                // output key
  int index = 0;                  // in the list
  std::string name, type, uri, digest;
  std::int64_t size_bytes = 0;
  std::string metadata;           // JSON
};

struct JournalEntry {
  std::uint64_t seq = 0;          // 1, 2, 3, ... within the run
  Instant at;
  std::string kind;
  std::string payload;
};

// Replaces all of these columns of the run. A state that differs from the one before is added to its history.
struct RunChange {
  RunState state = RunState::kRunning;
  Instant at;                 // when it came to be so
  std::string error;
  Instant began, ended;
  std::string outputs;
  bool notify = false;        // somebody is to be told: it is among notices() until note_told(). False leaves that as it is
};

// That a run has ended, for somebody who has asked to be told so.
struct PendingNotice {
  Uuid run;
  std::uint64_t seq = 0;  // of the journal's entry with which it ended
};

struct StateChange {
  Instant at;
  RunState state = RunState::kPending;
  std::string error;
};

// The scheduler's state of a run after entry `seq` of its journal. Only the newest one is kept.
struct Snapshot {
  std::uint64_t seq = 0;
  int version = 0;            // of the text's form
  std::string text;
};

// All that one run has to remember of one turn.
struct Write {
  RunId run;
  std::uint64_t expected_seq = 0;      // the newest seq that the writer knows of
  std::vector<JournalEntry> entries;
  std::vector<TaskRow> tasks;          // replace rows of the same id
  std::vector<TaskId> unmade;          // tasks that run again: their artifacts go before `artifacts` come
  std::vector<ArtifactRow> artifacts;  // replace rows of the same task, key and index
  std::vector<CacheRow> cached;        // replace rows of the same key
  std::vector<LearnedRow> learned;     // replace rows of the same component
  std::optional<RunChange> change;
  std::optional<Snapshot> snapshot;    // its seq is that of the newest entry
};

// What a task made before its run's pipeline was edited. It is used again where the task is still the same.
struct KeptResult {
  std::string path;           // of the task
  std::string component;      // digest of what it ran
  std::string inputs;         // JSON of TaskData, as resolved
  std::string outputs;        // likewise
  friend bool operator==(const KeptResult&, const KeptResult&) = default;
};
// A run that begins anew, as another pipeline. Its name, key, experiment and options stay; it is of no uploaded version any more.
struct Restart {
  RunId run;
  std::uint64_t expected_seq = 0;
  std::string spec, spec_file, pipeline_name;
  Struct parameters;
  Instant at;
  std::vector<KeptResult> kept;  // replace those of before
};

struct RunFilter {
  std::optional<RunState> state;
  std::string experiment;  // exact; empty: any
  std::string pipeline_name;  // exact; empty: any
  std::string name_contains;  // empty: any
};
struct Page {
  int limit = 50;  // rows at most
  std::int64_t after = 0;  // id of the last row of the page before; 0: from the start
};

// What each_data() leaves out.
struct DataFilter {
  std::set<RunId> without;                        // runs
  Instant results_since = Instant::min();         // results that were cached before
};

class RunStore {
 public:
  virtual ~RunStore() = default;

  // kConflict if there is a run of that uuid, or one of that key.
  virtual Result<RunId> create(const NewRun& run, Sync sync) = 0;

  // All writes in one transaction: after a crash either all of them are there or none. kConflict, and nothing written, if a run
  // has moved past its expected_seq (a second engine is alive). Entries must follow expected_seq without a gap.
  virtual Status commit(std::span<const Write> writes, Sync sync) = 0;

  virtual Result<RunRow> run(const Uuid& uuid) = 0;  // kNotFound
  // A run whose UUID starts with `prefix` (at least 4 characters, either spelling): kNotFound, or kConflict if several do.
  virtual Result<RunRow> run_by_prefix(std::string_view prefix) = 0;
  // Newest first. Costs one index range scan whatever the table's size.
  virtual Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page) = 0;
  // Fields: id, uuid, name, description, created, began, ended, state, storage, experiment (id), experiment_name, pipeline_name,
  // pipeline and version (uuids). "created", "name", "ended" and "id" page through an index whatever the table's size.
  virtual Result<Listed<RunRow>> list_runs(const ListQuery& query) = 0;
  // The run that was created with that idempotency key; nothing if none was.
  virtual Result<std::optional<Uuid>> run_of_key(std::string_view key) = 0;
  virtual Result<std::vector<StateChange>> state_history(RunId run) = 0;  // oldest first; the first is PENDING at creation
  virtual Status set_run_storage(const Uuid& run, StorageState storage) = 0;
  // In one transaction: the run is PENDING at entry 0, without tasks, artifacts, journal and snapshot. kConflict if it has moved
  // past expected_seq.
  virtual Status restart(const Restart& restart, Sync sync) = 0;
  virtual Result<std::vector<KeptResult>> kept_results(RunId run) = 0;  // by path
  // The run's rows, journal and key; the pipeline's text stays. Objects and files are not looked at.
  virtual Status remove(const Uuid& run) = 0;
  virtual Result<std::vector<TaskRow>> tasks(RunId run) = 0;  // by id
  virtual Result<std::vector<ArtifactRow>> artifacts(RunId run) = 0;
  virtual Result<std::string> spec(const std::string& digest) = 0;
  virtual Result<std::vector<JournalEntry>> journal(RunId run) = 0;
  // Those that come after entry `after`; and the newest snapshot, if there is one.
  virtual Result<std::vector<JournalEntry>> journal_after(RunId run, std::uint64_t after) = 0;
  virtual Result<std::optional<Snapshot>> snapshot(RunId run) = 0;
  // Forgets the journal of a run that has succeeded, and what was kept for it; its rows stay, and so does a snapshot of its end.
  virtual Status compact(RunId run) = 0;

  // Calls `use` with the JSON of each run's and task's outputs and inputs, and of each cached or kept result, and with the digest
  // of each artifact, as of one moment: what of the objects must stay is named in them.
  virtual Status each_data(const std::function<void(std::string_view json)>& use, const DataFilter& filter = {}) = 0;

  // Runs of whose end somebody is still to be told; 100 at most.
  virtual Result<std::vector<PendingNotice>> notices() = 0;
  // That has been done. Nothing happens if the run has ended once more since.
  virtual Status note_told(const PendingNotice& notice) = 0;

  virtual ResultStore& results() = 0;
  virtual Catalog& catalog() = 0;
  // A consistent copy of the whole store at `path`, which must not exist, while others read and write. kInvalid for a store that
  // is not in a file.
  virtual Status copy_to(const std::string& path) = 0;
};

// A run by its UUID, its 32 hex digits, or a prefix as run_by_prefix() has it.
Result<RunRow> find_run(RunStore& store, std::string_view id);

std::unique_ptr<RunStore> make_memory_store();

// SQLite: WAL, one connection. Creates and migrates the schema (PRAGMA user_version) unless `read_only`. A schema newer than this
// program is kUnavailable and names both versions; a file that is no database kCorrupt.
struct SqliteOptions {
  std::string path;
  bool read_only = false;
  // How long a call waits for the commit of another process before it is kUnavailable.
  Duration busy_timeout = std::chrono::seconds(5);
};
Result<std::unique_ptr<RunStore>> open_sqlite_store(const SqliteOptions& options);

}  // namespace sluice
