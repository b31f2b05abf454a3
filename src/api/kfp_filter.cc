#include "api/kfp_filter.h"

#include <algorithm>
#include <array>
#include <optional>

#include "api/kfp_json.h"
#include "base/text.h"
#include "base/uuid.h"
#include "net/url.h"

namespace sluice {
namespace {

constexpr std::size_t kFilterBytesMax = 256 * 1024;
// A time becomes two predicates of the store, which takes 100, and 10,000 values.
constexpr std::size_t kPredicatesMax = 40;
constexpr std::size_t kValuesMax = 5000;
constexpr std::int64_t kMicros = 1'000'000;

constexpr std::array<std::string_view, 10> kOperations{
    "OPERATION_UNSPECIFIED", "EQUALS",    "NOT_EQUALS",       "GREATER_THAN", "",
    "GREATER_THAN_EQUALS",   "LESS_THAN", "LESS_THAN_EQUALS", "IN",           "IS_SUBSTRING"};
constexpr std::array<Compare, 10> kCompares{Compare::kEquals,  Compare::kEquals,        Compare::kNotEquals, Compare::kGreater,
                                            Compare::kGreater, Compare::kGreaterEquals, Compare::kLess,      Compare::kLessEquals,
                                            Compare::kIn,      Compare::kContains};

// One predicate as it was sent.
struct Asked {
  std::string key;
  Compare compare = Compare::kEquals;
  enum class Class { kNone, kInteger, kText, kTime } of = Class::kNone;
  std::vector<FieldValue> values;
};

class PredicateReader {
 public:
  PredicateReader(const Value& predicate, std::string path, std::optional<Error>& problem)
      : reader_(predicate, std::move(path), problem) {}

  Asked read() {
    read_operation();
    asked_.key = reader_.text("key");
    if (asked_.key.empty()) reader_.error("key", "is empty");
    read_numbers();
    read_texts();
    reader_.refuse_others();
    check();
    return std::move(asked_);
  }

 private:
  void read_operation() {
    const char* name = "operation";
    if (!reader_.has(name)) name = "op";  // what the API before this one called it
    const std::string_view operation = reader_.choice(name, kOperations);
    const auto index =
        static_cast<std::size_t>(std::find(kOperations.begin(), kOperations.end(), operation) - kOperations.begin());
    if (index == 0) reader_.error("operation", "is missing");
    asked_.compare = kCompares.at(index);
  }

  void read_numbers() {
    for (const char* name : {"int_value", "long_value"})
      if (reader_.has(name)) add(Asked::Class::kInteger, {reader_.integer(name)});
    if (reader_.has("timestamp_value")) {
      const auto time = reader_.time("timestamp_value");
      add(Asked::Class::kTime, {time ? to_micros(*time) : 0});
    }
    for (const char* name : {"int_values", "long_values"}) {
      auto message = reader_.message(name);
      if (!message) continue;
      std::vector<FieldValue> values;
      if (const List* list = message->list("values"))
        for (const Value& item : *list) {
          const auto number = item.is_string() ? parse_integer(item.as_string()) : whole(item);
          if (!number) message->error("values", "must be whole numbers");
          values.emplace_back(number.value_or(0));
        }
      message->refuse_others();
      add(Asked::Class::kInteger, std::move(values), true);
    }
  }

  void read_texts() {
    if (reader_.has("string_value")) add(Asked::Class::kText, {reader_.text("string_value")});
    auto message = reader_.message("string_values");
    if (!message) return;
    std::vector<FieldValue> values;
    if (const List* list = message->list("values"))
      for (const Value& item : *list) {
        if (!item.is_string()) message->error("values", "must be texts");
        values.emplace_back(item.is_string() ? item.as_string() : std::string());
      }
    message->refuse_others();
    add(Asked::Class::kText, std::move(values), true);
  }

  static std::optional<std::int64_t> whole(const Value& item) {
    constexpr double kExactMax = 9007199254740992.0;  // 2^53
    if (!item.is_number() || !(item.as_number() >= -kExactMax && item.as_number() <= kExactMax)) return std::nullopt;
    const auto number = static_cast<std::int64_t>(item.as_number());
    return static_cast<double>(number) == item.as_number() ? std::optional(number) : std::nullopt;
  }

