#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "spec/parse.h"
#include "spec/test_pipeline.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

ParsedPipeline with_platform(std::string_view kubernetes) {
  return parse_pipeline(std::string(kPipeline) + "---\nplatforms:\n  kubernetes:\n" + std::string(kubernetes), "p.yaml");
}
ParsedPipeline with_config(std::string_view config) {
  return with_platform("    deploymentSpec: {executors: {exec-train: {" + std::string(config) + "}}}\n");
}
ParsedPipeline with_pipeline_config(std::string_view config) {
  return with_platform("    pipelineConfig: {" + std::string(config) + "}\n");
}

TEST(Platform, WhatHasAMeaningOnOneMachineIsRead) {
  const ParsedPipeline parsed = with_config(R"(
    secretAsEnv: [{secretName: old, secretNameParameter: {componentInputParameter: rows},
                   keyToEnv: [{secretKey: k, envVar: E}], optional: true}],
    configMapAsEnv: [{configMapName: cm, keyToEnv: [{configMapKey: k, envVar: F}]}],
    secretAsVolume: [{secretNameParameter: {runtimeValue: {constant: s}}, mountPath: /s}],
    configMapAsVolume: [{configMapNameParameter: {runtimeValue: {constant: c}}, mountPath: /c, optional: true}],
    pvcMount: [{taskOutputParameter: {producerTask: p, outputParameterKey: name}, mountPath: /d, subPath: x},
               {constant: vol, mountPath: /e}],
    fieldPathAsEnv: [{name: POD, fieldPath: metadata.name}],
    podMetadata: {labels: {l: '1'}, annotations: {a.b/c: d}},
    emptyDirMounts: [{volumeName: v, mountPath: /scratch}],
    genericEphemeralVolume: [{volumeName: w, mountPath: big, size: 1Gi}],
    activeDeadlineSeconds: '20',
    imagePullPolicy: Never)");
  EXPECT_EQ(told(parsed.errors) + told(parsed.warnings), "");
  const KubernetesConfig& config = parsed.pipeline.executors.at("exec-train").kubernetes;
  EXPECT_EQ(std::get<FromComponentInput>(config.secret_env.at(0).name.source).name, "rows");
  EXPECT_TRUE(config.secret_env[0].optional);
  EXPECT_EQ(config.secret_env[0].keys.at(0).key + config.secret_env[0].keys.at(0).env, "kE");
  EXPECT_EQ(std::get<FromConstant>(config.config_map_env.at(0).name.source).value, Value("cm"));
  EXPECT_EQ(config.secret_volumes.at(0).mount_path, "/s");
  EXPECT_TRUE(config.config_map_volumes.at(0).optional);
  EXPECT_EQ(std::get<FromTaskOutput>(config.pvc_mounts.at(0).name.source).producer, "p");
  EXPECT_EQ(config.pvc_mounts[0].sub_path, "x");
  EXPECT_EQ(std::get<FromConstant>(config.pvc_mounts.at(1).name.source).value, Value("vol"));
  EXPECT_EQ(config.field_path_env.at(0).env + "=" + config.field_path_env.at(0).field_path, "POD=metadata.name");
  EXPECT_EQ(config.labels.at("l") + config.annotations.at("a.b/c"), "1d");
  ASSERT_EQ(config.empty_dirs.size(), 2U);
  EXPECT_EQ(config.empty_dirs[0].volume + config.empty_dirs[0].mount_path, "v/scratch");
  EXPECT_EQ(config.empty_dirs[1].mount_path, "/big") << "a relative path is one below the root";
  EXPECT_EQ(config.deadline, 20s);
}

