// What every RunStore promises about lists of runs: filters, orders, pages, totals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "store/row_fields.h"
#include "store/test_stores.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RunListConformance : public StoreTest {
 protected:
  Listed<RunRow> list(const ListQuery& query) {
    auto page = store_->list_runs(query);
    EXPECT_TRUE(succeeds(page));
    return page ? std::move(*page) : Listed<RunRow>{};
  }
  // Names of all that match, page by page; each page tells the same total.
  std::vector<std::string> names(ListQuery query) {
    std::vector<std::string> out;
    std::int64_t total = 0;
    do {
      const auto page = list(query);
      for (const RunRow& row : page.rows) out.push_back(row.name);
      EXPECT_TRUE(!page.next || std::cmp_equal(page.rows.size(), query.limit));
      total = page.total;
      query.from = page.next;
    } while (query.from);
    EXPECT_EQ(total, static_cast<std::int64_t>(out.size()));
    return out;
  }
  std::vector<std::string> where(const std::string& field, Compare compare, std::vector<FieldValue> values) {
    return names({.where = {{field, compare, std::move(values)}}, .sort = "id", .limit = 2});
  }
  std::string refusal(const ListQuery& query) {
    const auto page = store_->list_runs(query);
    EXPECT_TRUE(fails_with(page, Code::kInvalid));
    return page ? "" : page.error().message + " | " + page.error().hint;
  }
};

NewRun named(std::uint32_t n, const std::string& name) {
  NewRun run = test_run(n);
  run.name = name;
  return run;
}

TEST_P(RunListConformance, TheDefaultIsOldestFirst) {
  EXPECT_THAT(list({}).rows, IsEmpty());
  EXPECT_EQ(list({}).total, 0);
  for (const std::uint32_t n : {3U, 1U, 2U}) create(n);
  EXPECT_THAT(names({}), ElementsAre("run 1", "run 2", "run 3"));
  EXPECT_THAT(names({.descending = true}), ElementsAre("run 3", "run 2", "run 1"));
  EXPECT_FALSE(list({.limit = 3}).next.has_value());
}

TEST_P(RunListConformance, TiesGoByIdInTheSameDirection) {
  for (const std::uint32_t n : {1U, 2U, 3U, 4U, 5U}) {
    NewRun run = named(n, "run " + std::to_string(n));
    run.pipeline_name = n % 2 == 0 ? "even" : "odd";
    create(run);
  }
  EXPECT_THAT(names({.sort = "pipeline_name", .limit = 1}), ElementsAre("run 2", "run 4", "run 1", "run 3", "run 5"));
  EXPECT_THAT(names({.sort = "pipeline_name", .descending = true, .limit = 2}),
              ElementsAre("run 5", "run 3", "run 1", "run 4", "run 2"));
}

TEST_P(RunListConformance, PagesNeitherRepeatNorSkipWhileRunsComeAndGo) {
  for (std::uint32_t n = 1; n <= 9; ++n) create(n);
  std::vector<std::string> seen;
  ListQuery query{.limit = 2};
  for (std::uint32_t turn = 0; turn < 20; ++turn) {
    const auto page = list(query);
    for (const RunRow& row : page.rows) seen.push_back(row.name);
    if (!page.next) break;
    query.from = page.next;
    // The row that the next page begins with goes, and one comes in front of it.
    if (turn == 1) {
      EXPECT_TRUE(succeeds(store_->remove(test_uuid(5))));
    }
    NewRun early = test_run(100 + turn);
    early.created = from_micros(static_cast<std::int64_t>(turn));
    create(early);
  }
  EXPECT_THAT(seen, ElementsAre("run 1", "run 2", "run 3", "run 4", "run 6", "run 7", "run 8", "run 9"));
}

TEST_P(RunListConformance, APageOfNoRowsTellsTheTotalAndWhereItBegins) {
  const RunId run = create(1);
  const auto page = list({.limit = 0});
  EXPECT_THAT(page.rows, IsEmpty());
  EXPECT_EQ(page.total, 1);
  EXPECT_EQ(page.next, (Cursor{std::int64_t{1'000'001}, run.value}));
  EXPECT_EQ(list({.limit = -5}).next, page.next);
}

