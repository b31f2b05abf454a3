// The tables `results` and `learned`.
#pragma once

#include "store/result_store.h"
#include "store/sqlite.h"

namespace sluice {

class SqliteResults final : public ResultStore {
 public:
  explicit SqliteResults(SqliteConnection& db) : db_(db) {}

  Result<std::optional<CacheRow>> cached(std::string_view key) override;
  Result<std::optional<CacheRow>> newest_cached(std::string_view lane, Instant before) override;
  Result<std::int64_t> count_cached(Instant before) override;
  Result<std::vector<LearnedRow>> all_learned() override;
  Result<std::int64_t> forget_cached(Instant before) override;
  Status forget_cached_key(std::string_view key) override;

 private:
  static std::string select(std::string_view rest);
  static Result<std::optional<CacheRow>> first_row(SqliteStatement& query);

  SqliteConnection& db_;
  SqliteStatement by_key_{db_, select("WHERE key = ?1")};
  SqliteStatement by_lane_{db_, select("WHERE lane = ?1 AND created < ?2 ORDER BY created DESC LIMIT 1")};
  SqliteStatement count_{db_, "SELECT count(*) FROM results WHERE created < ?1"};
  SqliteStatement all_learned_{db_, "SELECT component, memory_bytes, at FROM learned ORDER BY component"};
  SqliteStatement forget_{db_, "DELETE FROM results WHERE created < ?1"};
  SqliteStatement forget_key_{db_, "DELETE FROM results WHERE key = ?1"};
};

}  // namespace sluice
