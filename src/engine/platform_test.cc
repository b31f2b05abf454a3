#include "engine/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/test_engine.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class PlatformTest : public testing::Test {
 protected:
  // What the only task is given; `platform` is its Kubernetes configuration.
  Result<PlatformGifts> gifts(const std::string& platform) {
    const Prepared prepared =
        prepare({.spec = pipeline_text(step_line("a"), "",
                                       "  inputDefinitions: {parameters: {none: {parameterType: STRING, "
                                       "isOptional: true}, who: {parameterType: STRING, defaultValue: s}}}\n") +
                         "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: {" + platform + "}}}}}\n",
                 .name = "my run"},
                {}, new_run_context(dir_, Uuid{}, from_micros(1)));
    EXPECT_TRUE(prepared.errors.empty()) << prepared.errors.front().text();
    State state;
    (void)step(*prepared.plan, state, RunBegan{}, from_micros(1));
    return platform_gifts(*prepared.plan, prepared.plan->components.front(), prepared.pipeline->executors.at("exec-step"),
                          StateScope(state, TaskId{0}), dir_, {}, "pod-1");
  }
  PlatformGifts given(const std::string& platform) {
    auto found = gifts(platform);
    EXPECT_TRUE(found.has_value()) << found.error().message;
    return found ? std::move(*found) : PlatformGifts{};
  }
  std::string refusal(const std::string& platform) {
    const auto found = gifts(platform);
    return found ? "none" : found.error().message + "; " + found.error().hint;
  }

  TestFolder folder_;
  DataDir dir_ = DataDir::at(folder_.path()).value();
};

TEST_F(PlatformTest, KeysBecomeVariablesAndSecretsAreHidden) {
  folder_.write("secrets/s/k", "one-secret\n");
  folder_.write("secrets/s/l", "2");
  folder_.write("config_maps/m/k", "plain");
  const PlatformGifts found = given(
      "secretAsEnv: [{secretNameParameter: {componentInputParameter: who}, keyToEnv: [{secretKey: k, envVar: K}, {secretKey: l, "
      "envVar: L}]}], configMapAsEnv: [{configMapName: m, keyToEnv: [{configMapKey: k, envVar: C}]}]");
  EXPECT_THAT(found.env, ElementsAre(Pair("K", "one-secret\n"), Pair("L", "2"), Pair("C", "plain")));
  EXPECT_THAT(found.redact, ElementsAre("one-secret", "2"));
}

