#include "plan/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "plan/test_plan.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// A task of the component "step".
class LaunchTest : public testing::Test {
 protected:
  Component& component() { return plan.component("step"); }
  ContainerSpec& container() { return plan.container("step"); }

  Result<Launch> launch() {
    plan.compile();
    return make_launch(context());
  }
  LaunchContext context() {
    return {.plan = plan.plan,
            .component = plan.compiled("step"),
            .task_name = "t",
            .task_uuid = "42",
            .inputs = inputs,
            .outputs = {.parameters_dir = "/o/p", .artifacts_dir = "/o/a", .executor_output = "/o/executor_output.json"}};
  }
  // What one argv element becomes: its elements, joined by "|".
  std::string argument(const std::string& text) {
    container().command = {"run", text};
    const auto made = launch();
    if (!made) return "error: " + made.error().message;
    std::string out;
    for (std::size_t i = 1; i < made->argv.size(); ++i) out += (i > 1 ? "|" : "") + made->argv[i];
    return out;
  }
  std::string executor_input() {
    plan.compile();
    return executor_input_json(context());
  }

  test::TestPlan plan;
  TaskData inputs;
};

TEST_F(LaunchTest, AParameterIsPutInAsItsText) {
  inputs.parameters = {
      {"s", "a \"b\""}, {"i", 3}, {"d", 0.25}, {"b", true}, {"l", List{1, "x"}}, {"o", Value::of({{"z", 1}, {"a", nullptr}})}};
  EXPECT_EQ(argument("{{$.inputs.parameters['s']}}"), "a \"b\"");
  EXPECT_EQ(argument("{{$.inputs.parameters['i']}},{{$.inputs.parameters['d']}},{{$.inputs.parameters['b']}}"), "3,0.25,true");
  EXPECT_EQ(argument("{{$.inputs.parameters['l']}} {{$.inputs.parameters['o']}}"), R"([1,"x"] {"a":null,"z":1})");
}

TEST_F(LaunchTest, AParameterThatWasNotGivenIsItsDefaultOrEmptyAndAnUnknownOneStays) {
  component().input_parameters["x"] = test::input_with_default(ParameterType::kNumberInteger, 7);
  component().input_parameters["y"] = test::optional_input(ParameterType::kString);
  EXPECT_EQ(argument("{{$.inputs.parameters['x']}}-{{$.inputs.parameters['y']}}-{{$.inputs.parameters['z']}}"),
            "7--{{$.inputs.parameters['z']}}");
}

TEST_F(LaunchTest, AValueThatLooksLikeAPlaceholderIsNotExpandedAgain) {
  inputs.parameters = {{"x", "{{$.inputs.parameters['y']}}"}, {"y", "{{$}}"}};
  EXPECT_EQ(argument("{{$.inputs.parameters['x']}}{{$.inputs.parameters['y']}}"), "{{$.inputs.parameters['y']}}{{$}}");
}

TEST_F(LaunchTest, AnInputArtifactHasUriPathMetadataAndAList) {
  Artifact one = test::artifact("a", "s3://b/k");
  one.metadata = {{"rows", 10}, {"name", "n"}};
  inputs.artifacts["a"] = {one, test::artifact("a", "/2")};
  EXPECT_EQ(argument("{{$.inputs.artifacts['a'].uri}} {{$.inputs.artifacts['a'].path}}"), "s3://b/k /s3/b/k");
  EXPECT_EQ(argument("{{$.inputs.artifacts['a'].metadata}}"), R"({"name":"n","rows":10})");
  EXPECT_EQ(argument("{{$.inputs.artifacts['a'].metadata['rows']}},{{$.inputs.artifacts['a'].metadata['name']}}"), "10,n");
  EXPECT_EQ(argument("{{$.inputs.artifacts['a'].metadata['no']}}"), "{{$.inputs.artifacts['a'].metadata['no']}}");
  EXPECT_EQ(argument("{{$.inputs.artifacts['a']}}"),
            R"([{"metadata":{"name":"n","rows":10},"name":"a",)"
            R"("type":{"schemaTitle":"system.Dataset","schemaVersion":"0.0.1"},"uri":"s3://b/k"},)"
            R"({"name":"a","type":{"schemaTitle":"system.Dataset","schemaVersion":"0.0.1"},"uri":"/2"}])");
}

