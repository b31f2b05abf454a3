#include "spec/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/json.h"
#include "spec/test_pipeline.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

Pipeline pipeline_of(std::string_view text) {
  ParsedPipeline parsed = parse_pipeline(text, "p.yaml");
  EXPECT_EQ(told(parsed.errors), "");
  return std::move(parsed.pipeline);
}

TEST(Parse, APipelineIsReadWithItsPlaces) {
  const Pipeline pipeline = pipeline_of(kPipeline);
  EXPECT_EQ(pipeline.name, "two-steps");
  EXPECT_EQ(pipeline.sdk_version, "kfp-2.17.0");
  ASSERT_EQ(pipeline.root.name, "root");
  const Component& load = pipeline.components.at("comp-load");
  EXPECT_EQ(load.executor, "exec-load");
  EXPECT_EQ(load.place, (Place{6, 3}));
  EXPECT_EQ(load.input_parameters.at("rows").default_value, Value(10));
  EXPECT_EQ(load.input_parameters.at("rows").place, (Place{10, 9}));
  EXPECT_EQ(load.output_artifacts.at("data").type.schema_title, "system.Dataset");
  EXPECT_EQ(load.output_artifacts.at("data").type.schema_version, "0.0.1");
  EXPECT_TRUE(pipeline.components.at("comp-train").input_parameters.at("rate").optional);
  const auto& container = std::get<ContainerSpec>(pipeline.executors.at("exec-load").what);
  EXPECT_THAT(container.command, ElementsAre("sh", "-c", "echo \"$0\""));
  EXPECT_THAT(container.args, ElementsAre("{{$}}"));
  EXPECT_FALSE(container.python);
  const TaskSpec& task = pipeline.root.dag->tasks.at("load");
  EXPECT_EQ(task.display_name, "Load rows");
  EXPECT_EQ(task.place, (Place{36, 7}));
  EXPECT_EQ(std::get<FromComponentInput>(task.parameters.at("rows").source).name, "rows");
  const TaskSpec& train = pipeline.root.dag->tasks.at("train");
  EXPECT_EQ(train.display_name, "train");
  EXPECT_THAT(train.dependent_tasks, ElementsAre("load"));
  const auto& from = std::get<FromTaskOutput>(train.artifacts.at("data").source);
  EXPECT_EQ(from.producer + "." + from.key, "load.data");
  EXPECT_EQ(train.parameters.at("rows").place, (Place{49, 13}));
}

// Whatever the notation, the pipeline is the same: here kPipeline by way of JSON, and in snake_case.
TEST(Parse, JsonAndSnakeCaseMakeTheSamePipeline) {
  const auto tree = parse_params(kPipeline, "p.yaml");
  ASSERT_TRUE(tree);
  std::string snake;
  for (const char c : kPipeline) {
    const bool inner = c >= 'A' && c <= 'Z' && !snake.empty() && snake.back() >= 'a' && snake.back() <= 'z';
    if (inner) snake += '_';
    snake += inner ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const std::string& text : {to_json(*tree), to_json_pretty(*tree), snake}) {
    const Pipeline pipeline = pipeline_of(text);
    EXPECT_EQ(pipeline.name, "two-steps");
    EXPECT_EQ(pipeline.components.at("comp-load").input_parameters.at("rows").default_value, Value(10));
    EXPECT_EQ(pipeline.components.at("comp-load").output_parameters.at("count").type, ParameterType::kNumberInteger);
    EXPECT_EQ(std::get<FromTaskOutput>(pipeline.root.dag->tasks.at("train").parameters.at("rows").source).key, "count");
    EXPECT_THAT(std::get<ContainerSpec>(pipeline.executors.at("exec-load").what).args, ElementsAre("{{$}}"));
  }
}

TEST(Parse, TheClientsTwoDocumentsInOneAreAccepted) {
  const auto tree = parse_params(kPipeline, "p.yaml");
  const std::string text =
      "{\"pipeline_spec\": " + to_json(*tree) +
      ", \"platform_spec\": {\"platforms\": {\"kubernetes\": {\"pipelineConfig\": {\"workspace\": {\"size\": \"1Gi\"}}}}}}";
  EXPECT_EQ(pipeline_of(text).workspace->size, "1Gi");
}

