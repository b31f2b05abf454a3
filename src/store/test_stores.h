// The implementations that the conformance suites (run_store_test.cc, run_history_test.cc, run_list_test.cc, catalog_test.cc) run
// on. A new one is one line here.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "store/run_store.h"
#include "store/test_runs.h"

namespace sluice {

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<RunStore>(const TestFolder&)> make;
  friend void PrintTo(const Implementation& implementation, std::ostream* out) { *out << implementation.name; }
};

inline std::unique_ptr<RunStore> make_sqlite(const TestFolder& folder) {
  auto store = open_sqlite_store({.path = folder / "sluice.db"});
  EXPECT_TRUE(succeeds(store));
  return std::move(*store);
}

inline auto all_stores() {
  return testing::Values(Implementation{"memory", [](const TestFolder&) { return make_memory_store(); }},
                         Implementation{"sqlite", make_sqlite});
}
inline std::string store_name(const testing::TestParamInfo<Implementation>& info) { return info.param.name; }

// A new store of each implementation, and what most tests do with it.
class StoreTest : public testing::TestWithParam<Implementation> {
 protected:
  RunId create(std::uint32_t n) { return create(test_run(n)); }
  RunId create(const NewRun& run) {
    const auto id = store_->create(run, Sync::kNormal);
    EXPECT_TRUE(succeeds(id));
    return id.value_or(RunId{});
  }
  Status commit(const Write& write) { return store_->commit({&write, 1}, Sync::kNormal); }
  void end(RunId run, RunState state) {
    const RunChange change{.state = state, .at = from_micros(9), .began = from_micros(5), .ended = from_micros(9)};
    ASSERT_TRUE(succeeds(commit({.run = run, .change = change})));
  }
  Catalog& catalog() { return store_->catalog(); }
  std::vector<ExperimentRow> experiments() {
    const auto rows = catalog().list_experiments({.sort = "id"});
    EXPECT_TRUE(succeeds(rows));
    return rows ? rows->rows : std::vector<ExperimentRow>{};
  }

  TestFolder folder_;
  std::unique_ptr<RunStore> store_ = GetParam().make(folder_);
};

}  // namespace sluice
