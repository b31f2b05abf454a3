// sluice why: which input made or broke a hit.
#include "app/api_client.h"
#include "app/columns.h"
#include "app/run_sheet.h"
#include "app/run_table.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

std::string text_of(const Value& value, std::string_view name) { return std::string(value.string_or(name, "")); }

std::string side(const Value& difference, std::string_view name) {
  const std::string text = one_line(text_of(difference, name));
  return text.empty() ? "none" : text;
}

std::string result_text(const Value& result) {
  std::string text = text_of(result, "task") + " of run " + text_of(result, "run_id").substr(0, 8);
  if (const Instant ended = instant_from(text_of(result, "ended")); ended != Instant{})
    text += ", " + replace_all(format_rfc3339(ended).substr(0, 19), "T", " ");
  return text;
}

// The first with both values on lines of their own, the others in short.
std::string differences_text(const Console& console, const List& differences) {
  std::string out;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    const Value& each = differences[i];
    const std::string what = text_of(each, "what");
    const std::string producer = text_of(each, "producer");
    if (i == 0) {
      out += "  " + console.ink(Ink::kBold, what) + (producer.empty() ? "" : " (made by " + producer + ")") + "\n";
      out += "    was  " + side(each, "before") + "\n    is   " + side(each, "now") + "\n";
    } else {
      constexpr int kShortColumns = 40;
      out += "  " + what + ": " + clip_columns(side(each, "before"), kShortColumns) + " -> " +
             clip_columns(side(each, "now"), kShortColumns) + "\n";
    }
  }
  return out;
}

std::string why_text(const Console& console, const Value& why) {
  std::string out = console.ink(Ink::kBold, text_of(why, "task")) + "  " + text_of(why, "state") + "\n";
  const std::string cache = text_of(why, "cache");
  out += "cache     " + console.ink(cache == "hit" ? Ink::kGreen : Ink::kYellow, cache) + ": " + text_of(why, "reason") + "\n";
  if (const Value* result = why.find("result"); result != nullptr)
    out += std::string(cache == "hit" ? "made by   " : "compared  with ") + result_text(*result) + "\n";
  if (const Value* differences = why.find("differences"); differences != nullptr && differences->is_list())
    out += differences_text(console, differences->as_list());
  if (const std::string key = text_of(why, "key"); !key.empty()) out += console.ink(Ink::kDim, "key       " + key) + "\n";
  if (const std::string process = text_of(why, "process"); !process.empty()) out += "process   " + process + "\n";
  if (const std::string environment = text_of(why, "environment"); !environment.empty())
    out += console.ink(Ink::kDim, "python    environment " + environment.substr(0, 12)) + "\n";
  return out + "attempts  " + std::to_string(why.int_or("attempts", 0)) + "\n";
}

}  // namespace

int why_verb(const Context& context) {
  const auto connection = ApiClient::open(context);
  if (!connection) return context.console.fail(connection.error());
  const auto text =
      (*connection)
          ->text("/api/v1/runs/" + encode_percent(context.words.run) + "/why?task=" + encode_percent(context.words.task));
  if (!text) return context.console.fail(text.error());
  if (context.console.json()) {
    context.console.out(*text);
    return 0;
  }
  const auto why = parse_json(*text);
  if (!why) return context.console.fail(why.error());
  context.console.out(why_text(context.console, *why));
  return 0;
}

}  // namespace sluice
