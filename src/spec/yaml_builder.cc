#include "spec/yaml_builder.h"

#include <algorithm>
#include <memory>
#include <new>
#include <numeric>
#include <tuple>

namespace sluice {
namespace {

std::string place_text(Place place) { return std::to_string(place.line) + ":" + std::to_string(place.column); }

template <class T>
std::span<T> copy_into(std::pmr::memory_resource& memory, const T* from, std::size_t count) {
  if (count == 0) return {};
  T* const copy = std::pmr::polymorphic_allocator<T>(&memory).allocate(count);
  std::uninitialized_copy_n(from, count, copy);
  return {copy, count};
}

}  // namespace

void YamlBuilder::begin_document() {
  anchors_.clear();
  stack_.clear();
  pending_.clear();
}

YamlNode* YamlBuilder::make(YamlKind kind, Place place) {
  if (++nodes_ > kNodesMax) throw YamlRefusal{place, "the document holds more than " + std::to_string(kNodesMax) + " values"};
  auto* node = new (file_.memory->allocate(sizeof(YamlNode), alignof(YamlNode))) YamlNode;
  node->kind = kind;
  node->place = place;
  return node;
}

bool YamlBuilder::wants_key() const {
  return !stack_.empty() && stack_.back().node->kind == YamlKind::kMap &&
         (pending_.size() - stack_.back().children_from) % 2 == 0;
}

void YamlBuilder::put(const YamlNode* node, Place place) {
  if (stack_.empty()) {
    file_.roots.push_back(node);
    return;
  }
  if (wants_key()) {
    if (node->kind != YamlKind::kScalar)
      throw YamlRefusal{place, "the key of a mapping must be text (or a bracket is not closed)"};
    // Merge keys are YAML 1.1 only, and nothing that writes KFP files uses them: better refused than half understood.
    if (!node->quoted && node->text == "<<") throw YamlRefusal{place, "merge keys (<<) are not supported; write the fields out"};
  }
  pending_.push_back(node);
}

void YamlBuilder::remember(std::size_t anchor, const YamlNode* node) {
  if (anchor == 0) return;
  if (anchors_.size() <= anchor) anchors_.resize(anchor + 1, nullptr);
  anchors_[anchor] = node;
}

void YamlBuilder::scalar(Place place, std::string_view text, bool quoted, std::size_t anchor) {
  YamlNode* node = make(YamlKind::kScalar, place);
  const auto kept = copy_into(*file_.memory, text.data(), text.size());
  node->text = {kept.data(), kept.size()};
  node->quoted = quoted;
  remember(anchor, node);
  put(node, place);
}

void YamlBuilder::null(Place place, std::size_t anchor) {
  // A value left out has no place of its own; yaml-cpp names what follows it. Its key is nearer.
  if (!stack_.empty() && stack_.back().node->kind == YamlKind::kMap && !wants_key()) place = pending_.back()->place;
  const YamlNode* node = make(YamlKind::kNull, place);
  remember(anchor, node);
  put(node, place);
}

void YamlBuilder::open(YamlKind kind, Place place, std::size_t anchor) {
  if (stack_.size() >= kDepthMax) throw YamlRefusal{place, "nested deeper than " + std::to_string(kDepthMax) + " levels"};
  if (wants_key()) throw YamlRefusal{place, "the key of a mapping must be text (or a bracket is not closed)"};
  const auto before = nodes_;
  YamlNode* node = make(kind, place);
  node->height = 1;
  remember(anchor, nullptr);
  stack_.push_back({node, anchor, before, pending_.size()});
}

void YamlBuilder::close() {
  const Open open = stack_.back();
  stack_.pop_back();
  open.node->children = copy_into(*file_.memory, pending_.data() + open.children_from, pending_.size() - open.children_from);
  pending_.resize(open.children_from);
  open.node->weight = static_cast<std::uint32_t>(nodes_ - open.nodes_before);
  for (const YamlNode* child : open.node->children)
    open.node->height = std::max<std::uint8_t>(open.node->height, static_cast<std::uint8_t>(child->height + 1));
  if (open.node->kind == YamlKind::kMap) check_keys(*open.node);
  remember(open.anchor, open.node);
  put(open.node, open.node->place);
}

void YamlBuilder::alias(Place place, std::size_t anchor) {
  const YamlNode* node = anchor < anchors_.size() ? anchors_[anchor] : nullptr;
  if (node == nullptr) throw YamlRefusal{place, "an alias stands inside what it names"};
  // Counted before anything walks it: ten levels of ten aliases each cost ten nodes here, and 10^10 if expanded.
  nodes_ += node->weight;
  if (nodes_ > kNodesMax)
    throw YamlRefusal{place,
                      "the document holds more than " + std::to_string(kNodesMax) + " values after its aliases are expanded"};
  if (stack_.size() + node->height > kDepthMax)
    throw YamlRefusal{place, "nested deeper than " + std::to_string(kDepthMax) + " levels after its aliases are expanded"};
  put(node, place);
}

void YamlBuilder::duplicate(const YamlNode& first, const YamlNode& second) {
  if (file_.errors.size() >= kErrorsMax) return;
  file_.errors.push_back(
      {.file = name_,
       .place = second.place,
       .message = "duplicate key '" + std::string(second.text) + "'; it stands first at " + place_text(first.place)});
}

void YamlBuilder::check_keys(const YamlNode& map) {
  // Nearly every mapping of a pipeline has a handful of keys, for which comparing all pairs is quicker than sorting.
  if (map.fields() <= 8) {
    for (std::size_t i = 1; i < map.fields(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (map.key(i).text == map.key(j).text) {
          duplicate(map.key(j), map.key(i));
          break;
        }
    return;
  }
  std::vector<std::uint32_t> order(map.fields());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return std::tie(map.key(a).text, a) < std::tie(map.key(b).text, b); });
  std::size_t first = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (map.key(order[i]).text == map.key(order[first]).text)
      duplicate(map.key(order[first]), map.key(order[i]));
    else
      first = i;
  }
}

}  // namespace sluice
