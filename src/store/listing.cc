#include "store/listing.h"

#include <algorithm>

#include "base/text.h"
#include "base/uuid.h"

namespace sluice {
namespace {

constexpr std::string_view kTagPrefix = "tag:";
constexpr Field kTagField{"tag:KEY", FieldKind::kText, false};

constexpr std::size_t kPredicatesMax = 100;
constexpr std::size_t kValuesMax = 10'000;

tl::unexpected<Error> no_field(std::string_view name, const FieldTable& table) {
  std::vector<std::string> names;
  for (const Field& field : table.fields) names.emplace_back(field.name);
  if (table.tags) names.emplace_back(kTagField.name);
  return fail(Code::kInvalid, std::string(table.rows) + " have no field '" + std::string(name) + "'" + did_you_mean(name, names),
              "fields are " + join(names, ", "));
}

std::string of_field(std::string_view name, const FieldTable& table) {
  return "field '" + std::string(name) + "' of " + table.rows;
}

Status check_value(const FieldValue& value, std::string_view name, const Field& field, const FieldTable& table) {
  const bool wants_number = field.kind == FieldKind::kInteger;
  if (std::holds_alternative<std::int64_t>(value) == wants_number) return {};
  return fail(Code::kInvalid, of_field(name, table) + (wants_number ? " is a number, not a text" : " is a text, not a number"));
}

Status check_predicate(const Predicate& predicate, const FieldTable& table) {
  const Field* field = table.find(predicate.field);
  if (field == nullptr) return no_field(predicate.field, table);
  if (predicate.compare != Compare::kIn && predicate.values.size() != 1)
    return fail(Code::kInvalid, of_field(predicate.field, table) + " is compared with " +
                                    std::to_string(predicate.values.size()) + " values where one is due");
  if (predicate.compare == Compare::kContains && field->kind == FieldKind::kInteger)
    return fail(Code::kInvalid, of_field(predicate.field, table) + " is a number, which contains nothing");
  if (field == &kTagField && predicate.compare != Compare::kEquals)
    return fail(Code::kInvalid, of_field(predicate.field, table) + " can only be asked for with 'equals'");
  for (const FieldValue& value : predicate.values) SLUICE_TRY_STATUS(check_value(value, predicate.field, *field, table));
  return {};
}

Status check_order(const ListQuery& query, const FieldTable& table) {
  const Field* sort = table.find(query.sort);
  if (sort == nullptr) return no_field(query.sort, table);
  if (!sort->sorts) return fail(Code::kInvalid, std::string(table.rows) + " cannot be sorted by '" + query.sort + "'");
  if (!query.from) return {};
  SLUICE_TRY_STATUS(check_value(query.from->key, query.sort, *sort, table));
  if (sort->kind == FieldKind::kUuid && !Uuid::parse(std::get<std::string>(query.from->key)))
    return fail(Code::kInvalid, of_field(query.sort, table) + " is a uuid: no page begins elsewhere");
  return {};
}

void spell_uuid(FieldValue& value) {
  auto& text = std::get<std::string>(value);
  if (const auto uuid = Uuid::parse(text)) text = uuid->text();
}

}  // namespace

const Field* FieldTable::find(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return name == field.name; });
  if (found != fields.end()) return &*found;
  return tags && tag_key(name) ? &kTagField : nullptr;
}

std::optional<std::string_view> tag_key(std::string_view field) {
  if (!field.starts_with(kTagPrefix) || field.size() == kTagPrefix.size()) return std::nullopt;
  return field.substr(kTagPrefix.size());
}

Result<ListQuery> checked_query(const ListQuery& query, const FieldTable& table) {
  if (query.where.size() > kPredicatesMax)
    return fail(Code::kInvalid, "a list has at most " + std::to_string(kPredicatesMax) + " predicates");
  std::size_t values = 0;
  for (const Predicate& predicate : query.where) {
    SLUICE_TRY_STATUS(check_predicate(predicate, table));
    values += predicate.values.size();
  }
  if (values > kValuesMax) return fail(Code::kInvalid, "a list compares with at most " + std::to_string(kValuesMax) + " values");
  SLUICE_TRY_STATUS(check_order(query, table));

  ListQuery checked = query;
  for (Predicate& predicate : checked.where)
    if (table.find(predicate.field)->kind == FieldKind::kUuid && predicate.compare != Compare::kContains)
      for (FieldValue& value : predicate.values) spell_uuid(value);
  if (checked.from && table.find(checked.sort)->kind == FieldKind::kUuid) spell_uuid(checked.from->key);
  return checked;
}

bool matches(const Predicate& predicate, const std::optional<FieldValue>& value) {
  if (!value) return predicate.compare == Compare::kNotEquals;
  const auto& wanted = predicate.values;
  switch (predicate.compare) {
    case Compare::kEquals: return *value == wanted.front();
    case Compare::kNotEquals: return *value != wanted.front();
    case Compare::kGreater: return *value > wanted.front();
    case Compare::kGreaterEquals: return *value >= wanted.front();
    case Compare::kLess: return *value < wanted.front();
    case Compare::kLessEquals: return *value <= wanted.front();
    case Compare::kIn: return std::find(wanted.begin(), wanted.end(), *value) != wanted.end();
    case Compare::kContains:
      return lower(std::get<std::string>(*value)).find(lower(std::get<std::string>(wanted.front()))) != std::string::npos;
  }
  return false;
}

}  // namespace sluice
