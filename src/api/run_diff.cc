#include "api/run_diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/run_document.h"
#include "api/run_fields.h"
#include "base/json.h"
#include "base/text.h"
#include "model/task_facts.h"
#include "spec/parse.h"

namespace sluice {
namespace {

// Longer values are cut: people compare, they do not read them here.
constexpr std::size_t kValueMax = 120;

std::string cut(std::string text) {
  if (text.size() > kValueMax) text = text.substr(0, kValueMax) + "…";
  return text;
}
std::string value_words(const Value* value) { return value == nullptr || value->is_null() ? "" : cut(to_json(*value)); }

std::string artifact_words(const Artifact& artifact) {
  if (!artifact.digest.empty()) return artifact.digest;
  return artifact.uri.empty() ? "nothing written" : artifact.uri;
}
std::string artifact_words(const ArtifactList* list) {
  if (list == nullptr) return "";
  std::vector<std::string> words;
  for (const Artifact& artifact : *list) words.push_back(artifact_words(artifact));
  return cut(join(words, ", "));
}

bool same_artifact(const Artifact& a, const Artifact& b) {
  return artifact_words(a) == artifact_words(b) && a.type == b.type && a.metadata == b.metadata;
}

std::string command_text(const ContainerSpec& container) {
  return join(container.command, "\n") + "\n" + join(container.args, "\n");
}

// The first line that differs, of either.
std::pair<std::string, std::string> first_lines(const std::string& a, const std::string& b) {
  const auto lines_a = split(a, '\n');
  const auto lines_b = split(b, '\n');
  std::size_t i = 0;
  while (i < lines_a.size() && i < lines_b.size() && lines_a[i] == lines_b[i]) ++i;
  const auto line = [&](const auto& lines) { return i < lines.size() ? cut(std::string(trim(lines[i]))) : std::string(); };
  return {line(lines_a), line(lines_b)};
}

// A run as it is compared: tasks by path in the order in which they can start.
class Side {
 public:
  explicit Side(const DiffSide& side) : side_(side), pipeline_(parse_pipeline(side.spec, side.run.spec_file).pipeline) {
    std::map<std::string, TaskId> ids;
    for (const TaskRow& row : side.tasks) ids.emplace(row.path, row.id);
    std::vector<std::pair<std::vector<std::int64_t>, const TaskRow*>> order;
    std::set<std::string> parents;
    for (const TaskRow& row : side.tasks) {
      std::vector<std::int64_t> key;
      for (std::string up = row.path; !up.empty() && up != "root"; up = parent_path(up))
        if (const auto id = ids.find(up); id != ids.end()) key.insert(key.begin(), id->second.value);
      parents.insert(parent_path(row.path));
      order.emplace_back(std::move(key), &row);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [key, row] : order)
      if (!parents.contains(row->path)) leaves_.push_back(row);
    for (const TaskRow* row : leaves_) by_path_.emplace(row->path, row);
  }

  const std::vector<const TaskRow*>& leaves() const { return leaves_; }
  const TaskRow* leaf(const std::string& path) const {
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : found->second;
  }
  // With the defaults of the pipeline.
  Struct parameters() const {
    Struct all = side_.run.parameters;
    for (const auto& [name, declared] : pipeline_.root.input_parameters)
      if (declared.default_value) all.emplace(name, *declared.default_value);
    return all;
  }
  // An artifact of which nothing was written (metrics are mostly metadata alone) lies at a place of its own in every run.
  void forget_own_places(TaskData& data) const {
    const std::string own = "/runs/" + side_.run.uuid.text() + "/";
    for (auto& [name, list] : data.artifacts)
      for (Artifact& artifact : list)
        if (artifact.digest.empty() && artifact.uri.find(own) != std::string::npos) artifact.uri.clear();
  }
  // Null: the text has no such task.
  const TaskSpec* task(const std::string& path) const {
    const Component* component = &pipeline_.root;
    const TaskSpec* found = nullptr;
    for (const std::string_view part : split(path, '/')) {
      if (part == "root" && found == nullptr) continue;
      if (component == nullptr || !component->dag) return nullptr;
      const auto task = component->dag->tasks.find(part.substr(0, part.find('[')));
      if (task == component->dag->tasks.end()) return nullptr;
      found = &task->second;
      component = component_of(*found);
    }
    return found;
  }
  // What the task of that path runs; null for a DAG, an importer, or a path that the text has not.
  const ContainerSpec* container(const std::string& path) const {
    const TaskSpec* found = task(path);
    const Component* component = found == nullptr ? nullptr : component_of(*found);
    if (component == nullptr) return nullptr;
    const auto executor = pipeline_.executors.find(component->executor);
    return executor == pipeline_.executors.end() ? nullptr : std::get_if<ContainerSpec>(&executor->second.what);
  }
  // The value stands in the text, and so comes from nowhere else.
  bool is_constant(const std::string& path, const std::string& parameter) const {
    const TaskSpec* found = task(path);
    if (found == nullptr) return false;
    const auto binding = found->parameters.find(parameter);
    return binding != found->parameters.end() && std::holds_alternative<FromConstant>(binding->second.source);
  }

