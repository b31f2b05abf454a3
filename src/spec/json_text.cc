#include "spec/json_text.h"

#include <optional>
#include <string>

namespace sluice {
namespace {

class JsonText {
 public:
  JsonText(std::string_view text, YamlBuilder& builder) : text_(text), builder_(builder) {}

  std::optional<YamlRefusal> document() {
    builder_.begin_document();
    skip_space();
    if (value()) {
      skip_space();
      if (at_ == text_.size()) return std::nullopt;
      expected("the end of the file");
    }
    return YamlRefusal{wrong_at_, "JSON cannot be parsed: expected " + expected_};
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  Place place() const { return {line_, static_cast<int>(at_ - line_start_) + 1}; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  bool expected(std::string_view what) {
    expected_ = what;
    wrong_at_ = place();
    return false;
  }

  void skip_space() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  // Recursion is bounded: the builder refuses what is too deep.
  bool value() {
    switch (peek()) {
      case '{': return object();
      case '[': return array();
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

  bool object() {
    builder_.open(YamlKind::kMap, place());
    ++at_;
    skip_space();
    if (!take('}')) {
      do {
        skip_space();
        if (peek() != '"') return expected("a key in double quotes");
        if (!string()) return false;
        skip_space();
        if (!take(':')) return expected("':'");
        skip_space();
        if (!value()) return false;
        skip_space();
      } while (take(','));
      if (!take('}')) return expected("',' or '}'");
    }
    builder_.close();
    return true;
  }

  bool array() {
    builder_.open(YamlKind::kList, place());
    ++at_;
    skip_space();
    if (!take(']')) {
      do {
        skip_space();
        if (!value()) return false;
        skip_space();
      } while (take(','));
      if (!take(']')) return expected("',' or ']'");
    }
    builder_.close();
    return true;
  }

  bool word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return expected("a value");
    if (word == "null")
      builder_.null(place());
    else
      builder_.scalar(place(), word, false);
    at_ += word.size();
    return true;
  }

  bool number() {
    const auto start = at_;
    const auto digits = [&] {
      const auto from = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      return at_ - from;
    };
    take('-');
    const bool zero = peek() == '0';
    const auto integral = digits();
    if (integral == 0 || (zero && integral > 1)) return expected("a value");
    if (take('.') && digits() == 0) return expected("a digit");
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      if (digits() == 0) return expected("a digit");
    }
    const Place where{line_, static_cast<int>(start - line_start_) + 1};
    builder_.scalar(where, text_.substr(start, at_ - start), false);
    return true;
  }

  bool string() {
    const Place where = place();
    const auto start = ++at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && static_cast<unsigned char>(text_[at_]) >= 0x20) ++at_;
    if (peek() == '"') {  // the usual case: nothing to unescape
      builder_.scalar(where, text_.substr(start, at_ - start), true);
      ++at_;
      return true;
    }
    std::string out(text_.substr(start, at_ - start));
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        builder_.scalar(where, out, true);
        return true;
      }
      if (c == '\\' ? !escape(out) : static_cast<unsigned char>(c) < 0x20)
        return expected("an escape or a character of the string");
      if (c != '\\') out += c;
    }
    return expected("the end of the string");
  }

  bool escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++at_;
    if (const auto i = kNames.find(c); i != std::string_view::npos) {
      out += kMeant[i];
      return true;
    }
    if (c != 'u') return false;
    auto code = hex4();
    if (!code) return false;
    if (*code >= 0xD800 && *code <= 0xDBFF) {  // the first half of a pair
      if (!text_.substr(at_).starts_with("\\u")) return false;
      at_ += 2;
      const auto low = hex4();
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
      code = 0x10000 + ((*code - 0xD800) << 10U) + (*low - 0xDC00);
    } else if (*code >= 0xDC00 && *code <= 0xDFFF) {
      return false;
    }
    append_utf8(out, *code);
    return true;
  }

  std::optional<unsigned> hex4() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      unsigned digit = 0;
      if (c >= '0' && c <= '9')
        digit = static_cast<unsigned>(c - '0');
      else if (c >= 'a' && c <= 'f')
        digit = static_cast<unsigned>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'F')
        digit = static_cast<unsigned>(c - 'A' + 10);
      else
        return std::nullopt;
      code = code * 16 + digit;
    }
    return code;
  }

  static void append_utf8(std::string& out, unsigned code) {
    const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80U | ((code >> shift) & 0x3FU)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0U | (code >> 6U));
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0U | (code >> 12U));
      tail(6);
      tail(0);
    } else {
      out += static_cast<char>(0xF0U | (code >> 18U));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string_view text_;
  YamlBuilder& builder_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::size_t line_start_ = 0;
  std::string expected_;  // what was not there when reading ended
  Place wrong_at_;
};

}  // namespace

std::optional<YamlRefusal> read_json_text(std::string_view text, YamlBuilder& builder) {
  return JsonText(text, builder).document();
}

}  // namespace sluice
