#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "plan/launch.h"
#include "plan/test_plan.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

class Outputs : public testing::Test {
 protected:
  void declare(ParameterType type) { plan.component("step").output_parameters["x"] = {.type = type}; }
  OutputArtifact& artifact(const std::string& key) { return plan.component("step").output_artifacts[key]; }
  void use_python() { plan.container("step").python.emplace(); }

  Result<TaskData> parse() {
    plan.compile();
    return parse_outputs({.plan = plan.plan,
                          .component = plan.compiled("step"),
                          .task_name = "t",
                          .task_uuid = "1",
                          .inputs = inputs,
                          .outputs = {.parameters_dir = "/o/p", .artifacts_dir = "/o/a", .executor_output = "/o/e"}},
                         files);
  }
  std::string parameters() {
    const auto data = parse();
    return data ? to_json(data->parameters) : "error: " + data.error().message;
  }
  std::string from_file(ParameterType type, std::string text) {
    declare(type);
    files.parameter_files["x"] = std::move(text);
    return parameters();
  }
  std::string reported(ParameterType type, const std::string& json) {
    declare(type);
    files.executor_output = R"({"parameterValues": {"x": )" + json + "}}";
    return parameters();
  }
  ArtifactList artifacts(const std::string& key) {
    auto data = parse();
    EXPECT_TRUE(data) << data.error().message;
    return data ? data->artifacts.at(key) : ArtifactList{};
  }

  test::TestPlan plan;
  TaskData inputs;
  OutputFiles files;
};

TEST_F(Outputs, AFileIsReadAsItsTypeSays) {
  EXPECT_EQ(from_file(ParameterType::kString, " a\n"), R"({"x":" a\n"})");
  EXPECT_EQ(from_file(ParameterType::kString, ""), R"({"x":""})");
  EXPECT_EQ(from_file(ParameterType::kNumberInteger, " 10\n"), R"({"x":10})");
  EXPECT_EQ(from_file(ParameterType::kNumberInteger, "-3"), R"({"x":-3})");
  EXPECT_EQ(from_file(ParameterType::kNumberDouble, "+2.50"), R"({"x":2.5})");
  EXPECT_EQ(from_file(ParameterType::kNumberDouble, "1e-3\n"), R"({"x":0.001})");
  EXPECT_EQ(from_file(ParameterType::kList, "[1, 2]\n"), R"({"x":[1,2]})");
  EXPECT_EQ(from_file(ParameterType::kStruct, R"({"a": 1})"), R"({"x":{"a":1}})");
  for (const char* text : {"1", "t", "T", "TRUE", "true", "True", "true\n"})
    EXPECT_EQ(from_file(ParameterType::kBoolean, text), R"({"x":true})");
  for (const char* text : {"0", "f", "F", "FALSE", "false", "False"})
    EXPECT_EQ(from_file(ParameterType::kBoolean, text), R"({"x":false})");
}

TEST_F(Outputs, AFileThatIsNotOfItsTypeIsAnError) {
  EXPECT_EQ(from_file(ParameterType::kNumberInteger, "abc"), R"(error: output parameter "x": expect NUMBER_INTEGER, got "abc")");
  EXPECT_EQ(from_file(ParameterType::kNumberInteger, "1.5"), R"(error: output parameter "x": expect NUMBER_INTEGER, got "1.5")");
  for (const char* text : {"", "nan", "inf", "1 2", "0x10", "+-1", "1e999"})
    EXPECT_THAT(from_file(ParameterType::kNumberDouble, text),
                HasSubstr("expect NUMBER_DOUBLE, got \"" + std::string(text) + "\""));
  EXPECT_THAT(from_file(ParameterType::kBoolean, "yes"), HasSubstr("expect BOOLEAN, got \"yes\""));
  EXPECT_THAT(from_file(ParameterType::kList, "{}"), HasSubstr("expect LIST, got \"{}\""));
  EXPECT_THAT(from_file(ParameterType::kStruct, "[1"), HasSubstr("expect STRUCT, got \"[1\""));
}

TEST_F(Outputs, WhatWasFoundIsCutTo80Characters) {
  EXPECT_EQ(from_file(ParameterType::kList, std::string(500, 'a')),
            "error: output parameter \"x\": expect LIST, got \"" + std::string(80, 'a') + "\"...");
  EXPECT_THAT(from_file(ParameterType::kList, std::string(79, 'a') + "\xC3\xA4"),
              HasSubstr("got \"" + std::string(79, 'a') + "\"..."));
  EXPECT_THAT(reported(ParameterType::kList, "\"" + std::string(500, 'a') + "\""), Not(HasSubstr(std::string(81, 'a'))));
}

TEST_F(Outputs, ACommandThatDoesNotWriteWhatItDeclaresHasAFault) {
  declare(ParameterType::kString);
  EXPECT_EQ(parameters(), R"(error: output parameter "x": expect STRING, got nothing: the command did not write it)");
}

TEST_F(Outputs, APythonComponentMayLeaveAnOutputUnset) {
  use_python();
  declare(ParameterType::kString);
  EXPECT_EQ(parameters(), "{}");
  EXPECT_EQ(reported(ParameterType::kString, "null"), "{}");
}