 private:
  const Component* component_of(const TaskSpec& task) const {
    const auto found = pipeline_.components.find(task.component);
    return found == pipeline_.components.end() ? nullptr : &found->second;
  }

  const DiffSide& side_;
  const Pipeline pipeline_;
  std::vector<const TaskRow*> leaves_;
  std::map<std::string, const TaskRow*> by_path_;
};

class Comparison {
 public:
  Comparison(const DiffSide& a, const DiffSide& b) : a_(a), b_(b) {}

  std::vector<RunDifference> differences() && {
    parameters("", "parameter", a_.parameters(), b_.parameters());
    for (const TaskRow* row : a_.leaves()) {
      if (const TaskRow* other = b_.leaf(row->path))
        task(*row, *other);
      else
        note(row->path, "task", "", std::string(state_name(row->state)), "");
    }
    for (const TaskRow* row : b_.leaves())
      if (a_.leaf(row->path) == nullptr) note(row->path, "task", "", "", std::string(state_name(row->state)));
    return std::move(found_);
  }

 private:
  void note(const std::string& path, std::string what, std::string name, std::string a, std::string b) {
    const bool follows = follows_ || (what == "input" && others_differ_ && !is_constant(path, name));
    found_.push_back({path, std::move(what), std::move(name), std::move(a), std::move(b), follows});
  }
  bool is_constant(const std::string& path, const std::string& parameter) const {
    return a_.is_constant(path, parameter) && b_.is_constant(path, parameter);
  }

  void parameters(const std::string& path, const std::string& what, const Struct& a, const Struct& b) {
    std::set<std::string> names;
    for (const Struct* side : {&a, &b})
      for (const auto& [name, value] : *side) names.insert(name);
    for (const std::string& name : names) {
      const auto one = a.find(name);
      const auto other = b.find(name);
      if (one != a.end() && other != b.end() && one->second == other->second) continue;
      note(path, what, name, value_words(one == a.end() ? nullptr : &one->second),
           value_words(other == b.end() ? nullptr : &other->second));
    }
  }

  void artifacts(const std::string& path, const std::string& what, TaskData a, TaskData b) {
    a_.forget_own_places(a);
    b_.forget_own_places(b);
    std::set<std::string> names;
    for (const TaskData* side : {&a, &b})
      for (const auto& [name, list] : side->artifacts) names.insert(name);
    for (const std::string& name : names) {
      const auto one = a.artifacts.find(name);
      const auto other = b.artifacts.find(name);
      const bool both = one != a.artifacts.end() && other != b.artifacts.end();
      if (both && std::equal(one->second.begin(), one->second.end(), other->second.begin(), other->second.end(), same_artifact))
        continue;
      std::string words_a = artifact_words(one == a.artifacts.end() ? nullptr : &one->second);
      std::string words_b = artifact_words(other == b.artifacts.end() ? nullptr : &other->second);
      if (words_a == words_b && both && one->second.size() == other->second.size())
        for (std::size_t i = 0; i < one->second.size(); ++i)
          if (one->second[i].metadata != other->second[i].metadata) {
            words_a = "metadata " + cut(to_json(one->second[i].metadata));
            words_b = "metadata " + cut(to_json(other->second[i].metadata));
          }
      note(path, what, name, std::move(words_a), std::move(words_b));
    }
  }

