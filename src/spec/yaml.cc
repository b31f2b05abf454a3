#include "spec/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>

#include "spec/json_text.h"
#include "spec/yaml_builder.h"

namespace sluice {
namespace {

Place place_of(const YAML::Mark& mark) { return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1}; }

// In flow style yaml-cpp keeps everything from an open bracket on in memory, some 200 bytes for each sign, until it knows that
// the bracket opens no key. Two million signs are 0.5 GB; JSON, which has another reader, may be larger.
constexpr std::size_t kFlowSignsMax = 2'000'000;

// yaml-cpp reads streams only. This one reads the text where it lies, piece by piece, and ends a reading that takes too much
// without an event.
class TextBuffer final : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text)
      : begin_(const_cast<char*>(text.data())), end_(begin_ + text.size()) {  // NOLINT: only read
    setg(begin_, begin_, begin_);
  }
  void note_event() { flow_signs_ = 0; }

 private:
  int_type underflow() override {
    constexpr std::ptrdiff_t kPieceBytes = std::ptrdiff_t{16} * 1024;
    char* piece = egptr();
    if (piece == end_) return traits_type::eof();
    char* piece_end = piece + std::min(kPieceBytes, end_ - piece);
    for (const char c : std::string_view(piece, static_cast<std::size_t>(piece_end - piece)))
      if (c == '[' || c == ']' || c == '{' || c == '}' || c == ',') ++flow_signs_;
    if (flow_signs_ > kFlowSignsMax)
      throw YamlRefusal{{}, "brackets with more than " + std::to_string(kFlowSignsMax) + " parts in them; write them as JSON"};
    setg(begin_, piece, piece_end);
    return traits_type::to_int_type(*piece);
  }

  char* begin_;
  char* end_;
  std::size_t flow_signs_ = 0;  // since the last event
};

class Events final : public YAML::EventHandler {
 public:
  Events(YamlBuilder& builder, TextBuffer& buffer) : builder_(builder), buffer_(buffer) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    // At a sign that nothing may begin with ("," or "]") yaml-cpp finds one empty document after the other without moving on.
    if (mark.pos == document_at_) throw YamlRefusal{place_of(mark), "YAML cannot be parsed: nothing can begin with this sign"};
    document_at_ = mark.pos;
    builder_.begin_document();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.null(place_of(mark), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.alias(place_of(mark), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    buffer_.note_event();
    builder_.scalar(place_of(mark), text, is_text(mark, tag), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:seq") refuse_tag(mark, tag);
    buffer_.note_event();
    builder_.open(YamlKind::kList, place_of(mark), anchor);
  }
  void OnSequenceEnd() override { builder_.close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:map") refuse_tag(mark, tag);
    buffer_.note_event();
    builder_.open(YamlKind::kMap, place_of(mark), anchor);
  }
  void OnMapEnd() override { builder_.close(); }

 private:
  // yaml-cpp says "?" for a plain scalar and "!" for a quoted one.
  static bool is_text(const YAML::Mark& mark, const std::string& tag) {
    if (tag == "?") return false;
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return true;
    for (const char* plain : {"int", "float", "bool", "null"})
      if (tag == std::string("tag:yaml.org,2002:") + plain) return false;
    refuse_tag(mark, tag);
  }
  [[noreturn]] static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    throw YamlRefusal{place_of(mark), "the tag '" + tag + "' has no meaning here"};
  }

  YamlBuilder& builder_;
  TextBuffer& buffer_;
  int document_at_ = -1;  // where the last document began
};

// Bytes of the UTF-8 sequence that `text` begins with, 0 if it is not valid. So are control characters that YAML forbids.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned min = 0x80, unsigned max = 0xBF) { return byte(i) >= min && byte(i) <= max; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\n' || first == '\t' || first == '\r' ? 1 : 0;
  if (first < 0xC2 || first > 0xF4) return 0;
  if (first < 0xE0) return follows(1) ? 2 : 0;
  if (first < 0xF0) return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
}

std::optional<YamlRefusal> check_text(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return YamlRefusal{{}, "the file is larger than " + std::to_string(kTextBytesMax / 1024 / 1024) + " MiB"};
  Place place{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const auto bytes = character_bytes(text.substr(i, 4));
    if (bytes == 0) return YamlRefusal{place, "the file is not text: a byte that is neither UTF-8 nor printable"};
    i += bytes;
    place.column += static_cast<int>(bytes);
    if (text[i - bytes] == '\n') place = {place.line + 1, 1};
  }
  return std::nullopt;
}

// Does it begin with { or [ and then a quote or another bracket?
bool looks_like_json(std::string_view text) {
  constexpr const char* kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[')) return false;
  const auto second = text.find_first_not_of(kSpace, first + 1);
  return second != std::string_view::npos && std::string_view("\"{[]}").find(text[second]) != std::string_view::npos;
}

void read_with_yaml_cpp(std::string_view text, YamlBuilder& builder) {
  TextBuffer buffer(text);
  std::istream stream(&buffer);
  Events events(builder, buffer);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {}
  } catch (const YAML::Exception& e) {
    throw YamlRefusal{place_of(e.mark), "YAML cannot be parsed: " + e.msg};
  }
}

}  // namespace

YamlFile read_yaml(std::string_view text, std::string_view file) {
  YamlFile out;
  const auto reset = [&] { out = {.memory = std::make_unique<std::pmr::monotonic_buffer_resource>(64 * 1024)}; };
  reset();
  std::optional<YamlRefusal> json_refusal;
  try {
    if (auto refusal = check_text(text)) throw YamlRefusal(*std::move(refusal));
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (looks_like_json(text)) {
      YamlBuilder builder(out, file);
      json_refusal = read_json_text(text, builder);
      if (!json_refusal) return out;
      reset();
    }
    YamlBuilder builder(out, file);
    read_with_yaml_cpp(text, builder);
  } catch (const YamlRefusal& refusal) {
    // Whoever meant JSON is told where it stops being JSON: what YAML makes of a bracket that is not closed helps nobody.
    const YamlRefusal& told = json_refusal ? *json_refusal : refusal;
    out.errors.push_back({.file = std::string(file), .place = told.place, .message = told.message});
    out.complete = false;
  }
  return out;
}

}  // namespace sluice