TEST(Parse, TypesAreNamesOrNumbersAndTheOldOnesStillCount) {
  const auto type_of = [](std::string_view text) {
    return pipeline_of(
               pipeline_with("rows: {parameterType: NUMBER_INTEGER, defaultValue: 10}", "rows: {" + std::string(text) + "}"))
        .components.at("comp-load")
        .input_parameters.at("rows")
        .type;
  };
  EXPECT_EQ(type_of("parameterType: 2"), ParameterType::kNumberInteger);
  EXPECT_EQ(type_of("parameterType: TASK_CONFIG"), ParameterType::kTaskConfig);
  EXPECT_EQ(type_of("type: INT"), ParameterType::kNumberInteger);
  EXPECT_EQ(type_of("type: DOUBLE"), ParameterType::kNumberDouble);
  EXPECT_EQ(type_of("type: 3"), ParameterType::kString);
  EXPECT_EQ(type_of("type: INT, parameterType: STRING"), ParameterType::kString);
}

TEST(Parse, TaskFieldsAreRead) {
  const Pipeline pipeline = pipeline_of(pipeline_with("        dependentTasks: [load]\n", R"(        dependentTasks: [load]
        cachingOptions: {enableCache: true, cacheKey: k}
        triggerPolicy: {condition: 'true', strategy: ALL_UPSTREAM_TASKS_COMPLETED}
        retryPolicy: {maxRetryCount: 3, backoffDuration: 5s, backoffMaxDuration: 7200s}
)"));
  const TaskSpec& task = pipeline.root.dag->tasks.at("train");
  EXPECT_TRUE(task.cache_enabled);
  EXPECT_EQ(task.cache_key, "k");
  EXPECT_EQ(task.condition, "true");
  EXPECT_EQ(task.strategy, TriggerStrategy::kAllCompleted);
  EXPECT_EQ(task.retry->retries_max, 3);
  EXPECT_EQ(task.retry->backoff, 5s);
  EXPECT_EQ(task.retry->backoff_factor, 2.0);
  EXPECT_EQ(task.retry->backoff_max, 1h);  // KFP's own cap
}

TEST(Parse, LoopsAreReadWithTheirItems) {
  const auto loop = [](std::string_view items) {
    return parse_pipeline(
        pipeline_with("            rows: {componentInputParameter: rows}\n        taskInfo: {name: Load rows}\n",
                      "            list: {componentInputParameter: rows}\n        iteratorPolicy: {parallelismLimit: 2}\n"
                      "        parameterIterator: {itemInput: rows, items: " +
                          std::string(items) + "}\n"),
        "p.yaml");
  };
  const ParsedPipeline raw = loop("{raw: '[1, {\"a\": 2}]'}");
  EXPECT_EQ(told(raw.errors), "");
  const Iterator& iterator = *raw.pipeline.root.dag->tasks.at("load").iterator;
  EXPECT_EQ(iterator.items, (List{1, Value::of({{"a", 2}})}));
  EXPECT_EQ(iterator.item_input, "rows");
  EXPECT_EQ(iterator.parallelism_max, 2);
  EXPECT_EQ(loop("{inputParameter: list}").pipeline.root.dag->tasks.at("load").iterator->items_input, "list");
  EXPECT_EQ(told(loop("{raw: '{}'}").errors),
            "42:59 root.dag.tasks.load.parameterIterator.items.raw: the items of the loop are a struct, not a list\n");
  EXPECT_NE(told(loop("{raw: '[1,'}").errors)
                .find("42:59 root.dag.tasks.load.parameterIterator.items.raw: the items of the loop are not JSON: 1:4"),
            std::string::npos)
      << told(loop("{raw: '[1,'}").errors);
  EXPECT_NE(told(loop("{}").errors).find("the loop has no items"), std::string::npos);
}

TEST(Parse, ContainersKeepWhatTheyAsk) {
  const Pipeline pipeline = pipeline_of(pipeline_with(
      "image: alpine, command: ['true']", R"(image: alpine, env: [{name: A, value: x}, {name: B, value: $(A)}], resources: {
        cpuLimit: 2.0, memoryLimit: 1.5, resourceMemoryLimit: 2Gi, memoryRequest: 0.5, '@type': ignored,
        accelerator: {type: nvidia.com/gpu, count: '1'}}, lifecycle: {preCacheCheck: {command: [x]}}, unknown: 1)"));
  const auto& container = std::get<ContainerSpec>(pipeline.executors.at("exec-train").what);
  EXPECT_EQ(container.cpu_limit, "2");
  EXPECT_EQ(container.memory_limit, "2Gi");
  EXPECT_EQ(container.memory_request, "0.5G");
  EXPECT_EQ(container.accelerator_type, "nvidia.com/gpu");
  EXPECT_EQ(container.accelerator_count, "1");
  EXPECT_THAT(container.env, ElementsAre(std::pair("A", "x"), std::pair("B", "$(A)")));
}

TEST(Parse, ImportersAreRead) {
  const Pipeline pipeline = pipeline_of(pipeline_with("container: {image: alpine, command: ['true']}", R"(importer:
        artifactUri: {constant: 'gs://b/x'}
        metadata: {n: 1, t: "{{$.inputs.parameters['x']}}"}
        reimport: true
        typeSchema: {instanceSchema: "title: T"})"));
  const auto& importer = std::get<ImporterSpec>(pipeline.executors.at("exec-train").what);
  EXPECT_EQ(importer.uri, "gs://b/x");
  EXPECT_TRUE(importer.reimport);
  EXPECT_EQ(importer.type.instance_schema, "title: T");
  EXPECT_EQ(importer.metadata.at("n"), Value(1));
}

TEST(Parse, OutputsOfADagAreSelectors) {
  const Pipeline pipeline = pipeline_of(pipeline_with("  dag:\n", R"(  dag:
    outputs:
      artifacts: {d: {artifactSelectors: [{producerSubtask: load, outputArtifactKey: data}]}}
      parameters:
        a: {valueFromParameter: {producerSubtask: load, outputParameterKey: count}}
        b: {valueFromOneof: {parameterSelectors: [
          {producerSubtask: load, outputParameterKey: count}, {producerSubtask: load, outputParameterKey: count}]}}
)"));
  EXPECT_EQ(pipeline.root.dag->output_artifacts.at("d").at(0).key, "data");
  EXPECT_EQ(pipeline.root.dag->output_parameters.at("a").size(), 1U);
  EXPECT_EQ(pipeline.root.dag->output_parameters.at("b").size(), 2U);
}

TEST(Parse, AConstantMayBeNullAndDoublesAreDoubles) {
  const Pipeline pipeline =
      pipeline_of(pipeline_with("rows: {componentInputParameter: rows}",
                                "rows: {runtimeValue: {constant: null}}\n            x: {runtimeValue: {constant: 1.0}}"));
  const auto& parameters = pipeline.root.dag->tasks.at("load").parameters;
  EXPECT_TRUE(std::get<FromConstant>(parameters.at("rows").source).value.is_null());
  EXPECT_EQ(std::get<FromConstant>(parameters.at("x").source).value, Value(1));
}

// The one error of `text`, which must stand at the first `culprit` in it.
std::string error_at(const std::string& text, std::string_view culprit) {
  const std::string told = errors_of(text);
  const std::string place = place_in(text, culprit) + " ";
  return told.starts_with(place) ? told.substr(place.size()) : "not at " + place + told;
}

TEST(Parse, WrongKindsAreToldAtTheirPlace) {
  EXPECT_EQ(error_at(pipeline_with("isOptional: true", "isOptional: 'true'"), "'true'}"),
            "components.comp-train.inputDefinitions.parameters.rate.isOptional: 'isOptional' must be true or false, not the text "
            "'true'\n");
  EXPECT_EQ(error_at(pipeline_with("[load]", "load # here"), "load # here"),
            "root.dag.tasks.train.dependentTasks: 'dependentTasks' must be a list, not the text 'load'\n");
  EXPECT_EQ(
      error_at(pipeline_with("image: alpine, command: ['true']", "image: alpine, command: [true]"), "true]}"),
      "deploymentSpec.executors.exec-train.container.command[0]: this must be text, not the bool 'true'; quote it: 'true'\n");
  EXPECT_EQ(error_at(pipeline_with("defaultValue: 10", "defaultValue: {a: [.nan]}"), ".nan"),
            "components.comp-load.inputDefinitions.parameters.rows.defaultValue: '.nan' is no number that a value can hold; "
            "quote it, if it is meant as text\n");
  const std::string task = "componentRef: {name: comp-train}\n        retryPolicy: ";
  EXPECT_EQ(error_at(pipeline_with("componentRef: {name: comp-train}", task + "{maxRetryCount: -1}"), "-1}"),
            "root.dag.tasks.train.retryPolicy.maxRetryCount: 'maxRetryCount' must be a whole number from 0 to 2147483647, not "
            "the number '-1'\n");
  EXPECT_EQ(error_at(pipeline_with("componentRef: {name: comp-train}", task + "{backoffDuration: soon}"), "soon"),
            "root.dag.tasks.train.retryPolicy.backoffDuration: 'backoffDuration' must be a duration such as 60s, not the text "
            "'soon'\n");
  EXPECT_EQ(error_at(pipeline_with("schemaVersion: 2.1.0", "schemaVersion: 2.1"), "2.1"),
            "schemaVersion: 'schemaVersion' must be text, not the number '2.1'; quote it: '2.1'\n");
}

TEST(Parse, UnknownFieldsAreErrorsWithASuggestion) {
  EXPECT_EQ(errors_of(pipeline_with("components:\n", "components_1: {}\ncomponents:\n")),
            "5:1 components_1: unknown field 'components_1'; did you mean 'components'?\n");
  EXPECT_EQ(error_at(pipeline_with("dependentTasks: [load]", "dependsOn: [load]"), "dependsOn"),
            "root.dag.tasks.train.dependsOn: unknown field 'dependsOn'\n");
  EXPECT_EQ(
      error_at(pipeline_with("taskInfo: {name: Load rows}", "taskInfo: {name: a}\n        task_info: {name: b}"), "task_info"),
      "root.dag.tasks.load.task_info: field 'taskInfo' is given twice, as 'taskInfo' and as 'task_info'\n");
}

TEST(Parse, AllErrorsComeAtOnceInTheOrderOfTheFile) {
  std::string text = pipeline_with("executorLabel: exec-train", "executorLabel: exec-tran");
  text = pipeline_with("producerTask: load, outputArtifactKey", "producerTask: lod, outputArtifactKey", text);
  text = pipeline_with("  name: two-steps", "  name: Two\n  name: three", text);
  EXPECT_EQ(errors_of(text),
            "2:9 pipelineInfo.name: the pipeline's name must contain only lowercase alphanumeric characters or '-', and not "
            "begin with '-'; it is 'Two'\n"
            "3:3 : duplicate key 'name'; it stands first at 2:3\n"
            "18:20 components.comp-train.executorLabel: cannot find executor 'exec-tran'; did you mean 'exec-train'?\n"
            "48:55 root.dag.tasks.train.inputs.artifacts.data.taskOutputArtifact.producerTask: unknown producer task 'lod'; did "
            "you mean 'load'?\n");
}

TEST(Parse, ErrorsAreCountedOutAtAThousand) {
  std::string text(kPipeline);
  for (int i = 0; i < 3000; ++i) text += "f" + std::to_string(i) + ": 0\n";
  EXPECT_EQ(parse_pipeline(text, "p.yaml").errors.size(), 1000U);
}

// A chain of 50,000 tasks costs 0.65 s of CPU as 16 MB of JSON and 2.6 s as 22 MB of YAML in a release build. Here only: depth is
// no matter.
TEST(Parse, AChainOfManyTasksIsNoDeepMatter) {
  std::string tasks;
  for (int i = 0; i < 5000; ++i) {
    tasks += "      t" + std::to_string(i) + ": {componentRef: {name: comp-load}";
    if (i > 0) tasks += ", dependentTasks: [t" + std::to_string(i - 1) + "]";
    tasks += "}\n";
  }
  EXPECT_EQ(pipeline_of(pipeline_with("    tasks:\n", "    tasks:\n" + tasks)).root.dag->tasks.size(), 5002U);
}

TEST(Params, AFileOfParametersIsOneMapping) {
  EXPECT_EQ(to_json(*parse_params("{\"a\": 1, \"b\": [true, null]}", "f")), R"({"a":1,"b":[true,null]})");
  EXPECT_EQ(to_json(*parse_params("# note\na: 1.0\nb: '1'\nc: {d: yes}\n", "f")), R"({"a":1,"b":"1","c":{"d":true}})");
  EXPECT_TRUE(parse_params("", "f")->empty());
  EXPECT_EQ(parse_params("- 1\n", "f.yaml").error().message, "f.yaml:1:1: this must be a mapping, not a list");
  EXPECT_EQ(parse_params("a: .inf\n", "f.yaml").error().message, "f.yaml:1:4: '.inf' is no number that a value can hold");
  EXPECT_EQ(parse_params("a: 1\n---\nb: 2\n", "f.yaml").error().message,
            "f.yaml: holds more than one document; run parameters are one mapping");
  EXPECT_EQ(parse_params("a: 1\na: 2\n", "f.yaml").error().message, "f.yaml:2:1: duplicate key 'a'; it stands first at 1:1");
}

}  // namespace
}  // namespace sluice
