// What every Catalog promises.
#include "store/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/test_stores.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

PipelineRow test_pipeline(std::uint32_t n, const std::string& name, Tags tags = {}) {
  return {.uuid = test_uuid(n),
          .name = name,
          .display_name = "The " + name,
          .description = "d",
          .created = from_micros(n),
          .tags = std::move(tags)};
}

VersionRow test_version(std::uint32_t n, const Uuid& pipeline, const std::string& name, Tags tags = {}) {
  return {.uuid = test_uuid(n),
          .pipeline = pipeline,
          .name = name,
          .display_name = "The " + name,
          .description = "first \"try\"",
          .code_source_url = "https://code.example/1",
          .package_url = "https://files.example/p.yaml",
          .created = from_micros(n),
          .tags = std::move(tags)};
}

template <class Row>
std::vector<std::string> names_of(const Result<Listed<Row>>& page) {
  EXPECT_TRUE(succeeds(page));
  std::vector<std::string> names;
  if (!page) return names;
  for (const Row& row : page->rows) names.push_back(row.name);
  return names;
}

class CatalogConformance : public StoreTest {
 protected:
  ExperimentRow experiment(const std::string& name, std::int64_t created) {
    const auto row = catalog().create_experiment(name, "about " + name, from_micros(created));
    EXPECT_TRUE(succeeds(row));
    return row.value_or(ExperimentRow{});
  }
  Uuid pipeline(std::uint32_t n, const std::string& name, Tags tags = {}) {
    EXPECT_TRUE(succeeds(catalog().create_pipeline(test_pipeline(n, name, std::move(tags)))));
    return test_uuid(n);
  }
  Uuid version(std::uint32_t n, const Uuid& pipeline, const std::string& name, Tags tags = {}) {
    EXPECT_TRUE(succeeds(catalog().create_version(test_version(n, pipeline, name, std::move(tags)), "spec of " + name)));
    return test_uuid(n);
  }
};

TEST_P(CatalogConformance, AnExperimentReadsBackAsItWasCreated) {
  const ExperimentRow made = experiment("wine", 7);
  EXPECT_EQ(made.id, 1);
  for (const auto& row : {catalog().experiment(1), catalog().experiment_by_name("wine")}) {
    ASSERT_TRUE(succeeds(row));
    EXPECT_EQ(row->id, 1);
    EXPECT_EQ(row->name, "wine");
    EXPECT_EQ(row->description, "about wine");
    EXPECT_EQ(row->storage, StorageState::kAvailable);
    EXPECT_EQ(row->created, from_micros(7));
    EXPECT_EQ(row->last_run, Instant{});
    EXPECT_EQ(row->runs, 0);
  }
  EXPECT_TRUE(fails_with(catalog().create_experiment("wine", "", from_micros(8)), Code::kConflict));
  EXPECT_TRUE(fails_with(catalog().create_experiment("Default", "", from_micros(8)), Code::kConflict));
  EXPECT_TRUE(fails_with(catalog().experiment(2), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().experiment(-1), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().experiment_by_name("beer"), Code::kNotFound));
  create(1);
  EXPECT_EQ(store_->run(test_uuid(1))->experiment_id, 1);
}

TEST_P(CatalogConformance, AnExperimentKnowsItsRunsAndItsNewest) {
  create(3);
  create(1);  // the newest by creation counts
  EXPECT_EQ(catalog().experiment(1)->runs, 2);
  EXPECT_EQ(catalog().experiment(1)->last_run, test_run(3).created);
  ASSERT_TRUE(succeeds(store_->remove(test_uuid(3))));
  EXPECT_EQ(catalog().experiment(1)->runs, 1);
  EXPECT_EQ(catalog().experiment(1)->last_run, test_run(1).created);
  ASSERT_TRUE(succeeds(store_->remove(test_uuid(1))));
  EXPECT_EQ(catalog().experiment(1)->runs, 0);
  EXPECT_EQ(catalog().experiment(1)->last_run, Instant{});
}

