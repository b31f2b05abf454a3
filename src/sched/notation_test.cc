// The notation of testing.h: pipelines from text.
#include <gtest/gtest.h>

#include <cctype>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "sched/testing.h"

namespace sluice::testing {
namespace {

struct Line {
  std::size_t depth = 0;
  std::string name;
  std::vector<std::string> words;    // before ->
  std::vector<std::string> outputs;  // after it
  std::string condition;
};

Line line_from(std::string_view text) {
  Line line;
  line.depth = text.find_first_not_of(' ') / 2;
  if (const std::size_t at = text.find(" if "); at != std::string_view::npos) {
    line.condition = trim(text.substr(at + 4));
    text = text.substr(0, at);
  }
  bool outputs = false;
  for (const std::string_view word : split(trim(text), ' ')) {
    if (word.empty()) continue;
    if (word == "->")
      outputs = true;
    else if (line.name.empty())
      line.name = word;
    else
      (outputs ? line.outputs : line.words).emplace_back(word);
  }
  return line;
}

// "$x > 5" -> "inputs.parameter_values['x'] > 5"
std::string condition_from(std::string_view text) {
  std::string condition;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.at(i) != '$') {
      condition += text.at(i);
      continue;
    }
    std::size_t end = i + 1;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text.at(end))) != 0 || text.at(end) == '_')) ++end;
    condition += "inputs.parameter_values['" + std::string(text.substr(i + 1, end - i - 1)) + "']";
    i = end - 1;
  }
  return condition;
}

ParameterType type_from(std::string_view name) {
  if (name.empty() || name == "num") return ParameterType::kNumberDouble;
  if (name == "int") return ParameterType::kNumberInteger;
  if (name == "str") return ParameterType::kString;
  if (name == "bool") return ParameterType::kBoolean;
  if (name == "list") return ParameterType::kList;
  SLUICE_CHECK(name == "struct");
  return ParameterType::kStruct;
}

// KEY[TYPE]? with or without @ in front.
struct Key {
  std::string name;
  std::string type;
  bool artifact = false;
  bool list = false;
  bool optional = false;
};
Key key_from(std::string_view text) {
  Key key;
  if (text.starts_with('@')) {
    key.artifact = true;
    text.remove_prefix(1);
  }
  if (text.ends_with('?')) {
    key.optional = true;
    text.remove_suffix(1);
  }
  if (const std::size_t bracket = text.find('['); bracket != std::string_view::npos) {
    key.list = true;
    key.type = text.substr(bracket + 1, text.size() - bracket - 2);
    text = text.substr(0, bracket);
  }
  key.name = text;
  return key;
}