TEST_P(RunListConformance, EachFieldFilters) {
  create(1);
  NewRun other = named(2, "second");
  other.description = "made by hand";
  other.experiment = "beer";
  other.pipeline_name = "boston";
  other.pipeline.reset();
  other.version = test_uuid(0xB2);
  const RunId id = create(other);
  end(id, RunState::kSucceeded);
  ASSERT_TRUE(succeeds(store_->set_run_storage(other.uuid, StorageState::kArchived)));
  const std::vector<std::pair<std::string, FieldValue>> values{{"id", id.value},
                                                               {"uuid", other.uuid.text()},
                                                               {"uuid", other.uuid.hex()},
                                                               {"name", "second"},
                                                               {"description", "made by hand"},
                                                               {"created", std::int64_t{1'000'002}},
                                                               {"began", std::int64_t{5}},
                                                               {"ended", std::int64_t{9}},
                                                               {"state", "SUCCEEDED"},
                                                               {"storage", "ARCHIVED"},
                                                               {"experiment", std::int64_t{2}},
                                                               {"experiment_name", "beer"},
                                                               {"pipeline_name", "boston"},
                                                               {"version", test_uuid(0xB2).text()}};
  for (const auto& [field, value] : values) {
    SCOPED_TRACE(field);
    EXPECT_THAT(where(field, Compare::kEquals, {value}), ElementsAre("second"));
    EXPECT_THAT(where(field, Compare::kNotEquals, {value}), ElementsAre("run 1"));
    EXPECT_THAT(where(field, Compare::kIn, {value, value}), ElementsAre("second"));
    EXPECT_THAT(where(field, Compare::kIn, {}), IsEmpty());
  }
}

TEST_P(RunListConformance, WhatARunDoesNotHaveEqualsNothing) {
  create(1);  // has a pipeline, no version
  const FieldValue some = test_uuid(7).text();
  EXPECT_THAT(where("version", Compare::kEquals, {some}), IsEmpty());
  EXPECT_THAT(where("version", Compare::kNotEquals, {some}), ElementsAre("run 1"));
  EXPECT_THAT(where("version", Compare::kIn, {some, "no uuid"}), IsEmpty());
  EXPECT_THAT(where("version", Compare::kGreater, {""}), IsEmpty());
  EXPECT_THAT(where("version", Compare::kContains, {"0"}), IsEmpty());
  EXPECT_THAT(where("pipeline", Compare::kEquals, {"no uuid"}), IsEmpty());
  EXPECT_THAT(where("pipeline", Compare::kNotEquals, {"no uuid"}), ElementsAre("run 1"));
  EXPECT_THAT(where("pipeline", Compare::kGreater, {""}), ElementsAre("run 1"));
  EXPECT_THAT(where("pipeline", Compare::kContains, {"00A1-0000"}), ElementsAre("run 1"));
  EXPECT_THAT(where("pipeline", Compare::kContains, {"00a10000"}), IsEmpty());  // as it is written with dashes
}

TEST_P(RunListConformance, TextsCompareByTheirBytes) {
  create(named(1, "Ab"));
  create(named(2, "ab"));
  create(named(3, "\xC3\xA4"));
  EXPECT_THAT(where("name", Compare::kEquals, {"ab"}), ElementsAre("ab"));
  EXPECT_THAT(where("name", Compare::kLess, {"ab"}), ElementsAre("Ab"));
  EXPECT_THAT(where("name", Compare::kLessEquals, {"ab"}), ElementsAre("Ab", "ab"));
  EXPECT_THAT(where("name", Compare::kGreater, {"ab"}), ElementsAre("\xC3\xA4"));
  EXPECT_THAT(where("name", Compare::kGreaterEquals, {"ab"}), ElementsAre("ab", "\xC3\xA4"));
  EXPECT_THAT(names({.sort = "name"}), ElementsAre("Ab", "ab", "\xC3\xA4"));
}

