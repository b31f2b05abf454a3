// The writes of the SQLite store. Each of its calls is a transaction.
#pragma once

#include <span>

#include "store/run_store.h"
#include "store/sqlite.h"

namespace sluice {

class SqliteWriter {
 public:
  explicit SqliteWriter(SqliteConnection& db) : db_(db) {}

  Result<RunId> create(const NewRun& run, Sync sync);
  Status commit(std::span<const Write> writes, Sync sync);
  Status forget_journal(RunId run);

 private:
  Status insert(const NewRun& run);
  Status apply(const Write& write);
  Status advance(const Write& write);
  Status why_not_advanced(const Write& write);

  SqliteConnection& db_;
  SqliteStatement find_run_{db_, "SELECT 1 FROM runs WHERE uuid = ?1"};
  SqliteStatement insert_experiment_{db_, "INSERT OR IGNORE INTO experiments (name, created) VALUES (?1, ?2)"};
  SqliteStatement insert_spec_{db_, "INSERT OR IGNORE INTO specs VALUES (?1, ?2)"};
  SqliteStatement insert_run_{
      db_,
      "INSERT INTO runs (uuid, experiment, state, created, name, pipeline_name, spec_digest, spec_file, parameters, "
      "context, options) VALUES (?1, (SELECT id FROM experiments WHERE name = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
  SqliteStatement advance_{db_, "UPDATE runs SET seq = ?3 WHERE id = ?1 AND seq = ?2"};
  SqliteStatement change_{
      db_, "UPDATE runs SET seq = ?3, state = ?4, error = ?5, began = ?6, ended = ?7, outputs = ?8 WHERE id = ?1 AND seq = ?2"};
  SqliteStatement head_{db_, "SELECT seq FROM runs WHERE id = ?1"};
  SqliteStatement insert_entry_{db_, "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5)"};
  SqliteStatement put_task_{db_, "INSERT OR REPLACE INTO tasks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
  SqliteStatement put_artifact_{db_, "INSERT OR REPLACE INTO artifacts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"};
  SqliteStatement forget_{db_, "DELETE FROM journal WHERE run = ?1"};
};

}  // namespace sluice
