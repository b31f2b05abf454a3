#include "spec/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <optional>
#include <streambuf>

#include "spec/json_text.h"
#include "spec/yaml_builder.h"

namespace sluice {
namespace {

Place place_of(const YAML::Mark& mark) { return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1}; }

// yaml-cpp reads streams only; this one reads the text where it lies.
class TextBuffer final : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // NOLINT: streambuf wants char*, and get areas are not written to
    setg(begin, begin, begin + text.size());
  }
};

class Events final : public YAML::EventHandler {
 public:
  explicit Events(YamlBuilder& builder) : builder_(builder) {}

  void OnDocumentStart(const YAML::Mark&) override { builder_.begin_document(); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.null(place_of(mark), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.alias(place_of(mark), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    builder_.scalar(place_of(mark), text, is_text(mark, tag), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:seq") refuse_tag(mark, tag);
    builder_.open(YamlKind::kList, place_of(mark), anchor);
  }
  void OnSequenceEnd() override { builder_.close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:map") refuse_tag(mark, tag);
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
};

// Bytes of the UTF-8 sequence that `text` begins with, 0 if it is not valid. Control characters that YAML forbids count as not valid.
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

void read_with_yaml_cpp(std::string_view text, YamlBuilder& builder) {
  TextBuffer buffer(text);
  std::istream stream(&buffer);
  Events events(builder);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& e) {
    throw YamlRefusal{place_of(e.mark), "YAML cannot be parsed: " + e.msg};
  }
}

}  // namespace

YamlFile read_yaml(std::string_view text, std::string_view file) {
  YamlFile out;
  const auto reset = [&] { out = {.memory = std::make_unique<std::pmr::monotonic_buffer_resource>(64 * 1024)}; };
  reset();
  try {
    if (auto refusal = check_text(text)) throw YamlRefusal(*std::move(refusal));
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && text[first] == '{') {
      YamlBuilder builder(out, file);
      if (read_json_text(text, builder)) return out;
      reset();
    }
    YamlBuilder builder(out, file);
    read_with_yaml_cpp(text, builder);
  } catch (const YamlRefusal& refusal) {
    out.errors.push_back({.file = std::string(file), .place = refusal.place, .message = refusal.message});
    out.complete = false;
  }
  return out;
}

}  // namespace sluice
