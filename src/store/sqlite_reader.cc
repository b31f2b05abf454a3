#include "store/sqlite_reader.h"

#include <algorithm>
#include <limits>

#include "base/json.h"
#include "store/run_rules.h"

namespace sluice {
namespace {

tl::unexpected<Error> unreadable(const Uuid& uuid, std::string_view column, std::string_view why) {
  return fail(Code::kCorrupt,
              "run " + uuid.text() + ": stored " + std::string(column) + " does not read back: " + std::string(why));
}

Result<Value> json_of(const Uuid& uuid, std::string_view column, std::string_view text) {
  auto value = parse_json(text);
  if (!value) return unreadable(uuid, column, value.error().message);
  return value;
}

}  // namespace

std::string SqliteReader::select_runs(std::string_view rest) {
  std::string sql =
      "SELECT runs.id, uuid, experiments.name, state, seq, runs.created, began, ended, runs.name, pipeline_name, spec_digest, "
      "spec_file, error, parameters, context, options, outputs, experiment, runs.storage, runs.description, pipeline, version "
      "FROM runs CROSS JOIN experiments ON experiments.id = experiment ";
  return sql.append(rest);
}

Result<RunRow> SqliteReader::run_of(const SqliteStatement& row) {
  RunRow run{.id = RunId{row.integer(0)},
             .name = std::string(row.text(8)),
             .description = std::string(row.text(19)),
             .pipeline_name = std::string(row.text(9)),
             .experiment = std::string(row.text(2)),
             .experiment_id = row.integer(17),
             .error = std::string(row.text(12)),
             .spec_digest = std::string(row.text(10)),
             .spec_file = std::string(row.text(11)),
             .created = row.instant(5),
             .began = row.instant(6),
             .ended = row.instant(7),
             .outputs = std::string(row.text(16)),
             .seq = static_cast<std::uint64_t>(row.integer(4))};
  SLUICE_TRY(run.uuid, row.uuid(1));
  const auto state = run_state_from(row.text(3));
  if (!state) return unreadable(run.uuid, "state", row.text(3));
  run.state = *state;
  const auto storage = storage_state_from(row.text(18));
  if (!storage) return unreadable(run.uuid, "storage", row.text(18));
  run.storage = *storage;
  SLUICE_TRY(run.pipeline, row.optional_uuid(20));
  SLUICE_TRY(run.version, row.optional_uuid(21));
  SLUICE_TRY(const Value parameters, json_of(run.uuid, "parameters", row.text(13)));
  if (!parameters.is_struct()) return unreadable(run.uuid, "parameters", "not an object");
  run.parameters = parameters.as_struct();
  SLUICE_TRY(run.context, json_of(run.uuid, "context", row.text(14)));
  SLUICE_TRY(run.options, json_of(run.uuid, "options", row.text(15)));
  return run;
}

Result<std::vector<RunRow>> SqliteReader::runs_of(SqliteStatement& query) {
  std::vector<RunRow> runs;
  SLUICE_TRY_STATUS(query.each([&]() -> Status {
    SLUICE_TRY(runs.emplace_back(), run_of(query));
    return {};
  }));
  return runs;
}

Result<RunRow> SqliteReader::run(const Uuid& uuid) {
  SLUICE_TRY(auto runs, runs_of(by_uuid_.bind(uuid.bytes)));
  if (runs.empty()) return no_run(uuid.text());
  return std::move(runs.front());
}

Result<RunRow> SqliteReader::run(RunId id) {
  SLUICE_TRY(auto runs, runs_of(by_id_.bind(id.value)));
  if (runs.empty()) return no_run(std::to_string(id.value));
  return std::move(runs.front());
}

Result<RunRow> SqliteReader::run_by_prefix(std::string_view prefix) {
  SLUICE_TRY(const UuidRange range, uuids_with_prefix(prefix));
  SLUICE_TRY(auto runs, runs_of(by_prefix_.bind(range.first.bytes, range.last.bytes)));
  if (runs.empty()) return no_run(prefix);
  if (runs.size() > 1) return prefix_is_ambiguous(prefix, runs[0].uuid, runs[1].uuid);
  return std::move(runs.front());
}

std::string SqliteReader::list_sql(const RunFilter& filter) {
  std::string where = "WHERE runs.id < ?1";
  if (filter.state) where += " AND state = ?3";
  if (!filter.experiment.empty()) where += " AND experiment = (SELECT id FROM experiments WHERE name = ?4)";
  if (!filter.pipeline_name.empty()) where += " AND pipeline_name = ?5";
  if (!filter.name_contains.empty()) where += " AND instr(runs.name, ?6) > 0";
  // ?6 is always there, so that binding all six is right for every variant.
  return select_runs(where + " AND ?6 IS NOT NULL ORDER BY runs.id DESC LIMIT ?2");
}

SqliteStatement& SqliteReader::list_query(const RunFilter& filter) {
  const unsigned mask = (filter.state ? 1U : 0U) | (filter.experiment.empty() ? 0U : 2U) |
                        (filter.pipeline_name.empty() ? 0U : 4U) | (filter.name_contains.empty() ? 0U : 8U);
  auto& query = lists_.at(mask);
  if (!query) query = std::make_unique<SqliteStatement>(db_, list_sql(filter));
  return *query;
}

Result<std::vector<RunRow>> SqliteReader::list(const RunFilter& filter, const Page& page) {
  const std::int64_t before = page.after > 0 ? page.after : std::numeric_limits<std::int64_t>::max();
  const std::string_view state = filter.state ? state_name(*filter.state) : "";
  return runs_of(list_query(filter).bind(before, std::max(page.limit, 0), state, filter.experiment, filter.pipeline_name,
                                         filter.name_contains));
}

SqlSource SqliteReader::run_source() {
  static constexpr const char* kExperimentName = "(SELECT e.name FROM experiments AS e WHERE e.id = runs.experiment)";
  static constexpr std::array<SqlColumn, 14> kColumns{{{"id", "runs.id"},
                                                       {"uuid", "runs.uuid"},
                                                       {"name", "runs.name"},
                                                       {"description", "runs.description"},
                                                       {"created", "runs.created"},
                                                       {"began", "runs.began"},
                                                       {"ended", "runs.ended"},
                                                       {"state", "runs.state"},
                                                       {"storage", "runs.storage"},
                                                       {"experiment", "runs.experiment"},
                                                       {"experiment_name", kExperimentName},
                                                       {"pipeline_name", "runs.pipeline_name"},
                                                       {"pipeline", "runs.pipeline"},
                                                       {"version", "runs.version"}}};
  // What the experiments know by heart: 100,000 runs in 50 experiments are 100 rows to add up, not 100,000 to count.
  static constexpr std::array<SqlColumn, 3> kCounted{{{"experiment", "id"}, {"experiment_name", "name"}, {"storage", "storage"}}};
  static constexpr std::array<SqlCount, 2> kCounts{
      {{kCounted,
        "SELECT coalesce(sum(n), 0) FROM (SELECT id, name, 'AVAILABLE' AS storage, runs - archived_runs AS n FROM experiments "
        "UNION ALL SELECT id, name, 'ARCHIVED', archived_runs FROM experiments) WHERE TRUE"},
       {kColumns, "SELECT count(*) FROM runs WHERE TRUE"}}};
  return {.fields = run_fields(), .columns = kColumns, .select = select_runs("WHERE TRUE"), .counts = kCounts};
}

Result<Listed<RunRow>> SqliteReader::list_runs(const ListQuery& query) {
  return list_rows<RunRow>(db_, run_lists_, run_source_, query, {}, run_of);
}

Result<std::vector<TaskRow>> SqliteReader::tasks(RunId run) {
  std::vector<TaskRow> rows;
  tasks_.bind(run.value);
  SLUICE_TRY_STATUS(tasks_.each([&]() -> Status {
    const auto state = task_state_from(tasks_.text(2));
    if (!state)
      return fail(Code::kCorrupt, "task '" + std::string(tasks_.text(1)) + "' of run " + std::to_string(run.value) +
                                      ": stored state '" + std::string(tasks_.text(2)) + "' is none");
    rows.push_back({.id = TaskId{tasks_.integer(0)},
                    .path = std::string(tasks_.text(1)),
                    .state = *state,
                    .attempts = static_cast<int>(tasks_.integer(3)),
                    .exit_code = static_cast<int>(tasks_.integer(4)),
                    .began = tasks_.instant(5),
                    .ended = tasks_.instant(6),
                    .error = std::string(tasks_.text(7)),
                    .outputs = std::string(tasks_.text(8)),
                    .notes = std::string(tasks_.text(9)),
                    .inputs = std::string(tasks_.text(10)),
                    .facts = std::string(tasks_.text(11))});
    return {};
  }));
  return rows;
}

Result<std::vector<ArtifactRow>> SqliteReader::artifacts(RunId run) {
  std::vector<ArtifactRow> rows;
  artifacts_.bind(run.value);
  SLUICE_TRY_STATUS(artifacts_.each([&]() -> Status {
    rows.push_back({.task = TaskId{artifacts_.integer(0)},
                    .key = std::string(artifacts_.text(1)),
                    .index = static_cast<int>(artifacts_.integer(2)),
                    .name = std::string(artifacts_.text(3)),
                    .type = std::string(artifacts_.text(4)),
                    .uri = std::string(artifacts_.text(5)),
                    .digest = std::string(artifacts_.text(6)),
                    .size_bytes = artifacts_.integer(7),
                    .metadata = std::string(artifacts_.text(8))});
    return {};
  }));
  return rows;
}

Result<std::vector<PendingNotice>> SqliteReader::notices() {
  std::vector<PendingNotice> found;
  SLUICE_TRY_STATUS(notices_.bind().each([&]() -> Status {
    SLUICE_TRY(const Uuid run, notices_.uuid(0));
    found.push_back({.run = run, .seq = static_cast<std::uint64_t>(notices_.integer(1))});
    return {};
  }));
  return found;
}

Status SqliteReader::each_data(const std::function<void(std::string_view)>& use, const DataFilter& filter) {
  return each_data_.bind().each([&]() -> Status {
    // Ids of runs begin with 1: 0 is no run, and its text a result.
    const RunId run{each_data_.integer(1)};
    const bool is_wanted = run.value != 0 ? !filter.without.contains(run) : each_data_.instant(2) >= filter.results_since;
    if (is_wanted) use(each_data_.text(0));
    return {};
  });
}

Result<std::vector<KeptResult>> SqliteReader::kept_results(RunId run) {
  std::vector<KeptResult> kept;
  SLUICE_TRY_STATUS(kept_.bind(run.value).each([&]() -> Status {
    kept.push_back({.path = std::string(kept_.text(0)),
                    .component = std::string(kept_.text(1)),
                    .inputs = std::string(kept_.text(2)),
                    .outputs = std::string(kept_.text(3))});
    return {};
  }));
  return kept;
}

Result<std::string> SqliteReader::spec(const std::string& digest) {
  std::optional<std::string> text;
  spec_.bind(digest);
  SLUICE_TRY_STATUS(spec_.each([&]() -> Status {
    text = spec_.text(0);
    return {};
  }));
  if (!text) return fail(Code::kNotFound, "there is no pipeline text '" + digest + "'");
  return std::move(*text);
}

Result<std::vector<JournalEntry>> SqliteReader::journal_after(RunId run, std::uint64_t after) {
  std::vector<JournalEntry> entries;
  journal_.bind(run.value, after);
  SLUICE_TRY_STATUS(journal_.each([&]() -> Status {
    entries.push_back({.seq = static_cast<std::uint64_t>(journal_.integer(0)),
                       .at = journal_.instant(1),
                       .kind = std::string(journal_.text(2)),
                       .payload = std::string(journal_.text(3))});
    return {};
  }));
  return entries;
}

Result<std::optional<Snapshot>> SqliteReader::snapshot(RunId run) {
  std::optional<Snapshot> found;
  SLUICE_TRY_STATUS(snapshot_.bind(run.value).each([&]() -> Status {
    found = {.seq = static_cast<std::uint64_t>(snapshot_.integer(0)),
             .version = static_cast<int>(snapshot_.integer(1)),
             .text = std::string(snapshot_.text(2))};
    return {};
  }));
  return found;
}

Result<std::vector<StateChange>> SqliteReader::state_history(RunId run) {
  std::vector<StateChange> changes;
  SLUICE_TRY_STATUS(state_history_.bind(run.value).each([&]() -> Status {
    const auto state = run_state_from(state_history_.text(1));
    if (!state)
      return fail(Code::kCorrupt, "state history of run " + std::to_string(run.value) + ": '" +
                                      std::string(state_history_.text(1)) + "' is no state");
    changes.push_back({.at = state_history_.instant(0), .state = *state, .error = std::string(state_history_.text(2))});
    return {};
  }));
  return changes;
}

Result<std::optional<Uuid>> SqliteReader::run_of_key(std::string_view key) {
  std::optional<Uuid> found;
  SLUICE_TRY_STATUS(by_key_.bind(key).each([&]() -> Status {
    SLUICE_TRY(found, by_key_.uuid(0));
    return {};
  }));
  return found;
}

}  // namespace sluice