FromTaskOutput output_from(std::string_view text) {
  const std::size_t dot = text.find('.');
  SLUICE_CHECK(dot != std::string_view::npos);
  return {std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

Value json_from(std::string_view text) {
  const Result<Value> value = parse_json(text);
  SLUICE_CHECK(value.has_value());
  return *value;
}

class Builder {
 public:
  explicit Builder(std::string_view notation) {
    for (const std::string_view text : split(notation, '\n'))
      if (const std::string_view bare = trim(text); !bare.empty() && !bare.starts_with('#')) lines_.push_back(line_from(text));
  }

  Pipeline build() {
    pipeline_.name = "test";
    pipeline_.root.name = "root";
    pipeline_.root.dag.emplace();
    while (next_ < lines_.size()) {
      const Line& line = lines_.at(next_);
      if (line.name == "param" || line.name == "pipeline")
        root_line(lines_.at(next_++));
      else
        task(pipeline_.root);
    }
    return std::move(pipeline_);
  }

 private:
  void root_line(const Line& line) {
    if (line.name == "param") {
      const Key key = key_from(line.words.at(0));
      InputParameter& input = pipeline_.root.input_parameters[key.name];
      input.type = type_from(key.type);
      input.optional = key.optional;
      if (Value value = json_from(line.words.at(2)); !value.is_null()) input.default_value = std::move(value);
      return;
    }
    for (const std::string& word : line.words) {
      SLUICE_CHECK(word.starts_with("deadline:"));
      pipeline_.deadline = parse_duration(std::string_view(word).substr(9));
    }
    outputs(line, pipeline_.root);
  }

  void task(Component& dag) {
    const Line line = lines_.at(next_++);
    TaskSpec spec;
    spec.name = line.name;
    Component component;
    component.name = spec.component = "comp-" + std::to_string(next_);
    spec.condition = condition_from(line.condition);
    Executor executor;
    executor.label = "exec-" + std::to_string(next_);
    executor.what = ContainerSpec{};
    for (const std::string& word : line.words) {
      if (!option(word, spec, component, executor)) input(word, spec, component);
    }
    if (next_ < lines_.size() && lines_.at(next_).depth > line.depth) {
      component.dag.emplace();
      while (next_ < lines_.size() && lines_.at(next_).depth > line.depth) task(component);
    } else {
      component.executor = executor.label;
      pipeline_.executors.emplace(executor.label, std::move(executor));
    }
    outputs(line, component);
    pipeline_.components.emplace(component.name, std::move(component));
    dag.dag->tasks.emplace(spec.name, std::move(spec));
  }

  static void outputs(const Line& line, Component& component) {
    for (const std::string_view word : line.outputs) {
      const std::size_t equals = word.find('=');
      const Key key = key_from(word.substr(0, equals));
      std::vector<FromTaskOutput> selectors;
      if (equals != std::string_view::npos)
        for (const std::string_view from : split(word.substr(equals + 1), '|')) selectors.push_back(output_from(from));
      if (key.artifact) {
        component.output_artifacts[key.name] = {.type = {"system.Artifact", "0.0.1", ""}, .is_list = key.list};
        if (component.dag) component.dag->output_artifacts[key.name] = selectors;
      } else {
        component.output_parameters[key.name] = {.type = type_from(key.type)};
        if (component.dag) component.dag->output_parameters[key.name] = selectors;
      }
    }
  }

  static bool option(std::string_view word, TaskSpec& spec, Component& component, Executor& executor) {
    if (word == "always") {
      spec.strategy = TriggerStrategy::kAllCompleted;
      return true;
    }
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos || colon > word.find('=')) return false;
    const std::string_view name = word.substr(0, colon);
    const std::string_view text = word.substr(colon + 1);
    const auto policy = [&]() -> RetryPolicy& { return spec.retry ? *spec.retry : spec.retry.emplace(); };
    if (name == "after") {
      for (const std::string_view task : split(text, ',')) spec.dependent_tasks.emplace_back(task);
    } else if (name == "retry") {
      policy().retries_max = static_cast<int>(json_from(text).as_number());
    } else if (name == "backoff") {
      policy().backoff = parse_duration(text).value();
    } else if (name == "factor") {
      policy().backoff_factor = json_from(text).as_number();
    } else if (name == "backoff_max") {
      policy().backoff_max = parse_duration(text).value();
    } else if (name == "deadline") {
      executor.kubernetes.deadline = parse_duration(text).value();
    } else if (name == "import") {
      executor.what = ImporterSpec{.uri = std::string(text), .type = {"system.Model", "0.0.1", ""}};
    } else if (name == "parallel") {
      spec.iterator->parallelism_max = static_cast<int>(json_from(text).as_number());
    } else {
      SLUICE_CHECK(name == "each");
      iterator(text, spec, component);
    }
    return true;
  }

  static void iterator(std::string_view text, TaskSpec& spec, Component& component) {
    const std::size_t equals = text.find('=');
    const Key item = key_from(text.substr(0, equals));
    const std::string_view items = text.substr(equals + 1);
    Iterator& iterator = spec.iterator.emplace();
    iterator.item_input = item.name;
    iterator.over_artifacts = item.artifact;
    if (items.starts_with('['))
      iterator.items = json_from(items).as_list();
    else
      iterator.items_input = items;
    if (item.artifact)
      component.input_artifacts[item.name].type = {"system.Artifact", "0.0.1", ""};
    else
      component.input_parameters[item.name].type = type_from(item.type);
  }

  static void input(std::string_view word, TaskSpec& spec, Component& component) {
    const std::size_t equals = word.find('=');
    SLUICE_CHECK(equals != std::string_view::npos);
    const Key key = key_from(word.substr(0, equals));
    std::string_view source = word.substr(equals + 1);
    if (key.artifact) {
      component.input_artifacts[key.name] = {
          .type = {"system.Artifact", "0.0.1", ""}, .is_list = key.list, .optional = key.optional};
      if (source.starts_with('^'))
        spec.artifacts[key.name].source = FromComponentInput{std::string(source.substr(1))};
      else if (!source.empty())
        spec.artifacts[key.name].source = output_from(source);
      return;
    }
    InputParameter& input = component.input_parameters[key.name];
    input.type = type_from(key.type);
    input.optional = key.optional;
    if (const std::size_t bar = source.find('|'); bar != std::string_view::npos) {
      input.default_value = json_from(source.substr(bar + 1));
      source = source.substr(0, bar);
    }
    if (source.empty()) return;
    ParameterBinding& binding = spec.parameters[key.name];
    if (source.starts_with('^')) {
      binding.source = FromComponentInput{std::string(source.substr(1))};
    } else if (source.starts_with("status(")) {
      input.type = ParameterType::kTaskFinalStatus;
      const std::string producer(source.substr(7, source.size() - 8));
      binding.source = FromFinalStatus{producer};
      spec.dependent_tasks.push_back(producer);
    } else if (Result<Value> value = parse_json(source)) {
      binding.source = FromConstant{std::move(*value)};
    } else {
      binding.source = output_from(source);
    }
  }

  Pipeline pipeline_;
  std::vector<Line> lines_;
  std::size_t next_ = 0;
};

}  // namespace

