// Texts that must not be shown: found in a stream of bytes wherever the pieces of it begin and end, and replaced by ***.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// The texts to look for, all at once (Aho and Corasick's automaton). Costs about 24 bytes for each byte of text.
class HiddenTexts {
 public:
  // Those under kShortest bytes are left as they are: hiding "1" would hide most numbers.
  static constexpr std::size_t kShortest = 4;
  explicit HiddenTexts(const std::vector<std::string>& texts);
  bool empty() const { return nodes_.size() == 1; }

 private:
  friend class Redactor;
  struct Node {
    std::uint32_t fail = 0;     // the longest other beginning of a text that ends here
    std::uint32_t child = 0;    // first; 0: none
    std::uint32_t sibling = 0;  // next child of the same parent; 0: none
    std::uint32_t depth = 0;    // bytes of the beginning that this is
    std::uint32_t longest = 0;  // bytes of the longest text that ends here; 0: none does
    char byte = 0;
  };
  void add(std::string_view text);
  void link();
  std::uint32_t child_of(std::uint32_t node, char byte) const;
  std::uint32_t next(std::uint32_t node, char byte) const;

  std::vector<Node> nodes_{1};  // [0]: nothing
  std::array<std::uint32_t, 256> first_{};  // children of [0] by their byte
};

// One stream. What it gives depends on the whole text alone, not on how it is cut: each longest run of bytes that belong to some
// hidden text becomes ***. Holds back what may be the beginning of one, which is less than the longest of them.
class Redactor {
 public:
  // `texts` must outlive it.
  explicit Redactor(const HiddenTexts& texts) : texts_(&texts) {}
  void feed(std::string_view bytes, std::string& out);
  // The stream has ended: what was held back is none.
  void finish(std::string& out);

 private:
  void hide(std::size_t count);
  void let_go(std::size_t count, std::string& out);

  const HiddenTexts* texts_;
  std::uint32_t node_ = 0;
  std::string held_;         // from start_ on: bytes that are not decided yet
  std::string is_hidden_;    // likewise, 1 for each that is hidden
  std::size_t start_ = 0;
  std::size_t hidden_end_ = 0;  // so many at the end of held_ are known to be hidden
  bool in_hidden_ = false;      // the last byte that went was hidden
};

// A whole text at once.
std::string redacted(std::string_view text, const std::vector<std::string>& hidden);

}  // namespace sluice
