// The queries of the SQLite store: rows out of tables.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/run_store.h"
#include "store/sqlite.h"
#include "store/sqlite_listing.h"

namespace sluice {

class SqliteReader {
 public:
  explicit SqliteReader(SqliteConnection& db) : db_(db) {}

  Result<RunRow> run(const Uuid& uuid);
  Result<RunRow> run(RunId id);
  Result<RunRow> run_by_prefix(std::string_view prefix);
  Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page);
  Result<Listed<RunRow>> list_runs(const ListQuery& query);
  Result<std::optional<Uuid>> run_of_key(std::string_view key);
  Result<std::vector<StateChange>> state_history(RunId run);
  Result<std::vector<TaskRow>> tasks(RunId run);
  Result<std::vector<ArtifactRow>> artifacts(RunId run);
  Result<std::string> spec(const std::string& digest);
  Result<std::vector<JournalEntry>> journal_after(RunId run, std::uint64_t after);
  Result<std::optional<Snapshot>> snapshot(RunId run);
  Result<std::vector<PendingNotice>> notices();
  Status each_data(const std::function<void(std::string_view)>& use, const DataFilter& filter);
  Result<std::vector<KeptResult>> kept_results(RunId run);

  // The query behind list(): ?1 after, ?2 limit, ?3 state, ?4 experiment, ?5 pipeline_name, ?6 name_contains, of which it uses
  // those that the filter has.
  static std::string list_sql(const RunFilter& filter);
  // What list_runs() asks.
  static SqlSource run_source();

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
  SqliteStatement tasks_{db_,
                         "SELECT id, path, state, attempts, exit_code, began, ended, error, outputs, notes, inputs, facts FROM "
                         "tasks WHERE run = ?1 ORDER BY id"};
  SqliteStatement artifacts_{
      db_,
      "SELECT task, key, \"index\", name, type, uri, digest, size_bytes, metadata FROM artifacts WHERE run = ?1 "
      "ORDER BY task, key, \"index\""};
  SqliteStatement spec_{db_, "SELECT text FROM specs WHERE digest = ?1"};
  SqliteStatement journal_{db_, "SELECT seq, at, kind, payload FROM journal WHERE run = ?1 AND seq > ?2 ORDER BY seq"};
  SqliteStatement snapshot_{db_, "SELECT seq, version, text FROM snapshots WHERE run = ?1"};
  SqliteStatement by_key_{db_, "SELECT uuid FROM runs WHERE request_key = ?1 AND request_key <> ''"};
  SqliteStatement state_history_{db_, "SELECT at, state, error FROM state_history WHERE run = ?1 ORDER BY n"};
  SqliteStatement notices_{db_, "SELECT uuid, notice FROM runs WHERE notice <> 0 LIMIT 100"};
  SqliteStatement each_data_{
      db_,
      "SELECT outputs, id, NULL FROM runs WHERE outputs <> '' UNION ALL SELECT outputs, run, NULL FROM tasks WHERE outputs <> '' "
      "UNION ALL SELECT inputs, run, NULL FROM tasks WHERE inputs <> '' UNION ALL SELECT digest, run, NULL FROM artifacts "
      "WHERE digest <> '' UNION ALL SELECT outputs, run, NULL FROM kept UNION ALL SELECT outputs, 0, created FROM results"};
  SqliteStatement kept_{db_, "SELECT path, component, inputs, outputs FROM kept WHERE run = ?1 ORDER BY path"};
  SqlSource run_source_ = run_source();
  StatementCache run_lists_{db_};
};

}  // namespace sluice
