#include "plan/cache_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/sha256.h"
#include "plan/test_plan.h"

namespace sluice {
namespace {

using testing::HasSubstr;

class CacheKeyTest : public ::testing::Test {
 protected:
  CacheKeyTest() {
    Component& component = test.leaf("train");
    component.input_parameters["rows"] = test::input(ParameterType::kNumberInteger);
    component.input_parameters["seed"] = test::input_with_default(ParameterType::kNumberInteger, 7);
    component.input_artifacts["data"].type = {.schema_title = "system.Dataset", .schema_version = "0.0.1"};
    component.output_parameters["score"] = {.type = ParameterType::kNumberDouble};
    component.output_artifacts["model"] = {.type = {.schema_title = "system.Model"}, .metadata = {{"kind", "tree"}}};
    container() = {.image = "python:3.11", .command = {"sh", "-c", "train"}, .args = {"{{$}}"}, .env = {{"A", "1"}, {"B", "2"}}};
    task.cache_enabled = true;
    inputs.parameters = {{"rows", 3}};
    inputs.artifacts["data"] = {{.name = "data",
                                 .type = {.schema_title = "system.Dataset", .schema_version = "0.0.1"},
                                 .uri = "/data/run/1-load.1.out/data",
                                 .metadata = {{"columns", 4}},
                                 .digest = "sha256:" + std::string(64, 'a'),
                                 .size_bytes = 9}};
    test.compile();
  }
  ContainerSpec& container() { return std::get<ContainerSpec>(test.pipeline->executors.at("exec-train").what); }
  Artifact& data() { return inputs.artifacts["data"].front(); }
  CacheKey ask() {
    return cache_key({.plan = test.plan,
                      .component = test.compiled("train"),
                      .task = task,
                      .inputs = inputs,
                      .environment = environment,
                      .volumes = volumes});
  }
  std::string key() { return ask().key; }

  test::TestPlan test;
  TaskSpec task;
  TaskData inputs;
  CacheEnvironment environment;
  std::vector<std::string> volumes;
};

TEST_F(CacheKeyTest, IsTheDigestOfItsDocument) {
  const CacheKey key = ask();
  EXPECT_EQ(key.not_asked, "");
  EXPECT_EQ(key.key, sha256_hex(key.document));
}

// A key that is another one in the next release finds nothing that this one has made.
TEST_F(CacheKeyTest, StaysWhatItIs) {
  environment = {"e1", {"kfp==2.17.0", "pandas"}};
  volumes = {"b", "a", "b"};
  EXPECT_EQ(
      ask().document,
      R"({"args":["{{$}}"],"artifacts":{"data":[{"digest":"sha256:)" + std::string(64, 'a') +
          R"(","metadata":{"columns":4},"type":"system.Dataset","type_version":"0.0.1"}]},)"
          R"("command":["sh","-c","train"],"env":[["A","1"],["B","2"]],"environment":"e1","form":1,"image":"python:3.11",)"
          R"("outputs":{"artifact model":{"metadata":{"kind":"tree"},"type":"system.Model"},"parameter score":"NUMBER_DOUBLE"},)"
          R"("parameters":{"rows":3,"seed":7},"requirements":["kfp==2.17.0","pandas"],"volumes":["a","b"]})");
}

TEST_F(CacheKeyTest, KnowsNeitherRunNorPlace) {
  const std::string before = key();
  test.plan.context = {.run_uuid = "other", .display_name = "another", .pipeline_root = "/elsewhere", .workspace_path = "/ws"};
  data().uri = "/elsewhere/7-load.3.out/rows";
  data().name = "rows";
  data().size_bytes = 0;
  task.name = "another";
  test.pipeline->name = "another";
  EXPECT_EQ(key(), before);
}

TEST_F(CacheKeyTest, ADefaultThatIsGivenIsTheDefault) {
  const std::string before = key();
  inputs.parameters["seed"] = 7;
  EXPECT_EQ(key(), before);
  inputs.parameters["seed"] = 8;
  EXPECT_NE(key(), before);
}

TEST_F(CacheKeyTest, EverythingThatAResultDependsOnIsInIt) {
  std::vector<std::string> keys{key()};
  const auto note = [&](const std::string& what) {
    keys.push_back(key());
    EXPECT_EQ(std::count(keys.begin(), keys.end(), keys.back()), 1) << what;
  };
  container().image = "python:3.12";
  note("image");
  container().command.back() = "train harder";
  note("command");
  container().args.emplace_back("more");
  note("args");
  std::swap(container().env[0], container().env[1]);
  note("the order of env: later values may name earlier ones");
  inputs.parameters["rows"] = 4;
  note("parameter");
  data().digest.back() = 'b';
  note("content");
  data().metadata["columns"] = 5;
  note("metadata");
  data().type.schema_title = "system.Artifact";
  note("type");
  environment.key = "e1";
  note("environment");
  volumes = {"claim"};
  note("volume");
  inputs.artifacts["data"].push_back(data());
  note("one more in a list");
}

