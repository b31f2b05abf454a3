#include <utility>

#include "store/run_rules.h"
#include "store/run_store.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/sqlite_catalog.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_results.h"
#include "store/sqlite_writer.h"

namespace sluice {
namespace {

class SqliteStore final : public RunStore {
 public:
  explicit SqliteStore(SqliteConnection db) : db_(std::move(db)) {}

  Result<RunId> create(const NewRun& run, Sync sync) override { return writer_.create(run, sync); }
  Status commit(std::span<const Write> writes, Sync sync) override { return writer_.commit(writes, sync); }
  Status compact(RunId id) override {
    SLUICE_TRY(const RunRow run, reader_.run(id));
    if (run.state != RunState::kSucceeded) return not_succeeded(run);
    return writer_.forget_journal(id);
  }

  Result<RunRow> run(const Uuid& uuid) override { return reader_.run(uuid); }
  Result<RunRow> run_by_prefix(std::string_view prefix) override { return reader_.run_by_prefix(prefix); }
  Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page) override { return reader_.list(filter, page); }
  Result<std::vector<TaskRow>> tasks(RunId run) override { return reader_.tasks(run); }
  Result<std::vector<ArtifactRow>> artifacts(RunId run) override { return reader_.artifacts(run); }
  Result<std::string> spec(const std::string& digest) override { return reader_.spec(digest); }
  Result<std::vector<JournalEntry>> journal(RunId run) override { return reader_.journal_after(run, 0); }
  Result<std::vector<JournalEntry>> journal_after(RunId run, std::uint64_t after) override {
    return reader_.journal_after(run, after);
  }
  Result<std::optional<Snapshot>> snapshot(RunId run) override { return reader_.snapshot(run); }
  Result<Listed<RunRow>> list_runs(const ListQuery& query) override { return reader_.list_runs(query); }
  Result<std::optional<Uuid>> run_of_key(std::string_view key) override { return reader_.run_of_key(key); }
  Result<std::vector<StateChange>> state_history(RunId run) override { return reader_.state_history(run); }
  Status set_run_storage(const Uuid& run, StorageState storage) override { return writer_.set_storage(run, storage); }
  Status restart(const Restart& restart, Sync sync) override { return writer_.restart(restart, sync); }
  Result<std::vector<KeptResult>> kept_results(RunId run) override { return reader_.kept_results(run); }
  Status remove(const Uuid& run) override { return writer_.remove(run); }
  Result<std::vector<PendingNotice>> notices() override { return reader_.notices(); }
  Status note_told(const PendingNotice& notice) override { return writer_.note_told(notice); }
  Status each_data(const std::function<void(std::string_view)>& use, const DataFilter& filter) override {
    return reader_.each_data(use, filter);
  }
  ResultStore& results() override { return results_; }
  Catalog& catalog() override { return catalog_; }
  Status copy_to(const std::string& path) override { return copy_database(db_.path(), path); }

 private:
  SqliteConnection db_;  // first: the statements of the others point to it
  SqliteReader reader_{db_};
  SqliteWriter writer_{db_};
  SqliteResults results_{db_};
  SqliteCatalog catalog_{db_};
};

}  // namespace

Result<std::unique_ptr<RunStore>> open_sqlite_store(const SqliteOptions& options) {
  SLUICE_TRY(SqliteConnection db, SqliteConnection::open(options.path, options.read_only, options.busy_timeout));
  SLUICE_TRY_STATUS(options.read_only ? check_schema(db) : migrate(db));
  return std::unique_ptr<RunStore>(std::make_unique<SqliteStore>(std::move(db)));
}

}  // namespace sluice
