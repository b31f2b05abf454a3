#include "app/config_sections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "app/test_world.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Sections : public testing::Test {
 protected:
  LoadedConfig load(const std::string& toml) {
    folder.write("sluice.toml", toml);
    return load_config("");
  }
  std::string only_error(const std::string& toml) {
    const LoadedConfig loaded = load(toml);
    EXPECT_EQ(loaded.errors.size(), 1U) << toml;
    return loaded.errors.empty() ? "" : loaded.errors.front().text();
  }

  ScratchFolder folder;
  ScopedDirectory here{folder.path()};
  ScopedVariable data_dir{"SLUICE_DATA_DIR", std::nullopt};
};

TEST_F(Sections, EnvironmentsAreRead) {
  const LoadedConfig loaded = load(R"(
[environments]
index_url = "https://index.example/simple"
extra_index_urls = ["https://other.example/simple"]
find_links = ["wheels", "https://wheels.example/"]
offline = true
constraints = "constraints.txt"
uv = "none"
python = "/opt/python/bin/python3"
root = "envs"
default_requirements = ["pandas==2.2.2"]
)");
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors.front().text();
  const EnvironmentSettings& settings = loaded.config.environments;
  const std::string base = std::filesystem::current_path();
  EXPECT_EQ(settings.index_url, "https://index.example/simple");
  EXPECT_THAT(settings.extra_index_urls, ElementsAre("https://other.example/simple"));
  EXPECT_THAT(settings.find_links, ElementsAre(base + "/wheels", "https://wheels.example/"));
  EXPECT_TRUE(settings.offline);
  EXPECT_EQ(settings.constraints, base + "/constraints.txt");
  EXPECT_EQ(settings.uv, "none");
  EXPECT_EQ(settings.python, "/opt/python/bin/python3");
  EXPECT_EQ(loaded.config.environment_root(), base + "/envs");
  EXPECT_THAT(settings.default_requirements, ElementsAre("pandas==2.2.2"));
}

TEST_F(Sections, RetentionIsRead) {
  const LoadedConfig loaded =
      load("[retention]\nruns = \"90d\"\ncache = \"never\"\nenvironments = \"2h\"\nkeep_failed = \"1d\"\nevery = \"never\"\n");
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_EQ(loaded.config.garbage.runs, Duration(std::chrono::hours(90 * 24)));
  EXPECT_EQ(loaded.config.garbage.cache, std::nullopt);
  EXPECT_EQ(loaded.config.garbage.environments, Duration(std::chrono::hours(2)));
  EXPECT_EQ(loaded.config.garbage.keep_failed, std::chrono::hours(24));
  EXPECT_EQ(loaded.config.garbage_every, std::nullopt);
}

TEST_F(Sections, NoticesAreRead) {
  const LoadedConfig loaded =
      load("[notify]\nurl = \"https://hook.example/a\"\ncommand = [\"mail\", \"me\"]\non = [\"FAILED\"]\n");
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_EQ(loaded.config.notify.url, "https://hook.example/a");
  EXPECT_THAT(loaded.config.notify.command, ElementsAre("mail", "me"));
  EXPECT_THAT(loaded.config.notify.on, ElementsAre(RunState::kFailed));
  EXPECT_TRUE(loaded.config.notify.tells_all());
  EXPECT_FALSE(NotifyRules{}.tells_all());
}

TEST_F(Sections, MistakesAreToldWithTheirPlace) {
  EXPECT_THAT(only_error("[retention]\nruns = 90"), HasSubstr("sluice.toml:2:8: retention.runs: a duration"));
  EXPECT_THAT(only_error("[retention]\nkeep_failed = \"never\""), HasSubstr("retention.keep_failed: a duration such as \"30d\""));
  EXPECT_THAT(only_error("[retention]\nevery = \"1s\""), HasSubstr("a minute at least"));
  EXPECT_THAT(only_error("[retention]\nrun = \"1d\""), HasSubstr("did you mean 'retention.runs'?"));
  EXPECT_THAT(only_error("[environments]\noffline = \"yes\""), HasSubstr("environments.offline: true or false"));
  EXPECT_THAT(only_error("[environments]\nfind_links = [1]"), HasSubstr("a list of texts"));
  EXPECT_THAT(only_error("[notify]\nurl = \"ftp://x\""), HasSubstr("a URL of http or https"));
  EXPECT_THAT(only_error("[notify]\non = [\"RUNNING\"]"), HasSubstr("\"SUCCEEDED\""));
  EXPECT_THAT(only_error("[notify]\ncommand = []"), HasSubstr("a program and its arguments"));
  EXPECT_THAT(only_error("notify = 3"), HasSubstr("notify: a table"));
}

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The table in docs/settings.md has every setting that is read, and no other.
TEST_F(Sections, EverySettingIsInTheManual) {
  const std::string manual = text_of(SLUICE_SOURCE_DIR "/docs/settings.md");
  std::set<std::string> described;
  const std::regex row(R"(\n\| `([a-z_.]+)` \|)");
  for (std::sregex_iterator it(manual.begin(), manual.end(), row), end; it != end; ++it) described.insert((*it)[1]);
  for (const std::string_view setting : section_settings()) EXPECT_TRUE(described.contains(std::string(setting))) << setting;
  // A value of the wrong kind for a setting that exists is told as such.
  for (const std::string& setting : described) {
    const auto dot = setting.find('.');
    const std::string toml = dot == std::string::npos
                                 ? setting + " = 1979-05-27"
                                 : "[" + setting.substr(0, dot) + "]\n" + setting.substr(dot + 1) + " = 1979-05-27";
    EXPECT_THAT(only_error(toml), testing::Not(HasSubstr("unknown setting"))) << setting;
  }
  // The lists of names from which mistakes are corrected.
  const std::string source = text_of(SLUICE_SOURCE_DIR "/src/app/config.cc");
  const std::regex list(R"(kKeys\{([^}]*)\})"), name(R"re("([a-z_]+)")re");
  int lists = 0;
  for (std::sregex_iterator it(source.begin(), source.end(), list), end; it != end; ++it, ++lists) {
    const std::string names = (*it)[1];
    for (std::sregex_iterator each(names.begin(), names.end(), name), none; each != none; ++each) {
      const std::string key = (*each)[1];
      const auto is_it = [&](const std::string& setting) {
        return setting == key || setting.starts_with(key + ".") || setting.ends_with("." + key);
      };
      EXPECT_TRUE(std::any_of(described.begin(), described.end(), is_it)) << key;
    }
  }
  EXPECT_GE(lists, 2);
}

}  // namespace
}  // namespace sluice