  void add(Asked::Class of, std::vector<FieldValue> values, bool is_list = false) {
    if (asked_.of != Asked::Class::kNone) reader_.error("value", "stands twice: a predicate has one value");
    asked_.of = of;
    asked_.values = std::move(values);
    is_list_ = is_list;
  }

  void check() {
    if (asked_.of == Asked::Class::kNone)
      reader_.error("value", "is missing: int_value, long_value, string_value, timestamp_value, or a list of them");
    else if (is_list_ != (asked_.compare == Compare::kIn))
      reader_.error("value", is_list_ ? "is a list, which only IN takes" : "must be a list for IN");
    else if (asked_.compare == Compare::kContains && asked_.of != Asked::Class::kText)
      reader_.error("value", "must be a string_value for IS_SUBSTRING");
  }

  MessageReader reader_;
  Asked asked_;
  bool is_list_ = false;
};

// No row has this number.
Predicate nothing() { return {"id", Compare::kEquals, {std::int64_t{-1}}}; }

tl::unexpected<Error> wrong_value(const Asked& asked, std::string_view due) {
  return fail(Code::kInvalid, "filter: '" + asked.key + "' is compared with " + std::string(due));
}

// What the store compares, once the names that are shown are told apart.
Result<std::vector<Predicate>> by_choice(const KfpField& field, const Asked& asked) {
  if (asked.of != Asked::Class::kText) return wrong_value(asked, "a string_value");
  const Predicate shown{std::string(field.name), asked.compare, asked.values};
  Predicate predicate{field.stored, Compare::kIn, {}};
  // A cancelled run is shown as FAILED, but who asks for CANCELED means those.
  const bool by_name = asked.compare == Compare::kEquals || asked.compare == Compare::kIn;
  for (const KfpChoice& choice : field.choices)
    if (matches(shown, FieldValue(std::string(choice.shown))) ||
        (by_name && matches(shown, FieldValue(std::string(choice.stored)))))
      predicate.values.emplace_back(std::string(choice.stored));
  if (predicate.values.empty()) return std::vector{nothing()};
  return std::vector{std::move(predicate)};
}

Result<std::vector<Predicate>> by_time(const KfpField& field, const Asked& asked) {
  if (asked.of == Asked::Class::kText) return wrong_value(asked, "a timestamp_value");
  if (asked.compare == Compare::kIn || asked.compare == Compare::kNotEquals)
    return fail(Code::kInvalid, "filter: IN and NOT_EQUALS are not for times such as '" + asked.key + "'");
  std::int64_t seconds = std::get<std::int64_t>(asked.values.front());
  if (asked.of == Asked::Class::kTime) seconds = (seconds - (seconds < 0 ? kMicros - 1 : 0)) / kMicros;
  // Years beyond 100,000 are no times, and their microseconds would not fit.
  constexpr std::int64_t kSecondsMax = 3'093'527'980'800;
  seconds = std::clamp(seconds, -kSecondsMax, kSecondsMax);
  const FieldValue first = seconds * kMicros;
  const FieldValue next = (seconds + 1) * kMicros;
  const Predicate from_first{field.stored, Compare::kGreaterEquals, {first}};
  const Predicate before_next{field.stored, Compare::kLess, {next}};
  switch (asked.compare) {
    case Compare::kGreater: return std::vector{Predicate{field.stored, Compare::kGreaterEquals, {next}}};
    case Compare::kGreaterEquals: return std::vector{from_first};
    case Compare::kLess: return std::vector{Predicate{field.stored, Compare::kLess, {first}}};
    case Compare::kLessEquals: return std::vector{before_next};
    default: return std::vector{from_first, before_next};
  }
}

// Ids that no row can have are left out of what is looked for.
Result<std::vector<Predicate>> by_id(const KfpField& field, const Asked& asked) {
  const bool is_number = field.kind == KfpFieldKind::kNumberId;
  if (asked.of != Asked::Class::kText && !is_number) return wrong_value(asked, "a string_value");
  if (asked.compare == Compare::kContains) {
    if (is_number) return fail(Code::kInvalid, "filter: IS_SUBSTRING is not for '" + asked.key + "'");
    return std::vector{Predicate{field.stored, asked.compare, asked.values}};
  }
  Predicate predicate{field.stored, asked.compare, {}};
  for (const FieldValue& value : asked.values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr)
      predicate.values.push_back(value);
    else if (const auto number = parse_integer(*text); is_number && number)
      predicate.values.emplace_back(*number);
    else if (!is_number && Uuid::parse(*text))
      predicate.values.push_back(value);
  }
  if (!predicate.values.empty()) return std::vector{std::move(predicate)};
  // Every id differs from what is none.
  if (asked.compare == Compare::kNotEquals) return std::vector<Predicate>{};
  return std::vector{nothing()};
}

Result<std::vector<Predicate>> by_text(const KfpField& field, const Asked& asked) {
  if (asked.of != Asked::Class::kText) return wrong_value(asked, "a string_value");
  if (asked.values.empty()) return std::vector{nothing()};
  return std::vector{Predicate{field.stored, asked.compare, asked.values}};
}

Result<std::vector<Predicate>> translate(const KfpFields& fields, const Asked& asked) {
  constexpr std::string_view kTags = "tags.";
  if (fields.tags && asked.key.starts_with(kTags)) {
    const std::string tag = asked.key.substr(kTags.size());
    if (tag.empty() || asked.compare != Compare::kEquals || asked.of != Asked::Class::kText)
      return fail(Code::kInvalid, "filter: '" + asked.key + "': tags are looked for as tags.KEY EQUALS a string_value");
    return std::vector{Predicate{"tag:" + tag, Compare::kEquals, asked.values}};
  }
  const KfpField* field = find_kfp_field(fields, asked.key);
  if (field == nullptr || !field->filters)
    return fail(Code::kInvalid, "filter: '" + asked.key + "' is not a field that can be filtered on");
  switch (field->kind) {
    case KfpFieldKind::kChoice: return by_choice(*field, asked);
    case KfpFieldKind::kTime: return by_time(*field, asked);
    case KfpFieldKind::kUuid:
    case KfpFieldKind::kNumberId: return by_id(*field, asked);
    case KfpFieldKind::kText: return by_text(*field, asked);
    case KfpFieldKind::kNothing: break;
  }
  if (asked.of != Asked::Class::kText) return wrong_value(asked, "a string_value");
  const bool holds = matches({asked.key, asked.compare, asked.values}, FieldValue(std::string()));
  return holds ? std::vector<Predicate>{} : std::vector{nothing()};
}

Result<Value> filter_json(std::string_view text) {
  if (text.size() > kFilterBytesMax) return fail(Code::kInvalid, "filter: longer than 256 KiB");
  auto value = parse_json(text);
  if (value) return value;
  // The stock server decodes the text once more than HTTP does; clients that know this encode it twice.
  if (const auto decoded = decode_percent(text, true))
    if (auto again = parse_json(*decoded)) return again;
  return fail(std::move(value.error()).with_context("filter: not JSON: "));
}

}  // namespace