TEST_P(CatalogConformance, ExperimentsAreListed) {
  experiment("b", 3);
  experiment("a", 2);
  NewRun run = test_run(1);
  run.experiment = "a";
  create(run);
  const ListQuery by_name{.sort = "name"};
  EXPECT_THAT(names_of(catalog().list_experiments(by_name)), ElementsAre("Default", "a", "b"));
  EXPECT_THAT(names_of(catalog().list_experiments({})), ElementsAre("a", "b", "Default"));
  EXPECT_THAT(names_of(catalog().list_experiments({.sort = "last_run", .descending = true, .limit = 1})), ElementsAre("a"));
  EXPECT_THAT(names_of(catalog().list_experiments({.where = {{"description", Compare::kContains, {"B"}}}})),
              ElementsAre("a", "b"));
  ASSERT_TRUE(succeeds(catalog().set_experiment_storage(1, StorageState::kArchived)));
  const ListQuery archived{.where = {{"storage", Compare::kEquals, {"ARCHIVED"}}}};
  EXPECT_THAT(names_of(catalog().list_experiments(archived)), ElementsAre("b"));
  const auto first = catalog().list_experiments({.sort = "name", .limit = 2}).value();
  EXPECT_EQ(first.total, 3);
  EXPECT_EQ(first.next, (Cursor{"b", 1}));
  EXPECT_THAT(names_of(catalog().list_experiments({.sort = "name", .limit = 2, .from = first.next})), ElementsAre("b"));
  const auto none = catalog().list_experiments({.sort = "runs"});
  EXPECT_TRUE(fails_with(none, Code::kInvalid));
  EXPECT_THAT(none.error().message, HasSubstr("experiments have no field 'runs'"));
}

TEST_P(CatalogConformance, ArchivingAnExperimentArchivesItsRunsAndNotBack) {
  create(1);
  ASSERT_TRUE(succeeds(catalog().set_experiment_storage(1, StorageState::kArchived)));
  EXPECT_EQ(catalog().experiment(1)->storage, StorageState::kArchived);
  EXPECT_EQ(store_->run(test_uuid(1))->storage, StorageState::kArchived);
  ASSERT_TRUE(succeeds(catalog().set_experiment_storage(1, StorageState::kAvailable)));
  EXPECT_EQ(catalog().experiment(1)->storage, StorageState::kAvailable);
  EXPECT_EQ(store_->run(test_uuid(1))->storage, StorageState::kArchived);
  EXPECT_TRUE(fails_with(catalog().set_experiment_storage(9, StorageState::kArchived), Code::kNotFound));
}

TEST_P(CatalogConformance, ADeletedExperimentLeavesItsNameAndItsRuns) {
  create(1);
  experiment("wine (deleted 1)", 5);  // somebody's idea of a name
  ASSERT_TRUE(succeeds(catalog().delete_experiment(1)));
  EXPECT_EQ(store_->run(test_uuid(1))->experiment, "wine (deleted 1) (deleted 1)");
  EXPECT_EQ(store_->run(test_uuid(1))->experiment_id, 1);
  EXPECT_TRUE(fails_with(catalog().experiment(1), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().experiment_by_name("wine"), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().experiment_by_name("wine (deleted 1) (deleted 1)"), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().delete_experiment(1), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().set_experiment_storage(1, StorageState::kArchived), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().delete_experiment(0), Code::kConflict));
  EXPECT_EQ(experiments().size(), 2U);
  EXPECT_EQ(catalog().list_experiments({})->total, 2);
  EXPECT_EQ(experiment("wine", 6).id, 3);
  EXPECT_TRUE(fails_with(catalog().create_experiment("wine (deleted 1) (deleted 1)", "", Instant{}), Code::kConflict));
}

TEST_P(CatalogConformance, APipelineReadsBackAsItWasCreated) {
  const PipelineRow given = test_pipeline(0xA1, "iris", {{"team", "flowers"}, {"a \"b\" $.c", "\xC3\xA4\n"}});
  ASSERT_TRUE(succeeds(catalog().create_pipeline(given)));
  for (const auto& row : {catalog().pipeline(given.uuid), catalog().pipeline_by_name("iris")}) {
    ASSERT_TRUE(succeeds(row));
    EXPECT_EQ(row->id, 1);
    EXPECT_EQ(row->uuid, given.uuid);
    EXPECT_EQ(row->name, "iris");
    EXPECT_EQ(row->display_name, "The iris");
    EXPECT_EQ(row->description, "d");
    EXPECT_EQ(row->created, given.created);
    EXPECT_EQ(row->tags, given.tags);
  }
  EXPECT_TRUE(fails_with(catalog().create_pipeline(test_pipeline(0xA2, "iris")), Code::kConflict));
  EXPECT_TRUE(fails_with(catalog().create_pipeline(test_pipeline(0xA1, "other")), Code::kConflict));
  EXPECT_TRUE(fails_with(catalog().pipeline(test_uuid(9)), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().pipeline_by_name("other"), Code::kNotFound));
}

