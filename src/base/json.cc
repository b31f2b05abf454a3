#include "base/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace sluice {
namespace {

constexpr std::size_t kDepthMax = 200;

// Builds a Value from the parser's calls. Open containers lie on a stack; a finished one is put into the one below.
class ValueBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(Value()); }
  bool boolean(bool flag) override { return put(flag); }
  bool number_integer(number_integer_t number) override { return put(static_cast<double>(number)); }
  bool number_unsigned(number_unsigned_t number) override { return put(static_cast<double>(number)); }
  bool number_float(number_float_t number, const string_t&) override { return put(number); }
  bool string(string_t& text) override { return put(std::move(text)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return push(true); }
  bool end_object() override { return pop(); }
  bool start_array(std::size_t) override { return push(false); }
  bool end_array() override { return pop(); }
  bool key(string_t& name) override {
    stack_.back().key = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    position_ = position;
    message_ = e.what();
    return false;
  }

  Value take() { return std::move(result_); }
  std::size_t position() const { return position_; }
  const std::string& message() const { return message_; }

 private:
  struct Open {
    bool is_object;
    Struct fields;
    List items;
    std::string key;
  };

  bool push(bool is_object) {
    if (stack_.size() >= kDepthMax) return false;
    stack_.push_back({is_object, {}, {}, {}});
    return true;
  }
  bool pop() {
    Open open = std::move(stack_.back());
    stack_.pop_back();
    return open.is_object ? put(Value(std::move(open.fields))) : put(Value(std::move(open.items)));
  }
  bool put(Value value) {
    if (stack_.empty()) {
      result_ = std::move(value);
    } else if (stack_.back().is_object) {
      stack_.back().fields.insert_or_assign(std::move(stack_.back().key), std::move(value));
    } else {
      stack_.back().items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Open> stack_;
  Value result_;
  std::size_t position_ = 0;
  std::string message_;
};

// nlohmann's text is "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ...".
std::string readable(const std::string& message) {
  const auto start = message.find("syntax error");
  if (start != std::string::npos) return message.substr(start);
  const auto bracket = message.find("] ");
  return bracket == std::string::npos ? message : message.substr(bracket + 2);
}

// "line:column" of the byte at `offset`. Columns count bytes.
std::string place_of(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto last = before.rfind('\n');
  const auto column = 1 + (last == std::string_view::npos ? before.size() : before.size() - last - 1);
  return std::to_string(line) + ":" + std::to_string(column);
}

// Where the bracket stands that goes one level too deep.
std::size_t offset_of_depth(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
      continue;
    }
    if ((c == '[' || c == '{') && depth++ == kDepthMax) return i;
    if (c == ']' || c == '}') --depth;
  }
  return text.size();
}

// `added`: offsets of quotes in `text` that the author did not write, so that a place is one of the author's text.
Result<Value> parse(std::string_view text, const std::vector<std::size_t>& added) {
  ValueBuilder builder;
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
  std::string message = "nested deeper than " + std::to_string(kDepthMax) + " levels";
  std::size_t offset = 0;
  if (builder.message().empty()) {
    offset = offset_of_depth(text);
  } else {
    message = readable(builder.message());
    offset = std::min(builder.position() - std::min<std::size_t>(builder.position(), 1), text.size());
  }
  std::string original;  // the text before `offset`, less the quotes we added
  std::size_t from = 0;
  for (const std::size_t at : added) {
    if (at >= offset) break;
    original += text.substr(from, at - from);
    from = at + 1;
  }
  original += text.substr(from, offset - from);
  return fail(Code::kInvalid, place_of(original, original.size()) + ": " + message);
}

// The number that JSON cannot write at the start of `text`, or nothing.
std::string_view bare_word(std::string_view text) {
  for (const std::string_view word : {"NaN", "-Infinity", "Infinity"})
    if (text.substr(0, word.size()) == word) return text.substr(0, word.size());
  return {};
}

// Length of the UTF-8 sequence at text[i], 0 if it is not valid there.
std::size_t utf8_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const unsigned first = byte(i);
  const auto follows = [&](std::size_t at) { return (byte(at) & 0xC0U) == 0x80U; };
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(i + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && byte(i + 1) < 0xA0) return 0;
    if (first == 0xED && byte(i + 1) > 0x9F) return 0;
    return follows(i + 1) && follows(i + 2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && byte(i + 1) < 0x90) return 0;
    if (first == 0xF4 && byte(i + 1) > 0x8F) return 0;
    return follows(i + 1) && follows(i + 2) && follows(i + 3) ? 4 : 0;
  }
  return 0;
}

void append_indented(std::string& out, const Value& value, int depth) {
  const std::string pad(static_cast<std::size_t>(depth + 1) * 2, ' ');
  const std::string end(static_cast<std::size_t>(depth) * 2, ' ');
  if (value.is_list() && !value.as_list().empty()) {
    const char* separator = "[\n";
    for (const Value& item : value.as_list()) {
      out += separator + pad;
      append_indented(out, item, depth + 1);
      separator = ",\n";
    }
    out += "\n" + end + "]";
  } else if (value.is_struct() && !value.as_struct().empty()) {
    const char* separator = "{\n";
    for (const auto& [key, item] : value.as_struct()) {
      out += separator + pad;
      append_json_string(out, key);
      out += ": ";
      append_indented(out, item, depth + 1);
      separator = ",\n";
    }
    out += "\n" + end + "}";
  } else {
    append_json(out, value);
  }
}

}  // namespace

Result<Value> parse_json(std::string_view text) { return parse(text, {}); }

Result<Value> parse_json_lenient(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size());
  std::vector<std::size_t> added;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto word = in_string ? std::string_view() : bare_word(text.substr(i));
    if (!word.empty()) {
      added.push_back(quoted.size());
      quoted.append("\"").append(word);
      added.push_back(quoted.size());
      quoted += '"';
      i += word.size() - 1;
      continue;
    }
    quoted += c;
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string && c == '\\' && i + 1 < text.size()) {
      quoted += text[++i];
    }
  }
  return parse(quoted, added);
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto length = utf8_length(text, i);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    if (length > 1) {
      out.append(text, i, length);
      i += length;
      continue;
    }
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr std::string_view kHex = "0123456789abcdef";
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4U];
          out += kHex[static_cast<unsigned char>(c) & 0xFU];
        } else {
          out += c;
        }
    }
    ++i;
  }
  out += '"';
}

std::string value_text(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull: return "";
    case Value::Kind::kString: return value.as_string();
    case Value::Kind::kNumber: return number_text(value.as_number());
    default: return to_json(value);
  }
}

void append_json(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull: out += "null"; break;
    case Value::Kind::kBool: out += value.as_bool() ? "true" : "false"; break;
    case Value::Kind::kNumber: append_json_number(out, value.as_number()); break;
    case Value::Kind::kString: append_json_string(out, value.as_string()); break;
    case Value::Kind::kList: {
      out += '[';
      bool first = true;
      for (const Value& item : value.as_list()) {
        if (!std::exchange(first, false)) out += ',';
        append_json(out, item);
      }
      out += ']';
      break;
    }
    case Value::Kind::kStruct: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.as_struct()) {
        if (!std::exchange(first, false)) out += ',';
        append_json_string(out, key);
        out += ':';
        append_json(out, item);
      }
      out += '}';
      break;
    }
  }
}

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string to_json_pretty(const Value& value) {
  std::string out;
  append_indented(out, value, 0);
  return out + "\n";
}

}  // namespace sluice
