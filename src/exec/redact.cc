#include "exec/redact.h"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::string_view kShown = "***";
// Bytes that have gone are cut off the front when they are so many, not one by one.
constexpr std::size_t kCutBytes = 4096;

}  // namespace

HiddenTexts::HiddenTexts(const std::vector<std::string>& texts) {
  for (const std::string& text : texts)
    if (text.size() >= kShortest) add(text);
  link();
}

std::uint32_t HiddenTexts::child_of(std::uint32_t node, char byte) const {
  if (node == 0) return first_.at(static_cast<unsigned char>(byte));
  std::uint32_t child = nodes_[node].child;
  while (child != 0 && nodes_[child].byte != byte) child = nodes_[child].sibling;
  return child;
}

void HiddenTexts::add(std::string_view text) {
  std::uint32_t node = 0;
  for (const char byte : text) {
    std::uint32_t child = child_of(node, byte);
    if (child == 0) {
      child = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({.sibling = nodes_[node].child, .depth = nodes_[node].depth + 1, .byte = byte});
      nodes_[node].child = child;
      if (node == 0) first_.at(static_cast<unsigned char>(byte)) = child;
    }
    node = child;
  }
  nodes_[node].longest = nodes_[node].depth;
}

std::uint32_t HiddenTexts::next(std::uint32_t node, char byte) const {
  while (true) {
    if (const std::uint32_t child = child_of(node, byte); child != 0) return child;
    if (node == 0) return 0;
    node = nodes_[node].fail;
  }
}

// Level by level: where a node fails to lies on a higher level.
void HiddenTexts::link() {
  std::vector<std::uint32_t> level;
  for (std::uint32_t child = nodes_[0].child; child != 0; child = nodes_[child].sibling) level.push_back(child);
  for (std::size_t i = 0; i < level.size(); ++i) {
    const std::uint32_t node = level[i];
    for (std::uint32_t child = nodes_[node].child; child != 0; child = nodes_[child].sibling) {
      Node& it = nodes_[child];
      it.fail = next(nodes_[node].fail, it.byte);
      it.longest = std::max(it.longest, nodes_[it.fail].longest);
      level.push_back(child);
    }
  }
}

void Redactor::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (node_ == 0 && held_.size() == start_) {
      // Most output has nothing to do with any hidden text.
      const auto* end = std::find_if(bytes.begin(), bytes.end(), [&](char byte) { return texts_->child_of(0, byte) != 0; });
      const auto plain = static_cast<std::size_t>(end - bytes.begin());
      if (plain > 0) in_hidden_ = false;
      out.append(bytes.substr(0, plain));
      bytes.remove_prefix(plain);
      if (bytes.empty()) return;
    }
    held_.push_back(bytes.front());
    is_hidden_.push_back(0);
    node_ = texts_->next(node_, bytes.front());
    const HiddenTexts::Node& node = texts_->nodes_[node_];
    hide(node.longest);
    let_go(held_.size() - start_ - node.depth, out);
    bytes.remove_prefix(1);
  }
}

// The last `count` bytes. Those that are known to be hidden are passed over, so that a text that ends at each byte of the output
// costs no more than one that never does.
void Redactor::hide(std::size_t count) {
  if (count == 0) {
    hidden_end_ = 0;
    return;
  }
  const std::size_t size = is_hidden_.size();
  is_hidden_[size - 1] = 1;
  for (std::size_t i = hidden_end_ + 1; i < count; ++i) is_hidden_[size - 1 - i] = 1;
  hidden_end_ = std::max(hidden_end_ + 1, count);
}

void Redactor::let_go(std::size_t count, std::string& out) {
  for (; count > 0; --count, ++start_) {
    const bool is_hidden = is_hidden_[start_] != 0;
    if (!is_hidden)
      out.push_back(held_[start_]);
    else if (!in_hidden_)
      out.append(kShown);
    in_hidden_ = is_hidden;
  }
  if (start_ < kCutBytes && start_ < held_.size()) return;
  held_.erase(0, start_);
  is_hidden_.erase(0, start_);
  start_ = 0;
}

void Redactor::finish(std::string& out) {
  let_go(held_.size() - start_, out);
  node_ = 0;
  hidden_end_ = 0;
}

std::string redacted(std::string_view text, const std::vector<std::string>& hidden) {
  const HiddenTexts texts(hidden);
  Redactor redactor(texts);
  std::string out;
  redactor.feed(text, out);
  redactor.finish(out);
  return out;
}

}  // namespace sluice
