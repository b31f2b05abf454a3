#include "engine/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_engine.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class SecretsTest : public testing::Test {
 protected:
  std::string value(const std::string& name, const std::string& key, const SecretRules& rules = {}) {
    const auto found = secret_value(dir_, rules, name, key);
    return found ? *found : "error: " + found.error().message;
  }

  // The variables of the only task; `platform` is its Kubernetes configuration.
  Result<std::vector<std::pair<std::string, std::string>>> env(const std::string& platform) {
    const Prepared prepared =
        prepare({.spec = pipeline_text(step_line("a"), "",
                                       "  inputDefinitions: {parameters: {none: {parameterType: STRING, "
                                       "isOptional: true}, who: {parameterType: STRING, defaultValue: s}}}\n") +
                         "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: {" + platform + "}}}}}\n"},
                {}, new_run_context(dir_, Uuid{}, from_micros(1)));
    EXPECT_TRUE(prepared.errors.empty()) << prepared.errors.front().text();
    State state;
    (void)step(*prepared.plan, state, RunBegan{}, from_micros(1));
    return platform_env(*prepared.plan, prepared.plan->components.front(), prepared.pipeline->executors.at("exec-step"),
                        StateScope(state, TaskId{0}), dir_, {}, "pod-1");
  }

  TestFolder folder_;
  DataDir dir_ = DataDir::at(folder_.path()).value();
};

TEST_F(SecretsTest, AValueComesFromItsFileInTheDataDirectory) {
  folder_.write("secrets/db/password", "p w\n");
  EXPECT_EQ(value("db", "password"), "p w\n");
  const auto missing = secret_value(dir_, {}, "db", "user");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().message, "'db', key 'user': not found");
  EXPECT_THAT(missing.error().hint, HasSubstr("put the value in " + folder_.path() + "/secrets/db/user"));
  folder_.write("secrets/db/folder/x", "");
  EXPECT_THAT(value("db", "folder"), HasSubstr("error: "));
}

TEST_F(SecretsTest, ARuleNamesAVariableOrAFile) {
  folder_.write("secrets/db/password", "of the directory");
  const ScopedVariable variable("SLUICE_TEST_SECRET", "of the environment");
  const ScopedVariable none("SLUICE_TEST_NONE", std::nullopt);
  const std::string file = folder_.write("elsewhere", "of a file");
  const SecretRules rules{{"db",
                           {{"password", {.env = "SLUICE_TEST_SECRET"}},
                            {"user", {.file = file}},
                            {"unset", {.env = "SLUICE_TEST_NONE"}},
                            {"lost", {.file = folder_.path() + "/nowhere"}}}}};
  EXPECT_EQ(value("db", "password", rules), "of the environment");
  EXPECT_EQ(value("db", "user", rules), "of a file");
  EXPECT_EQ(value("db", "unset", rules), "error: 'db', key 'unset': the environment variable SLUICE_TEST_NONE is not set");
  EXPECT_EQ(value("db", "lost", rules), "error: 'db', key 'lost': no file " + folder_.path() + "/nowhere that can be read");
}

TEST_F(SecretsTest, NamesStayBelowTheFolderOfSecrets) {
  folder_.write("outside", "not for you");
  folder_.write("secrets/db/password", "p");
  for (const auto& [name, key] : {std::pair<std::string, std::string>{"..", "outside"},
                                  {"db", "../../outside"},
                                  {"db/..", "x"},
                                  {"", "password"},
                                  {"db", ""},
                                  {"db", "."},
                                  {"db", std::string("password\0x", 10)}})
    EXPECT_THAT(value(name, key), HasSubstr("not a name")) << name << " " << key;
}

TEST_F(SecretsTest, KeysBecomeVariables) {
  folder_.write("secrets/s/k", "1");
  folder_.write("secrets/s/l", "2");
  const auto found = env(
      "secretAsEnv: [{secretNameParameter: {componentInputParameter: who}, keyToEnv: [{secretKey: k, envVar: K}, {secretKey: l, "
      "envVar: L}]}], configMapAsEnv: [{configMapName: s, keyToEnv: [{configMapKey: k, envVar: C}]}]");
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Pair("K", "1"), Pair("L", "2"), Pair("C", "1")));
}

TEST_F(SecretsTest, WhatIsOptionalMayBeMissing) {
  const auto found =
      env("secretAsEnv: [{secretName: s, optional: true, keyToEnv: [{secretKey: k, envVar: K}]}, {secretNameParameter: "
          "{componentInputParameter: none}, keyToEnv: [{secretKey: k, envVar: K}]}], "
          "secretAsVolume: [{secretName: s, mountPath: /s, optional: true}]");
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_THAT(*found, IsEmpty());
  const auto missing = env("configMapAsEnv: [{configMapName: s, keyToEnv: [{configMapKey: k, envVar: C}]}]");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message, "config map 's', key 'k': not found");
}

TEST_F(SecretsTest, APodKnowsItself) {
  const auto found = env(
      "podMetadata: {labels: {team: ml}, annotations: {a.b/c: d}}, fieldPathAsEnv: [{name: A, fieldPath: metadata.name}, {name: "
      "B, "
      "fieldPath: \"metadata.labels['team']\"}, {name: C, fieldPath: \"metadata.annotations['a.b/c']\"}, {name: D, fieldPath: "
      "\"metadata.labels['gone']\"}, {name: E, fieldPath: status.podIP}, {name: F, fieldPath: spec.unheardOf}]");
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Pair("A", "pod-1"), Pair("B", "ml"), Pair("C", "d"), Pair("D", ""), Pair("E", "127.0.0.1"),
                                  Pair("F", "")));
}

}  // namespace
}  // namespace sluice