TEST_F(LaunchTest, AnOptionalArtifactThatWasNotGivenIsEmpty) {
  component().input_artifacts["a"] = {.optional = true};
  EXPECT_EQ(argument("<{{$.inputs.artifacts['a'].path}}>{{$.inputs.artifacts['b'].path}}"), "<>{{$.inputs.artifacts['b'].path}}");
}

TEST_F(LaunchTest, OutputsAreFilesOfTheAttempt) {
  component().output_parameters["p"] = {};
  component().output_artifacts["m"] = {.metadata = {{"framework", "tf"}}};
  EXPECT_EQ(argument("{{$.outputs.parameters['p'].output_file}}"), "/o/p/p");
  EXPECT_EQ(argument("{{$.outputs.artifacts['m'].path}} {{$.outputs.artifacts['m'].uri}}"), "/o/a/m /o/a/m");
  EXPECT_EQ(argument("{{$.outputs.artifacts['m'].metadata['framework']}}"), "tf");
  EXPECT_EQ(argument("{{$.outputs.output_file}} {{$.outputMetadataUri}}"), "/o/executor_output.json /o/executor_output.json");
  EXPECT_EQ(argument("{{$.outputs.parameters['q'].output_file}}"), "{{$.outputs.parameters['q'].output_file}}");
}

TEST_F(LaunchTest, FoldersAreNeededOnlyIfSomebodyKnowsTheirPaths) {
  component().output_parameters["p"] = {};
  const auto needs = [&](const std::string& text) {
    container().command = {"run", text};
    return launch().value().needs_outputs_dir;
  };
  EXPECT_FALSE(needs("plain"));
  EXPECT_FALSE(needs("{{$.pipeline_job_name}}"));
  EXPECT_TRUE(needs("{{$.outputs.parameters['p'].output_file}}"));
  EXPECT_TRUE(needs("{{$}}"));
  EXPECT_TRUE(needs("{{$.outputMetadataUri}}"));
}

TEST_F(LaunchTest, JobPlaceholdersWorkInCommandsToo) {
  EXPECT_EQ(argument("{{$.pipeline_job_name}}/{{$.pipeline_task_name}}/{{$.pipeline_task_uuid}}"), "my run/t/42");
  EXPECT_EQ(argument("{{$.pipeline_google_cloud_location}}"), "{{$.pipeline_google_cloud_location}}");
}

TEST_F(LaunchTest, TheTaskUuidReachesAnInputThatAsksForIt) {
  inputs.parameters = {{"id", "{{$.pipeline_task_uuid}}"}};
  EXPECT_EQ(argument("{{$.inputs.parameters['id']}}"), "42");
  EXPECT_THAT(executor_input(), HasSubstr(R"("parameterValues":{"id":"42"})"));
}

TEST_F(LaunchTest, TheWholeInputCanBeEscapedForJson) {
  const std::string plain = argument("{{$}}");
  const std::string once = argument("{{$.json_escape[1]}}");
  EXPECT_EQ(parse_json("\"" + once + "\"").value(), Value(plain));
}

TEST_F(LaunchTest, IfPresentLooksAtWhatTheTaskGave) {
  component().input_parameters["d"] = test::input_with_default(ParameterType::kString, "default");
  inputs.parameters = {{"x", "1"}, {"n", nullptr}};
  inputs.artifacts["a"] = {test::artifact("a", "/1")};
  const auto present = [&](const std::string& name) {
    return argument(R"({"IfPresent": {"InputName": ")" + name + R"(", "Then": "yes", "Else": "no"}})");
  };
  EXPECT_EQ(present("x"), "yes");
  EXPECT_EQ(present("a"), "yes");
  EXPECT_EQ(present("n"), "no");
  EXPECT_EQ(present("d"), "no");
  EXPECT_EQ(present("other"), "no");
}

TEST_F(LaunchTest, IfPresentSplicesListsAndVanishesWithoutElse) {
  inputs.parameters = {{"x", "a\"b"}};
  EXPECT_EQ(argument(R"({"IfPresent": {"InputName": "x", "Then": ["--x", "{{$.inputs.parameters['x']}}"]}})"), "--x|a\"b");
  EXPECT_EQ(argument(R"({"IfPresent": {"InputName": "y", "Then": ["--y"]}})"), "");
}

