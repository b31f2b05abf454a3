#include <gtest/gtest.h>

#include "api/test_service.h"

namespace sluice {
namespace {

// Pipeline `wine` is uploaded in two versions; `beer` is only in a run.
class OwnCatalog : public ::testing::Test {
 protected:
  OwnCatalog() {
    Catalog& catalog = api_.service.store().catalog();
    uuid_ = api_.service.new_uuid();
    const VersionRow first{.uuid = api_.service.new_uuid(), .name = "v1", .created = from_micros(1'000'000)};
    const PipelineRow wine{.uuid = uuid_,
                           .name = "wine",
                           .display_name = "Wine",
                           .description = "red",
                           .created = from_micros(1),
                           .tags = {{"k", "v"}}};
    EXPECT_TRUE(catalog.create_pipeline_with_version(wine, first, "text 1").has_value());
    const VersionRow second{.uuid = api_.service.new_uuid(), .pipeline = uuid_, .name = "v/2", .created = from_micros(2'000'000)};
    EXPECT_TRUE(catalog.create_version(second, "text 2").has_value());
    for (std::uint8_t n = 1; n <= 2; ++n)
      EXPECT_TRUE(api_.service.store()
                      .create({.uuid = api_.service.new_uuid(),
                               .name = "run",
                               .pipeline_name = n == 1 ? "beer" : "wine",
                               .experiment = "grapes",
                               .spec = "x",
                               .created = from_micros(n * 1'000'000)},
                              Sync::kNormal)
                      .has_value());
  }
  std::string names(const std::string& target, const char* list) {
    std::string text;
    const Value answer = api_.get_json(target);
    for (const Value& row : answer.find(list)->as_list())
      text += (text.empty() ? "" : ",") + std::string(row.string_or("name", ""));
    return text;
  }
  TestApi api_;
  Uuid uuid_;
};

TEST_F(OwnCatalog, PipelinesAreUploadedOnesAndThoseOfRuns) {
  const Value answer = api_.get_json("/api/v1/pipelines");
  EXPECT_EQ(answer.int_or("total", 0), 2);
  const List& rows = answer.find("pipelines")->as_list();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].string_or("name", ""), "beer");
  EXPECT_EQ(rows[0].find("pipeline_id"), nullptr);
  EXPECT_EQ(rows[0].int_or("runs", 0), 1);
  EXPECT_EQ(rows[1].string_or("pipeline_id", ""), uuid_.text());
  EXPECT_EQ(rows[1].string_or("display_name", ""), "Wine");
  EXPECT_EQ(rows[1].find("tags")->string_or("k", ""), "v");
  EXPECT_EQ(rows[1].string_or("last_run", ""), "1970-01-01T00:00:02.000000Z");
  EXPECT_EQ(names("/api/v1/pipelines?name=ee", "pipelines"), "beer");
  EXPECT_EQ(names("/api/v1/pipelines?sort=name%20desc", "pipelines"), "wine,beer");
}

TEST_F(OwnCatalog, PipelinesHavePages) {
  for (const std::string sort : {"", "&sort=name%20desc"}) {
    const Value first = api_.get_json("/api/v1/pipelines?limit=1" + sort);
    const std::string token(first.string_or("next_page_token", ""));
    ASSERT_FALSE(token.empty());
    const Value second = api_.get_json("/api/v1/pipelines?limit=1" + sort + "&page_token=" + token);
    EXPECT_EQ(second.find("next_page_token"), nullptr);
    EXPECT_NE(first.find("pipelines")->as_list().front().string_or("name", ""),
              second.find("pipelines")->as_list().front().string_or("name", ""));
  }
}

TEST_F(OwnCatalog, APipelineHasItsVersions) {
  for (const std::string which : {std::string("wine"), uuid_.text(), uuid_.hex()}) {
    const Value pipeline = api_.get_json("/api/v1/pipelines/" + which);
    const List& versions = pipeline.find("versions")->as_list();
    ASSERT_EQ(versions.size(), 2U) << which;
    EXPECT_EQ(versions[0].string_or("name", ""), "v/2") << "newest first";
  }
  EXPECT_EQ(api_.get_json("/api/v1/pipelines/beer").find("versions")->as_list().size(), 0U);
  EXPECT_EQ(api_.get("/api/v1/pipelines/water").status, 404);
  EXPECT_EQ(api_.get("/api/v1/pipelines/" + api_.service.new_uuid().text()).status, 404);
}

TEST_F(OwnCatalog, AVersionHasItsText) {
  EXPECT_EQ(api_.get("/api/v1/pipelines/wine/versions/v1/spec").body, "text 1");
  EXPECT_EQ(api_.get("/api/v1/pipelines/wine/versions/v%2F2/spec").body, "text 2");
  EXPECT_EQ(api_.get_json("/api/v1/pipelines/wine/versions/v1").string_or("pipeline_id", ""), uuid_.text());
  EXPECT_EQ(api_.get("/api/v1/pipelines/wine/versions/v3").status, 404);
  EXPECT_EQ(api_.get("/api/v1/pipelines/beer/versions/v1").status, 404);
}

TEST_F(OwnCatalog, ExperimentsAreListedAndFound) {
  EXPECT_EQ(names("/api/v1/experiments?sort=name", "experiments"), "Default,grapes");
  const Value grapes = api_.get_json("/api/v1/experiments/grapes");
  EXPECT_EQ(grapes.string_or("experiment_id", ""), "1");
  EXPECT_EQ(grapes.int_or("runs", 0), 2);
  EXPECT_EQ(grapes.string_or("last_run", ""), "1970-01-01T00:00:02.000000Z");
  EXPECT_EQ(api_.get_json("/api/v1/experiments/1").string_or("name", ""), "grapes");
  EXPECT_EQ(api_.get_json("/api/v1/experiments/0").string_or("name", ""), "Default");
  EXPECT_EQ(api_.get("/api/v1/experiments/7").status, 404);
  EXPECT_EQ(api_.get("/api/v1/experiments/apples").status, 404);
}

TEST_F(OwnCatalog, AnExperimentNamedLikeAnIdIsFoundByItsName) {
  ASSERT_TRUE(api_.service.store().catalog().create_experiment("1", "", from_micros(5)).has_value());
  EXPECT_EQ(api_.get_json("/api/v1/experiments/1").string_or("name", ""), "1");
}

}  // namespace
}  // namespace sluice
