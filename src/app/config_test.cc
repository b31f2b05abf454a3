#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/test_world.h"

namespace sluice {
namespace {

using testing::HasSubstr;

// A folder as working directory, with no variables of ours set.
class Configuration : public testing::Test {
 protected:
  std::string only_error(const std::string& toml) {
    folder.write("sluice.toml", toml);
    const LoadedConfig loaded = load_config("");
    EXPECT_EQ(loaded.errors.size(), 1U) << toml;
    return loaded.errors.empty() ? "" : loaded.errors.front().text();
  }

  ScratchFolder folder;
  ScopedDirectory here{folder.path()};
  ScopedVariable data_dir{"SLUICE_DATA_DIR", std::nullopt};
  ScopedVariable slots{"SLUICE_SLOTS", std::nullopt};
  ScopedVariable durability{"SLUICE_DURABILITY", std::nullopt};
  ScopedVariable server{"SLUICE_SERVER", std::nullopt};
  ScopedVariable token{"SLUICE_TOKEN", std::nullopt};
};

TEST_F(Configuration, WithoutAnyHasDefaults) {
  const LoadedConfig loaded = load_config("");
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_EQ(loaded.config.data_dir, ".sluice");
  EXPECT_GE(loaded.config.slots, 1);
  EXPECT_EQ(loaded.config.durability, Sync::kNormal);
  EXPECT_TRUE(loaded.config.private_tmp);
  EXPECT_EQ(loaded.config.stop_grace, std::chrono::seconds(10));
}

TEST_F(Configuration, EverySettingIsRead) {
  folder.write("sluice.toml", R"(
data_dir = "elsewhere"
slots = 7
durability = "power"
private_tmp = false
stop_grace = "1500ms"
[warm]
enabled = false
memory = "2GiB"
idle = "90s"
[server]
host = "0.0.0.0"
port = 0
token_file = "tokens"
tls_certificate = "c.pem"
tls_key = "k.pem"
allow_hosts = ["ml.example", "other.example"]
log_format = "json"
without_tokens_anybody_who_reaches_this_address_may_run_commands_here = true
[images]
"example/*" = "host"
"tools" = "/opt/python/bin/python3"
[secrets.database]
password = {env = "DB_PASSWORD"}
key = {file = "key.pem"}
[resources]
gpus = 4
[pools]
db = 3
[budgets.wine]
cpu = "10h"
on_budget = "pause"
[config_maps.settings]
mode = {env = "MODE"}
)");
  const auto [config, errors] = load_config("");
  ASSERT_TRUE(errors.empty()) << errors.front().text();
  EXPECT_EQ(config.data_dir, "elsewhere");
  EXPECT_EQ(config.slots, 7);
  EXPECT_EQ(config.durability, Sync::kFull);
  EXPECT_FALSE(config.private_tmp);
  EXPECT_EQ(config.stop_grace, std::chrono::milliseconds(1500));
  EXPECT_FALSE(config.warm.enabled);
  EXPECT_EQ(config.warm.options.memory_bytes, 2LL << 30);
  EXPECT_EQ(config.warm.options.idle, std::chrono::seconds(90));
  EXPECT_EQ(config.server.host, "0.0.0.0");
  EXPECT_EQ(config.server.port, 0);
  EXPECT_EQ(config.server.token_file, "tokens");
  EXPECT_EQ(config.server.tls_certificate, "c.pem");
  EXPECT_EQ(config.server.tls_key, "k.pem");
  EXPECT_THAT(config.server.allow_hosts, testing::ElementsAre("ml.example", "other.example"));
  EXPECT_TRUE(config.server.log_json);
  EXPECT_TRUE(config.server.anybody);
  EXPECT_EQ(config.images.at("example/*"), "host");
  EXPECT_EQ(config.images.at("tools"), "/opt/python/bin/python3");
  EXPECT_EQ(config.gpus, 4);
  EXPECT_EQ(config.pools.at("db"), 3);
  EXPECT_EQ(config.budgets.at("wine"), (Budget{.cpu = std::chrono::hours(10), .pauses = true}));
  EXPECT_EQ(config.values.config_maps.at("settings").at("mode").env, "MODE");
  EXPECT_EQ(config.values.secrets.at("database").at("password").env, "DB_PASSWORD");
  EXPECT_EQ(config.values.secrets.at("database").at("key").file, "key.pem");
}

TEST_F(Configuration, TheDataDirectoryIsTheWeakestThenTheFolderThenTheEnvironment) {
  folder.write(".sluice/sluice.toml", "slots = 1\ndurability = \"power\"\nstop_grace = \"1s\"\n");
  EXPECT_EQ(load_config("").config.slots, 1);
  folder.write("sluice.toml", "slots = 2\nstop_grace = \"2s\"\n");
  EXPECT_EQ(load_config("").config.slots, 2);
  const ScopedVariable env("SLUICE_SLOTS", "3");
  const Config config = load_config("").config;
  EXPECT_EQ(config.slots, 3);
  EXPECT_EQ(config.stop_grace, std::chrono::seconds(2)) << "of the folder";
  EXPECT_EQ(config.durability, Sync::kFull) << "of the data directory";
}

TEST_F(Configuration, TheDataDirectoryComesFromFlagThenEnvironmentThenFolder) {
  folder.write("sluice.toml", "data_dir = \"of-file\"\n");
  folder.write("of-file/sluice.toml", "slots = 11\ndata_dir = \"ignored\"\n");
  folder.write("of-env/sluice.toml", "slots = 12\n");
  folder.write("of-flag/sluice.toml", "slots = 13\n");
  EXPECT_EQ(load_config("").config.data_dir, "of-file");
  EXPECT_EQ(load_config("").config.slots, 11);
  const ScopedVariable env("SLUICE_DATA_DIR", "of-env");
  EXPECT_EQ(load_config("").config.data_dir, "of-env");
  EXPECT_EQ(load_config("").config.slots, 12);
  EXPECT_EQ(load_config("of-flag").config.data_dir, "of-flag");
  EXPECT_EQ(load_config("of-flag").config.slots, 13);
}

TEST_F(Configuration, WarmWorkersAreOnUnlessSomebodySaysNo) {
  EXPECT_TRUE(load_config("").config.warm.enabled);
  folder.write("sluice.toml", "warm = false\n");
  EXPECT_FALSE(load_config("").config.warm.enabled);
  const ScopedVariable on("SLUICE_WARM", "1");
  EXPECT_TRUE(load_config("").config.warm.enabled);
  const ScopedVariable odd("SLUICE_WARM", "maybe");
  EXPECT_THAT(load_config("").errors.at(0).message, HasSubstr("SLUICE_WARM: 0 or 1, got 'maybe'"));
}

TEST_F(Configuration, MemoryIsAPartOfTheMachinesOrANumberOfBytes) {
  EXPECT_EQ(memory_setting("500MB"), 500'000'000);
  EXPECT_EQ(memory_setting("1.5 GiB"), 3LL << 29);
  EXPECT_GT(memory_setting("25%").value_or(0), 1 << 20);
  for (const char* text : {"", "0%", "101%", "-1GiB", "10", "GiB", "1 lot", "nan%", "1e300GB"})
    EXPECT_FALSE(memory_setting(text)) << text;
}

TEST_F(Configuration, MistakesHaveTheirFileLineAndColumn) {
  EXPECT_EQ(only_error("slots = 2\n\n  slot = 3\n"), "sluice.toml:3:10: unknown setting 'slot'; did you mean 'slots'?");
  EXPECT_EQ(only_error("slots = 0\n"), "sluice.toml:1:9: slots: a number from 1 to 10000");
  EXPECT_EQ(only_error("slots = \"two\"\n"), "sluice.toml:1:9: slots: a number from 1 to 10000");
  EXPECT_EQ(only_error("durability = \"very\"\n"), "sluice.toml:1:14: durability: \"process\" or \"power\"");
  EXPECT_EQ(only_error("private_tmp = 1\n"), "sluice.toml:1:15: private_tmp: true or false");
  EXPECT_EQ(only_error("stop_grace = \"soon\"\n"), "sluice.toml:1:14: stop_grace: a duration such as \"10s\"");
  EXPECT_EQ(only_error("data_dir = 5\n"), "sluice.toml:1:12: data_dir: text in quotes");
  EXPECT_THAT(only_error("warm = 1\n"), HasSubstr("sluice.toml:1:8: warm: true, false, or a table"));
  EXPECT_THAT(only_error("[warm]\nmemory = \"much\"\n"), HasSubstr("warm.memory: such as \"25%\""));
  EXPECT_THAT(only_error("[warm]\nidel = \"1m\"\n"), HasSubstr("unknown setting 'warm.idel'; did you mean 'idle'?"));
  EXPECT_THAT(only_error("images = 1\n"), HasSubstr("sluice.toml:1:10: images: a table"));
  EXPECT_THAT(only_error("[images]\n\"a\" = \"contaner\"\n"), HasSubstr("sluice.toml:2:7: images: \"a\" must be"));
  EXPECT_THAT(only_error("server = 1\n"), HasSubstr("server: a table"));
  EXPECT_THAT(only_error("[server]\nprot = 1\n"), HasSubstr("unknown setting 'server.prot'; did you mean 'port'?"));
  EXPECT_THAT(only_error("[server]\nport = 70000\n"), HasSubstr("sluice.toml:2:8: server.port: a number"));
  EXPECT_THAT(only_error("[server]\nallow_hosts = \"a\"\n"), HasSubstr("server.allow_hosts: a list"));
  EXPECT_THAT(only_error("[server]\nlog_format = \"xml\"\n"), HasSubstr("server.log_format: \"text\" or"));
  EXPECT_THAT(only_error("secrets = 1\n"), HasSubstr("secrets: a table"));
  EXPECT_THAT(only_error("[resources]\ngpu = 1\n"), HasSubstr("unknown setting 'resources.gpu'; did you mean 'gpus'?"));
  EXPECT_THAT(only_error("[resources]\ngpus = -1\n"), HasSubstr("sluice.toml:2:8: resources.gpus: a number"));
  EXPECT_THAT(only_error("[pools]\ndb = 0\n"), HasSubstr("sluice.toml:2:6: pools.db: how many"));
  EXPECT_THAT(only_error("pools = 1\n"), HasSubstr("pools: a table"));
  EXPECT_THAT(only_error("[budgets.wine]\ncpu = 5\n"), HasSubstr("budgets.wine: budget cpu: a text"));
  EXPECT_THAT(only_error("[budgets.wine]\ncup = \"5h\"\n"), HasSubstr("budgets.wine: a budget has no 'cup'"));
  EXPECT_THAT(only_error("[budgets]\nwine = 5\n"), HasSubstr("budgets.wine: a table"));
  EXPECT_THAT(only_error("[secrets]\ndb = 1\n"), HasSubstr("sluice.toml:2:6: secrets.db: a table of keys"));
  EXPECT_THAT(only_error("[secrets.db]\nkey = {env = \"A\", file = \"b\"}\n"), HasSubstr("secrets.db.key: {env = "));
  EXPECT_THAT(only_error("[secrets.db]\nkey = \"open\"\n"), HasSubstr("secrets.db.key: {env = "));
}

TEST_F(Configuration, TextThatIsNoTomlIsOneError) {
  EXPECT_THAT(only_error("slots = \n"), HasSubstr("sluice.toml:1:"));
  EXPECT_THAT(only_error(std::string("a = \"\xFF\"\n")), HasSubstr("sluice.toml:1:"));
}

TEST_F(Configuration, EveryMistakeIsSaidNotOnlyTheFirst) {
  folder.write("sluice.toml", "slots = 0\ndurability = 3\nnothing = 1\n");
  EXPECT_EQ(load_config("").errors.size(), 3U);
}

TEST_F(Configuration, MistakesInTheEnvironmentNameTheVariable) {
  for (const char* bad : {"0", "-1", "two", "3x", "99999999999", "10001"}) {
    const ScopedVariable env("SLUICE_SLOTS", bad);
    const LoadedConfig loaded = load_config("");
    ASSERT_EQ(loaded.errors.size(), 1U) << bad;
    EXPECT_THAT(loaded.errors.front().text(), HasSubstr("SLUICE_SLOTS"));
  }
  const ScopedVariable env("SLUICE_DURABILITY", "maybe");
  ASSERT_EQ(load_config("").errors.size(), 1U);
  EXPECT_THAT(load_config("").errors.front().text(), HasSubstr("SLUICE_DURABILITY: process or power, got 'maybe'"));
}

TEST_F(Configuration, AnotherFileTakesThePlaceOfTheFolders) {
  folder.write("sluice.toml", "slots = 2\n");
  const std::string other = folder.write("other.toml", "slots = 5\ndata_dir = \"there\"\n");
  EXPECT_EQ(load_config("", other).config.slots, 5);
  EXPECT_EQ(load_config("", other).config.data_dir, "there");
  const LoadedConfig absent = load_config("", "nowhere.toml");
  ASSERT_EQ(absent.errors.size(), 1U);
  EXPECT_THAT(absent.errors.front().text(), HasSubstr("nowhere.toml"));
}

TEST_F(Configuration, TheServerToTalkToComesFromTheEnvironment) {
  const ScopedVariable url("SLUICE_SERVER", "http://host:1"), secret("SLUICE_TOKEN", "t");
  EXPECT_EQ(load_config("").config.server_url, "http://host:1");
  EXPECT_EQ(load_config("").config.token, "t");
}

TEST_F(Configuration, AnEmptyVariableIsNotSet) {
  const ScopedVariable dir("SLUICE_DATA_DIR", ""), slots_variable("SLUICE_SLOTS", "");
  const LoadedConfig loaded = load_config("");
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_EQ(loaded.config.data_dir, ".sluice");
}

TEST_F(Configuration, TheFolderInItsOwnDataDirectoryIsReadOnce) {
  folder.write("sluice.toml", "slots = 0\n");
  EXPECT_EQ(load_config(".").errors.size(), 1U);
}

}  // namespace
}  // namespace sluice
