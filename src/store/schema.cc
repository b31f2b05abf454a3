#include "store/schema.h"

#include <array>
#include <cstdint>
#include <string>

namespace sluice {
namespace {

// "slce" in PRAGMA application_id: tells our files from other programs' SQLite databases, which we must not migrate.
constexpr std::int64_t kApplicationId = 0x736c6365;

// Migration i leads from version i to i + 1. Never change one that was released: add the next.
//
// Instants are microseconds UTC, 0 = not yet. States are their names. An index on a column of `runs` holds (column, id), so that
// "the newest runs with that value" is one range of it. `seq` stands before the long columns of `runs`: moving it rewrites one
// page in place. The big tables are WITHOUT ROWID: one b-tree each, a run's rows side by side.
constexpr std::array<const char*, 3> kMigrations{
    // Runs, their tasks, artifacts and journals.
    R"sql(
CREATE TABLE experiments (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL
);
INSERT INTO experiments VALUES (0, 'Default', unixepoch() * 1000000);

CREATE TABLE specs (
  digest TEXT NOT NULL PRIMARY KEY,
  text TEXT NOT NULL
);

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE,
  experiment INTEGER NOT NULL REFERENCES experiments,
  state TEXT NOT NULL,
  seq INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  began INTEGER NOT NULL DEFAULT 0,
  ended INTEGER NOT NULL DEFAULT 0,
  name TEXT NOT NULL,
  pipeline_name TEXT NOT NULL,
  spec_digest TEXT NOT NULL REFERENCES specs,
  spec_file TEXT NOT NULL,
  error TEXT NOT NULL DEFAULT '',
  parameters TEXT NOT NULL,
  context TEXT NOT NULL,
  options TEXT NOT NULL,
  outputs TEXT NOT NULL DEFAULT ''
);
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX runs_by_experiment ON runs (experiment);
CREATE INDEX runs_by_pipeline_name ON runs (pipeline_name);

CREATE TABLE tasks (
  run INTEGER NOT NULL REFERENCES runs,
  id INTEGER NOT NULL,
  path TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  exit_code INTEGER NOT NULL,
  began INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  error TEXT NOT NULL,
  outputs TEXT NOT NULL,
  notes TEXT NOT NULL,
  PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE artifacts (
  run INTEGER NOT NULL REFERENCES runs,
  task INTEGER NOT NULL,
  key TEXT NOT NULL,
  "index" INTEGER NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  uri TEXT NOT NULL,
  digest TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  PRIMARY KEY (run, task, key, "index")
) WITHOUT ROWID;

CREATE TABLE journal (
  run INTEGER NOT NULL REFERENCES runs,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
)sql",
    // The server: experiments that are described, archived and deleted, uploaded pipelines, state histories, snapshots.
    //
    // experiments.runs, archived_runs and last_run are kept by the transactions that change them, so that neither a list of
    // experiments nor the total of a list of runs counts rows. An index that a page of runs is read from holds (what it is sorted
    // by, id, storage): the id, because pages begin at a (key, id), the storage, because a row that the usual filter leaves out
    // is
    // then not fetched. State histories of runs that were there before are what their columns still tell.
    R"sql(
ALTER TABLE experiments ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE experiments ADD COLUMN storage TEXT NOT NULL DEFAULT 'AVAILABLE';
ALTER TABLE experiments ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiments ADD COLUMN runs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiments ADD COLUMN archived_runs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiments ADD COLUMN last_run INTEGER NOT NULL DEFAULT 0;
UPDATE experiments SET
  runs = (SELECT count(*) FROM runs WHERE experiment = experiments.id),
  last_run = (SELECT coalesce(max(created), 0) FROM runs WHERE experiment = experiments.id);

ALTER TABLE runs ADD COLUMN storage TEXT NOT NULL DEFAULT 'AVAILABLE';
ALTER TABLE runs ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN pipeline BLOB;
ALTER TABLE runs ADD COLUMN version BLOB;
ALTER TABLE runs ADD COLUMN request_key TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX runs_by_key ON runs (request_key) WHERE request_key <> '';
CREATE INDEX runs_by_created ON runs (created, id, storage);
CREATE INDEX runs_by_name ON runs (name, id, storage);
CREATE INDEX runs_by_ended ON runs (ended, id, storage);
CREATE INDEX runs_by_experiment_created ON runs (experiment, created, id, storage);
CREATE INDEX runs_by_experiment_name ON runs (experiment, name, id, storage);
CREATE INDEX runs_by_experiment_ended ON runs (experiment, ended, id, storage);

-- One row: the highest id of a run that was removed. Ids of runs are not used twice.
CREATE TABLE removed_runs (last INTEGER NOT NULL);
INSERT INTO removed_runs VALUES (0);

CREATE TABLE state_history (
  run INTEGER NOT NULL REFERENCES runs,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (run, n)
) WITHOUT ROWID;
INSERT INTO state_history SELECT id, 1, created, 'PENDING', '' FROM runs;
INSERT INTO state_history SELECT id, 2, began, 'RUNNING', '' FROM runs WHERE began > 0;
INSERT INTO state_history
  SELECT id, 3, max(created, began, ended), state, error FROM runs WHERE state NOT IN ('PENDING', 'RUNNING');

CREATE TABLE snapshots (
  run INTEGER PRIMARY KEY REFERENCES runs,
  seq INTEGER NOT NULL,
  version INTEGER NOT NULL,
  text TEXT NOT NULL
);

CREATE TABLE pipelines (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  created INTEGER NOT NULL,
  tags TEXT NOT NULL
);
CREATE INDEX pipelines_by_created ON pipelines (created);

CREATE TABLE versions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid BLOB NOT NULL UNIQUE,
  pipeline BLOB NOT NULL,
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  code_source_url TEXT NOT NULL,
  package_url TEXT NOT NULL,
  created INTEGER NOT NULL,
  spec_digest TEXT NOT NULL REFERENCES specs,
  tags TEXT NOT NULL,
  UNIQUE (pipeline, name)
);
CREATE INDEX versions_by_created ON versions (pipeline, created);
)sql",
    // Results that others may use, and what tasks were given and used.
    R"sql(
ALTER TABLE tasks ADD COLUMN inputs TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN facts TEXT NOT NULL DEFAULT '';

-- The journal entry with which it ended, until those who asked for it have been told.
ALTER TABLE runs ADD COLUMN notice INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_by_notice ON runs (notice) WHERE notice <> 0;

CREATE TABLE results (
  key TEXT NOT NULL PRIMARY KEY,
  lane TEXT NOT NULL,
  run BLOB NOT NULL,
  task INTEGER NOT NULL,
  path TEXT NOT NULL,
  created INTEGER NOT NULL,
  lock TEXT NOT NULL,
  document TEXT NOT NULL,
  outputs TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX results_by_lane ON results (lane, created);
CREATE INDEX results_by_created ON results (created);

CREATE TABLE learned (
  component TEXT NOT NULL PRIMARY KEY,
  memory_bytes INTEGER NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;

-- What tasks made before the pipeline of their run was edited.
CREATE TABLE kept (
  run INTEGER NOT NULL REFERENCES runs,
  path TEXT NOT NULL,
  component TEXT NOT NULL,
  inputs TEXT NOT NULL,
  outputs TEXT NOT NULL,
  PRIMARY KEY (run, path)
) WITHOUT ROWID;
)sql"};

Result<std::int64_t> ask(SqliteConnection& db, const char* sql) {
  std::int64_t answer = 0;
  SqliteStatement statement(db, sql);
  SLUICE_TRY_STATUS(statement.each([&] {
    answer = statement.integer(0);
    return Status{};
  }));
  return answer;
}

// The version of a file that is ours or empty.
Result<int> version_of(SqliteConnection& db) {
  SLUICE_TRY(const auto version, ask(db, "PRAGMA user_version"));
  SLUICE_TRY(const auto application, ask(db, "PRAGMA application_id"));
  SLUICE_TRY(const auto things, ask(db, "SELECT count(*) FROM sqlite_schema"));
  if (application != kApplicationId && (application != 0 || version != 0 || things != 0))
    return fail(Code::kInvalid, "'" + db.path() + "' is a database of another program", "give another data directory");
  if (version < 0 || version > schema_version())
    return fail(Code::kUnavailable,
                "'" + db.path() + "' has schema version " + std::to_string(version) + ", this program knows up to " +
                    std::to_string(schema_version()),
                "use the newer sluice that wrote it");
  return static_cast<int>(version);
}

}  // namespace

int schema_version() { return static_cast<int>(kMigrations.size()); }

Status migrate(SqliteConnection& db) {
  SLUICE_TRY(const int found, version_of(db));
  if (found == schema_version()) return {};
  return db.transaction(true, [&]() -> Status {
    // Again, now that nobody else can write: another process may have migrated it since.
    SLUICE_TRY(const int version, version_of(db));
    for (int i = version; i < schema_version(); ++i) SLUICE_TRY_STATUS(db.execute(kMigrations.at(static_cast<std::size_t>(i))));
    SLUICE_TRY_STATUS(db.execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str()));
    return db.execute(("PRAGMA user_version = " + std::to_string(schema_version())).c_str());
  });
}

Status check_schema(SqliteConnection& db) {
  SLUICE_TRY(const int version, version_of(db));
  if (version == schema_version()) return {};
  if (version == 0) return fail(Code::kNotFound, "database '" + db.path() + "' is still empty", "nothing has been run here yet");
  return fail(Code::kUnavailable,
              "'" + db.path() + "' has schema version " + std::to_string(version) + ", this program reads " +
                  std::to_string(schema_version()),
              "any command that runs something brings it up to date");
}

}  // namespace sluice
