#include <gmock/gmock.h>

#include "api/test_kfp.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string steps(const std::string& names) {
  std::string lines;
  for (const char name : names) lines += step_line(std::string(1, name));
  return pipeline_text(lines);
}

std::string upload_error(const HttpResponse& response) {
  const Value body = parse_json(response.body).value_or(Value{});
  EXPECT_FALSE(body.string_or("error_details", "").empty()) << response.body;
  return std::to_string(response.status) + ": " + std::string(body.string_or("error_message", ""));
}

TEST(KfpPipelines, AnUploadIsAPipelineWithAVersionOfTheSameName) {
  KfpApi api;
  const Value made =
      api.json(api.upload("pipelines/upload?name=wine&description=red&tags=%7B%22team%22%3A%22blue%22%7D", steps("a")));
  const std::string id = KfpApi::text(made, "pipeline_id");
  EXPECT_EQ(made.string_or("name", ""), "wine");
  EXPECT_EQ(made.string_or("display_name", ""), "wine");
  EXPECT_EQ(made.string_or("description", ""), "red");
  EXPECT_EQ(made.string_or("created_at", ""), "2001-09-09T01:46:40Z");
  EXPECT_EQ(at(made, "tags.team"), Value("blue"));
  EXPECT_EQ(api.kfp_json("pipelines/" + id), made);
  EXPECT_EQ(api.kfp_json("pipelines/names/wine?namespace="), made);
  const Value list = api.kfp_json("pipelines/" + id + "/versions");
  EXPECT_EQ(list.int_or("total_size", 0), 1);
  const Value& version = list.find("pipeline_versions")->as_list().front();
  EXPECT_EQ(version.string_or("name", ""), "wine");
  EXPECT_EQ(at(version, "pipeline_spec.pipelineInfo.name"), Value("test"));
}

TEST(KfpPipelines, TheNameIsThatOfTheDisplayOrTheFileWhereNoneIsGiven) {
  KfpApi api;
  EXPECT_EQ(api.json(api.upload("pipelines/upload?display_name=shown", steps("a"))).string_or("name", ""), "shown");
  const Value both = api.json(api.upload("pipelines/upload?name=n&display_name=d", steps("a")));
  EXPECT_EQ(both.string_or("name", ""), "n");
  EXPECT_EQ(both.string_or("display_name", ""), "d");
  EXPECT_EQ(api.json(api.upload("pipelines/upload", steps("a"), "file.yaml")).string_or("name", ""), "file.yaml");
}

TEST(KfpPipelines, AnUploadThatIsWrongSaysWhy) {
  KfpApi api;
  api.upload_pipeline("taken", steps("a"));
  EXPECT_THAT(upload_error(api.upload("pipelines/upload?name=taken", steps("a"))), StartsWith("409: "));
  EXPECT_THAT(upload_error(api.upload("pipelines/upload?name=x", pipeline_text(step_line("a", "gone")))),
              testing::AllOf(StartsWith("400: "), HasSubstr("gone")));
  EXPECT_THAT(upload_error(api.upload("pipelines/upload?name=x", steps("a"), "p.txt")), HasSubstr("p.txt"));
  EXPECT_THAT(upload_error(api.upload("pipelines/upload?name=" + std::string(129, 'a'), steps("a"))), HasSubstr("128"));
  EXPECT_THAT(upload_error(api.upload("pipelines/upload?name=x&tags=%7B%22a.b%22%3A%22c%22%7D", steps("a"))), HasSubstr("a.b"));
  EXPECT_THAT(upload_error(api.kfp_post("pipelines/upload?name=x", "no form")), StartsWith("400: "));
  EXPECT_EQ(api.kfp_json("pipelines").int_or("total_size", 0), 1);
}

TEST(KfpPipelines, VersionsAreAddedListedAndDeleted) {
  KfpApi api;
  const std::string id = api.upload_pipeline("wine", steps("a"));
  const Value second = api.json(api.upload("pipelines/upload_version?name=v2&pipelineid=" + id, steps("ab")));
  EXPECT_EQ(second.string_or("pipeline_id", ""), id);
  const std::string path = "pipelines/" + id + "/versions/" + KfpApi::text(second, "pipeline_version_id");
  EXPECT_EQ(api.kfp_json(path), second);
  EXPECT_THAT(upload_error(api.upload("pipelines/upload_version?name=v2&pipelineid=" + id, steps("a"))), StartsWith("409: "));
  EXPECT_THAT(upload_error(api.upload("pipelines/upload_version?name=v3", steps("a"))), HasSubstr("pipelineid is missing"));
  EXPECT_THAT(upload_error(api.upload("pipelines/upload_version?name=v3&pipelineid=" + Uuid{}.text(), steps("a"))),
              StartsWith("400: "));
  // A pipeline with versions stays.
  EXPECT_THAT(rpc_error(api.kfp_delete("pipelines/" + id)), StartsWith("9: "));
  EXPECT_EQ(api.kfp_delete("pipelines/" + id).status, 400);
  EXPECT_EQ(api.kfp_delete(path).body, "{}");
  EXPECT_THAT(rpc_error(api.kfp_get(path)), StartsWith("5: "));
  EXPECT_EQ(api.kfp_delete("pipelines/" + id + "?cascade=true").body, "{}");
  EXPECT_EQ(api.kfp_get("pipelines/" + id).status, 404);
  EXPECT_EQ(to_json(api.kfp_json("pipelines")), "{}");
}

