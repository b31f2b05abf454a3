#include "store/sqlite_results.h"

namespace sluice {

std::string SqliteResults::select(std::string_view rest) {
  return "SELECT key, lane, run, task, path, created, lock, document, outputs FROM results " + std::string(rest);
}

Result<std::optional<CacheRow>> SqliteResults::first_row(SqliteStatement& query) {
  std::optional<CacheRow> row;
  SLUICE_TRY_STATUS(query.each([&]() -> Status {
    SLUICE_TRY(const Uuid run, query.uuid(2));
    row = CacheRow{.key = std::string(query.text(0)),
                   .lane = std::string(query.text(1)),
                   .run = run,
                   .task = TaskId{query.integer(3)},
                   .path = std::string(query.text(4)),
                   .created = query.instant(5),
                   .lock = std::string(query.text(6)),
                   .document = std::string(query.text(7)),
                   .outputs = std::string(query.text(8))};
    return {};
  }));
  return row;
}

Result<std::optional<CacheRow>> SqliteResults::cached(std::string_view key) { return first_row(by_key_.bind(key)); }

Result<std::optional<CacheRow>> SqliteResults::newest_cached(std::string_view lane, Instant before) {
  return first_row(by_lane_.bind(lane, before));
}

Result<std::int64_t> SqliteResults::count_cached(Instant before) {
  std::int64_t count = 0;
  SLUICE_TRY_STATUS(count_.bind(before).each([&] {
    count = count_.integer(0);
    return Status{};
  }));
  return count;
}

Result<std::vector<LearnedRow>> SqliteResults::all_learned() {
  std::vector<LearnedRow> rows;
  SLUICE_TRY_STATUS(all_learned_.bind().each([&]() -> Status {
    rows.push_back(
        {.component = std::string(all_learned_.text(0)), .memory_bytes = all_learned_.integer(1), .at = all_learned_.instant(2)});
    return {};
  }));
  return rows;
}

Result<std::int64_t> SqliteResults::forget_cached(Instant before) {
  return db_.transaction(false, [&]() -> Result<std::int64_t> {
    SLUICE_TRY_STATUS(forget_.bind(before).run());
    return db_.changes();
  });
}

Status SqliteResults::forget_cached_key(std::string_view key) {
  return db_.transaction(false, [&] { return forget_key_.bind(key).run(); });
}

}  // namespace sluice