TEST_F(LaunchTest, ConcatJoinsTextsAndWhatIsNestedInIt) {
  inputs.parameters = {{"x", "1"}};
  EXPECT_EQ(argument(R"({"Concat": ["pre-", "{{$.inputs.parameters['x']}}", "-",)"
                     R"( {"IfPresent": {"InputName": "y", "Then": "Y", "Else": "noY"}}]})"),
            "pre-1-noY");
  EXPECT_EQ(argument(R"({"IfPresent": {"InputName": "x", "Then": [{"Concat": ["a", {"Concat": ["b", "c"]}]}, "d"]}})"), "abc|d");
  EXPECT_EQ(argument(R"({"Concat": ["a", {"IfPresent": {"InputName": "y", "Then": "b"}}]})"), "a");
}

TEST_F(LaunchTest, TheProgramItselfMayDependOnAnInput) {
  container().command = {R"({"IfPresent": {"InputName": "x", "Then": ["nice", "run"], "Else": "run"}})", "a"};
  EXPECT_THAT(launch().value().argv, ElementsAre("run", "a"));
  inputs.parameters = {{"x", 1}};
  EXPECT_THAT(launch().value().argv, ElementsAre("nice", "run", "a"));
}

TEST_F(LaunchTest, JsonThatOnlyBeginsLikeAStructureIsText) {
  for (const char* text : {R"({"Concat": ["a")", R"({"Concat": [], "more": 1})", R"({"IfPresent": )", R"( {"Concat": []})"})
    EXPECT_EQ(argument(text), text);
}

TEST_F(LaunchTest, AStructureOfTheWrongFormIsAnError) {
  EXPECT_THAT(argument(R"({"Concat": "a"})"), HasSubstr("Concat needs a list, got string"));
  EXPECT_THAT(argument(R"({"IfPresent": {"Then": "a"}})"), HasSubstr("IfPresent needs the fields InputName (a text) and Then"));
  EXPECT_THAT(argument(R"({"Concat": [{"a": 1}]})"), HasSubstr("expect a text, a list, IfPresent or Concat"));
}

TEST_F(LaunchTest, TheInstallStageIsCutOff) {
  container().command = {"sh", "-c", "install", "sh", "-ec", "run", "source"};
  container().args = {"--f", "fit"};
  container().python = PythonInstall{.argv_skip = 3};
  EXPECT_THAT(launch().value().argv, ElementsAre("sh", "-ec", "run", "source", "--f", "fit"));
}

TEST_F(LaunchTest, WithoutACommandIsAnError) {
  container().command = {};
  EXPECT_THAT(launch().error().message, HasSubstr("component \"step\" has no command"));
}

TEST_F(LaunchTest, InAContainerTheImageInstallsAndMayKnowTheCommand) {
  container().image = "trainer:{{$.inputs.parameters['tag']}}";
  container().command = {"sh", "-c", "install"};
  container().args = {"--f", "fit"};
  container().python = PythonInstall{.argv_skip = 2};
  inputs.parameters = {{"tag", "7"}};
  plan.compile();
  LaunchContext inside = context();
  inside.in_container = true;
  const Launch whole = make_launch(inside).value();
  EXPECT_EQ(whole.image, "trainer:7");
  EXPECT_THAT(whole.argv, ElementsAre("sh", "-c", "install", "--f", "fit"));
  EXPECT_EQ(whole.command_words, 3U);
  container().command = {};
  container().args = {};
  EXPECT_THAT(make_launch(inside).value().argv, testing::IsEmpty());
}

TEST_F(LaunchTest, InitContainersHaveCommandsOfTheirOwn) {
  container().command = {"run"};
  KubernetesConfig& kubernetes = plan.executor("step").kubernetes;
  kubernetes.init_containers = {{.name = "fetch",
                                 .command = {"sh", "-c"},
                                 .args = {"echo {{$.inputs.parameters['x']}}"},
                                 .env = {{"A", "1"}, {"B", "$(A)2"}}}};
  inputs.parameters = {{"x", "hello"}};
  const Launch made = launch().value();
  ASSERT_EQ(made.init.size(), 1U);
  EXPECT_THAT(made.init[0].argv, ElementsAre("sh", "-c", "echo hello"));
  EXPECT_THAT(made.init[0].env, ElementsAre(Pair("A", "1"), Pair("B", "12")));
  EXPECT_THAT(made.argv, ElementsAre("run"));
  kubernetes.init_containers[0].command = {};
  kubernetes.init_containers[0].args = {};
  EXPECT_THAT(launch().error().message, HasSubstr("init container \"fetch\" has no command"));
}