TEST(KfpPipelines, APatchChangesWhatItNames) {
  KfpApi api;
  const std::string id = api.upload_pipeline("wine", steps("a"));
  const auto patch = [&](const std::string& path, const std::string& body) {
    return api.call("PATCH", std::string(kKfp) + path, body);
  };
  const Value changed = api.json(patch("pipelines/" + id, R"({"display_name": "Wine!", "tags": {"team": "blue"}})"));
  EXPECT_EQ(changed.string_or("display_name", ""), "Wine!");
  EXPECT_EQ(changed.string_or("name", ""), "wine");
  EXPECT_EQ(api.json(patch("pipelines/" + id, R"({"display_name": "again"})")).find("tags")->string_or("team", ""), "blue");
  EXPECT_EQ(api.json(patch("pipelines/" + id, R"({"tags": {}})")).find("tags"), nullptr);
  EXPECT_THAT(rpc_error(patch("pipelines/" + id, R"({"colour": "red"})")), HasSubstr("colour"));
  const Value list = api.kfp_json("pipelines/" + id + "/versions");
  const std::string version = KfpApi::text(list.find("pipeline_versions")->as_list().front(), "pipeline_version_id");
  EXPECT_EQ(at(api.json(patch("pipelines/" + id + "/versions/" + version, R"({"tags": {"a": "b"}})")), "tags.a"), Value("b"));
}

TEST(KfpPipelines, APipelineWithoutAVersionIsMadeByItsBody) {
  KfpApi api;
  const Value made = api.json(api.kfp_post("pipelines", R"({"displayName": "empty", "description": "d"})"));
  EXPECT_EQ(made.string_or("name", ""), "empty");
  EXPECT_EQ(api.kfp_post("pipelines", R"({"display_name": "empty"})").status, 409);
  EXPECT_THAT(rpc_error(api.kfp_post("pipelines", "{}")), HasSubstr("name is empty"));
  EXPECT_THAT(rpc_error(api.kfp_post("pipelines", R"({"nam": "a"})")), HasSubstr("\"nam\""));
}

TEST(KfpPipelines, PackagesAreFetchedOverHttpAlone) {
  KfpApi api;
  const std::string id = api.upload_pipeline("wine", steps("a"));
  for (const char* url : {"file:///etc/passwd", "unix:/run/x.sock", "ftp://host/p.yaml", "/etc/passwd", ""}) {
    const std::string version = R"({"name": "v", "package_url": {"pipeline_url": ")" + std::string(url) + "\"}}";
    EXPECT_EQ(api.kfp_post("pipelines/" + id + "/versions", version).status, 400) << url;
    EXPECT_EQ(api.kfp_post("pipelines/create", R"({"pipeline": {"name": "x"}, "pipeline_version": )" + version + "}").status,
              400);
  }
  EXPECT_THAT(rpc_error(api.kfp_post("pipelines/create", R"({"pipeline": {"name": "x"}})")),
              HasSubstr("pipeline_version is missing"));
  EXPECT_EQ(api.kfp_get("pipelines/names/x").status, 404);
  EXPECT_EQ(api.kfp_post("pipelines/" + Uuid{}.text() + "/versions", R"({"name": "v"})").status, 404);
}

TEST(KfpPipelines, ListsAreFilteredByTags) {
  KfpApi api;
  api.upload_pipeline("plain", steps("a"));
  api.json(api.upload("pipelines/upload?name=tagged&tags=%7B%22team%22%3A%22blue%22%7D", steps("a")));
  const std::string filter = encode_percent(R"({"predicates": [{"operation": 1, "key": "tags.team", "stringValue": "blue"}]})");
  const Value list = api.kfp_json("pipelines?page_token=&page_size=10&sort_by=&namespace=&filter=" + filter);
  ASSERT_EQ(list.int_or("total_size", 0), 1);
  EXPECT_EQ(list.find("pipelines")->as_list().front().string_or("name", ""), "tagged");
}

}  // namespace
}  // namespace sluice