TEST_F(Outputs, TheReportBeatsTheFiles) {
  files.parameter_files["x"] = "1";
  EXPECT_EQ(reported(ParameterType::kNumberInteger, "10"), R"({"x":10})");
  files.executor_output = "{}";
  EXPECT_EQ(parameters(), R"({"x":1})");
  EXPECT_EQ(reported(ParameterType::kNumberInteger, "null"), R"({"x":1})");
}

TEST_F(Outputs, TheReportMayBeSpelledInSnakeCase) {
  declare(ParameterType::kNumberInteger);
  artifact("m") = {};
  files.executor_output = R"({"parameter_values": {"x": 4, "other": 1}, "extra": 1,)"
                          R"( "artifacts": {"m": {"artifacts": [{"custom_path": "/c"}]}, "executor-logs": 5}})";
  EXPECT_EQ(parameters(), R"({"x":4})");
  EXPECT_EQ(artifacts("m")[0].custom_path, "/c");
  files.executor_output = R"({"parameterValues": {"x": 4}, "artifacts": {"m": {"artifacts": [{"customPath": "/d"}]}}})";
  EXPECT_EQ(artifacts("m")[0].custom_path, "/d");
}

TEST_F(Outputs, AReportedValueHasToBeOfItsType) {
  EXPECT_EQ(reported(ParameterType::kNumberInteger, "10.0"), R"({"x":10})");
  EXPECT_EQ(reported(ParameterType::kString, "10.0"), R"({"x":"10"})");
  EXPECT_EQ(reported(ParameterType::kNumberInteger, "2.5"),
            R"(error: output parameter "x": expect NUMBER_INTEGER, got number 2.5)");
  EXPECT_EQ(reported(ParameterType::kNumberInteger, R"("5")"),
            R"(error: output parameter "x": expect NUMBER_INTEGER, got string "5")");
  EXPECT_EQ(reported(ParameterType::kStruct, "[1]"), R"(error: output parameter "x": expect STRUCT, got list [1])");
}

TEST_F(Outputs, NaNIsAnErrorForAParameterAndTextInMetadata) {
  EXPECT_THAT(reported(ParameterType::kNumberDouble, "NaN"),
              HasSubstr("output parameter \"x\": expect NUMBER_DOUBLE, got NaN, which JSON cannot hold"));
  EXPECT_THAT(reported(ParameterType::kList, "[1, -Infinity]"), HasSubstr("got -Infinity, which JSON cannot hold"));
  EXPECT_EQ(reported(ParameterType::kList, R"(["NaN"])"), R"({"x":["NaN"]})");
  plan.component("step").output_parameters.clear();
  artifact("m") = {};
  files.executor_output = R"({"artifacts": {"m": {"artifacts": [{"metadata": {"loss": NaN, "best": Infinity}}]}}})";
  EXPECT_EQ(to_json(artifacts("m")[0].metadata), R"({"best":"Infinity","loss":"NaN"})");
}

TEST_F(Outputs, AReportThatIsNoReportIsAnError) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "executor_output.json is not valid JSON"},
      {"{", "executor_output.json is not valid JSON"},
      {"[]", "executor_output.json: expect an object, got list []"},
      {R"({"parameterValues": []})", "parameterValues: expect an object, got list []"},
      {R"({"artifacts": 1})", "artifacts: expect an object, got number 1"},
      {R"({"artifacts": {"m": []}})", "output artifact \"m\": expect an object with a list `artifacts`, got list []"},
      {R"({"artifacts": {"m": {"artifacts": [1]}}})", "output artifact \"m\": expect an artifact, got number 1"},
      {R"({"artifacts": {"m": {"artifacts": [{"uri": 1}]}}})", "expect texts for name, uri and custom_path, got number 1"},
      {R"({"artifacts": {"m": {"artifacts": [{"metadata": []}]}}})", "expect an object for metadata, got list []"}};
  artifact("m") = {};
  for (const auto& [text, message] : cases) {
    files.executor_output = text;
    EXPECT_THAT(parameters(), HasSubstr(message)) << text;
  }
}

TEST_F(Outputs, AnArtifactThatNobodyMentionsKeepsItsDefaultUri) {
  artifact("m") = {.type = {.schema_title = "system.Model"}, .metadata = {{"framework", "tf"}}};
  const ArtifactList made = artifacts("m");
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(
      made[0],
      (Artifact{.name = "m", .type = {.schema_title = "system.Model"}, .uri = "/o/a/m", .metadata = {{"framework", "tf"}}}));
}

TEST_F(Outputs, WhatIsReportedGoesOverWhatIsDeclared) {
  artifact("m") = {.metadata = {{"framework", "tf"}, {"kept", 1}}};
  files.executor_output = R"({"artifacts": {"m": {"artifacts": [{"name": "m2", "uri": "s3://b/k",)"
                          R"( "metadata": {"framework": "torch", "new": [1]}}]}}})";
  const ArtifactList made = artifacts("m");
  EXPECT_EQ(made[0].name, "m2");
  EXPECT_EQ(made[0].uri, "s3://b/k");
  EXPECT_EQ(to_json(made[0].metadata), R"({"framework":"torch","kept":1,"new":[1]})");
  files.executor_output = R"({"artifacts": {"m": {"artifacts": [{"name": "", "uri": ""}]}}})";
  EXPECT_EQ(artifacts("m")[0].uri, "/o/a/m");
  EXPECT_EQ(artifacts("m")[0].name, "m");
}

