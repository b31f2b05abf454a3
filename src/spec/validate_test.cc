#include "spec/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/test_pipeline.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The one error of `text`, which must stand at the first `culprit` in it.
std::string error_at(const std::string& text, std::string_view culprit) {
  const std::string told = errors_of(text);
  const std::string place = place_in(text, culprit) + " ";
  return told.starts_with(place) ? told.substr(place.size()) : "not at " + place + told;
}

TEST(Validate, AFileWithoutAPipelineSaysSo) {
  EXPECT_EQ(errors_of(""), "0:0 : unknown template format: the file holds no pipeline\n");
  EXPECT_EQ(errors_of("# only a comment\n"), "0:0 : unknown template format: the file holds no pipeline\n");
  EXPECT_EQ(errors_of("platforms: {kubernetes: {}}\n"), "0:0 : unknown template format: the file holds no pipeline\n");
  EXPECT_THAT(errors_of("just text\n"), StartsWith("1:1 : unknown template format"));
}

TEST(Validate, TheHeadOfAPipelineMustBeThere) {
  EXPECT_THAT(errors_of(pipeline_with("schemaVersion: 2.1.0\n", "")), HasSubstr("only supports schema version 2.1.0"));
  EXPECT_THAT(errors_of(pipeline_with("  name: two-steps", "  name: ''")),
              StartsWith("2:9 pipelineInfo.name: the pipeline's name is empty"));
  EXPECT_THAT(errors_of(pipeline_with("  name: two-steps", "  displayName: x")),
              StartsWith("1:1 pipelineInfo: the pipeline's name is empty"));
  EXPECT_THAT(errors_of(pipeline_with("two-steps", "-two")), HasSubstr("must contain only lowercase alphanumeric"));
  EXPECT_THAT(errors_of(pipeline_with("two-steps", std::string(129, 'a'))), HasSubstr("longer than 128"));
  EXPECT_EQ(errors_of(pipeline_with("two-steps", std::string(128, 'a'))), "");
  const std::string headless(kPipeline.substr(0, kPipeline.find("root:")));
  EXPECT_THAT(errors_of(headless), HasSubstr("the root component is empty"));
}

TEST(Validate, OnePipelineAndOneKubernetesPlatformPerFile) {
  const std::string text(kPipeline);
  EXPECT_EQ(errors_of(text + "---\n---\nplatforms: {google_cloud: {a: 1}}\n---\nplatforms: {kubernetes: {}}\n"), "");
  EXPECT_THAT(errors_of(text + "---\n" + text), HasSubstr("multiple pipeline specs provided; the first is at line 1"));
  EXPECT_THAT(errors_of(text + "---\nplatforms: {kubernetes: {}}\n---\nplatforms: {kubernetes: {}}\n"),
              HasSubstr("multiple platform specs provided"));
}

TEST(Validate, AComponentHasExactlyOneImplementation) {
  EXPECT_EQ(error_at(pipeline_with("    executorLabel: exec-train\n", ""), "comp-train:"),
            "components.comp-train: unknown component implementation: 'comp-train' has neither a dag nor an executorLabel\n");
  EXPECT_THAT(errors_of(pipeline_with("executorLabel: exec-train",
                                      "executorLabel: exec-train\n    dag: {tasks: {t: {componentRef: {name: comp-load}}}}")),
              HasSubstr("'comp-train' has both a dag and an executorLabel"));
  EXPECT_THAT(errors_of(pipeline_with("root:\n", "root:\n  executorLabel: exec-load\n")), HasSubstr("'root' has both"));
}

TEST(Validate, ExecutorsThatNobodyRunsAreRefused) {
  EXPECT_THAT(errors_of(pipeline_with("container: {image: alpine, command: ['true']}", "resolver: {}")),
              HasSubstr("executor 'exec-train': resolver is not implemented"));
  EXPECT_THAT(errors_of(pipeline_with("container: {image: alpine, command: ['true']}", "customJob: {}")),
              HasSubstr("customJob is not implemented"));
  EXPECT_THAT(errors_of(pipeline_with("container: {image: alpine, command: ['true']}", "other: {}")),
              HasSubstr("'exec-train' is neither a container nor an importer"));
  EXPECT_THAT(
      errors_of(pipeline_with("container: {image: alpine, command: ['true']}", "importer: {artifactUri: {constant: ''}}")),
      HasSubstr("no artifactUri"));
}