TEST(Platform, InitContainersAndWhatIsNotSupportedKeepTheirPlaces) {
  const ParsedPipeline parsed = with_config(R"(
    initContainers: [{name: i, image: alpine, command: [sh, -c], args: [x], env: [{name: A, value: b}],
                      volumeMounts: [{volumeName: v, mountPath: /here}]}, {name: j, restartPolicy: Always}],
    nodeSelector: {labels: {gpu: x}}, imagePullSecret: [{secretName: x}],
    tolerations: [{key: a}], someNewKey: 1, imagePullPolicy: Never, later: null)");
  EXPECT_EQ(told(parsed.errors) + told(parsed.warnings), "");
  const KubernetesConfig& config = parsed.pipeline.executors.at("exec-train").kubernetes;
  ASSERT_EQ(config.init_containers.size(), 2U);
  const InitContainer& init = config.init_containers[0];
  EXPECT_EQ(init.name + init.image, "ialpine");
  EXPECT_THAT(init.command, ElementsAre("sh", "-c"));
  EXPECT_THAT(init.args, ElementsAre("x"));
  EXPECT_THAT(init.env, ElementsAre(testing::Pair("A", "b")));
  EXPECT_EQ(init.volume_mounts.at(0).volume + init.volume_mounts[0].mount_path, "v/here");
  EXPECT_FALSE(init.stays);
  EXPECT_TRUE(config.init_containers[1].stays);
  ASSERT_EQ(config.unsupported.size(), 3U);
  EXPECT_EQ(config.unsupported[0].name + config.unsupported[1].name + config.unsupported[2].name,
            "nodeSelectortolerationssomeNewKey");
  EXPECT_EQ(config.unsupported[1].place.line, config.unsupported[0].place.line + 1);
  EXPECT_EQ(config.unsupported[1].place.column, 5) << "of the key itself";
}

TEST(Platform, WhatItNeedsMustBeThere) {
  EXPECT_THAT(told(with_config("secretAsEnv: [{keyToEnv: []}]").errors),
              HasSubstr("secretAsEnv[0]: 'secretNameParameter' is missing"));
  EXPECT_THAT(told(with_config("pvcMount: [{mountPath: /x}]").errors), HasSubstr("'pvcNameParameter' is missing"));
  EXPECT_THAT(told(with_config("emptyDirMounts: [{volumeName: x}]").errors), HasSubstr("'mountPath' is missing"));
  EXPECT_THAT(told(with_config("emptyDirMounts: [{mountPath: 'a:b'}]").errors), HasSubstr("must not contain ':'"));
  EXPECT_THAT(told(with_config("imagePullPolicy: Sometimes").errors),
              HasSubstr("imagePullPolicy must be Always, Never or IfNotPresent, not 'Sometimes'"));
}

TEST(Platform, AnExecutorThatIsNotThereIsAWarning) {
  const ParsedPipeline parsed = with_platform("    deploymentSpec: {executors: {exec-gone: {}}}\n");
  EXPECT_EQ(told(parsed.errors), "");
  EXPECT_THAT(told(parsed.warnings), HasSubstr("executor 'exec-gone', which the pipeline does not have"));
}

TEST(Platform, TheWorkspaceNeedsASize) {
  const auto size_errors = [](std::string_view size) {
    return told(with_pipeline_config("workspace: {size: " + std::string(size) + "}").errors);
  };
  for (const char* size : {"10Gi", "1.5G", "500M", "'1000'", "'1e9'", "100m"}) EXPECT_EQ(size_errors(size), "") << size;
  for (const char* size : {"-1Gi", "0", "'0Gi'", "Gi", "10GiB", "1.2.3Gi", "''", "1e"}) EXPECT_NE(size_errors(size), "") << size;
  EXPECT_THAT(told(with_pipeline_config("workspace: {}").errors), HasSubstr("the workspace has no size"));
  EXPECT_EQ(told(with_pipeline_config(
                     "workspace: {size: 1Gi, kubernetes: {pvcSpecPatch: {accessModes: [ReadWriteOnce], storageClassName: x}}}")
                     .errors),
            "");
  EXPECT_THAT(told(with_pipeline_config("workspace: {size: 1Gi, kubernetes: {pvcSpecPatch: {volumeMode: x}}}").errors),
              HasSubstr("unknown field 'volumeMode'"));
}

TEST(Platform, TheRunHasADeadlineAndLocksAreIgnored) {
  const ParsedPipeline parsed =
      with_pipeline_config("activeDeadlineSeconds: 90, semaphore_key: a, mutexName: b, resourceTtlOnSuccess: 5, later: 1");
  EXPECT_EQ(told(parsed.errors), "");
  EXPECT_EQ(parsed.pipeline.deadline, 90s);
  EXPECT_THAT(told(parsed.warnings), HasSubstr("'later' of the pipeline's configuration is not known and is ignored"));
  EXPECT_EQ(with_pipeline_config("activeDeadlineSeconds: 0").pipeline.deadline, std::nullopt);
}

}  // namespace
}  // namespace sluice
