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
  Status set_storage(const Uuid& run, StorageState storage);
  Status restart(const Restart& restart, Sync sync);
  Status remove(const Uuid& run);
  Status note_told(const PendingNotice& notice);

 private:
  Status check_new(const NewRun& run);
  Result<std::int64_t> experiment_for(const NewRun& run);
  Result<RunId> insert(const NewRun& run);
  Status apply(const Write& write);
  Status advance(const Write& write);
  Status why_not_advanced(const Write& write);
  Status remove_rows(const Uuid& run);
  Status begin_anew(const Restart& restart);

  SqliteConnection& db_;
  SqliteStatement find_run_{db_, "SELECT id, experiment, storage FROM runs WHERE uuid = ?1"};
  SqliteStatement find_key_{db_, "SELECT uuid FROM runs WHERE request_key = ?1 AND request_key <> ''"};
  SqliteStatement find_experiment_{db_, "SELECT id, deleted FROM experiments WHERE name = ?1"};
  SqliteStatement insert_experiment_{db_, "INSERT INTO experiments (name, created) VALUES (?1, ?2)"};
  SqliteStatement insert_spec_{db_, "INSERT OR IGNORE INTO specs VALUES (?1, ?2)"};
  SqliteStatement insert_run_{
      db_,
      "INSERT INTO runs (id, uuid, experiment, state, created, name, pipeline_name, spec_digest, spec_file, parameters, "
      "context, options, description, request_key, pipeline, version) VALUES "
      "(1 + max((SELECT coalesce(max(id), 0) FROM runs), (SELECT last FROM removed_runs)), "
      "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"};
  SqliteStatement count_in_{db_, "UPDATE experiments SET runs = runs + 1, last_run = max(last_run, ?2) WHERE id = ?1"};
  SqliteStatement insert_state_{db_, "INSERT INTO state_history VALUES (?1, 1, ?2, ?3, '')"};
  SqliteStatement advance_{db_, "UPDATE runs SET seq = ?3 WHERE id = ?1 AND seq = ?2"};
  SqliteStatement change_{db_,
                          "UPDATE runs SET seq = ?3, state = ?4, error = ?5, began = ?6, ended = ?7, outputs = ?8, "
                          "notice = CASE WHEN ?9 THEN ?3 ELSE notice END WHERE id = ?1 AND seq = ?2"};
  SqliteStatement note_told_{db_, "UPDATE runs SET notice = 0 WHERE uuid = ?1 AND notice = ?2"};
  SqliteStatement note_state_{
      db_,
      "INSERT INTO state_history SELECT ?1, 1 + (SELECT coalesce(max(n), 0) FROM state_history WHERE run = ?1), ?3, ?4, ?5 "
      "FROM runs WHERE id = ?1 AND seq = ?2 AND state <> ?4"};
  SqliteStatement head_{db_, "SELECT seq FROM runs WHERE id = ?1"};
  SqliteStatement insert_entry_{db_, "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5)"};
  SqliteStatement put_task_{db_, "INSERT OR REPLACE INTO tasks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"};
  SqliteStatement put_result_{db_, "INSERT OR REPLACE INTO results VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"};
  SqliteStatement put_learned_{db_, "INSERT OR REPLACE INTO learned VALUES (?1, ?2, ?3)"};
  SqliteStatement put_artifact_{db_, "INSERT OR REPLACE INTO artifacts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"};
  SqliteStatement put_snapshot_{db_, "INSERT OR REPLACE INTO snapshots VALUES (?1, ?2, ?3, ?4)"};
  SqliteStatement unmake_{db_, "DELETE FROM artifacts WHERE run = ?1 AND task = ?2"};
  SqliteStatement begin_anew_{
      db_,
      "UPDATE runs SET seq = 0, state = ?3, error = '', began = 0, ended = 0, outputs = '', spec_digest = ?4, spec_file = ?5, "
      "pipeline_name = ?6, parameters = ?7, pipeline = NULL, version = NULL WHERE id = ?1 AND seq = ?2"};
  SqliteStatement keep_{db_, "INSERT INTO kept VALUES (?1, ?2, ?3, ?4, ?5)"};
  SqliteStatement forget_kept_{db_, "DELETE FROM kept WHERE run = ?1"};
  SqliteStatement forget_old_snapshot_{db_,
                                       "DELETE FROM snapshots WHERE run = ?1 AND seq <> (SELECT seq FROM runs WHERE id = ?1)"};
  SqliteStatement forget_journal_{db_, "DELETE FROM journal WHERE run = ?1"};
  SqliteStatement forget_snapshot_{db_, "DELETE FROM snapshots WHERE run = ?1"};
  SqliteStatement set_storage_{db_, "UPDATE runs SET storage = ?2 WHERE uuid = ?1 AND storage <> ?2"};
  SqliteStatement forget_history_{db_, "DELETE FROM state_history WHERE run = ?1"};
  SqliteStatement forget_tasks_{db_, "DELETE FROM tasks WHERE run = ?1"};
  SqliteStatement forget_artifacts_{db_, "DELETE FROM artifacts WHERE run = ?1"};
  SqliteStatement forget_run_{db_, "DELETE FROM runs WHERE id = ?1"};
  SqliteStatement note_removed_{db_, "UPDATE removed_runs SET last = max(last, ?1)"};
  SqliteStatement count_archived_{db_, "UPDATE experiments SET archived_runs = archived_runs + ?2 WHERE id = ?1"};
  SqliteStatement count_out_{db_,
                             "UPDATE experiments SET runs = runs - 1, archived_runs = archived_runs - ?2, "
                             "last_run = (SELECT coalesce(max(created), 0) FROM runs WHERE experiment = ?1) WHERE id = ?1"};
};

}  // namespace sluice
