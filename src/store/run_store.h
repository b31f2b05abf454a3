// Runs, their tasks, and the journal of what happened to them.
//
// One writer: the engine, on its thread. Readers may be other threads or other processes, each with a RunStore of its own. An
// error of kUnavailable (disk full, database locked) means that the same call may work later; nothing of a failed call is there.
// One conformance suite (run_store_test.cc) runs on every implementation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "base/value.h"
#include "model/ids.h"
#include "model/state.h"

namespace sluice {

// kNormal survives kill -9 of every process, kFull a power cut too (an fsync per commit).
enum class Sync { kNormal, kFull };

struct NewRun {
  Uuid uuid;
  std::string name;           // for people
  std::string pipeline_name;
  std::string experiment;     // name; made if it is not there
  std::string spec;           // text of the pipeline, stored once per content
  std::string spec_file;      // where it came from, for messages
  Struct parameters;          // as given by the user, without defaults
  Value context;              // RunContext
  Value options;              // what else the run was asked with, e.g. {"cache": false}
  Instant created;
};

struct RunRow {
  RunId id;
  Uuid uuid;
  std::string name, pipeline_name, experiment;
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

// Replaces all of these columns of the run.
struct RunChange {
  RunState state = RunState::kRunning;
  std::string error;
  Instant began, ended;
  std::string outputs;
};

// All that one run has to remember of one turn.
struct Write {
  RunId run;
  std::uint64_t expected_seq = 0;      // the newest seq that the writer knows of
  std::vector<JournalEntry> entries;
  std::vector<TaskRow> tasks;          // replace rows of the same id
  std::vector<ArtifactRow> artifacts;  // replace rows of the same task, key and index
  std::optional<RunChange> change;
};

struct RunFilter {
  std::optional<RunState> state;
  std::string experiment;     // exact; empty: any
  std::string pipeline_name;  // exact; empty: any
  std::string name_contains;  // empty: any
};
struct Page {
  int limit = 50;             // rows at most
  std::int64_t after = 0;     // id of the last row of the page before; 0: from the start
};

struct ExperimentRow {
  std::int64_t id = 0;
  std::string name;
  Instant created;
  std::int64_t runs = 0;
};
struct PipelineRow {          // pipelines that runs were made of, by name
  std::string name;
  std::int64_t runs = 0;
  Instant last_run;
};

class RunStore {
 public:
  virtual ~RunStore() = default;

  // kConflict if there is a run of that uuid.
  virtual Result<RunId> create(const NewRun& run, Sync sync) = 0;

  // All writes in one transaction: after a crash either all of them are there or none. kConflict, and nothing written, if a run
  // has moved past its expected_seq (a second engine is alive). Entries must follow expected_seq without a gap.
  virtual Status commit(std::span<const Write> writes, Sync sync) = 0;

  virtual Result<RunRow> run(const Uuid& uuid) = 0;  // kNotFound
  // A run whose UUID starts with `prefix` (at least 4 characters, either spelling): kNotFound, or kConflict if several do.
  virtual Result<RunRow> run_by_prefix(std::string_view prefix) = 0;
  // Newest first. Costs one index range scan whatever the table's size.
  virtual Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page) = 0;
  virtual Result<std::vector<TaskRow>> tasks(RunId run) = 0;  // by id
  virtual Result<std::vector<ArtifactRow>> artifacts(RunId run) = 0;
  virtual Result<std::string> spec(const std::string& digest) = 0;
  virtual Result<std::vector<JournalEntry>> journal(RunId run) = 0;
  // Forgets the journal of a run that has succeeded; its rows stay.
  virtual Status compact(RunId run) = 0;
  virtual Result<std::vector<ExperimentRow>> experiments() = 0;
  virtual Result<std::vector<PipelineRow>> pipelines() = 0;
};

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
