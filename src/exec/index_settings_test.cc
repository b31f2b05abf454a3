#include "exec/index_settings.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "exec/pip_config.h"
#include "exec/test_folder.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::optional<std::string> changed(const VariableChanges& changes, std::string_view name) {
  for (const auto& [changed_name, value] : changes)
    if (changed_name == name) return value;
  return std::nullopt;
}

class IndexSettingsTest : public testing::Test {
 protected:
  // pip's files are looked for in the folder only.
  Variables variables(Variables more = {}) const {
    more.emplace("HOME", folder_.path());
    more.emplace("XDG_CONFIG_DIRS", folder_.path() + "/xdg");
    more.emplace("PIP_CONFIG_FILE", folder_.path() + "/pip.conf");
    return more;
  }
  TestFolder folder_;
};

TEST(PipConfig, SectionsContinuedLinesAndCommentsAreReadAsPipReadsThem) {
  const auto sections = parse_pip_config(
      "# ours\n[global]\nindex_url: http://a/simple\ntrusted-host =\n  a\n  # not b\n  c\n\n[install]\nno-index = true\n"
      "broken line\n; end\n");
  EXPECT_THAT(sections.at("global"), ElementsAre(Pair("index-url", "http://a/simple"), Pair("trusted-host", "a\nc")));
  EXPECT_THAT(sections.at("install"), ElementsAre(Pair("no-index", "true")));
  EXPECT_TRUE(parse_pip_config("no section = 1\n  [\n").empty());
}

TEST_F(IndexSettingsTest, AVariableWinsOverInstallWhichWinsOverGlobal) {
  folder_.write("pip.conf",
                "[install]\ntrusted-host = install\ntimeout = 5\n[global]\ntrusted-host = global\nindex-url = "
                "http://global/\ntimeout = 4\n");
  const IndexSettings settings = pip_settings(variables({{"PIP_TIMEOUT", "6"}, {"PIP_CERT", ""}}));
  EXPECT_EQ(settings.index_url, "http://global/");
  EXPECT_THAT(settings.trusted_hosts, ElementsAre("install"));
  EXPECT_EQ(settings.timeout, "6");
}

TEST_F(IndexSettingsTest, UvIsHandedThePipConfigurationAndTheComponentsOptions) {
  folder_.write("pip.conf",
                "[global]\nindex-url = http://machine/simple\nextra-index-url = http://extra/simple\ncert = ~/ca.pem\nfind-links "
                "= ~/wheels /nowhere\n");
  std::filesystem::create_directory(folder_.path() + "/wheels");
  const Variables environment = variables({{"PIP_CONSTRAINT", folder_.path() + "/c.txt"}});
  const auto component = component_settings(
      std::vector<std::string>{"--extra-index-url", "http://own/simple", "--trusted-host https://own:8443/simple/"});
  ASSERT_TRUE(component) << component.error().message;
  const VariableChanges changes = uv_variables(pip_settings(environment), *component, environment);
  EXPECT_EQ(changed(changes, "UV_DEFAULT_INDEX"), "http://machine/simple");
  EXPECT_EQ(changed(changes, "UV_EXTRA_INDEX_URL"), "http://extra/simple http://own/simple");
  EXPECT_EQ(changed(changes, "UV_INSECURE_HOST"), "own:8443");
  EXPECT_EQ(changed(changes, "UV_FIND_LINKS"), folder_.path() + "/wheels");
  EXPECT_EQ(changed(changes, "UV_CONSTRAINT"), folder_.path() + "/c.txt");
  EXPECT_EQ(changed(changes, "SSL_CERT_FILE"), folder_.path() + "/ca.pem");
  EXPECT_EQ(changed(changes, "UV_INDEX_STRATEGY"), "unsafe-best-match");
}

TEST_F(IndexSettingsTest, WhatTheUserSetForUvWinsOverPipAndTheComponentOverBoth) {
  const Variables environment = variables({{"UV_INDEX_URL", "http://users/"},
                                           {"PIP_INDEX_URL", "http://pips/"},
                                           {"SSL_CERT_FILE", "/users.pem"},
                                           {"PIP_CERT", "/pips.pem"},
                                           {"UV_CONSTRAINT", "/users.txt"},
                                           {"PIP_CONSTRAINT", "/pips.txt"}});
  const IndexSettings machine = pip_settings(environment);
  const VariableChanges changes = uv_variables(machine, {}, environment);
  EXPECT_EQ(changed(changes, "UV_DEFAULT_INDEX"), std::nullopt);
  EXPECT_EQ(changed(changes, "SSL_CERT_FILE"), std::nullopt);
  EXPECT_EQ(changed(changes, "UV_CONSTRAINT"), "/users.txt");
  EXPECT_EQ(changed(uv_variables(machine, {.index_url = "http://own/"}, environment), "UV_DEFAULT_INDEX"), "http://own/");
}

TEST_F(IndexSettingsTest, OptionsThatOnlyPipUnderstandsAreNamed) {
  EXPECT_THAT(pip_settings(variables({{"PIP_NO_BINARY", "numpy"}, {"PIP_PRE", "false"}})).pip_only,
              ElementsAre("no-binary=numpy"));
}

TEST(ComponentSettings, AnUnknownOptionAndAMissingValueAreRefused) {
  EXPECT_EQ(component_settings(std::vector<std::string>{"--target", "/etc"}).error().code, Code::kInvalid);
  EXPECT_EQ(component_settings(std::vector<std::string>{"--index-url"}).error().code, Code::kInvalid);
  EXPECT_THAT(pip_arguments(std::vector<std::string>{"--index-url http://a/", "--find-links=b"}),
              ElementsAre("--index-url", "http://a/", "--find-links", "b"));
}

TEST_F(IndexSettingsTest, TheFingerprintFollowsIndexesAndTheContentsOfConstraints) {
  const auto fingerprint = [&](const Variables& more) {
    const Variables environment = variables(more);
    return settings_fingerprint(pip_settings(environment), environment);
  };
  EXPECT_EQ(fingerprint({{"PIP_CERT", "/ca.pem"}, {"PIP_TRUSTED_HOST", "a"}, {"PIP_TIMEOUT", "9"}}), "")
      << "these do not change what is installed";
  folder_.write("c.txt", "numpy<2\n");
  const Variables constrained{{"PIP_CONSTRAINT", folder_.path() + "/c.txt"}};
  const std::string before = fingerprint(constrained);
  EXPECT_EQ(before.size(), 64U);
  EXPECT_EQ(fingerprint(constrained), before);
  folder_.write("c.txt", "numpy<3\n");
  EXPECT_NE(fingerprint(constrained), before);
  EXPECT_NE(fingerprint({{"UV_EXCLUDE_NEWER", "2026-01-01"}}), "");
  EXPECT_EQ(fingerprint({{"PIP_INDEX_URL", "http://me:old@a/simple"}}),
            fingerprint({{"PIP_INDEX_URL", "http://me:new@a/simple"}}));
  EXPECT_NE(fingerprint({{"PIP_INDEX_URL", "http://a/simple"}}), fingerprint({{"PIP_INDEX_URL", "http://b/simple"}}));
}

TEST(Credentials, AreTakenOutOfEveryUrlInAText) {
  EXPECT_EQ(without_credentials("see https://u:p@h/simple, http://h2/a@b and ssh://git@h3"),
            "see https://h/simple, http://h2/a@b and ssh://h3");
  EXPECT_EQ(without_credentials("http://"), "http://");
  EXPECT_EQ(without_credentials("mail me@home"), "mail me@home");
}

}  // namespace
}  // namespace sluice
