#include "engine/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_engine.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class SecretsTest : public testing::Test {
 protected:
  std::string value(const std::string& name, const std::string& key, const SecretRules& rules = {}) {
    const auto found = secret_value(dir_, rules, name, key);
    return found ? *found : "error: " + found.error().message;
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

TEST_F(SecretsTest, AllKeysOfOneAreThoseOfRulesAndOfTheFolder) {
  folder_.write("secrets/db/password", "of the directory");
  folder_.write("secrets/db/user", "me");
  folder_.write("secrets/db/folder/x", "");
  const std::string file = folder_.write("elsewhere", "of a file");
  const SecretRules rules{{"db", {{"password", {.file = file}}}}, {"lost", {{"key", {.file = folder_.path() + "/nowhere"}}}}};
  const auto found = secret_values(dir_, rules, "db");
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Pair("password", "of a file"), Pair("user", "me")));
  const auto missing = secret_values(dir_, rules, "web");
  EXPECT_EQ(missing.error().message, "'web': not found");
  EXPECT_THAT(missing.error().hint, HasSubstr("/secrets/web/KEY"));
  EXPECT_THAT(secret_values(dir_, rules, "lost").error().message, HasSubstr("nowhere that can be read"));
  EXPECT_THAT(secret_values(dir_, rules, "../db").error().message, HasSubstr("not a name"));
}

TEST_F(SecretsTest, AConfigMapHasItsOwnPlaceAndElseThatOfSecrets) {
  folder_.write("secrets/s/k", "a secret's");
  folder_.write("secrets/both/k", "a secret's");
  folder_.write("config_maps/both/k", "a map's");
  const ScopedVariable variable("SLUICE_TEST_MAP", "a variable's");
  const ValueRules rules{.config_maps = {{"ruled", {{"k", {.env = "SLUICE_TEST_MAP"}}}}}};
  EXPECT_EQ(config_map_value(dir_, rules, "s", "k").value(), "a secret's");
  EXPECT_EQ(config_map_value(dir_, rules, "both", "k").value(), "a map's");
  EXPECT_EQ(config_map_value(dir_, rules, "ruled", "k").value(), "a variable's");
  EXPECT_THAT(config_map_values(dir_, rules, "both").value(), ElementsAre(Pair("k", "a map's")));
  EXPECT_THAT(config_map_values(dir_, rules, "s").value(), ElementsAre(Pair("k", "a secret's")));
  const auto missing = config_map_value(dir_, rules, "s", "gone");
  EXPECT_EQ(missing.error().message, "'s', key 'gone': not found");
  EXPECT_THAT(missing.error().hint, HasSubstr("/config_maps/s/gone, or name its source in sluice.toml: [config_maps.s] gone"));
}

TEST_F(SecretsTest, WhatIsHiddenIsTheValueAsItIsPrinted) {
  std::vector<std::string> texts;
  add_hidden_texts("  s3cret\n", texts);
  add_hidden_texts("\n", texts);
  add_hidden_texts("-----BEGIN\nabcdefghij\n}\n", texts);
  EXPECT_THAT(texts, ElementsAre("s3cret", "-----BEGIN\nabcdefghij\n}", "-----BEGIN", "abcdefghij"));
}

}  // namespace
}  // namespace sluice