TEST_F(Outputs, AListOfArtifactsMayHaveAnyNumberAndASingleOneMayNot) {
  files.executor_output = R"({"artifacts": {"m": {"artifacts": [{"uri": "/1"}, {"uri": "/2"}]}, "n": {"artifacts": []}}})";
  artifact("m").is_list = true;
  artifact("n").is_list = true;
  EXPECT_EQ(artifacts("m").size(), 2U);
  EXPECT_EQ(artifacts("m")[1].uri, "/2");
  EXPECT_TRUE(artifacts("n").empty());
  artifact("n").is_list = false;
  EXPECT_EQ(artifacts("n")[0].uri, "/o/a/n");
  artifact("m").is_list = false;
  EXPECT_EQ(parameters(), R"(error: output artifact "m": expect one artifact, got a list of 2)");
}

// What is nested too deep for the journal would make the whole run unreadable.
TEST_F(Outputs, NestedTooDeepToBeReadBackAreRefused) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_EQ(reported(ParameterType::kList, nested(100)), R"({"x":)" + nested(100) + "}");
  const std::string refused = "error: output parameter \"x\": nested deeper than 100 levels";
  EXPECT_EQ(reported(ParameterType::kList, nested(101)), refused);
  EXPECT_EQ(reported(ParameterType::kString, nested(101)), R"({"x":")" + nested(101) + "\"}") << "text has no levels";
  files.executor_output.reset();
  EXPECT_EQ(from_file(ParameterType::kList, nested(101)), refused);
  EXPECT_EQ(from_file(ParameterType::kList, nested(100)), R"({"x":)" + nested(100) + "}");

  artifact("model");
  files.executor_output = R"({"artifacts": {"model": {"artifacts": [{"metadata": {"m": )" + nested(100) + "}}]}}}";
  EXPECT_EQ(parameters(), "error: output artifact \"model\": metadata: nested deeper than 100 levels");
}

class Importing : public testing::Test {
 protected:
  void SetUp() override {
    Component& component = plan.leaf("import");
    component.output_artifacts["artifact"] = {.type = {.schema_title = "system.Artifact"}};
    plan.pipeline->executors.at("exec-import").what = ImporterSpec{.uri = "s3://b/k", .type = {.schema_title = "system.Dataset"}};
  }
  ImporterSpec& importer() { return std::get<ImporterSpec>(plan.pipeline->executors.at("exec-import").what); }
  Result<Import> make() {
    plan.compile();
    return make_import(plan.compiled("import"), inputs);
  }
  test::TestPlan plan;
  TaskData inputs;
};

TEST_F(Importing, YieldsTheArtifactUnderTheOnlyOutputKey) {
  importer().download_to_workspace = true;
  const auto made = make();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->key, "artifact");
  EXPECT_TRUE(made->download_to_workspace);
  EXPECT_EQ(made->artifact, (Artifact{.name = "artifact", .type = {.schema_title = "system.Dataset"}, .uri = "s3://b/k"}));
}

TEST_F(Importing, TakesTheUriFromAnInputOrItsDefault) {
  importer().uri_parameter = "uri";
  inputs.parameters["uri"] = "gs://x";
  EXPECT_EQ(make().value().artifact.uri, "gs://x");
  inputs.parameters.clear();
  plan.component("import").input_parameters["uri"] = test::input_with_default(ParameterType::kString, "gs://d");
  EXPECT_EQ(make().value().artifact.uri, "gs://d");
}

TEST_F(Importing, OfAnEmptyUriIsAnError) {
  importer().uri = "";
  EXPECT_THAT(make().error().message, HasSubstr("the artifact's URI is empty"));
  importer().uri_parameter = "uri";
  EXPECT_THAT(make().error().message, HasSubstr("input parameter \"uri\" has no text"));
}

TEST_F(Importing, FillsPlaceholdersInKeysAndValuesOfMetadata) {
  importer().metadata = {
      {"k-{{$.inputs.parameters['x']}}", List{"{{$.inputs.parameters['n']}}", "n={{$.inputs.parameters['n']}}"}},
      {"other", "{{$.inputs.parameters['no']}}"}};
  inputs.parameters = {{"x", "a"}, {"n", 3}};
  EXPECT_EQ(to_json(make().value().artifact.metadata), R"({"k-a":[3,"n=3"],"other":"{{$.inputs.parameters['no']}}"})");
}

TEST_F(Importing, NeedsExactlyOneOutput) {
  plan.component("import").output_artifacts["second"] = {};
  EXPECT_THAT(make().error().message, HasSubstr("expect one output artifact, got 2"));
}

}  // namespace
}  // namespace sluice
