// Fuzzes what comes from outside: argv elements and environment values with placeholders, and the files that a command left.
// By hand: clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc
//   src/plan/{placeholder_fuzz,placeholders,launch,launch_values,outputs,parameters}.cc src/base/{json,value,text,result}.cc
//   src/model/pipeline.cc -o placeholder_fuzz && ./placeholder_fuzz -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "plan/launch.h"
#include "plan/placeholders.h"

namespace sluice {
namespace {

struct World {
  World() {
    component.name = "step";
    component.input_parameters["x"] = {.type = ParameterType::kList};
    component.input_artifacts["a"] = {};
    component.output_parameters["i"] = {.type = ParameterType::kNumberInteger};
    component.output_parameters["b"] = {.type = ParameterType::kBoolean};
    component.output_parameters["l"] = {.type = ParameterType::kList};
    component.output_artifacts["m"] = {.is_list = true, .metadata = {{"k", 1}}};
    inputs.parameters = {{"x", List{1, "{{$.inputs.parameters['x']}}"}}};
    inputs.artifacts["a"] = {{.name = "a", .uri = "s3://b/k"}};
    outputs = {.parameters_dir = "/p", .artifacts_dir = "/a", .executor_output = "/e"};
  }

  void run(const std::string& text) {
    Executor executor{.label = "exec", .what = ContainerSpec{.command = {"run", text}, .env = {{"A", "1"}, {"B", text}}}};
    const PlanComponent leaf{.spec = &component, .executor = &executor};
    const LaunchContext context{
        .plan = plan, .component = leaf, .task_name = "t", .task_uuid = "1", .inputs = inputs, .outputs = outputs};
    const auto launch = make_launch(context);
    if (launch && text.find("{{") == std::string::npos && text.find("{\"") != 0)
      SLUICE_CHECK(launch->argv == (std::vector<std::string>{"run", text}));
    const auto report =
        parse_outputs(context, {.executor_output = text, .parameter_files = {{"i", "1"}, {"b", "t"}, {"l", "[]"}}});
    if (report) SLUICE_CHECK(report->parameters.size() == 3);
    for (const char* name : {"i", "b", "l"}) {
      std::map<std::string, std::string> written{{"i", "1"}, {"b", "t"}, {"l", "[]"}};
      written[name] = text;
      if (const auto data = parse_outputs(context, {.parameter_files = written})) SLUICE_CHECK(data->parameters.size() == 3);
    }
  }

  Plan plan;
  Component component;
  TaskData inputs;
  OutputPaths outputs;
};

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static sluice::World world;
  world.run(std::string(reinterpret_cast<const char*>(bytes), size));
  return 0;
}
