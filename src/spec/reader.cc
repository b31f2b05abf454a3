#include "spec/reader.h"

#include <charconv>
#include <cmath>

#include "base/json.h"

namespace sluice {
namespace {

// Is `key` the field `name`, in lowerCamelCase or in snake_case?
bool same_field(std::string_view key, std::string_view name) {
  if (key == name) return true;
  std::size_t i = 0;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      if (i + 1 >= key.size() || key[i] != '_' || key[i + 1] != c - 'A' + 'a') return false;
      i += 2;
    } else {
      if (i >= key.size() || key[i] != c) return false;
      ++i;
    }
  }
  return i == key.size();
}

// "the number 3", "a mapping"
std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::kNull: return "nothing";
    case YamlKind::kList: return "a list";
    case YamlKind::kMap: return "a mapping";
    case YamlKind::kScalar: break;
  }
  const std::string_view shown = node.text.substr(0, 60);
  const Value value = resolve_scalar(node);
  const std::string kind = value.is_string() ? "the text"
                           : value.is_null() ? "the word"
                                             : "the " + std::string(kind_name(value.kind()));
  return kind + " '" + std::string(shown) + "'";
}

}  // namespace

std::string path_text(const Path* path) {
  std::vector<const Path*> steps;
  for (; path != nullptr; path = path->parent) steps.push_back(path);
  std::string out;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if ((*step)->index >= 0) {
      out += "[" + std::to_string((*step)->index) + "]";
    } else {
      if (!out.empty()) out += '.';
      out += (*step)->key;
    }
  }
  return out;
}

void Reader::add(Diagnostics& to, Place place, const Path* path, std::string message, std::string hint) {
  if (to.size() >= kErrorsMax) return;
  to.push_back({.file = file_, .place = place, .path = path_text(path), .message = std::move(message), .hint = std::move(hint)});
}

void Reader::wrong(const At& at, std::string_view wanted) {
  const bool quotable = wanted == "text" && at.node->kind == YamlKind::kScalar;
  const std::string name = at.name().empty() ? "" : "'" + std::string(at.name()) + "' must be ";
  error(at, (name.empty() ? "this must be " : name) + std::string(wanted) + ", not " + describe(*at.node),
        quotable ? "quote it: '" + std::string(at.node->text.substr(0, 60)) + "'" : "");
}

bool Reader::expect(const At& at, YamlKind kind) {
  if (at.node->kind == kind) return true;
  if (at.node->kind != YamlKind::kNull) wrong(at, kind == YamlKind::kMap ? "a mapping" : "a list");
  return false;
}

std::optional<std::string> Reader::text_or_error(const At& at) {
  if (at.node->kind == YamlKind::kScalar && (at.node->quoted || resolve_scalar(at.node->text).is_string()))
    return std::string(at.node->text);
  wrong(at, "text");
  return std::nullopt;
}

bool Reader::flag(const At& at) {
  if (at.node->kind == YamlKind::kScalar) {
    const Value value = resolve_scalar(*at.node);
    if (value.is_bool()) return value.as_bool();
  }
  wrong(at, "true or false");
  return false;
}

double Reader::number(const At& at) {
  if (at.node->kind == YamlKind::kScalar) {
    // proto3 JSON: a number may stand in quotes.
    const Value value = resolve_scalar(at.node->text);
    if (value.is_number() && std::isfinite(value.as_number())) return value.as_number();
  }
  wrong(at, "a number");
  return 0;
}

std::int64_t Reader::integer(const At& at, std::int64_t min, std::int64_t max) {
  std::optional<std::int64_t> found;
  if (at.node->kind == YamlKind::kScalar) {
    const auto text = at.node->text;
    std::int64_t exact = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exact);
    const Value value = resolve_scalar(text);
    if (error == std::errc{} && end == text.data() + text.size())
      found = exact;
    else if (value.is_number() && std::fabs(value.as_number()) < 9e15 && std::trunc(value.as_number()) == value.as_number())
      found = static_cast<std::int64_t>(value.as_number());
  }
  if (!found) {
    wrong(at, "a whole number");
    return 0;
  }
  if (*found >= min && *found <= max) return *found;
  wrong(at, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return 0;
}

Duration Reader::duration(const At& at) {
  if (at.node->kind == YamlKind::kScalar)
    if (const auto duration = parse_duration(at.node->text)) return *duration;
  wrong(at, "a duration such as 60s");
  return Duration{0};
}

Value Reader::convert(const YamlNode& node, const At& at) {
  switch (node.kind) {
    case YamlKind::kNull: return nullptr;
    case YamlKind::kScalar: {
      Value value = resolve_scalar(node);
      if (!value.is_number() || std::isfinite(value.as_number())) return value;
      add(errors_, node.place, at.path, "'" + std::string(node.text.substr(0, 60)) + "' is no number that a value can hold",
          "quote it, if it is meant as text");
      return nullptr;
    }
    case YamlKind::kList: {
      List items;
      items.reserve(node.children.size());
      for (const YamlNode* child : node.children) items.push_back(convert(*child, at));
      return items;
    }
    case YamlKind::kMap: {
      Struct out;
      for (std::size_t i = 0; i < node.fields(); ++i) out.emplace(node.key(i).text, convert(node.field(i), at));
      return out;
    }
  }
  return nullptr;
}

Value Reader::value(const At& at) { return convert(*at.node, at); }

Struct Reader::fields(const At& at) {
  if (!expect(at, YamlKind::kMap)) return {};
  Struct out;
  for (std::size_t i = 0; i < at.node->fields(); ++i) out.emplace(at.node->key(i).text, convert(at.node->field(i), at));
  return out;
}

std::vector<std::string> Reader::texts(const At& at) {
  std::vector<std::string> out;
  each_item(at, [&](const At& item) { out.push_back(text(item)); });
  return out;
}

std::size_t Reader::choice(const At& at, std::span<const std::string_view> names) {
  if (at.node->kind != YamlKind::kScalar) {
    wrong(at, "a name");
    return 0;
  }
  for (std::size_t i = 0; i < names.size(); ++i)
    if (at.node->text == names[i] || (!at.node->quoted && at.node->text == std::to_string(i))) return i;
  const std::vector<std::string> candidates(names.begin(), names.end());
  error(at, "invalid enum value '" + std::string(at.node->text.substr(0, 60)) + "' for " + std::string(at.name()),
        suggest(at.node->text, candidates));
  return 0;
}

std::string Reader::suggest(std::string_view name, std::span<const std::string> candidates) {
  if (suggestions_left_ == 0 || name.size() > 200) return {};
  --suggestions_left_;
  const std::string best = closest(name, candidates);
  return best.empty() ? "" : "did you mean '" + best + "'?";
}

std::optional<At> Message::get_value(std::string_view name) {
  asked_.push_back(name);
  std::optional<At> found;
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (known_[i] || !same_field(at_.node->key(i).text, name)) continue;
    known_[i] = true;
    const At field = reader_.field(at_, i);
    // The same spelling twice has been told when the mapping was read.
    if (found && found->name() != field.name())
      reader_.error_key(field, "field '" + std::string(name) + "' is given twice, as '" + std::string(found->name()) +
                                   "' and as '" + std::string(field.name()) + "'");
    else if (!found)
      found = field;
  }
  return found;
}

void Message::refuse_others() {
  each_other([&](const At& field) {
    const std::vector<std::string> candidates(asked_.begin(), asked_.end());
    reader_.error_key(field, "unknown field '" + std::string(field.name()) + "'", reader_.suggest(field.name(), candidates));
  });
}

}  // namespace sluice
