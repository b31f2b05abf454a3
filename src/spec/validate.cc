#include "spec/validate.h"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice {
namespace {

class Validation {
 public:
  Validation(Reader& reader, const Pipeline& pipeline, const Notes& notes)
      : reader_(reader), pipeline_(pipeline), notes_(notes) {}

  void run() {
    for (const ComponentNote& note : notes_.components) {
      implementation(note);
      if (!note.dag) continue;
      for (const TaskNote& task : note.tasks) check_task(task);
      for (const ProducerNote& producer : note.producers) check_producer(*note.component, producer);
      for (const InputNote& input : note.inputs) check_input(*note.component, input);
      non_exit_task(note);
      validate_task_order(reader_, note);
    }
    validate_nesting(reader_, pipeline_, notes_);
  }

 private:
  void implementation(const ComponentNote& note) {
    const Component& component = *note.component;
    const bool root = note.component == &pipeline_.root;
    if (note.dag && note.executor)
      reader_.error_key(*note.executor, "component '" + component.name + "' has both a dag and an executorLabel");
    else if (root && !note.dag)
      reader_.error_key(note.at, "the root component has no dag");
    else if (!note.dag && !note.executor)
      reader_.error_key(note.at,
                        "unknown component implementation: '" + component.name + "' has neither a dag nor an executorLabel");
    else if (note.executor && !pipeline_.executors.contains(component.executor))
      reader_.error(*note.executor, "cannot find executor '" + component.executor + "'",
                    reader_.suggest_key(component.executor, pipeline_.executors));
  }

  const Component* component_of(const TaskSpec& task) const {
    const auto found = pipeline_.components.find(task.component);
    return found == pipeline_.components.end() ? nullptr : &found->second;
  }
  bool is_importer(const Component& component) const {
    const auto found = pipeline_.executors.find(component.executor);
    return !component.dag && found != pipeline_.executors.end() && std::holds_alternative<ImporterSpec>(found->second.what);
  }

  void check_task(const TaskNote& note) {
    const TaskSpec& task = *note.task;
    if (!note.component || task.component.empty()) {
      reader_.error_key(note.at, "the component ref name of task '" + task.name + "' is empty");
      return;
    }
    const Component* component = component_of(task);
    if (component == nullptr) {
      reader_.error(*note.component, "cannot find component ref name '" + task.component + "'",
                    reader_.suggest_key(task.component, pipeline_.components));
      return;
    }
    if (note.condition && !task.condition.empty() && is_importer(*component))
      reader_.error_key(*note.condition, "task '" + task.name + "' is an importer, which cannot have a condition");
    if (task.iterator) check_iterator(note, *task.iterator, *component);
  }

  void check_iterator(const TaskNote& note, const Iterator& iterator, const Component& component) {
    const std::string what = iterator.over_artifacts ? "artifact" : "parameter";
    if (note.iterator_items) {
      const bool given = iterator.over_artifacts ? note.task->artifacts.contains(iterator.items_input)
                                                 : note.task->parameters.contains(iterator.items_input);
      if (!given)
        reader_.error(*note.iterator_items,
                      "the loop's items are the input " + what + " '" + iterator.items_input + "', which task '" +
                          note.task->name + "' is not given",
                      iterator.over_artifacts ? reader_.suggest_key(iterator.items_input, note.task->artifacts)
                                              : reader_.suggest_key(iterator.items_input, note.task->parameters));
    }
    if (!note.iterator_input) return;
    const bool declared = iterator.over_artifacts ? component.input_artifacts.contains(iterator.item_input)
                                                  : component.input_parameters.contains(iterator.item_input);
    if (!declared)
      reader_.error(
          *note.iterator_input,
          "component '" + component.name + "' has no input " + what + " '" + iterator.item_input + "' for the loop's item",
          iterator.over_artifacts ? reader_.suggest_key(iterator.item_input, component.input_artifacts)
                                  : reader_.suggest_key(iterator.item_input, component.input_parameters));
  }

  void check_producer(const Component& dag, const ProducerNote& note) {
    const std::string_view name = note.task.node->text;
    const auto found = dag.dag->tasks.find(name);
    if (found == dag.dag->tasks.end()) {
      reader_.error(note.task, "unknown producer task '" + std::string(name) + "'", reader_.suggest_key(name, dag.dag->tasks));
      return;
    }
    const Component* producer = component_of(found->second);
    if (note.kind == OutputKind::kNone || producer == nullptr) return;
    const std::string_view key = note.key.node->text;
    const bool parameter = note.kind == OutputKind::kParameter;
    if (parameter ? producer->output_parameters.contains(key) : producer->output_artifacts.contains(key)) return;
    reader_.error(
        note.key,
        "task '" + std::string(name) + "' has no output " + (parameter ? "parameter '" : "artifact '") + std::string(key) + "'",
        parameter ? reader_.suggest_key(key, producer->output_parameters) : reader_.suggest_key(key, producer->output_artifacts));
  }

  // The SDK gives a component inputs that it does not declare, for placeholders inside of other inputs' text. They are
  // there if any task that runs the component passes them.
  bool is_passed(const Component& component, std::string_view input) {
    if (!passed_known_) {
      for (const ComponentNote& note : notes_.components)
        for (const TaskNote& task : note.tasks)
          for (const auto& [name, binding] : task.task->parameters) passed_.emplace(task.task->component, name);
      passed_known_ = true;
    }
    return passed_.contains({component.name, input});
  }

  void check_input(const Component& dag, const InputNote& note) {
    const std::string_view name = note.name.node->text;
    const bool parameter = note.kind == OutputKind::kParameter;
    if (parameter ? dag.input_parameters.contains(name) : dag.input_artifacts.contains(name)) return;
    if (parameter && &dag != &pipeline_.root && is_passed(dag, name)) return;
    reader_.error(
        note.name,
        "component '" + dag.name + "' has no input " + (parameter ? "parameter '" : "artifact '") + std::string(name) + "'",
        parameter ? reader_.suggest_key(name, dag.input_parameters) : reader_.suggest_key(name, dag.input_artifacts));
  }

  void non_exit_task(const ComponentNote& note) {
    const auto runs_at_exit = [](const TaskNote& task) { return task.task->strategy == TriggerStrategy::kAllCompleted; };
    if (std::all_of(note.tasks.begin(), note.tasks.end(), runs_at_exit))
      reader_.error_key(*note.dag, "the dag of component '" + note.component->name + "' must contain one or more non-exit tasks");
  }

  Reader& reader_;
  const Pipeline& pipeline_;
  const Notes& notes_;
  bool passed_known_ = false;
  std::set<std::pair<std::string_view, std::string_view>> passed_;  // component, input parameter
};

}  // namespace

void validate(Reader& reader, const Pipeline& pipeline, const Notes& notes) { Validation(reader, pipeline, notes).run(); }

}  // namespace sluice