const KfpField* find_kfp_field(const KfpFields& fields, std::string_view name) {
  for (const KfpField& field : fields.fields)
    if (field.name == name) return &field;
  return nullptr;
}

Result<std::vector<Predicate>> read_kfp_filter(const KfpFields& fields, std::string_view text) {
  SLUICE_TRY(const Value value, filter_json(text));
  std::optional<Error> problem;
  MessageReader reader(value, "filter", problem);
  std::vector<Asked> all;
  if (const List* list = reader.list("predicates")) {
    if (list->size() > kPredicatesMax) reader.error("predicates", "are more than 40");
    for (std::size_t i = 0; i < list->size() && !problem; ++i)
      all.push_back(PredicateReader((*list)[i], "filter.predicates[" + std::to_string(i) + "]", problem).read());
  }
  reader.refuse_others();
  if (problem) return fail(std::move(*problem));
  std::vector<Predicate> where;
  std::size_t values = 0;
  for (const Asked& asked : all) {
    values += asked.values.size();
    if (values > kValuesMax) return fail(Code::kInvalid, "filter: more than 5,000 values");
    SLUICE_TRY(const std::vector<Predicate> predicates, translate(fields, asked));
    where.insert(where.end(), predicates.begin(), predicates.end());
  }
  return where;
}

}  // namespace sluice
