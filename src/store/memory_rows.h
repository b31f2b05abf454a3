// The rows of the memory store, which its runs and its catalogue share, and lists of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "store/row_fields.h"
#include "store/run_store.h"

namespace sluice {

struct MemoryRun {
  RunRow row;
  std::string key;
  std::map<TaskId, TaskRow> tasks;
  std::map<std::tuple<TaskId, std::string, int>, ArtifactRow> artifacts;
  std::vector<JournalEntry> journal;
  std::optional<Snapshot> snapshot;
  std::vector<StateChange> history;
  std::uint64_t notice = 0;  // the entry with which it ended, until it is told
  std::vector<KeptResult> kept;
};

struct MemoryExperiment {
  ExperimentRow row;  // without what its runs tell
  bool deleted = false;
};

struct MemoryRows {
  std::mutex mutex;  // guards all that follows
  std::map<RunId, MemoryRun> runs;
  std::int64_t last_run = 0;  // ids are not used twice
  std::map<std::string, std::string> specs;
  std::vector<MemoryExperiment> experiments;  // by id
  std::map<std::int64_t, PipelineRow> pipelines;
  std::int64_t last_pipeline = 0;
  std::map<std::int64_t, VersionRow> versions;
  std::int64_t last_version = 0;
  std::map<std::string, CacheRow, std::less<>> results;
  std::map<std::string, LearnedRow, std::less<>> learned;

  // The one of that name, if there is one; also one that was deleted.
  MemoryExperiment* experiment_named(std::string_view name) {
    const auto found = std::find_if(experiments.begin(), experiments.end(), [&](const auto& it) { return it.row.name == name; });
    return found == experiments.end() ? nullptr : &*found;
  }
};

// A page of `rows`, which are all that there are.
template <class Row>
Result<Listed<Row>> list_rows(std::vector<Row> rows, const ListQuery& asked, const FieldTable& table) {
  SLUICE_TRY(const ListQuery query, checked_query(asked, table));
  std::erase_if(rows, [&](const Row& row) {
    return !std::all_of(query.where.begin(), query.where.end(),
                        [&](const Predicate& predicate) { return matches(predicate, field_of(row, predicate.field)); });
  });
  const auto cursor_of = [&](const Row& row) {
    const FieldValue id = field_of(row, "id").value();
    return Cursor{field_of(row, query.sort).value(), std::get<std::int64_t>(id)};
  };
  const auto before = [&](const Cursor& a, const Cursor& b) {
    const auto less = [](const Cursor& one, const Cursor& other) {
      return std::tie(one.key, one.id) < std::tie(other.key, other.id);
    };
    return query.descending ? less(b, a) : less(a, b);
  };
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return before(cursor_of(a), cursor_of(b)); });

  Listed<Row> page{.total = static_cast<std::int64_t>(rows.size())};
  for (Row& row : rows) {
    if (query.from && before(cursor_of(row), *query.from)) continue;
    if (std::cmp_greater_equal(page.rows.size(), std::max(query.limit, 0))) {
      page.next = cursor_of(row);
      break;
    }
    page.rows.push_back(std::move(row));
  }
  return page;
}

}  // namespace sluice
