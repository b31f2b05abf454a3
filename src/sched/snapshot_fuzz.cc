// Hostile snapshots: what is taken for a state must be one that step() can go on from.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "sched/sched.h"

namespace {

// A leaf, a loop of a dag of a leaf, and a task that waits for both.
std::shared_ptr<const sluice::Plan> plan() {
  sluice::Pipeline pipeline;
  pipeline.name = "fuzzed";
  pipeline.executors["run"].what = sluice::ContainerSpec{};
  sluice::Component& leaf = pipeline.components["leaf"];
  leaf.executor = "run";
  leaf.input_parameters["x"] = {.type = sluice::ParameterType::kNumberDouble, .optional = true};
  leaf.output_parameters["y"] = {};
  sluice::Component& body = pipeline.components["body"];
  body.input_parameters["x"] = {.type = sluice::ParameterType::kNumberDouble, .optional = true};
  sluice::TaskSpec& fit = body.dag.emplace().tasks["fit"];
  fit.component = "leaf";
  fit.parameters["x"].source = sluice::FromComponentInput{"x"};
  auto& tasks = pipeline.root.dag.emplace().tasks;
  tasks["load"].component = "leaf";
  tasks["loop"].component = "body";
  tasks["loop"].iterator = sluice::Iterator{.items = {1, 2, 3}, .item_input = "x"};
  tasks["last"].component = "leaf";
  tasks["last"].dependent_tasks = {"load", "loop"};
  for (auto& [name, task] : tasks) task.name = name;
  fit.name = "fit";
  for (auto& [name, component] : pipeline.components) component.name = name;
  auto made = sluice::make_plan(std::make_shared<const sluice::Pipeline>(std::move(pipeline)), {}, {});
  SLUICE_CHECK(made.plan != nullptr);
  return made.plan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const sluice::Plan> kPlan = plan();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto state = sluice::state_from_snapshot(*kPlan, sluice::kSnapshotVersion, text);
  if (!state) return 0;
  const auto again = sluice::state_from_snapshot(*kPlan, sluice::kSnapshotVersion, sluice::snapshot_text(*state));
  SLUICE_CHECK(again.has_value());
  const sluice::Instant now = sluice::from_micros(1'000'000'000'000'000);
  for (int round = 0; round < 3; ++round) {
    for (const auto& attempt : sluice::attempts_in_flight(*state))
      (void)sluice::step(*kPlan, *state, sluice::AttemptSucceeded{attempt.task, attempt.attempt, {}}, now);
    for (const auto& timer : sluice::timers_in_flight(*state))
      (void)sluice::step(*kPlan, *state, sluice::TimerFired{timer.task, timer.attempt, timer.kind}, now);
    (void)sluice::step(*kPlan, *state, sluice::RetryAsked{}, now);
  }
  (void)sluice::step(*kPlan, *state, sluice::CancelAsked{}, now);
  return 0;
}
