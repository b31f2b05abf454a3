// The state of a run as text and back. What follows from the plan and the order of the nodes is not written, so it cannot be
// wrong: a node says whose child it is, and it is that one's next.
//
// Lists and structs stand once each in a table `values`, and a parameter that holds one says [index]: ten thousand iterations
// that all see the same list of ten thousand items write one list, and share it again when they are read.
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/json.h"
#include "sched/turn.h"

namespace sluice {
namespace {

// --- Writing ----------------------------------------------------------------------------------------------------------
class Writer {
 public:
  std::string text(const State& state) {
    json_.begin_object();
    json_.field("run", state_name(state.run));
    field("cancel_reason", state.cancel_reason);
    field("error", state.error);
    field("began", to_micros(state.began));
    field("ended", to_micros(state.ended));
    json_.key("nodes").begin_array();
    for (const Node& node : state.nodes) this->node(state, node);
    json_.end_array();
    json_.key("values").begin_array();
    for (const Value& value : values_) json_.value(value);
    json_.end_array();
    json_.end_object();
    return json_.take();
  }

 private:
  void node(const State& state, const Node& node) {
    json_.begin_object();
    if (&node != state.nodes.data()) json_.field("parent", node.parent.value);
    // That a process runs is said again by whoever finds it.
    const bool runs = node.kind == NodeKind::kLeaf && node.state == TaskState::kRunning;
    const TaskState shown = runs ? TaskState::kQueued : node.state;
    if (shown != TaskState::kPending) json_.field("state", state_name(shown));
    if (node.begun) json_.field("begun", true);
    if (node.cancelled) json_.field("cancelled", true);
    field("attempt", node.attempt);
    field("failures", node.failures);
    field("losses", node.losses);
    field("shortages", node.shortages);
    field("exit_code", node.exit_code);
    field("waiting_for", node.waiting_for);
    field("running", node.running);
    field("next_iteration", node.next_iteration);
    field("failed", node.failed);
    field("first_failed", node.first_failed.value);
    if (node.kind == NodeKind::kLoop && node.children != node.children_made) json_.field("children", std::int64_t{node.children});
    data("inputs", node.inputs);
    data("outputs", node.outputs);
    items(node.items);
    if (const Struct usage = usage_fields(node.usage); !usage.empty()) json_.field("usage", Value(usage));
    field("error", node.error);
    field("began", to_micros(node.began));
    field("ended", to_micros(node.ended));
    field("due", to_micros(node.due));
    json_.end_object();
  }

  void field(std::string_view name, std::int64_t number) {
    if (number != 0) json_.field(name, number);
  }
  void field(std::string_view name, const std::string& text) {
    if (!text.empty()) json_.field(name, text);
  }

  void data(std::string_view name, const TaskData& data) {
    if (data.empty()) return;
    json_.key(name).begin_object();
    if (!data.parameters.empty()) {
      json_.key("parameters").begin_object();
      for (const auto& [key, value] : data.parameters) parameter(json_.key(key), value);
      json_.end_object();
    }
    artifacts(data.artifacts);
    json_.end_object();
  }

  void artifacts(const std::map<std::string, ArtifactList, std::less<>>& artifacts) {
    if (artifacts.empty()) return;
    json_.key("artifacts").begin_object();
    for (const auto& [key, list] : artifacts) {
      json_.key(key).begin_array();
      for (const Artifact& artifact : list) json_.value(to_value(artifact));
      json_.end_array();
    }
    json_.end_object();
  }

  void items(const LoopItems& items) {
    if (items.size() == 0) return;
    json_.key("items").begin_array();
    for (const Value& value : items.values) parameter(json_, value);
    for (const Artifact& artifact : items.artifacts) json_.value(to_value(artifact));
    json_.end_array();
  }

  void parameter(JsonWriter& json, const Value& value) {
    if (!value.is_list() && !value.is_struct()) {
      json.value(value);
      return;
    }
    const void* address = value.is_list() ? static_cast<const void*>(&value.as_list()) : &value.as_struct();
    const auto [found, fresh] = index_.emplace(address, values_.size());
    if (fresh) values_.push_back(value);
    json.begin_array().value(found->second).end_array();
  }