Pipeline pipeline_from(std::string_view notation) { return Builder(notation).build(); }

std::shared_ptr<const Plan> plan_from(std::string_view notation) {
  const RunContext context{.run_uuid = "00000000-0000-4000-8000-000000000000",
                           .display_name = "test run",
                           .resource_name = "test-abc",
                           .created = "2026-01-01T00:00:00Z",
                           .scheduled = "2026-01-01T00:00:00Z",
                           .pipeline_root = "/runs/1",
                           .workspace_path = "/runs/1/workspace"};
  PlanResult made = make_plan(std::make_shared<const Pipeline>(pipeline_from(notation)), {}, context);
  for (const Diagnostic& error : made.errors) ADD_FAILURE() << error.path << ": " << error.message << "\n" << notation;
  SLUICE_CHECK(made.plan != nullptr);
  return made.plan;
}

TEST(Notation, SaysTasksInputsLoopsAndDags) {
  const Pipeline pipeline = pipeline_from(R"(
param rows[list] = [1,2]
load -> y @m
loop each:i=rows rows[list]=^rows parallel:2 retry:3 -> y=fit.y
  fit x=^i after:prepare -> y if $x > 5 && true
  prepare
end always s=status(loop) n?=load.y|7)");
  ASSERT_EQ(pipeline.root.dag->tasks.size(), 3U);
  const TaskSpec& loop = pipeline.root.dag->tasks.at("loop");
  EXPECT_EQ(loop.iterator->items_input, "rows");
  EXPECT_EQ(loop.iterator->parallelism_max, 2);
  EXPECT_EQ(loop.retry->retries_max, 3);
  const Component& body = pipeline.components.at(loop.component);
  ASSERT_EQ(body.dag->tasks.size(), 2U);
  EXPECT_EQ(body.dag->tasks.at("fit").condition, "inputs.parameter_values['x'] > 5 && true");
  EXPECT_EQ(body.dag->output_parameters.at("y").at(0).producer, "fit");
  const TaskSpec& end = pipeline.root.dag->tasks.at("end");
  EXPECT_EQ(end.strategy, TriggerStrategy::kAllCompleted);
  EXPECT_EQ(*pipeline.components.at(end.component).input_parameters.at("n").default_value, Value(7));
}

}  // namespace sluice::testing
