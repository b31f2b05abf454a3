#include "app/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/test_world.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr const char* kPipeline = R"(
pipelineInfo: {name: typed}
schemaVersion: 2.1.0
components:
  comp-a: {executorLabel: exec-a}
deploymentSpec:
  executors:
    exec-a:
      container: {image: alpine, command: ["true"]}
root:
  inputDefinitions:
    parameters:
      int: {parameterType: NUMBER_INTEGER}
      double: {parameterType: NUMBER_DOUBLE}
      text: {parameterType: STRING}
      flag: {parameterType: BOOLEAN}
      list: {parameterType: LIST}
      struct: {parameterType: STRUCT}
  dag:
    tasks:
      a:
        componentRef: {name: comp-a}
)";

class Loading : public testing::Test {
 protected:
  LoadedSubmission load() { return load_submission({words, config, console}, true); }
  Value value_of(const std::string& param) {
    words.params = {param};
    const LoadedSubmission loaded = load();
    EXPECT_TRUE(loaded.errors.empty()) << param;
    const auto& parameters = loaded.submission.parameters;
    return parameters.empty() ? Value() : parameters.begin()->second;
  }

  ScratchFolder folder;
  Words words{.verb = "run", .pipeline = folder.write("p.yaml", kPipeline)};
  Config config;
  Console console{true};
};

TEST_F(Loading, ArgumentsAreReadAsTheirDeclaredTypes) {
  EXPECT_EQ(value_of("int=3"), Value(3));
  EXPECT_EQ(value_of("double=0.5"), Value(0.5));
  EXPECT_EQ(value_of("double=2"), Value(2));
  EXPECT_EQ(value_of("text=3"), Value("3")) << "a STRING stays text";
  EXPECT_EQ(value_of("text={\"a\": 1}"), Value("{\"a\": 1}"));
  EXPECT_EQ(value_of("text="), Value(""));
  EXPECT_EQ(value_of("text=a=b"), Value("a=b"));
  EXPECT_EQ(value_of("flag=true"), Value(true));
  EXPECT_EQ(value_of("list=[1, \"x\"]"), Value(List{1, "x"}));
  EXPECT_EQ(value_of("struct={\"a\": [null]}"), Value::of({{"a", List{nullptr}}}));
  EXPECT_EQ(value_of("int=many"), Value("many")) << "the plan says that this is no number";
  EXPECT_EQ(value_of("unknown=3"), Value("3"));
}

TEST_F(Loading, AnArgumentWithoutANameIsRefused) {
  for (const char* bad : {"int", "=3", ""}) {
    words.params = {bad};
    const LoadedSubmission loaded = load();
    ASSERT_EQ(loaded.errors.size(), 1U) << bad;
    EXPECT_THAT(loaded.errors.front().message, HasSubstr("not NAME=VALUE"));
  }
}

TEST_F(Loading, AFileOfParametersIsJsonOrYamlAndFlagsWin) {
  words.params_file = folder.write("p.json", R"({"int": 1, "list": [true], "text": "from the file"})");
  words.params = {"text=from the flag"};
  EXPECT_EQ(load().submission.parameters, (Struct{{"int", 1}, {"list", List{true}}, {"text", "from the flag"}}));
  words.params_file = folder.write("p.yml", "int: 2\nstruct:\n  a: x\n");
  words.params.clear();
  EXPECT_EQ(load().submission.parameters, (Struct{{"int", 2}, {"struct", Value::of({{"a", "x"}})}}));
}

TEST_F(Loading, AFileOfParametersThatIsNoneNamesItself) {
  words.params_file = folder.write("bad.json", "{\"int\": ");
  ASSERT_EQ(load().errors.size(), 1U);
  EXPECT_THAT(load().errors.front().text(), HasSubstr("bad.json"));
  words.params_file = folder.write("list.json", "[1]");
  ASSERT_EQ(load().errors.size(), 1U);
  words.params_file = folder.path() + "/nowhere.json";
  ASSERT_EQ(load().errors.size(), 1U);
  EXPECT_EQ(load().errors.front().file, words.params_file);
  EXPECT_THAT(load().errors.front().message, HasSubstr("No such file"));
}

TEST_F(Loading, TheSubmissionHoldsWhatTheWordsSay) {
  words.name = "n";
  words.experiment = "e";
  words.no_cache = true;
  const Submission submission = load().submission;
  EXPECT_EQ(submission.spec, kPipeline);
  EXPECT_EQ(submission.spec_file, words.pipeline);
  EXPECT_EQ(submission.name, "n");
  EXPECT_EQ(submission.experiment, "e");
  EXPECT_FALSE(submission.cache);
}

TEST_F(Loading, PipelinesThatCannotBeReadHaveTheirFileInTheError) {
  words.pipeline = folder.path() + "/nowhere.yaml";
  LoadedSubmission loaded = load();
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_EQ(loaded.errors.front().file, words.pipeline);
  EXPECT_EQ(loaded.errors.front().code, Code::kInvalid);
  words.pipeline = folder.path();
  loaded = load();
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_THAT(loaded.errors.front().message, HasSubstr("is a directory"));
  words.pipeline = folder.path() + "/nowhere.py:train";
  loaded = load();
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_EQ(loaded.errors.front().file, folder.path() + "/nowhere.py");
}

TEST_F(Loading, AnErrorOrASignalGivesTheExitCode) {
  const CapturedPipe out(STDOUT_FILENO);
  LoadedSubmission loaded;
  loaded.errors = {{.code = Code::kInvalid, .message = "bad"}};
  EXPECT_EQ(loaded.fail(console), 2);
  loaded.errors = {{.code = Code::kCancelled, .message = "interrupted"}};
  EXPECT_EQ(loaded.fail(console), 130);
  loaded.signal = SIGTERM;
  EXPECT_EQ(loaded.fail(console), 143);
}

TEST_F(Loading, ADirectoryWithoutDataIsToldApartFromAnEmptyOne) {
  const auto dir = DataDir::at(folder.path() + "/nothing");
  const auto store = open_for_reading(*dir);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kNotFound);
  EXPECT_THAT(store.error().message, HasSubstr("no data in"));
}

TEST_F(Loading, RunsAreFoundByEitherSpellingAndByPrefix) {
  const auto store = make_memory_store();
  const Uuid uuid = *Uuid::parse("0123456789abcdef0123456789abcdef"), other = *Uuid::parse("01230000000000000000000000000000");
  for (const Uuid& id : {uuid, other}) ASSERT_TRUE(store->create({.uuid = id, .name = "n"}, Sync::kNormal));
  for (const std::string& id : {uuid.text(), uuid.hex(), std::string("01234")}) {
    const auto found = find_run(*store, id);
    ASSERT_TRUE(found) << id;
    EXPECT_EQ(found->uuid, uuid);
  }
  EXPECT_EQ(find_run(*store, "0123").error().code, Code::kConflict) << "two runs begin like this";
  EXPECT_EQ(find_run(*store, "ffff").error().code, Code::kNotFound);
  EXPECT_EQ(find_run(*store, "").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace sluice
