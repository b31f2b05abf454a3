#include <gmock/gmock.h>

#include <fstream>

#include "api/test_kfp.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A run whose task a has made the artifact `data` of these bytes.
std::string run_with_artifact(KfpApi& api, const std::string& bytes) {
  const std::string id = api.create_run(step_line("a"));
  const std::string path = api.service.dir().root() + "/data.txt";
  std::ofstream(path) << bytes;
  const StoredObject object = api.service.objects().put(path).value();
  TaskData outputs;
  outputs.parameters.emplace("y", 3);
  outputs.artifacts["data"].push_back({.name = "wine-data",
                                       .type = {.schema_title = "system.Dataset", .schema_version = "0.0.1"},
                                       .uri = path,
                                       .metadata = {{"rows", 7}},
                                       .digest = object.digest,
                                       .size_bytes = object.size_bytes});
  api.service.succeed("a", outputs);
  return id;
}

TEST(KfpReads, AnArtifactIsReadAsBase64) {
  KfpApi api;
  const std::string id = run_with_artifact(api, "hello");
  const Value run = api.kfp_json("runs/" + id);
  std::string task_id;
  const Value details = at(run, "run_details.task_details");
  for (const Value& task : details.as_list())
    if (task.string_or("display_name", "") == "a") task_id = task.string_or("task_id", "");
  for (const std::string& node : {task_id, std::string("a"), encode_percent("root/a")})
    EXPECT_EQ(api.kfp_get("runs/" + id + "/nodes/" + node + "/artifacts/data:read").body, R"({"data":"aGVsbG8="})") << node;
  EXPECT_THAT(rpc_error(api.kfp_get("runs/" + id + "/nodes/a/artifacts/model:read")), StartsWith("5: "));
  EXPECT_EQ(api.kfp_get("runs/" + id + "/nodes/b/artifacts/data:read").status, 404);
}

TEST(KfpReads, ALogIsText) {
  KfpApi api;
  const std::string id = api.create_run(step_line("a"));
  const std::string path = "/apis/v1alpha1/runs/" + id + "/nodes/";
  const HttpResponse response = api.get(path + "a/log?follow=false");
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_THAT(response.content_type, StartsWith("text/plain"));
  EXPECT_EQ(api.get(path + "none/log").status, 404);
  EXPECT_THAT(rpc_error(api.get(path + "a/log?follow=maybe")), HasSubstr("follow"));
}

TEST(KfpReads, TasksAreResourcesOfTheirRun) {
  KfpApi api;
  const std::string id = run_with_artifact(api, "hello");
  const Value first = api.kfp_json("runs/" + id + "/tasks?page_size=1");
  EXPECT_EQ(first.int_or("total_size", 0), 2);
  EXPECT_EQ(first.find("tasks")->as_list().front().string_or("type", ""), "ROOT");
  const Value second =
      api.kfp_json("runs/" + id + "/tasks?page_size=1&page_token=" + encode_percent(KfpApi::text(first, "next_page_token")));
  EXPECT_EQ(second.find("next_page_token"), nullptr);
  const Value& task = second.find("tasks")->as_list().front();
  EXPECT_EQ(task.string_or("name", ""), "a");
  EXPECT_EQ(task.string_or("type", ""), "RUNTIME");
  EXPECT_EQ(task.string_or("state", ""), "SUCCEEDED");
  EXPECT_EQ(at(task, "outputs.parameters").as_list().front(), Value::of({{"name", "y"}, {"value", 3}}));
  EXPECT_EQ(api.kfp_json("runs/" + id + "/tasks/" + KfpApi::text(task, "task_id")), task);
  EXPECT_EQ(api.kfp_get("runs/" + id + "/tasks/99").status, 404);
  EXPECT_EQ(api.kfp_get("runs/" + id + "/tasks?page_token=!").status, 400);
}

TEST(KfpReads, ArtifactsAreFoundByTheIdThatTasksName) {
  KfpApi api;
  const std::string id = run_with_artifact(api, "hello");
  const Value list = api.kfp_json("artifacts?run_id=" + id);
  ASSERT_EQ(list.int_or("total_size", 0), 1);
  const Value& artifact = list.find("artifacts")->as_list().front();
  EXPECT_EQ(artifact.string_or("name", ""), "wine-data");
  EXPECT_EQ(artifact.string_or("type", ""), "Dataset");
  EXPECT_EQ(at(artifact, "metadata.rows"), Value(7));
  EXPECT_EQ(api.kfp_json("artifacts/" + KfpApi::text(artifact, "artifact_id")), artifact);
  std::string named;
  const Value tasks = at(api.kfp_json("runs/" + id), "run_details.task_details");
  for (const Value& task : tasks.as_list())
    if (const Value ids = at(task, "outputs.data.artifact_ids"); ids.is_list()) named = ids.as_list().front().as_string();
  EXPECT_EQ(named, artifact.string_or("artifact_id", "x"));
  EXPECT_EQ(api.kfp_get("artifacts/x").status, 404);
  EXPECT_EQ(api.kfp_get("artifacts").status, 400);
}

}  // namespace
}  // namespace sluice
