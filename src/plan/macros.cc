#include "plan/macros.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

namespace sluice {
namespace {

// A macro with the longest layout anybody writes is shorter. Bounds the search for its end, so that expansion stays linear.
constexpr std::size_t kMacroBytesMax = 200;

// "2026-11-24T05:36:21Z", with a fraction or without; the clock prints no other zone.
std::optional<std::tm> parse_utc(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text.back() != 'Z')
    return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = -1;
    const char* first = text.data() + at;
    const auto [end, error] = std::from_chars(first, first + digits, value);
    return error == std::errc{} && end == first + digits ? value : -1;
  };
  std::tm tm{};
  tm.tm_year = number(0, 4) - 1900;
  tm.tm_mon = number(5, 2) - 1;
  tm.tm_mday = number(8, 2);
  tm.tm_hour = number(11, 2);
  tm.tm_min = number(14, 2);
  tm.tm_sec = number(17, 2);
  if (tm.tm_year < -1900 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
    return std::nullopt;
  // Fills in the days of the week and of the year, and the zone.
  const std::time_t seconds = timegm(&tm);
  return gmtime_r(&seconds, &tm) != nullptr ? std::optional(tm) : std::nullopt;
}

// Nothing where the text does not fit: glibc pads as wide as a format asks.
std::optional<std::string> format_time(std::string format, const std::tm& tm) {
  if (format.empty()) return std::nullopt;
  // strftime's %s reads the fields as local time; ours are UTC.
  std::tm copy = tm;
  const std::string seconds = std::to_string(timegm(&copy));
  for (std::size_t at = 0; (at = format.find('%', at)) != std::string::npos; at += 2)
    if (format.compare(at, 2, "%s") == 0) {
      format.replace(at, 2, seconds);
      at += seconds.size() - 2;
    }
  std::array<char, 2000> out{};
  const auto length = std::strftime(out.data(), out.size(), format.c_str(), &tm);
  return length > 0 ? std::optional(std::string(out.data(), length)) : std::nullopt;
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// Go writes a layout as the instant 2006-01-02 15:04:05 would look. Elements in the order in which Go tries them.
std::string strftime_of_layout(std::string_view layout) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 29> kElements{{
      {"January", "%B"},    {"Jan", "%b"},  {"Monday", "%A"}, {"Mon", "%a"},   {"MST", "UTC"},   {"002", "%j"},
      {"01", "%m"},         {"02", "%d"},   {"03", "%I"},     {"04", "%M"},    {"05", "%S"},     {"06", "%y"},
      {"15", "%H"},         {"1", "%-m"},   {"2006", "%Y"},   {"2", "%-d"},    {"_2006", "_%Y"}, {"_2", "%e"},
      {"3", "%-I"},         {"4", "%-M"},   {"5", "%-S"},     {"PM", "%p"},    {"pm", "%P"},     {"-0700", "+0000"},
      {"-07:00", "+00:00"}, {"-07", "+00"}, {"Z0700", "Z"},   {"Z07:00", "Z"}, {"%", "%%"},
  }};
  std::string out;
  while (!layout.empty()) {
    const auto found = std::find_if(kElements.begin(), kElements.end(), [&](const auto& element) {
      if (!layout.starts_with(element.first)) return false;
      // "Janet" is a name.
      const bool may_be_word = element.first == "Jan" || element.first == "Mon";
      return !may_be_word || layout.size() == 3 || !is_lower(layout[3]);
    });
    if (found == kElements.end()) {
      out += layout.front();
      layout.remove_prefix(1);
    } else {
      out += found->second;
      layout.remove_prefix(found->first.size());
    }
  }
  return out;
}

class Expander {
 public:
  explicit Expander(const RunContext& context) : context_(context), current_(parse_utc(context.created)) {
    if (context.scheduled != context.created) scheduled_ = parse_utc(context.scheduled);
  }

  std::string expand(std::string_view text) const {
    std::string out;
    for (;;) {
      const auto start = text.find_first_of("[{");
      if (start == std::string_view::npos) break;
      out += text.substr(0, start);
      text.remove_prefix(start);
      const std::size_t end = text.substr(0, kMacroBytesMax).find(text.front() == '[' ? "]]" : "}}");
      const auto meaning = end == std::string_view::npos ? std::nullopt : meaning_of(text.substr(0, end));
      // Only one bracket is stepped over where there is no macro: "[[[RunUUID]]" holds one.
      out += meaning ? *meaning : std::string(1, text.front());
      text.remove_prefix(meaning ? end + 2 : 1);
    }
    return out += text;
  }

 private:
  // `macro` begins with its opening brackets and lacks the closing ones.
  std::optional<std::string> meaning_of(std::string_view macro) const {
    if (macro == "[[RunUUID") return context_.run_uuid;
    if (take(macro, "[[CurrentTime")) return by_layout(macro, current_);
    if (take(macro, "[[ScheduledTime")) return by_layout(macro, scheduled_);
    if (take(macro, "{{$.currentTime.strftime(")) return by_strftime(macro, current_);
    if (take(macro, "{{$.scheduledTime.strftime(")) return by_strftime(macro, scheduled_);
    return std::nullopt;
  }

  static bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
  }

  static std::optional<std::string> by_layout(std::string_view rest, const std::optional<std::tm>& time) {
    if (!time) return std::nullopt;
    if (rest.empty()) return format_time("%Y%m%d%H%M%S", *time);
    if (!take(rest, ".")) return std::nullopt;
    return format_time(strftime_of_layout(rest), *time);
  }

  static std::optional<std::string> by_strftime(std::string_view rest, const std::optional<std::tm>& time) {
    if (!time || rest.size() < 3 || rest.back() != ')') return std::nullopt;
    rest.remove_suffix(1);
    const char quote = rest.front();
    if ((quote != '\'' && quote != '"') || rest.back() != quote || rest.size() < 2) return std::nullopt;
    return format_time(std::string(rest.substr(1, rest.size() - 2)), *time);
  }

  const RunContext& context_;
  std::optional<std::tm> current_;
  std::optional<std::tm> scheduled_;
};

}  // namespace

std::string expand_macros(const std::string& text, const RunContext& context) { return Expander(context).expand(text); }

}  // namespace sluice
