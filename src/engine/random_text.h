// A random pipeline as text, for the simulation. Every run of it succeeds if nothing fails.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/test_engine.h"
#include "sched/random_pipeline.h"

namespace sluice {

class RandomText {
 public:
  explicit RandomText(testing::Dice& dice) : dice_(dice) {}

  std::string text() {
    components_.clear();
    groups_ = 0;
    const std::string tasks = "      " + dag(0) + "\n";
    std::string config;
    if (dice_.chance(10)) config = "pipelineConfig: {activeDeadlineSeconds: " + std::to_string(30 + dice_.roll(100)) + "}";
    task_deadline = dice_.chance(20) ? std::chrono::seconds(3 + dice_.roll(6)) : Duration{0};
    if (task_deadline > Duration{0})
      config += std::string(config.empty() ? "" : ", ") + "deploymentSpec: {executors: {exec-step: {activeDeadlineSeconds: " +
                std::to_string(task_deadline.count() / 1'000'000) + "}}}";
    const std::string platforms = config.empty() ? "" : "---\nplatforms: {kubernetes: {" + config + "}}\n";
    return pipeline_text(tasks, components_) + platforms;
  }
  Duration task_deadline{};  // of every attempt of the last text; 0: none

 private:
  std::string dag(int depth) {
    std::string text;
    std::vector<std::string> leaves;  // those with a plain output y
    const std::uint64_t count = 1 + dice_.roll(depth == 0 ? 5 : 3);
    for (std::uint64_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + task(depth, i, leaves);
    return "{" + text + "}";
  }

  std::string task(int depth, std::uint64_t index, std::vector<std::string>& leaves) {
    const bool group = depth < 2 && dice_.chance(25);
    const bool loop = dice_.chance(group ? 50 : 15);
    const bool always = index > 0 && dice_.chance(20);
    std::string after;
    for (std::uint64_t i = 0; i < index; ++i)
      if (dice_.chance(35)) after += (after.empty() ? "t" : ", t") + std::to_string(i);
    std::string inputs;
    if (!loop && depth > 0 && dice_.chance(40)) inputs = "componentInputParameter: x";
    if (!loop && !always && !leaves.empty() && dice_.chance(50)) {
      const std::string& producer = leaves.at(dice_.roll(leaves.size()));
      after += (after.empty() ? "" : ", ") + producer;
      inputs = "taskOutputParameter: {producerTask: " + producer + ", outputParameterKey: y}";
    }
    const std::string name = "t" + std::to_string(index);
    if (!group && !loop && !always) leaves.push_back(name);
    std::string text =
        name + ": {componentRef: {name: " + (group ? new_group(depth) : "comp-step") + "}, dependentTasks: [" + after + "]";
    if (dice_.chance(40)) text += ", cachingOptions: {enableCache: true}";
    if (!inputs.empty()) text += ", inputs: {parameters: {x: {" + inputs + "}}}";
    if (always) text += ", triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}";
    if (loop) {
      text += ", parameterIterator: {itemInput: x, items: {raw: '[1, 2, 3]'}}";
      if (dice_.chance(50)) text += ", iteratorPolicy: {parallelismLimit: 2}";
    }
    if (dice_.chance(30))
      text += ", retryPolicy: {maxRetryCount: 2, backoffDuration: " + std::string(dice_.chance(50) ? "0s" : "3s") + "}";
    return text + "}";
  }

  std::string new_group(int depth) {
    const std::string name = "comp-group" + std::to_string(++groups_);
    const std::string tasks = dag(depth + 1);
    components_ += "  " + name + ": {inputDefinitions: {parameters: {x: {parameterType: NUMBER_INTEGER, isOptional: true}}}, " +
                   "dag: {tasks: " + tasks + "}}\n";
    return name;
  }

  testing::Dice& dice_;
  std::string components_;
  int groups_ = 0;
};

}  // namespace sluice