  JsonWriter json_;
  std::vector<Value> values_;
  std::unordered_map<const void*, std::size_t> index_;  // never walked: its order does not matter
};

// --- Reading ----------------------------------------------------------------------------------------------------------
// Fields of an object; the first one that is not what it should be is remembered.
class Fields {
 public:
  Fields(const Value& object, std::string& problem) : object_(object), problem_(problem) {
    if (!object.is_struct()) refuse("no object");
  }
  std::int64_t number(std::string_view key, std::int64_t min, std::int64_t max) {
    const Value* field = object_.find(key);
    if (field == nullptr) return 0;
    const std::int64_t number = object_.int_or(key, std::numeric_limits<std::int64_t>::min());
    if (field->is_number() && number >= min && number <= max && std::trunc(field->as_number()) == field->as_number())
      return number;
    refuse("'" + std::string(key) + "' is out of range");
    return 0;
  }
  // Attempts are counted on: there must be room above.
  int count(std::string_view key) { return static_cast<int>(number(key, 0, 1'000'000'000)); }
  std::uint32_t size(std::string_view key) { return static_cast<std::uint32_t>(number(key, 0, kNodesMax)); }
  Instant instant(std::string_view key) { return from_micros(number(key, 0, std::numeric_limits<std::int64_t>::max())); }
  bool flag(std::string_view key) { return object_.bool_or(key, false); }
  std::string text(std::string_view key) { return std::string(object_.string_or(key, "")); }
  const Value* find(std::string_view key) const { return object_.find(key); }
  void refuse(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }

 private:
  const Value& object_;
  std::string& problem_;
};

class Reader {
 public:
  explicit Reader(const Plan& plan) : plan_(plan) {}

  Result<State> read(std::string_view text) {
    const Result<Value> document = parse_json(text);
    if (!document) return corrupt(document.error().message);
    Fields fields(*document, problem_);
    const std::optional<RunState> run = run_state_from(fields.text("run"));
    if (!run || *run == RunState::kInterrupted) return corrupt("it has no state of the run");
    state_ = {.run = *run, .cancel_reason = fields.text("cancel_reason"), .error = fields.text("error")};
    state_.began = fields.instant("began");
    state_.ended = fields.instant("ended");
    const Value* nodes = fields.find("nodes");
    const Value* values = fields.find("values");
    if (nodes == nullptr || !nodes->is_list() || values == nullptr || !values->is_list())
      return corrupt("it has no 'nodes' or no 'values'");
    values_ = &values->as_list();
    if (nodes->as_list().empty() != (*run == RunState::kPending)) return corrupt("a run that has begun has nodes");
    if (nodes->as_list().size() > kNodesMax) return corrupt("it has more nodes than a run holds");
    state_.nodes.reserve(nodes->as_list().size());
    if (!problem_.empty()) return corrupt(problem_);
    for (std::size_t i = 0; i < nodes->as_list().size(); ++i) {
      read_node(nodes->as_list().at(i));
      if (!problem_.empty()) return corrupt("node " + std::to_string(i) + ": " + problem_);
    }
    for (std::size_t i = 0; i < state_.nodes.size(); ++i)
      if (!is_whole(state_.nodes.at(i))) return corrupt("node " + std::to_string(i) + " is not one of this plan");
    return std::move(state_);
  }

 private:
  static tl::unexpected<Error> corrupt(const std::string& what) { return fail(Code::kCorrupt, "snapshot of a run: " + what); }

  // Puts the next child of `parent` into the tree.
  bool add_child(std::int64_t parent) {
    const TaskId id{static_cast<std::int64_t>(state_.nodes.size())};
    Node& above = state_.at(TaskId{parent});
    if (above.kind == NodeKind::kLeaf || depths_.at(static_cast<std::size_t>(parent)) >= kDepthMax) return false;
    const std::uint32_t index = above.children_made;
    if (above.kind == NodeKind::kDag && index >= plan_.components.at(above.component).tasks.size()) return false;
    if (index == 0)
      above.first_child = id;
    else if (child_of(above, index - 1).value + 1 != id.value)
      above.more_children.push_back({index, id});
    ++above.children_made;
    depths_.push_back(depths_.at(static_cast<std::size_t>(parent)) + 1);
    Node child = new_child(plan_, above, TaskId{parent}, index);  // `above` does not survive the next line
    state_.nodes.push_back(std::move(child));
    return true;
  }

  void read_node(const Value& value) {
    Fields fields(value, problem_);
    const auto known = static_cast<std::int64_t>(state_.nodes.size());
    if (known == 0) {
      state_.nodes.emplace_back().kind = NodeKind::kDag;
      depths_.push_back(0);
    } else {
      const std::int64_t parent = fields.number("parent", 0, known - 1);
      if (!add_child(parent)) return fields.refuse("its parent has no place for it");
    }
    Node& node = state_.nodes.back();
    const std::optional<TaskState> state = task_state_from(fields.find("state") == nullptr ? "PENDING" : fields.text("state"));
    if (!state) return fields.refuse("unknown state");
    node.state = *state;
    node.begun = fields.flag("begun");
    node.cancelled = fields.flag("cancelled");
    node.attempt = fields.count("attempt");
    node.failures = fields.count("failures");
    node.losses = fields.count("losses");
    node.shortages = fields.count("shortages");
    if (const Value* usage = fields.find("usage"); usage != nullptr) node.usage = usage_from_value(*usage);
    node.exit_code =
        static_cast<int>(fields.number("exit_code", std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
    node.waiting_for = fields.size("waiting_for");
    node.running = fields.size("running");
    node.next_iteration = fields.size("next_iteration");
    node.failed = fields.size("failed");
    node.first_failed = TaskId{fields.number("first_failed", 0, kNodesMax)};
    node.children = fields.size("children");
    if (fields.find("children") == nullptr) node.children = kAllMade;
    node.inputs = read_data(fields, "inputs");
    node.outputs = read_data(fields, "outputs");
    read_items(fields, node);
    node.error = fields.text("error");
    node.began = fields.instant("began");
    node.ended = fields.instant("ended");
    node.due = fields.instant("due");
  }

  TaskData read_data(Fields& fields, std::string_view key) {
    const Value* value = fields.find(key);
    if (value == nullptr) return {};
    TaskData data = task_data_from_value(*value);
    for (auto& [name, parameter] : data.parameters) resolve(fields, parameter);
    return data;
  }

  void read_items(Fields& fields, Node& node) {
    const Value* items = fields.find("items");
    if (items == nullptr) return;
    if (node.kind != NodeKind::kLoop || !items->is_list()) return fields.refuse("it has no items");
    const TaskId id{static_cast<std::int64_t>(state_.nodes.size()) - 1};
    if (task_of(plan_, state_, id).spec->iterator->over_artifacts) {
      for (const Value& item : items->as_list()) node.items.artifacts.push_back(artifact_from_value(item));
      return;
    }
    node.items.values = items->as_list();
    for (Value& item : node.items.values) resolve(fields, item);
  }

  // [3] -> the fourth of the values
  void resolve(Fields& fields, Value& value) {
    if (value.is_struct()) return fields.refuse("a struct stands outside of 'values'");
    if (!value.is_list()) return;
    const List& list = value.as_list();
    const double index = list.size() == 1 && list.front().is_number() ? list.front().as_number() : -1;
    if (!(index >= 0 && index < static_cast<double>(values_->size()))) return fields.refuse("no such value");
    value = Value(values_->at(static_cast<std::size_t>(index)));
  }

  // With all that step() takes for granted.
  bool is_whole(Node& node) const {
    if (node.children == kAllMade) node.children = node.children_made;
    if (static_cast<std::size_t>(node.first_failed.value) >= state_.nodes.size()) return false;
    switch (node.kind) {
      case NodeKind::kLeaf: return node.children == 0;
      case NodeKind::kLoop: return node.children <= node.children_made && (!node.begun || node.children == node.items.size());
      case NodeKind::kDag: {
        const std::size_t tasks = plan_.components.at(node.component).tasks.size();
        return node.children == node.children_made && (node.children == tasks || (node.children == 0 && !node.begun));
      }
    }
    return false;
  }

  static constexpr std::uint32_t kAllMade = std::numeric_limits<std::uint32_t>::max();
  const Plan& plan_;
  State state_;
  std::vector<int> depths_;  // by node
  const List* values_ = nullptr;
  std::string problem_;
};

}  // namespace

std::string snapshot_text(const State& state) { return Writer().text(state); }

Result<State> state_from_snapshot(const Plan& plan, int version, std::string_view text) {
  if (version != kSnapshotVersion)
    return fail(Code::kUnavailable, "snapshot of a run: its form is version " + std::to_string(version) + ", this build reads " +
                                        std::to_string(kSnapshotVersion));
  return Reader(plan).read(text);
}

}  // namespace sluice