TEST_P(CatalogConformance, APatchChangesWhatItNames) {
  const Uuid uuid = pipeline(1, "iris", {{"a", "1"}});
  ASSERT_TRUE(succeeds(catalog().change_pipeline(uuid, {.display_name = "Iris!"})));
  ASSERT_TRUE(succeeds(catalog().change_pipeline(uuid, {.tags = Tags{{"b", "2"}}})));
  EXPECT_EQ(catalog().pipeline(uuid)->display_name, "Iris!");
  EXPECT_EQ(catalog().pipeline(uuid)->description, "d");
  EXPECT_EQ(catalog().pipeline(uuid)->tags, (Tags{{"b", "2"}}));
  EXPECT_TRUE(fails_with(catalog().change_pipeline(test_uuid(2), {}), Code::kNotFound));

  const Uuid first = version(3, uuid, "v1");
  ASSERT_TRUE(succeeds(catalog().change_version(uuid, first, {.description = "", .tags = Tags{}})));
  EXPECT_EQ(catalog().version(uuid, first)->description, "");
  EXPECT_EQ(catalog().version(uuid, first)->display_name, "The v1");
  EXPECT_TRUE(fails_with(catalog().change_version(test_uuid(2), first, {}), Code::kNotFound));
}

TEST_P(CatalogConformance, AVersionReadsBackAsItWasCreated) {
  const Uuid iris = pipeline(1, "iris");
  const VersionRow given = test_version(2, iris, "v1", {{"stage", "prod"}});
  const auto made = catalog().create_version(given, "the text");
  ASSERT_TRUE(succeeds(made));
  const auto row = catalog().version(iris, given.uuid);
  ASSERT_TRUE(succeeds(row));
  EXPECT_EQ(row->id, made->id);
  EXPECT_EQ(row->uuid, given.uuid);
  EXPECT_EQ(row->pipeline, iris);
  EXPECT_EQ(row->name, "v1");
  EXPECT_EQ(row->display_name, "The v1");
  EXPECT_EQ(row->description, "first \"try\"");
  EXPECT_EQ(row->code_source_url, "https://code.example/1");
  EXPECT_EQ(row->package_url, "https://files.example/p.yaml");
  EXPECT_EQ(row->created, given.created);
  EXPECT_EQ(row->tags, given.tags);
  EXPECT_EQ(row->spec_digest, made->spec_digest);
  EXPECT_EQ(store_->spec(row->spec_digest).value(), "the text");

  const Uuid other = pipeline(3, "other");
  EXPECT_TRUE(fails_with(catalog().create_version(test_version(4, iris, "v1"), ""), Code::kConflict));
  EXPECT_TRUE(fails_with(catalog().create_version(test_version(2, other, "v2"), ""), Code::kConflict));
  EXPECT_TRUE(fails_with(catalog().create_version(test_version(4, test_uuid(9), "v1"), ""), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().version(other, given.uuid), Code::kNotFound));
  version(4, other, "v1");  // the name is free in another pipeline
}

TEST_P(CatalogConformance, APipelineAndItsFirstVersionComeTogetherOrNotAtAll) {
  const auto iris = catalog().create_pipeline_with_version(test_pipeline(1, "iris"), test_version(2, {}, "v1"), "text");
  ASSERT_TRUE(succeeds(iris));
  EXPECT_EQ(catalog().version(iris->uuid, test_uuid(2))->name, "v1");
  const auto again = catalog().create_pipeline_with_version(test_pipeline(3, "other"), test_version(2, {}, "v1"), "text");
  EXPECT_TRUE(fails_with(again, Code::kConflict));
  EXPECT_TRUE(fails_with(catalog().pipeline(test_uuid(3)), Code::kNotFound));
}

TEST_P(CatalogConformance, TheLatestVersionIsTheNewestCreated) {
  const Uuid iris = pipeline(1, "iris");
  EXPECT_TRUE(fails_with(catalog().latest_version(iris), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().latest_version(test_uuid(9)), Code::kNotFound));
  version(5, iris, "five");
  version(4, iris, "four");
  EXPECT_EQ(catalog().latest_version(iris)->name, "five");
  VersionRow same = test_version(6, iris, "as old as five");
  same.created = from_micros(5);
  ASSERT_TRUE(succeeds(catalog().create_version(same, "")));
  EXPECT_EQ(catalog().latest_version(iris)->name, "as old as five");
}

