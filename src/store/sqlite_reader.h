// The queries of the SQLite store: rows out of tables.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/run_store.h"
#include "store/sqlite.h"

namespace sluice {

class SqliteReader {
 public:
  explicit SqliteReader(SqliteConnection& db) : db_(db) {}

  Result<RunRow> run(const Uuid& uuid);
  Result<RunRow> run(RunId id);
  Result<RunRow> run_by_prefix(std::string_view prefix);
  Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page);
  Result<std::vector<TaskRow>> tasks(RunId run);
  Result<std::vector<ArtifactRow>> artifacts(RunId run);
  Result<std::string> spec(const std::string& digest);
  Result<std::vector<JournalEntry>> journal(RunId run);

  // The query behind list(): ?1 after, ?2 limit, ?3 state, ?4 experiment, ?5 pipeline_name, ?6 name_contains, of which it uses
  // those that the filter has.
  static std::string list_sql(const RunFilter& filter);

 private:
  static Result<RunRow> run_of(const SqliteStatement& row);
  Result<std::vector<RunRow>> runs_of(SqliteStatement& query);
  SqliteStatement& list_query(const RunFilter& filter);

  static std::string select_runs(std::string_view rest);

  SqliteConnection& db_;
  SqliteStatement by_uuid_{db_, select_runs("WHERE uuid = ?1")};
  SqliteStatement by_id_{db_, select_runs("WHERE runs.id = ?1")};
  SqliteStatement by_prefix_{db_, select_runs("WHERE uuid BETWEEN ?1 AND ?2 ORDER BY uuid LIMIT 2")};
  std::array<std::unique_ptr<SqliteStatement>, 16> lists_;  // by which of the four filters are set
  SqliteStatement tasks_{
      db_,
      "SELECT id, path, state, attempts, exit_code, began, ended, error, outputs, notes FROM tasks WHERE run = ?1 ORDER BY id"};
  SqliteStatement artifacts_{
      db_,
      "SELECT task, key, \"index\", name, type, uri, digest, size_bytes, metadata FROM artifacts WHERE run = ?1 "
      "ORDER BY task, key, \"index\""};
  SqliteStatement spec_{db_, "SELECT text FROM specs WHERE digest = ?1"};
  SqliteStatement journal_{db_, "SELECT seq, at, kind, payload FROM journal WHERE run = ?1 ORDER BY seq"};
};

}  // namespace sluice