TEST_F(CacheKeyTest, ARecognisedInstallStageCountsOnlyByItsEnvironment) {
  container().command = {"sh", "-c", "pip install kfp==2.9.0", "sh", "-ec", "program"};
  container().python = PythonInstall{.argv_skip = 3};
  environment.key = "e1";
  const std::string before = key();
  container().command[2] = "pip install kfp==2.10.0";
  EXPECT_EQ(key(), before);
  container().command.back() = "another program";
  EXPECT_NE(key(), before);
}

TEST_F(CacheKeyTest, AKeyOfTheAuthorsIsAllThatCounts) {
  task.cache_key = "mine";
  EXPECT_EQ(key(), sha256_hex(std::string("train\0mine", 10)));
  inputs.parameters["rows"] = 4;
  data().digest.clear();
  EXPECT_EQ(key(), sha256_hex(std::string("train\0mine", 10)));
}

TEST_F(CacheKeyTest, IsNotAskedForWithAReason) {
  data().digest.clear();
  data().uri = "s3://bucket/rows";
  EXPECT_EQ(ask().not_asked, "input 'data' lies in storage that we do not hold: s3://bucket/rows");
  EXPECT_EQ(ask().key, "");
  data().uri = "/data/ws/rows";
  EXPECT_THAT(ask().not_asked, HasSubstr("storage"));
  data().uri = "/data/run/1-load.1.out/data";
  EXPECT_EQ(ask().not_asked, "") << "nothing was written there, which is content as well";
  container().args = {"{{$.workspace_path}}/x"};
  EXPECT_EQ(ask().not_asked, "it uses the run's workspace, which no other run has");
  task.cache_enabled = false;
  EXPECT_EQ(ask().not_asked, "caching is off for this task");
}

TEST_F(CacheKeyTest, ALaneIsOfAllIterations) {
  test.pipeline->name = "iris";
  EXPECT_EQ(cache_lane(test.plan, test.compiled("train"), "root/for-loop-2[17]/train[3]"), "iris train root/for-loop-2/train");
}

TEST_F(CacheKeyTest, DifferencesNameTheFirstThatCounts) {
  container().command.back() = "import os\nprint(1)\nend";
  environment = {"e1", {"numpy==2.0", "pandas==2.1"}};
  const std::string before = ask().document;
  EXPECT_TRUE(explain_difference(before, before).empty());
  inputs.parameters["rows"] = 4;
  data().digest = "sha256:" + std::string(64, 'c');
  environment = {"e2", {"pandas==2.2", "scipy"}};
  container().command.back() = "import os\n  print(2)\nend";
  container().env[0].second = "3";
  const std::vector<CacheDifference> found = explain_difference(before, ask().document);
  const std::vector<CacheDifference> expected{
      {"code, line 2", "print(1)", "print(2)"},
      {"env 'A'", "1", "3"},
      {"requirement 'numpy'", "numpy==2.0", ""},
      {"requirement 'pandas'", "pandas==2.1", "pandas==2.2"},
      {"requirement 'scipy'", "", "scipy"},
      {"parameter 'rows'", "3", "4"},
      {"artifact 'data'", "sha256:" + std::string(64, 'a'), "sha256:" + std::string(64, 'c')}};
  EXPECT_EQ(found, expected);
}

TEST_F(CacheKeyTest, DifferencesOfAnythingAreFewWords) {
  EXPECT_TRUE(explain_difference("", "[1").empty());
  const std::string before = ask().document;
  EXPECT_FALSE(explain_difference("{}", before).empty());
  inputs.parameters["rows"] = std::string(10'000, 'x') + "\xc3\xa4";
  const auto found = explain_difference(before, ask().document);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_LT(found.front().now.size(), 400U);
  environment.key = "e3";
  EXPECT_THAT(explain_difference(before, ask().document).front().what, HasSubstr("environment"));
}

TEST_F(CacheKeyTest, PackagesAreComparedByName) {
  const std::vector<CacheDifference> expected{{"package 'a'", "a==1", "a==2"}, {"package 'c'", "", "c==1"}};
  EXPECT_EQ(package_differences({"a==1", "b==1"}, {"a==2", "b==1", "c==1"}), expected);
}

}  // namespace
}  // namespace sluice