TEST(Validate, ComponentReferencesMustLeadSomewhere) {
  EXPECT_EQ(error_at(pipeline_with("componentRef: {name: comp-train}", "componentRef: {name: comp-tran}"), "comp-tran}"),
            "root.dag.tasks.train.componentRef.name: cannot find component ref name 'comp-tran'; did you mean 'comp-train'?\n");
  EXPECT_EQ(error_at(pipeline_with("componentRef: {name: comp-train}", "componentRef: {}"), "train:\n        componentRef"),
            "root.dag.tasks.train: the component ref name of task 'train' is empty\n");
}

TEST(Validate, ProducersAndTheirOutputsMustBeThere) {
  EXPECT_EQ(error_at(pipeline_with("[load]", "[load, ghost]"), "ghost"),
            "root.dag.tasks.train.dependentTasks[1]: unknown producer task 'ghost'\n");
  EXPECT_EQ(error_at(pipeline_with("outputParameterKey: count", "outputParameterKey: counts"), "counts"),
            "root.dag.tasks.train.inputs.parameters.rows.taskOutputParameter.outputParameterKey: "
            "task 'load' has no output parameter 'counts'; did you mean 'count'?\n");
  EXPECT_THAT(errors_of(pipeline_with("outputArtifactKey: data", "outputArtifactKey: nope")),
              HasSubstr("task 'load' has no output artifact 'nope'"));
  EXPECT_THAT(
      error_at(
          pipeline_with(
              "  dag:\n",
              "  dag:\n    outputs: {parameters: {a: {valueFromParameter: {producerSubtask: ghost, outputParameterKey: x}}}}\n"),
          "ghost"),
      StartsWith("root.dag.outputs.parameters.a.valueFromParameter.producerSubtask: unknown producer task 'ghost'"));
  EXPECT_THAT(errors_of(pipeline_with("rows: {taskOutputParameter: {producerTask: load, outputParameterKey: count}}",
                                      "rows: {taskFinalStatus: {producerTask: ghost}}")),
              HasSubstr("unknown producer task 'ghost'"));
}

TEST(Validate, InputsOfTheDagMustBeDeclared) {
  EXPECT_EQ(error_at(pipeline_with("rows: {componentInputParameter: rows}", "rows: {componentInputParameter: row}"), "row}"),
            "root.dag.tasks.load.inputs.parameters.rows.componentInputParameter: component 'root' has no input parameter 'row'; "
            "did you mean 'rows'?\n");
  EXPECT_THAT(errors_of(pipeline_with("data: {taskOutputArtifact: {producerTask: load, outputArtifactKey: data}}",
                                      "data: {componentInputArtifact: data}")),
              HasSubstr("component 'root' has no input artifact 'data'"));
}

// What the SDK does for an f-string over a task's output: the inner component never declares the input.
TEST(Validate, AnInputThatATaskPassesNeedsNoDeclaration) {
  const std::string inner = pipeline_with("components:\n",
                                          "components:\n  comp-inner: {dag: {tasks: {t: {componentRef: {name: comp-load}, "
                                          "inputs: {parameters: {rows: {componentInputParameter: hidden}}}}}}}\n");
  EXPECT_THAT(errors_of(inner), HasSubstr("component 'comp-inner' has no input parameter 'hidden'"));
  const std::string passed = pipeline_with("  dag:\n    tasks:\n",
                                           "  dag:\n    tasks:\n      outer: {componentRef: {name: comp-inner}, inputs: "
                                           "{parameters: {hidden: {componentInputParameter: rows}}}}\n",
                                           inner);
  EXPECT_EQ(errors_of(passed), "");
}

