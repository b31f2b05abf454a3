// The documents of /api/v1, field by field: what openapi.json says of them, and what the tests hold the answers to.
#pragma once

#include <span>
#include <string_view>

namespace sluice {

struct SchemaField {
  std::string_view name;
  // "string", "integer", "number", "boolean", "instant", "object" (any fields), "any", the name of a schema, "[T]": a list of T,
  // "{T}": an object whose values are T; with '?' behind it the field may be missing or null.
  std::string_view type;
  std::string_view what;
};
struct Schema {
  std::string_view name, what;
  std::span<const SchemaField> fields;
};

std::span<const Schema> own_schemas();
// Null if there is none of that name.
const Schema* find_schema(std::string_view name);

}  // namespace sluice
