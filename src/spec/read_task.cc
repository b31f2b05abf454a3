#include <algorithm>
#include <array>
#include <limits>

#include "base/json.h"
#include "spec/read.h"

namespace sluice {
namespace {

constexpr int kIntMax = std::numeric_limits<std::int32_t>::max();

void read_inputs(Reader& reader, const At& at, TaskSpec& task, ComponentNote& notes) {
  Message message(reader, at);
  if (const auto map = message.get("parameters"))
    reader.each_field(
        *map, [&](const At& field) { task.parameters.emplace(field.name(), read_parameter_binding(reader, field, &notes)); });
  if (const auto map = message.get("artifacts"))
    reader.each_field(
        *map, [&](const At& field) { task.artifacts.emplace(field.name(), read_artifact_binding(reader, field, notes)); });
  message.refuse_others();
}

void read_trigger(Reader& reader, const At& at, TaskSpec& task, TaskNote& note) {
  constexpr std::array<std::string_view, 3> kStrategies{"TRIGGER_STRATEGY_UNSPECIFIED", "ALL_UPSTREAM_TASKS_SUCCEEDED",
                                                        "ALL_UPSTREAM_TASKS_COMPLETED"};
  Message message(reader, at);
  note.condition = message.get("condition");
  if (note.condition) task.condition = reader.text(*note.condition);
  if (const auto strategy = message.get("strategy"))
    if (reader.choice(*strategy, kStrategies) == 2) task.strategy = TriggerStrategy::kAllCompleted;
  message.refuse_others();
}

RetryPolicy read_retry(Reader& reader, const At& at) {
  Message message(reader, at);
  RetryPolicy retry;
  const Duration max = retry.backoff_max;
  if (const auto count = message.get("maxRetryCount")) retry.retries_max = static_cast<int>(reader.integer(*count, 0, kIntMax));
  if (const auto backoff = message.get("backoffDuration")) retry.backoff = reader.duration(*backoff);
  // proto3: 0 is the same as not set.
  if (const auto factor = message.get("backoffFactor"))
    if (const double number = reader.number(*factor); number != 0) retry.backoff_factor = number;
  if (retry.backoff_factor < 0) reader.error(at, "backoffFactor must not be negative");
  if (const auto limit = message.get("backoffMaxDuration"))
    if (const Duration duration = reader.duration(*limit); duration.count() > 0) retry.backoff_max = std::min(duration, max);
  message.refuse_others();
  return retry;
}

void read_raw_items(Reader& reader, const At& at, List& items) {
  const auto parsed = parse_json(reader.text(at));
  if (!parsed)
    reader.error(at, "the items of the loop are not JSON: " + parsed.error().message);
  else if (!parsed->is_list())
    reader.error(at, "the items of the loop are a " + std::string(kind_name(parsed->kind())) + ", not a list");
  else
    items = parsed->as_list();
}

Iterator read_iterator(Reader& reader, const At& at, bool over_artifacts, TaskNote& note) {
  Message message(reader, at);
  Iterator iterator{.over_artifacts = over_artifacts};
  note.iterator_input = message.get("itemInput");
  if (note.iterator_input)
    iterator.item_input = reader.text(*note.iterator_input);
  else
    reader.error(at, "the loop has no itemInput");
  const auto items_at = message.get("items");
  if (!items_at) {
    reader.error(at, "the loop has no items");
  } else {
    Message items(reader, *items_at);
    note.iterator_items = items.get(over_artifacts ? "inputArtifact" : "inputParameter");
    const auto raw = over_artifacts ? std::nullopt : items.get("raw");
    if (note.iterator_items && raw)
      reader.error_key(*raw, "both 'raw' and 'inputParameter' are given");
    else if (note.iterator_items)
      iterator.items_input = reader.text(*note.iterator_items);
    else if (raw)
      read_raw_items(reader, *raw, iterator.items);
    else
      reader.error(*items_at, "the loop has no items");
    items.refuse_others();
  }
  message.refuse_others();
  return iterator;
}

void read_iterators(Reader& reader, Message& message, TaskSpec& task, TaskNote& note) {
  const auto over_parameter = message.get("parameterIterator");
  const auto over_artifact = message.get("artifactIterator");
  const auto policy = message.get("iteratorPolicy");
  if (over_parameter && over_artifact)
    reader.error_key(*over_artifact, "task '" + task.name + "' has both a parameterIterator and an artifactIterator");
  if (over_parameter)
    task.iterator = read_iterator(reader, *over_parameter, false, note);
  else if (over_artifact)
    task.iterator = read_iterator(reader, *over_artifact, true, note);
  if (!policy) return;
  Message limits(reader, *policy);
  if (const auto limit = limits.get("parallelismLimit")) {
    const auto number = static_cast<int>(reader.integer(*limit, 0, kIntMax));
    if (task.iterator) task.iterator->parallelism_max = number;
  }
  limits.refuse_others();
}

void read_task(Reader& reader, const At& at, TaskSpec& task, ComponentNote& notes) {
  task.name = at.name();
  task.display_name = at.name();
  task.place = at.key_place;
  TaskNote note{.task = &task, .at = at};
  Message message(reader, at);
  if (const auto info = message.get("taskInfo")) {
    Message fields(reader, *info);
    if (const auto name = fields.get("name")) task.display_name = reader.text(*name);
    fields.refuse_others();
  }
  if (const auto ref = message.get("componentRef")) {
    Message fields(reader, *ref);
    note.component = fields.get("name");
    if (note.component) task.component = reader.text(*note.component);
    fields.refuse_others();
  }
  if (const auto inputs = message.get("inputs")) read_inputs(reader, *inputs, task, notes);
  if (const auto upstream = message.get("dependentTasks"))
    reader.each_item(*upstream, [&](const At& item) {
      task.dependent_tasks.push_back(reader.text(item));
      notes.producers.push_back({item, item, OutputKind::kNone});
    });
  if (const auto caching = message.get("cachingOptions")) {
    Message fields(reader, *caching);
    task.cache_enabled = fields.flag("enableCache");
    task.cache_key = fields.text("cacheKey");
    fields.refuse_others();
  }
  if (const auto trigger = message.get("triggerPolicy")) read_trigger(reader, *trigger, task, note);
  read_iterators(reader, message, task, note);
  if (const auto retry = message.get("retryPolicy")) task.retry = read_retry(reader, *retry);
  message.refuse_others();
  notes.tasks.push_back(note);
}

std::vector<FromTaskOutput> read_selectors(Reader& reader, const At& list, OutputKind kind, std::string_view key_field,
                                           ComponentNote& notes) {
  std::vector<FromTaskOutput> selectors;
  reader.each_item(
      list, [&](const At& item) { selectors.push_back(read_output(reader, item, kind, "producerSubtask", key_field, &notes)); });
  if (selectors.empty()) reader.error(list, "the output selects no task");
  return selectors;
}

std::vector<FromTaskOutput> read_output_parameter(Reader& reader, const At& at, ComponentNote& notes) {
  constexpr std::string_view kKey = "outputParameterKey";
  Message message(reader, at);
  const auto one = message.get("valueFromParameter");
  const auto first_of = message.get("valueFromOneof");
  message.refuse_others();
  if (one && first_of) reader.error_key(*first_of, "both valueFromParameter and valueFromOneof are given");
  if (one) return {read_output(reader, *one, OutputKind::kParameter, "producerSubtask", kKey, &notes)};
  if (!first_of) {
    reader.error_key(at, "output parameter '" + std::string(at.name()) + "' says neither valueFromParameter nor valueFromOneof");
    return {};
  }
  Message fields(reader, *first_of);
  const auto list = fields.get("parameterSelectors");
  fields.refuse_others();
  if (list) return read_selectors(reader, *list, OutputKind::kParameter, kKey, notes);
  reader.error(*first_of, "the output selects no task");
  return {};
}

std::vector<FromTaskOutput> read_output_artifact(Reader& reader, const At& at, ComponentNote& notes) {
  Message message(reader, at);
  const auto list = message.get("artifactSelectors");
  message.refuse_others();
  if (list) return read_selectors(reader, *list, OutputKind::kArtifact, "outputArtifactKey", notes);
  reader.error_key(at, "output artifact '" + std::string(at.name()) + "' has no artifactSelectors");
  return {};
}

}  // namespace

void read_dag(Reader& reader, const At& at, Dag& dag, ComponentNote& notes) {
  Message message(reader, at);
  if (const auto tasks = message.get("tasks"))
    reader.each_field(*tasks, [&](const At& field) {
      const auto [entry, fresh] = dag.tasks.try_emplace(std::string(field.name()));
      if (fresh) read_task(reader, field, entry->second, notes);  // a second one of the name is an error already told
    });
  if (const auto outputs = message.get("outputs")) {
    Message fields(reader, *outputs);
    if (const auto map = fields.get("parameters"))
      reader.each_field(*map, [&](const At& field) {
        dag.output_parameters.emplace(field.name(), read_output_parameter(reader, field, notes));
      });
    if (const auto map = fields.get("artifacts"))
      reader.each_field(
          *map, [&](const At& field) { dag.output_artifacts.emplace(field.name(), read_output_artifact(reader, field, notes)); });
    fields.refuse_others();
  }
  message.refuse_others();
}

}  // namespace sluice
