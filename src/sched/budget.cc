#include "sched/budget.h"

#include <array>
#include <cstdio>

#include "base/text.h"

namespace sluice {
namespace {

struct Part {
  std::string_view name;
  std::optional<Duration> Budget::* limit;
  Duration Usage::* used;
};
constexpr std::array<Part, 3> kParts{
    {{"cpu", &Budget::cpu, &Usage::cpu}, {"wall", &Budget::wall, &Usage::wall}, {"gpu", &Budget::gpu, &Usage::gpu}}};

const Part* part_of(std::string_view name) {
  for (const Part& part : kParts)
    if (part.name == name) return &part;
  return nullptr;
}

// "10.2 h", "90 s": in the unit of the limit, so that the two can be compared.
std::string amount_text(Duration amount, Duration limit) {
  const double seconds = to_seconds(amount);
  const bool hours = limit >= std::chrono::hours(1);
  const bool minutes = !hours && limit >= std::chrono::minutes(1);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.4g", seconds / (hours ? 3600 : minutes ? 60 : 1));
  return std::string(text.data()) + (hours ? " h" : minutes ? " min" : " s");
}

Status set_part(Budget& budget, std::string_view name, std::string_view amount) {
  const Part* part = part_of(name);
  if (part == nullptr)
    return fail(Code::kInvalid, "a budget has no '" + std::string(name) + "'", "it has cpu, wall and gpu: cpu=2h,wall=1h");
  const auto duration = parse_duration(amount);
  if (!duration || duration->count() <= 0)
    return fail(Code::kInvalid, "budget " + std::string(name) + ": '" + std::string(amount) + "' is no duration",
                "such as 90s, 30m or 2h");
  if ((budget.*part->limit).has_value()) return fail(Code::kInvalid, "a budget has only one '" + std::string(name) + "'");
  budget.*part->limit = *duration;
  return {};
}

}  // namespace

Result<Budget> budget_from_text(std::string_view text) {
  Budget budget;
  for (const std::string_view entry : split(text, ',')) {
    if (trim(entry).empty()) continue;
    const auto equals = entry.find('=');
    const std::string_view amount = equals == std::string_view::npos ? "" : trim(entry.substr(equals + 1));
    SLUICE_TRY_STATUS(set_part(budget, trim(entry.substr(0, equals)), amount));
  }
  return budget;
}

Struct budget_fields(const Budget& budget) {
  Struct fields;
  for (const Part& part : kParts)
    if (const auto& limit = budget.*part.limit) {
      const std::int64_t micros = limit->count();
      fields.emplace(std::string(part.name),
                     micros % 1'000'000 == 0 ? std::to_string(micros / 1'000'000) + "s" : std::to_string(micros) + "us");
    }
  if (budget.pauses) fields.emplace("on_budget", "pause");
  return fields;
}

Result<Budget> budget_from_value(const Value& value) {
  Budget budget;
  if (!value.is_struct()) return budget;
  for (const auto& [name, field] : value.as_struct()) {
    if (!field.is_string()) return fail(Code::kInvalid, "budget " + name + ": a text such as \"2h\"");
    if (name != "on_budget") {
      SLUICE_TRY_STATUS(set_part(budget, name, field.as_string()));
      continue;
    }
    if (field.as_string() != "pause" && field.as_string() != "cancel")
      return fail(Code::kInvalid, "on_budget: \"cancel\" or \"pause\", not '" + field.as_string() + "'");
    budget.pauses = field.as_string() == "pause";
  }
  return budget;
}

std::optional<std::string> used_up(const Budget& budget, const Usage& usage) {
  for (const Part& part : kParts) {
    const auto& limit = budget.*part.limit;
    if (!limit || usage.*part.used < *limit) continue;
    return amount_text(usage.*part.used, *limit) + " of " + amount_text(*limit, *limit) + " " + std::string(part.name);
  }
  return std::nullopt;
}

}  // namespace sluice
