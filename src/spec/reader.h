// Typed reading of a YamlNode tree by the rules of proto3 JSON, with one error for each thing that is not as it should be.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/text.h"
#include "base/value.h"
#include "spec/yaml.h"

namespace sluice {

// The way to a node, as a chain to the root: three words for each node read, text only when there is something to say about it.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;  // into the file's tree
  int index = -1;        // of a list item, else -1
};

// A node and how it was come to.
struct At {
  const YamlNode* node = nullptr;
  const Path* path = nullptr;
  Place key_place;  // where its key stands; for an item or a root, where itself stands

  std::string_view name() const { return path == nullptr ? std::string_view() : path->key; }
};

// Wrong values are told and read as empty ones, so that one reading finds everything. The file's tree must outlive this.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  At root(const YamlNode& node) const { return {&node, nullptr, node.place}; }
  At field(const At& map, std::size_t i) {
    return {&map.node->field(i), &paths_.emplace_back(Path{map.path, map.node->key(i).text, -1}), map.node->key(i).place};
  }
  At item(const At& list, std::size_t i) {
    const YamlNode* node = list.node->children[i];
    return {node, &paths_.emplace_back(Path{list.path, {}, static_cast<int>(i)}), node->place};
  }

  std::string text(const At& at) { return text_or_error(at).value_or(""); }
  std::optional<std::string> text_or_error(const At& at);
  bool flag(const At& at);
  double number(const At& at);
  // A number without a fraction, or text that holds one; 0 if it is out of bounds.
  std::int64_t integer(const At& at, std::int64_t min, std::int64_t max);
  Duration duration(const At& at);
  Value value(const At& at);
  Struct fields(const At& at);
  std::vector<std::string> texts(const At& at);
  // An enum by its name or number: `names` in the order of the numbers. 0 if it is neither.
  std::size_t choice(const At& at, std::span<const std::string_view> names);

  // f(At) for each field of a map: its key is at.name(). Not a map is an error, null an empty one.
  template <class F>
  void each_field(const At& at, F f) {
    if (!expect(at, YamlKind::kMap)) return;
    for (std::size_t i = 0; i < at.node->fields(); ++i) f(field(at, i));
  }
  template <class F>
  void each_item(const At& at, F f) {
    if (!expect(at, YamlKind::kList)) return;
    for (std::size_t i = 0; i < at.node->children.size(); ++i) f(item(at, i));
  }
  // Is it of this kind? Null is not, but passes without an error.
  bool expect(const At& at, YamlKind kind);

  // About the value at `at`; error_key: about its key.
  void error(const At& at, std::string message, std::string hint = {}) {
    add(errors_, at.node->place, at.path, std::move(message), std::move(hint));
  }
  void error_key(const At& at, std::string message, std::string hint = {}) {
    add(errors_, at.key_place, at.path, std::move(message), std::move(hint));
  }
  void warning(const At& at, std::string message, std::string hint = {}) {
    add(warnings_, at.key_place, at.path, std::move(message), std::move(hint));
  }

  // "did you mean 'x'?", or nothing. Only for the first errors: with 50,000 candidates each costs milliseconds.
  std::string suggest(std::string_view name, std::span<const std::string> candidates);
  template <class Map>
  std::string suggest_key(std::string_view name, const Map& map) {
    if (suggestions_left_ == 0) return {};
    std::vector<std::string> names;
    names.reserve(map.size());
    for (const auto& entry : map) names.push_back(entry.first);
    return suggest(name, names);
  }

  Diagnostics take_errors() { return std::move(errors_); }
  Diagnostics take_warnings() { return std::move(warnings_); }

 private:
  void add(Diagnostics& to, Place place, const Path* path, std::string message, std::string hint);
  void wrong(const At& at, std::string_view wanted);
  Value convert(const YamlNode& node, const At& at);

  std::string file_;
  std::deque<Path> paths_;  // pointers into it stay
  Diagnostics errors_, warnings_;
  int suggestions_left_ = 20;
};

// The fields of one message, asked for by their lowerCamelCase names; snake_case is found too.
class Message {
 public:
  // Not a map is an error, null a message without fields.
  Message(Reader& reader, const At& at) : reader_(reader), at_(at), is_map_(reader.expect(at, YamlKind::kMap)) {
    if (is_map_) known_.resize(at.node->fields());
  }

  // The field, unless it is absent or null (proto3 JSON: the same).
  std::optional<At> get(std::string_view name) {
    auto found = get_value(name);
    return found && found->node->kind != YamlKind::kNull ? found : std::nullopt;
  }
  // The field, also if it is null: for fields that hold a Value.
  std::optional<At> get_value(std::string_view name);
  // For fields that we know and do not use.
  void ignore(std::initializer_list<std::string_view> names) {
    for (const auto name : names) get_value(name);
  }
  // Fields that nobody has asked for are errors. Call it last, if at all.
  void refuse_others();
  // f(At) for each field that nobody has asked for.
  template <class F>
  void each_other(F f) {
    for (std::size_t i = 0; i < known_.size(); ++i)
      if (!known_[i]) f(reader_.field(at_, i));
  }

  std::string text(std::string_view name) {
    const auto at = get(name);
    return at ? reader_.text(*at) : std::string();
  }
  bool flag(std::string_view name) {
    const auto at = get(name);
    return at && reader_.flag(*at);
  }
  const At& at() const { return at_; }

 private:
  Reader& reader_;
  At at_;
  bool is_map_;
  std::vector<bool> known_;              // by field of the node
  std::vector<std::string_view> asked_;  // for suggestions
};

// "root.dag.tasks.train.dependentTasks[2]"
std::string path_text(const Path* path);

}  // namespace sluice
