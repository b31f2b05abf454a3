// Results and what was learned, of the memory store.
#pragma once

#include <algorithm>

#include "store/memory_rows.h"
#include "store/result_store.h"

namespace sluice {

class MemoryResults final : public ResultStore {
 public:
  explicit MemoryResults(MemoryRows& rows) : rows_(rows) {}

  Result<std::optional<CacheRow>> cached(std::string_view key) override {
    const std::lock_guard lock(rows_.mutex);
    const auto found = rows_.results.find(key);
    return found == rows_.results.end() ? std::nullopt : std::optional(found->second);
  }

  Result<std::optional<CacheRow>> newest_cached(std::string_view lane, Instant before) override {
    const std::lock_guard lock(rows_.mutex);
    const CacheRow* newest = nullptr;
    for (const auto& [key, row] : rows_.results)
      if (row.lane == lane && row.created < before && (newest == nullptr || newest->created < row.created)) newest = &row;
    return newest == nullptr ? std::nullopt : std::optional(*newest);
  }

  Result<std::int64_t> count_cached(Instant before) override {
    const std::lock_guard lock(rows_.mutex);
    return std::count_if(rows_.results.begin(), rows_.results.end(), [&](const auto& it) { return it.second.created < before; });
  }

  Result<std::vector<LearnedRow>> all_learned() override {
    const std::lock_guard lock(rows_.mutex);
    std::vector<LearnedRow> rows;
    for (const auto& [component, row] : rows_.learned) rows.push_back(row);
    return rows;
  }

  Result<std::int64_t> forget_cached(Instant before) override {
    const std::lock_guard lock(rows_.mutex);
    return static_cast<std::int64_t>(std::erase_if(rows_.results, [&](const auto& it) { return it.second.created < before; }));
  }

  Status forget_cached_key(std::string_view key) override {
    const std::lock_guard lock(rows_.mutex);
    if (const auto found = rows_.results.find(key); found != rows_.results.end()) rows_.results.erase(found);
    return {};
  }

 private:
  MemoryRows& rows_;
};

}  // namespace sluice
