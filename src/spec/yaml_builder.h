// Makes YamlNodes out of a reader's events, and keeps the bounds while it does.
#pragma once

#include <string>
#include <vector>

#include "spec/yaml.h"

namespace sluice {

// What ends the reading of a file. Thrown through yaml-cpp, caught by read_yaml: it goes no further.
struct YamlRefusal {
  Place place;
  std::string message;
};

class YamlBuilder {
 public:
  explicit YamlBuilder(YamlFile& file, std::string_view name) : file_(file), name_(name) {}

  // `anchor` 0: none. Any of these may throw a YamlRefusal.
  void begin_document();
  void scalar(Place place, std::string_view text, bool quoted, std::size_t anchor = 0);
  void null(Place place, std::size_t anchor = 0);
  void open(YamlKind kind, Place place, std::size_t anchor = 0);
  void close();
  void alias(Place place, std::size_t anchor);

 private:
  struct Open {
    YamlNode* node;
    std::size_t anchor;
    std::uint64_t nodes_before;
    std::size_t children_from;  // into pending_
  };

  YamlNode* make(YamlKind kind, Place place);
  void put(const YamlNode* node, Place place);
  void remember(std::size_t anchor, const YamlNode* node);
  bool wants_key() const;
  void check_keys(const YamlNode& map);
  void duplicate(const YamlNode& first, const YamlNode& second);

  YamlFile& file_;
  std::string name_;
  std::vector<Open> stack_;
  std::vector<const YamlNode*> pending_;  // children of the open containers, innermost last
  std::vector<const YamlNode*> anchors_;  // by anchor; null: still open
  std::uint64_t nodes_ = 0;               // aliases expanded
};

}  // namespace sluice
