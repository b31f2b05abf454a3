#include "engine/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_engine.h"
#include "plan/plan.h"
#include "spec/parse.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A python3 and a python3.9 that say what they are; no other is found.
class SiteTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& [name, version] : {std::pair{"python3", "3.11.7"}, std::pair{"python3.9", "3.9.2"}})
      folder_.write_script("bin/" + std::string(name),
                           "#!/bin/sh\nprintf '%s\\n' '" + folder_.path() + "/bin/" + name + "' " + version + "\n");
  }

  // Sites of one task whose executor is as given; `platform` is its Kubernetes configuration.
  Sites find(const std::string& container, const ImageRules& rules = {}, const std::string& platform = "") {
    std::string text = R"(pipelineInfo: {name: test}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-a:
    executorLabel: exec-a
    inputDefinitions: {parameters: {image: {parameterType: STRING, defaultValue: alpine}}}
deploymentSpec: {executors: {exec-a: {container: {)" +
                       container + R"(}}}}
root: {dag: {tasks: {a: {componentRef: {name: comp-a}}}}}
)";
    if (!platform.empty()) text += "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-a: {" + platform + "}}}}}\n";
    ParsedPipeline parsed = parse_pipeline(text, "p.yaml");
    EXPECT_TRUE(parsed.errors.empty()) << parsed.errors.front().text();
    const auto plan = make_plan(std::make_shared<const Pipeline>(std::move(parsed.pipeline)), {}, {}).plan;
    return find_sites(*plan, {.images = rules, .environments = {}}, "p.yaml");
  }
  static std::string error_of(const Sites& sites) { return sites.errors.empty() ? "none" : sites.errors.front().message; }
  Site site(const std::string& container, const ImageRules& rules = {}, const std::string& platform = "") {
    const Sites sites = find(container, rules, platform);
    EXPECT_EQ(error_of(sites), "none");
    return sites.by_executor.at("exec-a");
  }

  TestFolder folder_;
  // Nothing of this machine: no interpreters that pyenv or uv keep, no index settings.
  ScopedVariable path_{"PATH", folder_.path() + "/bin:/usr/bin:/bin"};
  ScopedVariable home_{"HOME", folder_.path()};
  ScopedVariable cache_{"XDG_CACHE_HOME", folder_.path() + "/cache"};
  ScopedVariable pyenv_{"PYENV_ROOT", folder_.path() + "/pyenv"};
};

TEST_F(SiteTest, AHostImageRunsOnThisMachinesProgramsAndSaysSo) {
  const Site host = site("image: 'docker.io/library/alpine:3.19', command: [ls]");
  EXPECT_EQ(host.path_prefix, "");
  EXPECT_FALSE(host.python || host.environment);
  EXPECT_THAT(host.notes,
              ElementsAre("image 'docker.io/library/alpine:3.19' runs on this machine's own programs, without a container"));
}

TEST_F(SiteTest, AnImageThatIsNotUnderstoodIsRefusedWithItsWaysOut) {
  const Sites sites = find("image: 'ghcr.io/me/trainer:1', command: [train]");
  EXPECT_EQ(error_of(sites), "executor 'exec-a': image 'ghcr.io/me/trainer:1' cannot run without a container engine");
  EXPECT_THAT(sites.errors[0].hint, HasSubstr("or install podman or docker"));
  EXPECT_THAT(sites.errors[0].hint, HasSubstr("[images] \"ghcr.io/me/trainer:1\" = \"host\""));
  EXPECT_EQ(sites.errors[0].path, "deploymentSpec.executors.exec-a");
  EXPECT_GT(sites.errors[0].place.line, 0);
}

TEST_F(SiteTest, RulesDecideTheExactNameBeforeTheLongestPrefix) {
  const ImageRules rules{{"ghcr.io/*", "python"}, {"ghcr.io/me/*", "host"}, {"ghcr.io/me/trainer:1", "/opt/py/bin/python3"}};
  EXPECT_EQ(site("image: 'ghcr.io/me/trainer:1', command: [train]", rules).path_prefix, "/opt/py/bin");
  const Site host = site("image: 'ghcr.io/me/other', command: [train]", rules);
  EXPECT_FALSE(host.python);
  EXPECT_THAT(host.notes, ElementsAre(HasSubstr("own programs")));
  EXPECT_TRUE(site("image: 'ghcr.io/you/x', command: [train]", rules).python);
  EXPECT_NE(error_of(find("image: 'quay.io/x', command: [train]", rules)), "none");
}

TEST_F(SiteTest, APythonImageGetsTheInterpreterOfItsVersion) {
  const Site nine = site("image: 'python:3.9-slim', command: [python3, -c, pass]");
  EXPECT_TRUE(nine.python);
  EXPECT_THAT(nine.path_prefix, StartsWith(folder_.path() + "/cache/sluice/interpreters/"));
  EXPECT_THAT(nine.path_prefix, HasSubstr(":" + folder_.path() + "/bin")) << "pip and the rest lie there";
  EXPECT_THAT(nine.notes, IsEmpty());
  EXPECT_FALSE(nine.environment.has_value()) << "nothing is to be installed";
}

TEST_F(SiteTest, AnotherVersionThanTheImagesIsNoted) {
  const Site site = this->site("image: 'python:3.4', command: [python3, -c, pass]");
  EXPECT_TRUE(site.python);
  EXPECT_THAT(site.notes, ElementsAre(testing::AllOf(HasSubstr("image 'python:3.4' runs on Python 3."),
                                                     HasSubstr("as there is no Python 3.4 here"))));
}

TEST_F(SiteTest, AnImageThatIsAPlaceholderRunsOnTheHostAndSaysSo) {
  const Site placeholder = site("image: \"{{$.inputs.parameters['image']}}\", command: [ls]");
  EXPECT_FALSE(placeholder.python);
  EXPECT_THAT(
      placeholder.notes,
      ElementsAre("image '{{$.inputs.parameters['image']}}' is not looked at: the task runs on this machine's own programs, "
                  "without a container"));
  const Site ruled = site("image: \"{{$.inputs.parameters['image']}}\", command: [ls]",
                          {{"{{$.inputs.parameters['image']}}", "/opt/py/bin/python3"}});
  EXPECT_EQ(ruled.path_prefix, "/opt/py/bin");
  EXPECT_THAT(ruled.notes, IsEmpty());
}

TEST_F(SiteTest, WhatHasNoEffectOnOneMachineIsNoted) {
  const Site site = this->site("image: alpine, command: [ls], resources: {memoryLimit: 4, cpuLimit: 2}", {},
                               "emptyDirMounts: [{volumeName: v, mountPath: /scratch}], nodeSelector: {labels: {gpu: x}}, "
                               "tolerations: [{key: a}]");
  EXPECT_THAT(
      site.notes,
      ElementsAre("limits of CPU and memory and accelerators are not enforced on one machine yet",
                  AllOf(StartsWith("p.yaml:11:"), HasSubstr("'nodeSelector' has no effect: there is one machine to run on")),
                  AllOf(StartsWith("p.yaml:11:"), HasSubstr("'tolerations' has no effect")), HasSubstr("own programs")));
}

TEST_F(SiteTest, InitContainersRunOnThisMachinesProgramsOrAreRefused) {
  const auto refused = [&](const std::string& init, const ImageRules& rules = {}) {
    const Sites sites = find("image: alpine, command: [ls]", rules, "initContainers: [{name: i, command: [x], " + init + "}]");
    return sites.errors.empty() ? "none" : sites.errors[0].message + "; " + sites.errors[0].hint;
  };
  EXPECT_EQ(refused("image: 'busybox:1.36'"), "none");
  EXPECT_THAT(
      refused("image: 'ghcr.io/me/fetch'"),
      AllOf(HasSubstr("init container 'i': init containers run on this machine's own programs, and 'ghcr.io/me/fetch' is"),
            HasSubstr("[images] \"ghcr.io/me/fetch\" = \"host\"")));
  EXPECT_EQ(refused("image: 'ghcr.io/me/fetch'", {{"ghcr.io/*", "host"}}), "none");
  EXPECT_THAT(refused("image: alpine, restartPolicy: Always"), HasSubstr("that run beside their task"));
  const Sites sites = find("image: alpine, command: [ls]", {}, "initContainers: [{name: i, image: x}]");
  EXPECT_EQ(sites.errors.at(0).place.line, 11) << "the init container's own line";
}

TEST_F(SiteTest, AnUnknownImageRunsInAContainerWhereThereIsAnEngine) {
  folder_.write_script("bin/podman", "#!/bin/sh\ntest \"$1\" = info\n");
  const ScopedVariable path("PATH", folder_.path() + "/bin:/usr/bin");
  EXPECT_EQ(site("image: 'ghcr.io/me/trainer:1', command: [train]").container_engine, "podman");
  EXPECT_EQ(site("image: alpine, command: [ls]").container_engine, "") << "the host will do";
  EXPECT_EQ(site("image: alpine, command: [ls]", {{"alpine", "container"}}).container_engine, "podman");
  EXPECT_THAT(error_of(find("image: 'ghcr.io/me/trainer:1', command: [train]", {},
                            "initContainers: [{name: i, image: alpine, command: [x]}]")),
              HasSubstr("of a task in a container are not supported"));
}

TEST_F(SiteTest, VolumeTasksHaveNoSite) {
  const Sites sites = find("image: argostub/createpvc");
  EXPECT_EQ(error_of(sites), "none");
  EXPECT_TRUE(sites.by_executor.empty());
}

}  // namespace
}  // namespace sluice
