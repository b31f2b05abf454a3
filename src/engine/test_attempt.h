// For tests: a data directory with a pipeline of one leaf of each sort, and orders for them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "engine/attempt.h"
#include "engine/engine.h"
#include "exec/test_folder.h"

namespace sluice {

inline std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class AttemptWorld {
 public:
  AttemptWorld() {
    EXPECT_TRUE(dir.create().has_value());
    EXPECT_TRUE(objects.open().has_value());
    uuid.bytes.back() = 1;
    prepared = prepare({.spec = kPipelineText, .spec_file = "p.yaml"}, {}, new_run_context(dir, uuid, from_micros(1'000'000)));
    EXPECT_TRUE(prepared.errors.empty()) << prepared.errors.front().text();
    EXPECT_TRUE(make_directory(dir.run(uuid.text())).has_value());
  }

  // Of `plain` (nothing in, nothing out), `make` (outputs y and data), `eat` (inputs data and the list many, nothing out) or
  // `load` (an importer of the URI in its input `uri`), `keep` (an importer with a workspace).
  AttemptOrder order(const std::string& task, std::int64_t id = 1, int attempt = 1, TaskData inputs = {}) const {
    AttemptOrder order{.run = uuid,
                       .run_uuid = uuid.text(),
                       .plan = prepared.plan,
                       .task = TaskId{id},
                       .attempt = attempt,
                       .task_name = task,
                       .inputs = std::move(inputs)};
    const PlanComponent& root = prepared.plan->components.front();
    order.component = &prepared.plan->components.at(root.tasks.at(root.task_index.at(task)).component);
    const auto site = prepared.sites.by_executor.find(order.component->executor->label);
    if (site != prepared.sites.by_executor.end()) order.site = &site->second;
    return order;
  }

  // Content that a task before has left.
  Artifact stored(const std::string& name, const std::string& content) {
    const std::string path = folder.write("made/" + name, content);
    return take(path);
  }
  Artifact take(const std::string& path) {
    const auto object = objects.put(path);
    EXPECT_TRUE(object.has_value()) << object.error().message;
    return {.name = "data", .uri = path, .digest = object->digest, .size_bytes = object->size_bytes};
  }

  static constexpr const char* kPipelineText = R"(pipelineInfo: {name: test}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-plain: {executorLabel: exec-plain}
  comp-make:
    executorLabel: exec-make
    outputDefinitions:
      artifacts: {data: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}}
      parameters: {y: {parameterType: NUMBER_INTEGER}}
  comp-eat:
    executorLabel: exec-eat
    inputDefinitions:
      artifacts:
        data: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}, isOptional: true}
        many: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}, isArtifactList: true, isOptional: true}
  comp-load:
    executorLabel: exec-load
    inputDefinitions: {parameters: {uri: {parameterType: STRING, isOptional: true}}}
    outputDefinitions: {artifacts: {artifact: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}}}
  comp-keep:
    executorLabel: exec-keep
    inputDefinitions: {parameters: {uri: {parameterType: STRING, isOptional: true}}}
    outputDefinitions: {artifacts: {artifact: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}}}
deploymentSpec:
  executors:
    exec-plain: {container: {image: alpine, command: [echo, hello]}}
    exec-make:
      container: {image: alpine, command: [make-it], args: ["{{$.outputs.artifacts['data'].path}}"]}
    exec-eat:
      container: {image: alpine, command: [eat-it], args: ["{{$.inputs.artifacts['data'].path}}"], env: [{name: A, value: b}]}
    exec-load: {importer: {artifactUri: {runtimeParameter: uri}, typeSchema: {schemaTitle: system.Dataset}}}
    exec-keep:
      importer: {artifactUri: {runtimeParameter: uri}, typeSchema: {schemaTitle: system.Dataset}, downloadToWorkspace: true}
root:
  dag:
    tasks:
      plain: {componentRef: {name: comp-plain}}
      make: {componentRef: {name: comp-make}}
      eat: {componentRef: {name: comp-eat}}
      load: {componentRef: {name: comp-load}}
      keep: {componentRef: {name: comp-keep}}
)";

  TestFolder folder;
  DataDir dir = DataDir::at(folder.path() + "/data").value();
  ObjectStore objects{dir.objects(), false};
  Uuid uuid;
  Prepared prepared;
};

}  // namespace sluice
