// A small pipeline that the tests of this module change a word of.
#pragma once

#include <string>

#include "base/check.h"
#include "base/text.h"
#include "spec/parse.h"

namespace sluice {

inline constexpr std::string_view kPipeline = R"(pipelineInfo:
  name: two-steps
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-load:
    executorLabel: exec-load
    inputDefinitions:
      parameters:
        rows: {parameterType: NUMBER_INTEGER, defaultValue: 10}
    outputDefinitions:
      artifacts:
        data: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}
      parameters:
        count: {parameterType: NUMBER_INTEGER}
  comp-train:
    executorLabel: exec-train
    inputDefinitions:
      artifacts:
        data: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}
      parameters:
        rows: {parameterType: NUMBER_INTEGER}
        rate: {parameterType: NUMBER_DOUBLE, isOptional: true}
deploymentSpec:
  executors:
    exec-load:
      container: {image: alpine, command: [sh, -c, 'echo "$0"'], args: ['{{$}}']}
    exec-train:
      container: {image: alpine, command: ['true']}
root:
  inputDefinitions:
    parameters:
      rows: {parameterType: NUMBER_INTEGER}
  dag:
    tasks:
      load:
        componentRef: {name: comp-load}
        inputs:
          parameters:
            rows: {componentInputParameter: rows}
        taskInfo: {name: Load rows}
      train:
        componentRef: {name: comp-train}
        dependentTasks: [load]
        inputs:
          artifacts:
            data: {taskOutputArtifact: {producerTask: load, outputArtifactKey: data}}
          parameters:
            rows: {taskOutputParameter: {producerTask: load, outputParameterKey: count}}
)";

// kPipeline with `from`, which must be in it, replaced by `to`.
inline std::string pipeline_with(std::string_view from, std::string_view to, std::string text = std::string(kPipeline)) {
  SLUICE_CHECK(text.find(from) != std::string::npos);
  return replace_all(std::move(text), from, to);
}

// "line:column" of the first `culprit` in the text, which must have it.
inline std::string place_in(std::string_view text, std::string_view culprit) {
  const auto at = text.find(culprit);
  SLUICE_CHECK(at != std::string_view::npos);
  const auto lines = split(text.substr(0, at), '\n');
  return std::to_string(lines.size()) + ":" + std::to_string(lines.back().size() + 1);
}

// "line:column path: message; hint", one to a line.
inline std::string told(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) {
    out += std::to_string(d.place.line) + ":" + std::to_string(d.place.column) + " " + d.path + ": " + d.message;
    if (!d.hint.empty()) out += "; " + d.hint;
    out += "\n";
  }
  return out;
}
inline std::string errors_of(std::string_view text) { return told(parse_pipeline(text, "p.yaml").errors); }

}  // namespace sluice
