#include <gmock/gmock.h>

#include "api/test_kfp.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kWithRows = R"(pipelineInfo: {name: rows}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-step:
    executorLabel: exec-step
deploymentSpec:
  executors:
    exec-step: {container: {image: alpine, command: [sh, -c, 'true']}}
root:
  inputDefinitions: {parameters: {rows: {parameterType: NUMBER_INTEGER}, name: {parameterType: STRING, isOptional: true}}}
  dag:
    tasks:
      a: {componentRef: {name: comp-step}}
)";

// The task of that display name among the details.
Value task(const Value& run, std::string_view name) {
  const Value details = at(run, "run_details.task_details");
  if (details.is_list())
    for (const Value& each : details.as_list())
      if (each.string_or("display_name", "") == name) return each;
  return {};
}

std::vector<std::string> states(const Value& run) {
  std::vector<std::string> states;
  for (const Value& change : run.find("state_history")->as_list()) states.push_back(KfpApi::text(change, "state"));
  return states;
}

TEST(KfpRuns, ARunOfASpecIsPendingAtOnceAndTellsWhatItWasGiven) {
  KfpApi api;
  const Value spec = spec_value(kWithRows).value();
  const HttpResponse response = api.kfp_post(
      "runs", to_json(Value::of(
                  {{"display_name", "first"},
                   {"description", "why"},
                   {"service_account", "robot"},
                   {"pipeline_spec", spec},
                   {"runtime_config", Value::of({{"parameters", Value::of({{"rows", 5}})}, {"pipeline_root", "s3://b"}})}})));
  const Value made = api.json(response);
  EXPECT_EQ(made.string_or("state", ""), "PENDING");
  EXPECT_EQ(made.string_or("experiment_id", ""), "0");
  EXPECT_EQ(made.string_or("finished_at", ""), "1970-01-01T00:00:00Z");
  EXPECT_EQ(made.string_or("scheduled_at", ""), made.string_or("created_at", "x"));
  const Value run = api.kfp_json("runs/" + KfpApi::text(made, "run_id"));
  EXPECT_EQ(run.string_or("display_name", ""), "first");
  EXPECT_EQ(run.string_or("description", ""), "why");
  EXPECT_EQ(run.string_or("service_account", ""), "robot");
  EXPECT_EQ(run.string_or("state", ""), "RUNNING");
  EXPECT_EQ(*run.find("pipeline_spec"), spec);
  EXPECT_EQ(run.find("pipeline_version_reference"), nullptr);
  EXPECT_EQ(to_json(*run.find("runtime_config")), R"({"parameters":{"rows":5},"pipeline_root":"s3://b"})");
}

TEST(KfpRuns, TasksAreToldWithTheirStatesAndTheirPlaceInTheTree) {
  KfpApi api;
  const std::string id = api.create_run(step_line("a") + step_line("b", "a"));
  api.service.succeed("a");
  const Value run = api.kfp_json("runs/" + id);
  const Value root = task(run, "root");
  const Value a = task(run, "a");
  EXPECT_EQ(a.string_or("state", ""), "SUCCEEDED");
  EXPECT_EQ(a.string_or("run_id", ""), id);
  EXPECT_EQ(a.string_or("parent_task_id", ""), root.string_or("task_id", "x"));
  EXPECT_EQ(at(a, "executor_detail.main_job").as_string().ends_with("-a.1"), true);
  ASSERT_EQ(root.find("child_tasks")->as_list().size(), 2U);
  EXPECT_EQ(root.find("child_tasks")->as_list().front().string_or("task_id", ""), a.string_or("task_id", "x"));
  EXPECT_EQ(task(run, "b").string_or("end_time", ""), "1970-01-01T00:00:00Z");
  api.service.fail_task("b", "it broke");
  const Value failed = api.kfp_json("runs/" + id);
  EXPECT_EQ(failed.string_or("state", ""), "FAILED");
  EXPECT_THAT(std::string(at(task(failed, "b"), "error.message").as_string()), HasSubstr("it broke"));
  EXPECT_FALSE(at(failed, "error.message").is_null());
  EXPECT_NE(failed.string_or("finished_at", ""), "1970-01-01T00:00:00Z");
  EXPECT_THAT(states(failed), ElementsAre("PENDING", "RUNNING", "FAILED"));
}

TEST(KfpRuns, AVersionIsRunByItsReferenceAndOnlyThatIsEchoed) {
  KfpApi api;
  const std::string pipeline = api.upload_pipeline("wine", pipeline_text(step_line("old")));
  api.service.clock.advance(std::chrono::seconds(1));
  const Value newest =
      api.json(api.upload("pipelines/upload_version?name=v2&pipelineid=" + pipeline, pipeline_text(step_line("new"))));
  const std::string version = KfpApi::text(newest, "pipeline_version_id");
  const auto create = [&](Struct fields) {
    fields.emplace("display_name", "r");
    return api.json(api.kfp_post("runs", to_json(fields)));
  };
  const Value by_both =
      create({{"pipeline_version_reference", Value::of({{"pipeline_id", pipeline}, {"pipeline_version_id", version}})}});
  EXPECT_EQ(at(by_both, "pipeline_version_reference.pipeline_version_id"), Value(version));
  EXPECT_EQ(at(by_both, "pipeline_version_reference.pipeline_id"), Value(pipeline));
  EXPECT_EQ(by_both.find("pipeline_spec"), nullptr);
  const Value by_pipeline = create({{"pipeline_version_reference", Value::of({{"pipeline_id", pipeline}})}});
  EXPECT_EQ(at(by_pipeline, "pipeline_version_reference.pipeline_version_id"), Value(version));
  const Value by_version = create({{"pipeline_version_id", version}});
  EXPECT_EQ(at(by_version, "pipeline_version_reference.pipeline_id"), Value(pipeline));
  EXPECT_EQ(api.kfp_post("runs", R"({"display_name": "r", "pipeline_version_id": ")" + pipeline + "\"}").status, 404);
  EXPECT_EQ(
      api.kfp_post("runs", R"({"display_name": "r", "pipeline_version_reference": {"pipeline_id": ")" + Uuid{}.text() + "\"}}")
          .status,
      404);
}

