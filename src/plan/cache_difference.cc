// Two documents of cache keys side by side.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "plan/cache_key.h"

namespace sluice {
namespace {

// What people are shown of one side.
constexpr std::size_t kShownBytes = 300;

// Cut at the begin of a character of UTF-8.
std::string shown(std::string text) {
  if (text.size() <= kShownBytes) return text;
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text + "…";
}

const Struct& fields_of(const Value& document, std::string_view name) {
  static const Struct kNone;
  const Value* found = document.find(name);
  return found != nullptr && found->is_struct() ? found->as_struct() : kNone;
}

std::vector<std::string> texts_of(const Value& document, std::string_view name) {
  std::vector<std::string> texts;
  if (const Value* found = document.find(name); found != nullptr && found->is_list())
    for (const Value& item : found->as_list()) texts.push_back(item.is_string() ? item.as_string() : to_json(item));
  return texts;
}

// "pandas" of "pandas==2.1.0", "pandas[all] >= 2" and "pandas @ https://…".
std::string package_name(const std::string& requirement) {
  return std::string(trim(requirement.substr(0, requirement.find_first_of(" ;<>=!~[@"))));
}

Value document_from(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return {};
  return *std::move(parsed);
}

class Comparison {
 public:
  Comparison(const Value& before, const Value& now) : before_(before), now_(now) {}

  std::vector<CacheDifference> all() {
    text("cache_key", "cache key");
    text("component", "component");
    elements("command", "command");
    elements("args", "args");
    text("image", "image");
    pairs("env");
    const std::size_t so_far = out_.size();
    requirements(texts_of(before_, "requirements"), texts_of(now_, "requirements"), "requirement");
    // Its key also names the interpreter, the index and this machine's own settings for installers.
    if (out_.size() == so_far) text("environment", "environment (interpreter, package index or their settings)");
    fields("parameters", "parameter");
    artifacts();
    fields("outputs", "declared output");
    elements("volumes", "volumes");
    return std::move(out_);
  }

  void requirements(const std::vector<std::string>& before, const std::vector<std::string>& now, std::string_view what) {
    std::map<std::string, std::pair<std::string, std::string>> sides;
    for (const std::string& text : before) join_text(sides[package_name(text)].first, text);
    for (const std::string& text : now) join_text(sides[package_name(text)].second, text);
    for (const auto& [name, side] : sides) add(std::string(what) + " '" + name + "'", side.first, side.second);
  }
  std::vector<CacheDifference> take() { return std::move(out_); }

 private:
  static void join_text(std::string& to, const std::string& text) { to += (to.empty() ? "" : ", ") + text; }

  void add(std::string what, const std::string& before, const std::string& now) {
    if (before != now) out_.push_back({std::move(what), shown(before), shown(now)});
  }

  void text(std::string_view name, std::string what) {
    add(std::move(what), std::string(before_.string_or(name, "")), std::string(now_.string_or(name, "")));
  }

  // One line a difference: the first of each pair of texts that differ. A text of several lines is a program.
  void elements(std::string_view name, const std::string& what) {
    const auto before = texts_of(before_, name);
    const auto now = texts_of(now_, name);
    if (before.size() != now.size()) return add(what, join(before, " "), join(now, " "));
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (before[i].find('\n') == std::string::npos && now[i].find('\n') == std::string::npos)
        add(before.size() == 1 ? what : what + "[" + std::to_string(i) + "]", before[i], now[i]);
      else
        lines(before[i], now[i]);
    }
  }

  void lines(const std::string& before, const std::string& now) {
    const auto old_lines = split(before, '\n');
    const auto new_lines = split(now, '\n');
    const std::size_t both = std::min(old_lines.size(), new_lines.size());
    std::size_t at = 0;
    while (at < both && old_lines[at] == new_lines[at]) ++at;
    const auto line = [&](const auto& all) { return at < all.size() ? std::string(trim(all[at])) : std::string(); };
    if (at == both && old_lines.size() == new_lines.size()) return;
    // White space alone, or a line more: say it as it is.
    const bool same = line(old_lines) == line(new_lines);
    const std::string what = "code, line " + std::to_string(at + 1);
    if (same)
      out_.push_back({what + " (white space)", at < old_lines.size() ? shown(std::string(old_lines[at])) : "",
                      at < new_lines.size() ? shown(std::string(new_lines[at])) : ""});
    else
      add(what, line(old_lines), line(new_lines));
  }

  void pairs(std::string_view name) {
    std::map<std::string, std::pair<std::string, std::string>> sides;
    const auto collect = [&](const Value& document, auto side) {
      const Value* list = document.find(name);
      if (list == nullptr || !list->is_list()) return;
      for (const Value& pair : list->as_list())
        if (pair.is_list() && pair.as_list().size() == 2 && pair.as_list()[0].is_string())
          (sides[pair.as_list()[0].as_string()].*side) = value_text(pair.as_list()[1]);
    };
    using Sides = std::pair<std::string, std::string>;
    collect(before_, &Sides::first);
    collect(now_, &Sides::second);
    for (const auto& [key, side] : sides) add(std::string(name) + " '" + key + "'", side.first, side.second);
  }

  void fields(std::string_view name, const std::string& what) {
    const Struct& before = fields_of(before_, name);
    const Struct& now = fields_of(now_, name);
    for (const std::string& key : keys_of(before, now)) {
      const auto text = [&](const Struct& side) {
        const auto found = side.find(key);
        return found == side.end() ? std::string() : to_json(found->second);
      };
      add(what + " '" + key + "'", text(before), text(now));
    }
  }

  void artifacts() {
    const Struct& before = fields_of(before_, "artifacts");
    const Struct& now = fields_of(now_, "artifacts");
    for (const std::string& key : keys_of(before, now)) {
      const auto old_list = before.find(key);
      const auto new_list = now.find(key);
      if (old_list == before.end() || new_list == now.end() || digests(old_list->second) != digests(new_list->second))
        add("artifact '" + key + "'", old_list == before.end() ? "" : digests(old_list->second),
            new_list == now.end() ? "" : digests(new_list->second));
      else
        add("metadata of artifact '" + key + "'", to_json(old_list->second), to_json(new_list->second));
    }
  }

  static std::string digests(const Value& list) {
    std::string text;
    if (list.is_list())
      for (const Value& item : list.as_list()) {
        const auto digest = item.string_or("digest", "");
        join_text(text, digest.empty() ? "nothing written" : std::string(digest));
      }
    return text.empty() ? "an empty list" : text;
  }

  static std::set<std::string> keys_of(const Struct& a, const Struct& b) {
    std::set<std::string> keys;
    for (const auto& [key, value] : a) keys.insert(key);
    for (const auto& [key, value] : b) keys.insert(key);
    return keys;
  }

  const Value& before_;
  const Value& now_;
  std::vector<CacheDifference> out_;
};

}  // namespace

std::vector<CacheDifference> explain_difference(std::string_view before, std::string_view now) {
  const Value old_document = document_from(before);
  const Value new_document = document_from(now);
  return Comparison(old_document, new_document).all();
}

std::vector<CacheDifference> package_differences(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  const Value none;
  Comparison comparison(none, none);
  comparison.requirements(before, now, "package");
  return comparison.take();
}

}  // namespace sluice