TEST_F(LaunchTest, EnvironmentVariablesSeeEarlierOnesAndPlaceholders) {
  inputs.parameters = {{"x", "$(A)"}};
  container().env = {{"A", "1"}, {"B", "$(A)$(C)"}, {"C", "{{$.inputs.parameters['x']}}"}, {"D", "$$(A)"}};
  EXPECT_THAT(launch().value().env, ElementsAre(Pair("A", "1"), Pair("B", "1$(C)"), Pair("C", "$(A)"), Pair("D", "$(A)")));
}

TEST_F(LaunchTest, AnOutputThatIsNoFileNameIsRefused) {
  for (const char* key : {"a/b", "..", ".", ""}) {
    component().output_parameters.clear();
    component().output_parameters[key] = {};
    const auto made = launch();
    ASSERT_FALSE(made) << key;
    EXPECT_THAT(made.error().message, HasSubstr("cannot be the name of a file"));
  }
}

TEST_F(LaunchTest, TheExecutorInputOfNothingIsItsOutputFile) {
  EXPECT_EQ(executor_input(), R"({"inputs":{},"outputs":{"outputFile":"/o/executor_output.json"}})");
}

TEST_F(LaunchTest, TheExecutorInputHoldsInputsDefaultsAndOutputs) {
  component().input_parameters["d"] = test::input_with_default(ParameterType::kString, "default");
  component().input_parameters["d"].optional = true;
  component().input_parameters["n"] = test::input_with_default(ParameterType::kString, nullptr);
  component().output_parameters["Output"] = {};
  component().output_artifacts["m"] = {.type = {.schema_title = "system.Model", .schema_version = "0.0.1"},
                                       .metadata = {{"framework", "tf"}}};
  inputs.parameters = {{"a", 5.0}, {"gone", nullptr}};
  Artifact in = test::artifact("ds", "/in");
  in.type = {.instance_schema = "title: x"};
  in.custom_path = "/c";
  in.metadata = {{"rows", 2}};
  inputs.artifacts["ds"] = {in};
  EXPECT_EQ(executor_input(), R"({"inputs":{"artifacts":{"ds":{"artifacts":[{"customPath":"/c",)"
                              R"("metadata":{"rows":2},"name":"ds","type":{"instanceSchema":"title: x"},"uri":"/in"}]}},)"
                              R"("parameterValues":{"a":5,"d":"default"}},)"
                              R"("outputs":{"artifacts":{"m":{"artifacts":[{"metadata":{"framework":"tf"},)"
                              R"("name":"m","type":{"schemaTitle":"system.Model","schemaVersion":"0.0.1"},"uri":"/o/a/m"}]}},)"
                              R"("outputFile":"/o/executor_output.json","parameters":{"Output":{"outputFile":"/o/p/Output"}}}})");
}

TEST_F(LaunchTest, ALightweightPythonComponentIsTakenApart) {
  inputs.parameters = {{"s", "v"}};
  container().command = {"sh", "-c", "install", "sh", "-ec", "run", "def f(): pass\n"};
  container().args = {"--text", "{{$.inputs.parameters['s']}}"};
  container().python = PythonInstall{.argv_skip = 3};
  const auto made = launch();
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->python);
  EXPECT_EQ(made->python->source, "def f(): pass\n");
  EXPECT_THAT(made->python->args, ElementsAre("--text", "v"));
  EXPECT_THAT(made->argv, ElementsAre("sh", "-ec", "run", "def f(): pass\n", "--text", "v"));
}

TEST_F(LaunchTest, AnyOtherCommandIsNoLightweightPythonComponent) {
  container().command = {"sh", "-ec", "run", "def f(): pass\n"};
  const auto made = launch();
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->python);
}

}  // namespace
}  // namespace sluice