TEST(KfpRuns, WrongRequestsMakeNoRun) {
  KfpApi api;
  const Value spec = spec_value(kWithRows).value();
  const auto refused = [&](Struct fields, int status = 400) {
    const HttpResponse response = api.kfp_post("runs", to_json(fields));
    EXPECT_EQ(response.status, status) << response.body;
    return rpc_error(response);
  };
  const Value rows = Value::of({{"parameters", Value::of({{"rows", 5}})}});
  EXPECT_THAT(refused({{"display_name", "r"}}), HasSubstr("nothing to run"));
  EXPECT_THAT(refused({{"pipeline_spec", spec}, {"runtime_config", rows}}), HasSubstr("display_name is empty"));
  EXPECT_THAT(refused({{"display_name", "r"}, {"pipeline_spec", spec}}), HasSubstr("rows"));
  EXPECT_THAT(refused({{"display_name", "r"},
                       {"pipeline_spec", spec},
                       {"runtime_config", Value::of({{"parameters", Value::of({{"rows", "five"}})}})}}),
              HasSubstr("rows"));
  EXPECT_THAT(refused({{"display_name", "r"}, {"pipeline_spec", spec}, {"pipeline_version_id", "x"}}), HasSubstr("only one"));
  EXPECT_THAT(refused({{"display_name", "r"}, {"pipeline_spec", spec}, {"runtime_config", Value::of({{"params", 1}})}}),
              HasSubstr("runtime_config.params"));
  EXPECT_THAT(refused({{"display_name", "r"}, {"pipeline_spec", Value(Struct{})}}), StartsWith("3: "));
  EXPECT_THAT(refused({{"display_name", "r"}, {"pipeline_spec", spec}, {"runtime_config", rows}, {"experiment_id", "77"}}, 404),
              HasSubstr("77"));
  EXPECT_THAT(refused({{"display_name", "r"},
                       {"pipeline_spec", spec},
                       {"runtime_config", rows},
                       {"plugins_output", Value::of({{"x", Value(Struct{})}})}},
                      409),
              HasSubstr("plugins_output"));
  EXPECT_EQ(to_json(api.kfp_json("runs")), "{}");
}

TEST(KfpRuns, ATerminatedRunEndsFailedAndItsHistorySaysHow) {
  KfpApi api;
  const std::string id = api.create_run(step_line("a"));
  EXPECT_EQ(api.kfp_post("runs/" + id + ":terminate").body, "{}");
  EXPECT_EQ(api.kfp_json("runs/" + id).string_or("state", ""), "CANCELING");
  const HttpResponse again = api.kfp_post("runs/" + id + ":terminate");
  EXPECT_EQ(again.status, 400);
  EXPECT_THAT(rpc_error(again), StartsWith("9: "));
  api.service.fail_task("a", "stopped");
  const Value run = api.kfp_json("runs/" + id);
  EXPECT_EQ(run.string_or("state", ""), "FAILED");
  EXPECT_THAT(states(run), ElementsAre("PENDING", "RUNNING", "CANCELING", "FAILED"));
  EXPECT_EQ(at(run, "error.code"), Value(1));
  EXPECT_EQ(api.kfp_post("runs/" + id + ":terminate").status, 400);
}