TEST_P(RunListConformance, ContainsMindsNeitherCaseNorWildcards) {
  create(named(1, "Fit 100% of_it"));
  create(named(2, "fit 1000 of it"));
  EXPECT_THAT(where("name", Compare::kContains, {"FIT 100"}), ElementsAre("Fit 100% of_it", "fit 1000 of it"));
  EXPECT_THAT(where("name", Compare::kContains, {"100%"}), ElementsAre("Fit 100% of_it"));
  EXPECT_THAT(where("name", Compare::kContains, {"of_"}), ElementsAre("Fit 100% of_it"));
  EXPECT_THAT(where("name", Compare::kContains, {"'; DROP TABLE runs; --"}), IsEmpty());
  EXPECT_THAT(where("name", Compare::kContains, {std::string(100'000, '%')}), IsEmpty());
  EXPECT_THAT(where("name", Compare::kContains, {""}), ElementsAre("Fit 100% of_it", "fit 1000 of it"));
}

TEST_P(RunListConformance, TotalsFollowEveryChange) {
  const auto total = [&](std::vector<Predicate> where) { return list({.where = std::move(where), .limit = 1}).total; };
  const Predicate available{"storage", Compare::kEquals, {"AVAILABLE"}};
  const Predicate wine{"experiment", Compare::kEquals, {std::int64_t{1}}};
  const Predicate not_beer{"experiment_name", Compare::kNotEquals, {"beer"}};
  for (std::uint32_t n = 1; n <= 6; ++n) {
    NewRun run = test_run(n);
    if (n > 4) run.experiment = "beer";
    create(run);
  }
  ASSERT_TRUE(succeeds(store_->set_run_storage(test_uuid(1), StorageState::kArchived)));
  ASSERT_TRUE(succeeds(store_->set_run_storage(test_uuid(2), StorageState::kArchived)));
  EXPECT_EQ(total({}), 6);
  EXPECT_EQ(total({available}), 4);
  EXPECT_EQ(total({wine}), 4);
  EXPECT_EQ(total({wine, available}), 2);
  EXPECT_EQ(total({not_beer, available}), 2);
  EXPECT_EQ(total({available, {"name", Compare::kContains, {"run"}}}), 4);

  ASSERT_TRUE(succeeds(store_->remove(test_uuid(2))));
  ASSERT_TRUE(succeeds(store_->remove(test_uuid(3))));
  ASSERT_TRUE(succeeds(store_->set_run_storage(test_uuid(1), StorageState::kAvailable)));
  EXPECT_EQ(total({}), 4);
  EXPECT_EQ(total({wine}), 2);
  EXPECT_EQ(total({wine, available}), 2);
  ASSERT_TRUE(succeeds(catalog().set_experiment_storage(1, StorageState::kArchived)));
  EXPECT_EQ(total({wine, available}), 0);
  EXPECT_EQ(total({available}), 2);
  ASSERT_TRUE(succeeds(catalog().delete_experiment(1)));
  EXPECT_EQ(total({}), 4);
  EXPECT_THAT(names({.where = {{"experiment_name", Compare::kEquals, {"wine (deleted 1)"}}}}), ElementsAre("run 1", "run 4"));
}

TEST_P(RunListConformance, AListThatCannotBeIsInvalidAndSaysWhy) {
  EXPECT_THAT(refusal({.where = {{"colour", Compare::kEquals, {"red"}}}}),
              AllOf(HasSubstr("runs have no field 'colour'"), HasSubstr("fields are id, uuid, name")));
  EXPECT_THAT(refusal({.sort = "nmae"}), HasSubstr("runs have no field 'nmae'; did you mean 'name'?"));
  EXPECT_THAT(refusal({.sort = "pipeline"}), HasSubstr("cannot be sorted by 'pipeline'"));
  EXPECT_THAT(refusal({.where = {{"tag:team", Compare::kEquals, {"a"}}}}), HasSubstr("no field 'tag:team'"));
  EXPECT_THAT(refusal({.where = {{"name", Compare::kEquals, {std::int64_t{1}}}}}), HasSubstr("'name' of runs is a text"));
  EXPECT_THAT(refusal({.where = {{"created", Compare::kLess, {"now"}}}}), HasSubstr("'created' of runs is a number"));
  EXPECT_THAT(refusal({.where = {{"name", Compare::kEquals, {"a", "b"}}}}), HasSubstr("2 values where one is due"));
  EXPECT_THAT(refusal({.where = {{"name", Compare::kLess, {}}}}), HasSubstr("0 values where one is due"));
  EXPECT_THAT(refusal({.where = {{"created", Compare::kContains, {std::int64_t{1}}}}}), HasSubstr("contains nothing"));
  EXPECT_THAT(refusal({.sort = "name", .from = Cursor{std::int64_t{1}, 1}}), HasSubstr("'name' of runs is a text"));
  EXPECT_THAT(refusal({.sort = "uuid", .from = Cursor{"x", 1}}), HasSubstr("'uuid' of runs is a uuid"));
  EXPECT_THAT(refusal({.where = std::vector<Predicate>(101, {"name", Compare::kEquals, {"a"}})}), HasSubstr("at most 100"));
  EXPECT_THAT(refusal({.where = {{"name", Compare::kIn, std::vector<FieldValue>(10'001, "a")}}}), HasSubstr("at most 10000"));
  EXPECT_TRUE(succeeds(store_->list_runs({.where = {{"name", Compare::kIn, std::vector<FieldValue>(10'000, "a")}}})));
}

INSTANTIATE_TEST_SUITE_P(Stores, RunListConformance, all_stores(), store_name);

FieldValue random_value(std::mt19937& random, const Field& field, const std::vector<RunRow>& rows) {
  const RunRow& row = rows.at(random() % rows.size());
  const auto value = field_of(row, field.name);
  return value ? *value : FieldValue{test_uuid(random() % 4).text()};
}

ListQuery random_query(std::mt19937& random, const std::vector<RunRow>& rows) {
  const auto fields = run_fields().fields;
  ListQuery query{.descending = random() % 2 == 0, .limit = static_cast<int>(1 + random() % 7)};
  do {
    query.sort = fields[random() % fields.size()].name;
  } while (!run_fields().find(query.sort)->sorts);
  for (auto count = random() % 3; count > 0; --count) {
    const Field& field = fields[random() % fields.size()];
    Predicate predicate{field.name, static_cast<Compare>(random() % 8), {random_value(random, field, rows)}};
    if (predicate.compare == Compare::kIn) predicate.values.push_back(random_value(random, field, rows));
    if (predicate.compare == Compare::kContains && field.kind == FieldKind::kInteger) predicate.compare = Compare::kLess;
    query.where.push_back(std::move(predicate));
  }
  return query;
}

// The same runs in a store of each kind; any query gives the same pages of both.
TEST(RunList, TheDatabaseSaysWhatMemorySays) {
  TestFolder folder;
  const auto memory = make_memory_store();
  const auto sqlite = make_sqlite(folder);
  std::mt19937 random(4711);
  for (std::uint32_t n = 1; n <= 60; ++n) {
    NewRun run = named(n, "run " + std::to_string(random() % 8));
    run.created = from_micros(static_cast<std::int64_t>(1 + random() % 10));
    run.experiment = "experiment " + std::to_string(random() % 4);
    run.pipeline = random() % 2 == 0 ? std::nullopt : std::optional(test_uuid(random() % 4));
    run.version = random() % 2 == 0 ? std::nullopt : std::optional(test_uuid(random() % 4));
    const bool archived = random() % 3 == 0;
    const auto state = static_cast<RunState>(random() % 8);
    for (const auto& store : {memory.get(), sqlite.get()}) {
      const RunId id = store->create(run, Sync::kNormal).value();
      const Write write{.run = id, .change = RunChange{.state = state, .ended = from_micros(n % 5)}};
      ASSERT_TRUE(succeeds(store->commit({&write, 1}, Sync::kNormal)));
      if (archived) {
        EXPECT_TRUE(succeeds(store->set_run_storage(run.uuid, StorageState::kArchived)));
      }
    }
  }
  const auto rows = memory->list_runs({.limit = 100})->rows;
  for (int round = 0; round < 400; ++round) {
    ListQuery query = random_query(random, rows);
    SCOPED_TRACE("round " + std::to_string(round) + ", sorted by " + query.sort);
    do {
      const auto expected = memory->list_runs(query).value();
      const auto got = sqlite->list_runs(query);
      ASSERT_TRUE(succeeds(got));
      EXPECT_EQ(got->total, expected.total);
      ASSERT_EQ(got->rows.size(), expected.rows.size());
      for (std::size_t i = 0; i < got->rows.size(); ++i) ASSERT_EQ(got->rows[i].id, expected.rows[i].id);
      ASSERT_EQ(got->next, expected.next);
      query.from = got->next;
    } while (query.from);
  }
}

}  // namespace
}  // namespace sluice
