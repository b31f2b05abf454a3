// How the database finds a page: which index, and that it sorts nothing.
#include "store/sqlite_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/run_store.h"
#include "store/sqlite_reader.h"
#include "store/test_runs.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

class SqliteListing : public testing::Test {
 protected:
  SqliteListing() {
    EXPECT_TRUE(succeeds(open_sqlite_store({.path = folder_ / "sluice.db"})));
    db_.emplace(SqliteConnection::open(folder_ / "sluice.db", true).value());
  }
  std::string plan(const SqlQuery& query) {
    SqliteStatement explain(*db_, "EXPLAIN QUERY PLAN " + query.sql);
    std::string text;
    EXPECT_TRUE(succeeds(explain.each([&] {
      text.append(explain.text(3)).append("\n");
      return Status{};
    })));
    return text;
  }

  TestFolder folder_;
  std::optional<SqliteConnection> db_;
  const SqlSource source_ = SqliteReader::run_source();
};

const Predicate kAvailable{"storage", Compare::kEquals, {"AVAILABLE"}};
const Predicate kExperiment{"experiment", Compare::kEquals, {std::int64_t{1}}};

FieldValue some_key(const std::string& sort) { return sort == "name" ? FieldValue{"run"} : FieldValue{std::int64_t{7}}; }

TEST_F(SqliteListing, APageComesOutOfOneIndexInItsOrder) {
  for (const std::string sort : {"created", "name", "ended", "id"})
    for (const bool descending : {false, true})
      for (const auto& where : std::vector<std::vector<Predicate>>{{}, {kAvailable}, {kExperiment}, {kExperiment, kAvailable}})
        for (const bool first : {true, false}) {
          ListQuery query{.where = where, .sort = sort, .descending = descending};
          if (!first) query.from = Cursor{some_key(sort), 7};
          for (const SqlQuery& part : page_queries(source_, query, {})) {
            SCOPED_TRACE(part.sql);
            EXPECT_THAT(plan(part), Not(HasSubstr("TEMP B-TREE")));
            if (sort != "id") {
              EXPECT_THAT(plan(part), HasSubstr("runs USING INDEX runs_by_"));
            }
          }
        }
}

TEST_F(SqliteListing, APageThatBeginsAtAKeyBeginsAtItsId) {
  const auto parts = page_queries(source_, {.sort = "name", .from = Cursor{"run", 7}}, {});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_THAT(plan(parts[0]), HasSubstr("runs USING INDEX runs_by_name (name=? AND id>?)"));
  EXPECT_THAT(plan(parts[1]), HasSubstr("runs USING INDEX runs_by_name (name>?)"));
}

TEST_F(SqliteListing, AnExperimentsPageIsARangeOfItsOwn) {
  const auto parts = page_queries(source_, {.where = {kExperiment, kAvailable}, .descending = true}, {});
  EXPECT_THAT(plan(parts[0]), HasSubstr("runs USING INDEX runs_by_experiment_created (experiment=?)"));
}

TEST_F(SqliteListing, TotalsByExperimentAndStorageDoNotLookAtRuns) {
  const Predicate named{"experiment_name", Compare::kIn, {"a", "b"}};
  for (const auto& where : std::vector<std::vector<Predicate>>{{}, {kAvailable}, {kExperiment, kAvailable}, {named}})
    EXPECT_THAT(count_query(source_, {.where = where}, {}).sql, Not(HasSubstr("FROM runs")));
  const Predicate state{"state", Compare::kEquals, {"FAILED"}};
  EXPECT_THAT(plan(count_query(source_, {.where = {state}}, {})), HasSubstr("COVERING INDEX runs_by_state"));
}

TEST_F(SqliteListing, StatementsAreKeptButNotWithoutEnd) {
  StatementCache cache(*db_);
  const SqlQuery first{"SELECT ?", {std::string("x")}};
  const SqliteStatement* kept = &cache.bound(first);
  for (int n = 0; n < 1000; ++n) {
    EXPECT_EQ(cache.number({"SELECT ? + " + std::to_string(n), {std::int64_t{1}}}).value(), n + 1);
    if (n % 50 == 0) {
      EXPECT_EQ(&cache.bound(first), kept);
    }
  }
  EXPECT_LE(cache.size(), 64U);
}

}  // namespace
}  // namespace sluice
