#include "app/run_diff_text.h"

#include "api/run_diff.h"
#include "base/text.h"

namespace sluice {
namespace {

// Beyond these only their number is of use to people; --json has them all.
constexpr std::size_t kLinesMax = 40;

std::string field(const Value& difference, std::string_view name) { return std::string(difference.string_or(name, "")); }

RunDifference difference_from(const Value& value) {
  return {.task = field(value, "task"),
          .what = field(value, "what"),
          .name = field(value, "name"),
          .a = field(value, "a"),
          .b = field(value, "b"),
          .follows = value.bool_or("follows", false)};
}

std::vector<RunDifference> differences_of(const Value& diff) {
  std::vector<RunDifference> found;
  if (const Value* list = diff.find("differences"); list != nullptr && list->is_list())
    for (const Value& difference : list->as_list()) found.push_back(difference_from(difference));
  return found;
}

std::string or_none(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

Result<Value> ask_run_diff(ApiClient& connection, const std::string& a, const std::string& b) {
  return connection.get("/api/v1/runs/" + encode_percent(a) + "/diff?with=" + encode_percent(b));
}

std::string run_diff_text(const Console& console, const Value& diff) {
  const std::vector<RunDifference> found = differences_of(diff);
  if (found.empty()) return "the runs do not differ\n";
  const RunDifference& first = found.front();
  std::string out = console.ink(Ink::kBold, "first difference") + "  " + (first.task.empty() ? "run" : first.task) + ": " +
                    first.what + (first.name.empty() ? "" : " '" + first.name + "'") + "\n  " +
                    console.ink(Ink::kRed, or_none(first.a)) + "\n  " + console.ink(Ink::kGreen, or_none(first.b)) + "\n";
  if (found.size() > 1) out += console.ink(Ink::kBold, "then") + "\n";
  for (std::size_t i = 1; i < found.size() && i <= kLinesMax; ++i) out += "  " + found[i].text() + "\n";
  if (found.size() > kLinesMax + 1) out += "  ... and " + std::to_string(found.size() - kLinesMax - 1) + " more\n";
  return out;
}

std::string run_verify_text(const Console& console, const Value& diff) {
  std::string out;
  std::size_t follow = 0;
  for (const RunDifference& difference : differences_of(diff)) {
    if (difference.follows) {
      ++follow;
      continue;
    }
    const bool is_output = difference.what == "output";
    out += console.ink(Ink::kRed, difference.task) + ": " + difference.what +
           (difference.name.empty() ? "" : " '" + difference.name + "'") +
           " differs between two runs of the step: " + or_none(difference.a) + " / " + or_none(difference.b) +
           (is_output ? "; an unset seed?\n" : "\n");
  }
  if (follow > 0 && !out.empty()) out += std::to_string(follow) + " more follow from " + (follow == 1 ? "it" : "these") + "\n";
  return out;
}

List unexplained(const Value& diff) {
  List found;
  if (const Value* list = diff.find("differences"); list != nullptr && list->is_list())
    for (const Value& difference : list->as_list())
      if (!difference.bool_or("follows", false)) found.push_back(difference);
  return found;
}

}  // namespace sluice