  // What the task runs, and where.
  void code(const TaskRow& a, const TaskRow& b) {
    const ContainerSpec* one = a_.container(a.path);
    const ContainerSpec* other = b_.container(b.path);
    if (one != nullptr && other != nullptr) {
      if (one->image != other->image) note(a.path, "image", "", one->image, other->image);
      const std::string requirements_a = one->python ? join(one->python->requirements, ", ") : "";
      const std::string requirements_b = other->python ? join(other->python->requirements, ", ") : "";
      const bool same_requirements = requirements_a == requirements_b;
      if (!same_requirements) note(a.path, "requirements", "", cut(requirements_a), cut(requirements_b));
      const std::string text_a = command_text(*one), text_b = command_text(*other);
      if (text_a != text_b && same_requirements) {
        auto [line_a, line_b] = first_lines(text_a, text_b);
        note(a.path, "code", "", std::move(line_a), std::move(line_b));
      }
      if (one->env != other->env) note(a.path, "environment", "", env_words(*one), env_words(*other));
    }
    const TaskFacts facts_a = task_facts_from_text(a.facts), facts_b = task_facts_from_text(b.facts);
    if (!facts_a.lock.empty() && !facts_b.lock.empty() && facts_a.lock != facts_b.lock)
      note(a.path, "packages", "", facts_a.lock, facts_b.lock);
  }

  void task(const TaskRow& a, const TaskRow& b) {
    const std::size_t before = found_.size();
    others_differ_ = before > 0;
    code(a, b);
    // Rows of an earlier version do not tell what the task was given.
    if (!a.inputs.empty() && !b.inputs.empty()) {
      const TaskData inputs_a = task_data_from_text(a.inputs), inputs_b = task_data_from_text(b.inputs);
      parameters(a.path, "input", inputs_a.parameters, inputs_b.parameters);
      artifacts(a.path, "input", inputs_a, inputs_b);
    }
    follows_ = found_.size() > before;
    const TaskData made_a = task_data_from_text(a.outputs), made_b = task_data_from_text(b.outputs);
    const bool same_end = a.state == b.state || (is_success(a.state) && is_success(b.state));
    if (!same_end) note(a.path, "state", "", state_words(a), state_words(b));
    if (same_end && is_success(a.state)) {
      parameters(a.path, "output", made_a.parameters, made_b.parameters);
      artifacts(a.path, "output", made_a, made_b);
    }
    follows_ = false;
  }

  static std::string env_words(const ContainerSpec& container) {
    std::vector<std::string> words;
    for (const auto& [name, value] : container.env) words.push_back(name + "=" + value);
    return cut(join(words, " "));
  }
  static std::string state_words(const TaskRow& row) {
    return std::string(state_name(row.state)) + (row.error.empty() ? "" : ": " + cut(row.error));
  }

  const Side a_, b_;
  std::vector<RunDifference> found_;
  bool follows_ = false;       // the task was given, or runs, something else
  bool others_differ_ = false;  // something that came before does
};

Value difference_value(const RunDifference& difference) {
  return Value::of({{"task", difference.task},
                    {"what", difference.what},
                    {"name", difference.name},
                    {"a", difference.a},
                    {"b", difference.b},
                    {"follows", difference.follows}});
}

}  // namespace

std::string RunDifference::text() const {
  const auto side = [](const std::string& words) { return words.empty() ? std::string("-") : words; };
  return (task.empty() ? std::string() : task + ": ") + what + (name.empty() ? "" : " '" + name + "'") + ": " + side(a) + " / " +
         side(b);
}

std::vector<RunDifference> diff_runs(const DiffSide& a, const DiffSide& b) { return Comparison(a, b).differences(); }

Value diff_value(const DiffSide& a, const DiffSide& b, const std::vector<RunDifference>& differences) {
  List all;
  for (const RunDifference& difference : differences) all.push_back(difference_value(difference));
  return Value::of({{"runs", List{a.run.uuid.text(), b.run.uuid.text()}},
                    {"same", differences.empty()},
                    {"first", differences.empty() ? Value() : difference_value(differences.front())},
                    {"differences", std::move(all)}});
}

}  // namespace sluice