TEST(Validate, ACycleIsToldAsAWhole) {
  EXPECT_EQ(error_at(pipeline_with("        taskInfo: {name: Load rows}", "        dependentTasks: [train]"),
                     "load:\n        componentRef"),
            "root.dag.tasks.load: invalid dependency: the tasks wait for each other in a cycle: load -> train -> load\n");
  EXPECT_THAT(errors_of(pipeline_with("[load]", "[train]")), HasSubstr("in a cycle: train -> train\n"));
  std::string ring;
  for (int i = 0; i < 100; ++i)
    ring += "      t" + std::to_string(i) + ": {componentRef: {name: comp-load}, dependentTasks: [t" +
            std::to_string((i + 1) % 100) + "]}\n";
  const std::string told = errors_of(pipeline_with("    tasks:\n", "    tasks:\n" + ring));
  EXPECT_THAT(told, HasSubstr("t18 -> t19 -> ... (79 more) -> t99 -> t0\n"));
}

TEST(Validate, AComponentCannotContainItself) {
  const std::string text = pipeline_with("components:\n",
                                         "components:\n  comp-a: {dag: {tasks: {b: {componentRef: {name: comp-b}}}}}\n  comp-b: "
                                         "{dag: {tasks: {a: {componentRef: {name: comp-a}}}}}\n");
  EXPECT_EQ(errors_of(text), "6:3 components.comp-a: component 'comp-a' contains itself, a cycle: comp-a -> comp-b -> comp-a\n");
}

TEST(Validate, ADagNeedsATaskThatIsNoExitTask) {
  const std::string exit = "\n        triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}";
  const std::string one = pipeline_with("componentRef: {name: comp-train}", "componentRef: {name: comp-train}" + exit);
  EXPECT_EQ(errors_of(one), "");
  EXPECT_THAT(error_at(pipeline_with("componentRef: {name: comp-load}", "componentRef: {name: comp-load}" + exit, one), "dag:"),
              StartsWith("root.dag: the dag of component 'root' must contain one or more non-exit tasks"));
  EXPECT_THAT(errors_of(pipeline_with("components:\n", "components:\n  comp-a: {dag: {}}\n")),
              HasSubstr("'comp-a' must contain one or more non-exit tasks"));
}

TEST(Validate, IteratorsMustFitTheirComponent) {
  const auto with_iterator = [](std::string_view iterator) {
    return errors_of(pipeline_with("        taskInfo: {name: Load rows}", "        " + std::string(iterator)));
  };
  EXPECT_EQ(with_iterator("parameterIterator: {itemInput: rows, items: {inputParameter: rows}}"), "");
  EXPECT_THAT(with_iterator("parameterIterator: {itemInput: row, items: {raw: '[]'}}"),
              HasSubstr("component 'comp-load' has no input parameter 'row' for the loop's item; did you mean 'rows'?"));
  EXPECT_THAT(with_iterator("parameterIterator: {itemInput: rows, items: {inputParameter: list}}"),
              HasSubstr("the loop's items are the input parameter 'list', which task 'load' is not given"));
  EXPECT_THAT(with_iterator("artifactIterator: {itemInput: rows, items: {inputArtifact: a}}"),
              HasSubstr("input artifact 'a', which task 'load' is not given"));
  EXPECT_THAT(with_iterator("parameterIterator: {itemInput: rows, items: {raw: '[]'}}\n        artifactIterator: {itemInput: "
                            "rows, items: {inputArtifact: a}}"),
              HasSubstr("task 'load' has both a parameterIterator and an artifactIterator"));
}

TEST(Validate, AnImporterCannotHaveACondition) {
  const std::string importer =
      pipeline_with("container: {image: alpine, command: ['true']}", "importer: {artifactUri: {constant: x}}");
  EXPECT_THAT(
      error_at(pipeline_with("dependentTasks: [load]", "triggerPolicy: {condition: 'true'}", importer), "condition"),
      StartsWith("root.dag.tasks.train.triggerPolicy.condition: task 'train' is an importer, which cannot have a condition"));
}

}  // namespace
}  // namespace sluice