TEST_F(PlatformTest, SecretsAndConfigMapsBecomeFolders) {
  folder_.write("secrets/s/k", "one-secret");
  folder_.write("config_maps/m/a", "1");
  folder_.write("config_maps/m/b", "2");
  const PlatformGifts found = given(
      "secretAsVolume: [{secretName: s, mountPath: /etc/s}, {secretName: gone, mountPath: /etc/gone, optional: true}, "
      "{secretNameParameter: {componentInputParameter: none}, mountPath: /etc/none}], "
      "configMapAsVolume: [{configMapName: m, mountPath: /etc/m}]");
  ASSERT_EQ(found.folders.size(), 3U);
  EXPECT_THAT(found.folders[0].files, ElementsAre(Pair("k", "one-secret")));
  EXPECT_THAT(found.folders[0].targets, ElementsAre("/etc/s"));
  EXPECT_TRUE(found.folders[0].read_only);
  EXPECT_THAT(found.folders[1].files, IsEmpty()) << "an optional one is an empty folder";
  EXPECT_THAT(found.folders[2].files, ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(found.redact, ElementsAre("one-secret"));
}

TEST_F(PlatformTest, WhatIsMissingSaysWhereItWasLookedForUnlessItIsOptional) {
  EXPECT_THAT(refusal("secretAsVolume: [{secretName: s, mountPath: /s}]"),
              HasSubstr("secret 's': not found; put the value in " + folder_.path() + "/secrets/s/KEY"));
  EXPECT_THAT(refusal("configMapAsEnv: [{configMapName: s, keyToEnv: [{configMapKey: k, envVar: C}]}]"),
              HasSubstr("config map 's', key 'k': not found; put the value in " + folder_.path() + "/config_maps/s/k"));
  const PlatformGifts optional = given(
      "secretAsEnv: [{secretName: s, optional: true, keyToEnv: [{secretKey: k, envVar: K}]}, {secretNameParameter: "
      "{componentInputParameter: none}, keyToEnv: [{secretKey: k, envVar: K}]}]");
  EXPECT_THAT(optional.env, IsEmpty());
}

TEST_F(PlatformTest, AVolumeIsADirectoryThatIsMadeOnFirstUse) {
  const std::string platform = "pvcMount: [{constant: vol, mountPath: /data, subPath: in/it}]";
  const PlatformGifts first = given(platform);
  ASSERT_EQ(first.mounts.size(), 1U);
  EXPECT_EQ(first.mounts[0].source, folder_.path() + "/volumes/vol/in/it");
  EXPECT_EQ(first.mounts[0].target, "/data");
  EXPECT_TRUE(std::filesystem::is_directory(first.mounts[0].source));
  EXPECT_THAT(first.note, HasSubstr("volume 'vol' was not there and has been made"));
  EXPECT_EQ(given(platform).note, "");
  EXPECT_THAT(refusal("pvcMount: [{constant: ../vol, mountPath: /data}]"), HasSubstr("cannot be the name of a volume"));
  EXPECT_THAT(refusal("pvcMount: [{constant: vol, mountPath: /data, subPath: ../../x}]"), HasSubstr("leads out of the volume"));
}

TEST_F(PlatformTest, EmptyVolumesAreFoldersThatInitContainersSeeToo) {
  const PlatformGifts found = given(
      "emptyDirMounts: [{volumeName: v, mountPath: /scratch}], genericEphemeralVolume: [{volumeName: w, mountPath: /big}], "
      "initContainers: [{name: i, image: alpine, command: ['true'], volumeMounts: [{volumeName: v, mountPath: /scratch}, "
      "{volumeName: w, mountPath: /small}]}]");
  ASSERT_EQ(found.folders.size(), 2U);
  EXPECT_THAT(found.folders[0].targets, ElementsAre("/scratch"));
  EXPECT_THAT(found.folders[1].targets, ElementsAre("/big", "/small"));
  EXPECT_FALSE(found.folders[0].read_only);
  EXPECT_THAT(refusal("initContainers: [{name: i, image: alpine, command: ['true'], volumeMounts: [{volumeName: v, mountPath: "
                      "/scratch}]}]"),
              HasSubstr("init container 'i' mounts the volume 'v', which the task does not have"));
}

TEST_F(PlatformTest, APodKnowsItself) {
  const PlatformGifts found = given(
      "podMetadata: {labels: {team: ml}, annotations: {a.b/c: d}}, fieldPathAsEnv: [{name: A, fieldPath: metadata.name}, {name: "
      "B, fieldPath: \"metadata.labels['team']\"}, {name: C, fieldPath: \"metadata.annotations['a.b/c']\"}, {name: D, fieldPath: "
      "\"metadata.labels['gone']\"}, {name: E, fieldPath: status.podIP}, {name: F, fieldPath: spec.unheardOf}, {name: G, "
      "fieldPath: \"metadata.annotations['pipelines.kubeflow.org/run_name']\"}, {name: H, fieldPath: metadata.namespace}]");
  EXPECT_THAT(found.env, ElementsAre(Pair("A", "pod-1"), Pair("B", "ml"), Pair("C", "d"), Pair("D", ""), Pair("E", "127.0.0.1"),
                                     Pair("F", ""), Pair("G", "my run"), Pair("H", "default")));
}

TEST(PlatformWarnings, AFieldWithoutEffectIsToldWithItsLineAndItsMeaning) {
  const KubernetesConfig config{.unsupported = {{"nodeSelector", {14, 3}}, {"securityContext", {20, 3}}, {"later", {21, 3}}}};
  std::vector<std::string> texts;
  for (const Diagnostic& warning : platform_warnings(config, "p.yaml")) texts.push_back(warning.text());
  EXPECT_THAT(texts, ElementsAre("p.yaml:14:3: 'nodeSelector' has no effect: there is one machine to run on",
                                 "p.yaml:20:3: 'securityContext' has no effect: the task runs as the user who runs sluice",
                                 "p.yaml:21:3: 'later' has no effect: it is not known here"));
}

}  // namespace
}  // namespace sluice