TEST(KfpRuns, OnlyWhatFailedIsRetried) {
  KfpApi api;
  const std::string id = api.create_run(step_line("a") + step_line("b", "a"));
  EXPECT_THAT(rpc_error(api.kfp_post("runs/" + id + ":retry")), StartsWith("10: "));
  EXPECT_EQ(api.kfp_post("runs/" + id + ":retry").status, 409);
  api.service.succeed("a");
  api.service.fail_task("b");
  EXPECT_EQ(api.kfp_post("runs/" + id + ":retry").body, "{}");
  EXPECT_EQ(api.kfp_json("runs/" + id).string_or("finished_at", ""), "1970-01-01T00:00:00Z");
  api.service.succeed("b");
  EXPECT_EQ(api.kfp_json("runs/" + id).string_or("state", ""), "SUCCEEDED");
  EXPECT_EQ(api.kfp_post("runs/" + id + ":retry").status, 409);
}

TEST(KfpRuns, ListsAreOfAnExperimentAndGoByWhatIsShown) {
  KfpApi api;
  const std::string experiment =
      KfpApi::text(api.json(api.kfp_post("experiments", R"({"display_name": "wine"})")), "experiment_id");
  const std::string ended = api.create_run(step_line("a"), {{"experiment_id", experiment}});
  api.service.succeed("a");
  const std::string running = api.create_run(step_line("b"), {{"experiment_id", experiment}});
  api.create_run(step_line("c"));
  EXPECT_EQ(api.kfp_json("runs").int_or("total_size", 0), 3);
  const Value list = api.kfp_json("runs?experiment_id=" + experiment + "&sort_by=created_at%20desc&page_size=100&page_token=");
  EXPECT_EQ(list.int_or("total_size", 0), 2);
  EXPECT_EQ(list.find("runs")->as_list().front().string_or("run_id", ""), running);
  const std::string filter = encode_percent(R"({"predicates": [{"operation": 1, "key": "state", "stringValue": "SUCCEEDED"}]})");
  const Value found = api.kfp_json("runs?namespace=&filter=" + filter);
  ASSERT_EQ(found.int_or("total_size", 0), 1);
  EXPECT_EQ(found.find("runs")->as_list().front().string_or("run_id", ""), ended);
}

TEST(KfpRuns, AnArchivedRunStaysInListsAndADeletedOneDoesNot) {
  KfpApi api;
  const std::string id = api.create_run(step_line("a"));
  EXPECT_EQ(api.kfp_post("runs/" + id + ":archive").body, "{}");
  EXPECT_EQ(api.kfp_json("runs").find("runs")->as_list().front().string_or("storage_state", ""), "ARCHIVED");
  const std::string filter =
      encode_percent(R"({"predicates": [{"operation": 1, "key": "storage_state", "string_value": "AVAILABLE"}]})");
  EXPECT_EQ(to_json(api.kfp_json("runs?filter=" + filter)), "{}");
  EXPECT_EQ(api.kfp_delete("runs/" + id).body, "{}");
  EXPECT_EQ(api.kfp_get("runs/" + id).status, 404);
  EXPECT_EQ(api.kfp_get("runs/nonsense").status, 404);
  EXPECT_EQ(api.kfp_post("runs/" + id + ":archive").status, 404);
}

TEST(KfpRuns, MacrosInParametersBecomeWhatTheyStandFor) {
  KfpApi api;
  const Value spec = spec_value(kWithRows).value();
  const Value made = api.json(api.kfp_post(
      "runs", to_json(Value::of({{"display_name", "r"},
                                 {"pipeline_spec", spec},
                                 {"runtime_config",
                                  Value::of({{"parameters", Value::of({{"rows", 1}, {"name", "[[RunUUID]] [[Index]]"}})}})}}))));
  const std::string id = KfpApi::text(made, "run_id");
  // The request is echoed as it was sent; the tasks get what it means.
  EXPECT_EQ(at(made, "runtime_config.parameters.name"), Value("[[RunUUID]] [[Index]]"));
  Value given;
  api.service.on_loop([&] { given = api.service.hands.newest("a").plan->parameters.at("name"); });
  EXPECT_EQ(given, Value(id + " [[Index]]"));
}

}  // namespace
}  // namespace sluice
