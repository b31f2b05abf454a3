#include "exec/environment_settings.h"

#include <gmock/gmock.h>

#include <fstream>

#include "exec/test_folder.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Variables kOfTheMachine{{"PIP_INDEX_URL", "https://machine.example/simple"},
                              {"PIP_CONFIG_FILE", "/dev/null"},
                              {"UV_DEFAULT_INDEX", "https://uv.example/simple"},
                              {"UV_CONSTRAINT", "/machine/constraints.txt"}};

std::string value_in(const VariableChanges& changes, std::string_view name) {
  std::string found = "not there";
  for (const auto& [key, value] : changes)
    if (key == name) found = value.value_or("removed");
  return found;
}

TEST(EnvironmentSettings, TakeThePlaceOfWhatTheMachineSays) {
  const EnvironmentSettings settings{.index_url = "https://ours.example/simple",
                                     .extra_index_urls = {"https://a.example", "https://b.example"},
                                     .find_links = {"/wheels"},
                                     .constraints = "/ours.txt"};
  const Variables variables = with_settings(kOfTheMachine, settings);
  const IndexSettings read = pip_settings(variables);
  EXPECT_EQ(read.index_url, "https://ours.example/simple");
  EXPECT_THAT(read.extra_index_urls, ElementsAre("https://a.example", "https://b.example"));
  EXPECT_THAT(read.find_links, ElementsAre("/wheels"));
  EXPECT_THAT(read.constraints, ElementsAre("/ours.txt"));
  const VariableChanges for_uv = uv_variables(read, {}, variables);
  EXPECT_EQ(value_in(for_uv, "UV_DEFAULT_INDEX"), "https://ours.example/simple");
  EXPECT_EQ(value_in(for_uv, "UV_CONSTRAINT"), "/ours.txt");
  EXPECT_EQ(value_in(settings_variables(settings), "UV_DEFAULT_INDEX"), "removed");
  EXPECT_EQ(value_in(settings_variables(settings), "PIP_INDEX_URL"), "https://ours.example/simple");
}

TEST(EnvironmentSettings, WhereTheyAreSilentTheMachineCounts) {
  const Variables variables = with_settings(kOfTheMachine, {.offline = true});
  EXPECT_EQ(variables, kOfTheMachine);
  EXPECT_THAT(settings_variables({}), IsEmpty());
}

TEST(EnvironmentSettings, WhatChangesPackagesChangesTheFingerprint) {
  const TestFolder folder;
  const std::string file = folder.path() + "/constraints.txt";
  std::ofstream(file) << "pandas==2.0\n";
  const std::string plain = environment_variables_fingerprint();
  const std::string constrained = environment_variables_fingerprint({.constraints = file});
  EXPECT_NE(plain, constrained);
  std::ofstream(file) << "pandas==2.1\n";
  EXPECT_NE(environment_variables_fingerprint({.constraints = file}), constrained);
  EXPECT_EQ(environment_variables_fingerprint({.index_url = "https://me:secret@x.example/s"}),
            environment_variables_fingerprint({.index_url = "https://you:other@x.example/s"}));
  EXPECT_NE(environment_variables_fingerprint({.index_url = "https://x.example/s"}), plain);
  EXPECT_EQ(environment_variables_fingerprint({.offline = true, .uv = "none", .root = "/envs"}), plain);
}

}  // namespace
}  // namespace sluice