TEST_P(CatalogConformance, PipelinesAndVersionsAreListed) {
  const Uuid iris = pipeline(1, "iris", {{"team", "a"}});
  const Uuid wine = pipeline(2, "wine", {{"team", "b"}, {"a \"b\" $.c", "x"}});
  version(3, iris, "v1", {{"stage", "prod"}});
  version(4, iris, "v2");
  version(5, wine, "v1");
  const auto tagged = [&](const std::string& key, const std::string& value) {
    return names_of(catalog().list_pipelines({.where = {{"tag:" + key, Compare::kEquals, {value}}}}));
  };
  EXPECT_THAT(names_of(catalog().list_pipelines({})), ElementsAre("iris", "wine"));
  EXPECT_THAT(tagged("team", "b"), ElementsAre("wine"));
  EXPECT_THAT(tagged("a \"b\" $.c", "x"), ElementsAre("wine"));
  EXPECT_THAT(tagged("team", "c"), IsEmpty());
  EXPECT_THAT(tagged("none", "b"), IsEmpty());
  EXPECT_THAT(names_of(catalog().list_versions(iris, {.sort = "name", .descending = true})), ElementsAre("v2", "v1"));
  EXPECT_THAT(names_of(catalog().list_versions(iris, {.where = {{"tag:stage", Compare::kEquals, {"prod"}}}})), ElementsAre("v1"));
  const auto page = catalog().list_versions(iris, {.sort = "uuid", .limit = 1}).value();
  EXPECT_EQ(page.total, 2);
  EXPECT_THAT(names_of(catalog().list_versions(iris, {.sort = "uuid", .limit = 1, .from = page.next})), ElementsAre("v2"));
  EXPECT_THAT(names_of(catalog().list_versions(test_uuid(9), {})), IsEmpty());
  EXPECT_TRUE(fails_with(catalog().list_pipelines({.sort = "tag:team"}), Code::kInvalid));
  EXPECT_TRUE(fails_with(catalog().list_pipelines({.where = {{"tag:team", Compare::kContains, {"a"}}}}), Code::kInvalid));
  EXPECT_TRUE(fails_with(catalog().list_pipelines({.where = {{"tag:", Compare::kEquals, {"a"}}}}), Code::kInvalid));
}

TEST_P(CatalogConformance, APipelineWithVersionsIsOnlyDeletedWithThem) {
  const Uuid iris = pipeline(1, "iris");
  const Uuid first = version(2, iris, "v1");
  const Uuid second = version(3, iris, "v2");
  const std::string digest = catalog().version(iris, first)->spec_digest;
  const auto refused = catalog().delete_pipeline(iris, false);
  EXPECT_TRUE(fails_with(refused, Code::kConflict));
  EXPECT_THAT(refused.error().message, HasSubstr("2 versions"));
  ASSERT_TRUE(succeeds(catalog().delete_version(iris, first)));
  EXPECT_TRUE(fails_with(catalog().delete_version(iris, first), Code::kNotFound));
  ASSERT_TRUE(succeeds(catalog().delete_pipeline(iris, true)));
  EXPECT_TRUE(fails_with(catalog().version(iris, second), Code::kNotFound));
  EXPECT_TRUE(fails_with(catalog().delete_pipeline(iris, true), Code::kNotFound));
  EXPECT_EQ(store_->spec(digest).value(), "spec of v1");  // a run may be made of it
  const Uuid empty = pipeline(4, "iris");
  EXPECT_GT(catalog().pipeline(empty)->id, 1);  // ids, which pages go by, are not used again
  EXPECT_TRUE(succeeds(catalog().delete_pipeline(empty, false)));
}

TEST_P(CatalogConformance, PipelinesInUseAreListedByNameWithTheirNewestRun) {
  EXPECT_THAT(catalog().pipelines_in_use().value(), IsEmpty());
  create(1);
  NewRun other = test_run(2);
  other.pipeline_name = "boston";
  create(other);
  create(3);
  const auto rows = catalog().pipelines_in_use().value();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].name, "boston");
  EXPECT_EQ(rows[0].runs, 1);
  EXPECT_EQ(rows[1].name, "iris");
  EXPECT_EQ(rows[1].runs, 2);
  EXPECT_EQ(rows[1].last_run, test_run(3).created);
}

INSTANTIATE_TEST_SUITE_P(Stores, CatalogConformance, all_stores(), store_name);

}  // namespace
}  // namespace sluice
