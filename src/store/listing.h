// What a list call asks for, and a page of what it gets. Fields have the names that the stores use; those of an API are
// translated above.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace sluice {

enum class Compare { kEquals, kNotEquals, kGreater, kGreaterEquals, kLess, kLessEquals, kIn, kContains };

// Instants are microseconds UTC, uuids their text.
using FieldValue = std::variant<std::int64_t, std::string>;

struct Predicate {
  std::string field;
  Compare compare = Compare::kEquals;
  std::vector<FieldValue> values;  // one; any number for kIn
};

// Where a page begins: the sort field's value in the first row of the page, and that row's id. A page token holds it; rows that
// are added or removed meanwhile neither repeat nor skip others.
struct Cursor {
  FieldValue key;
  std::int64_t id = 0;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

struct ListQuery {
  std::vector<Predicate> where;  // all of them hold
  std::string sort = "created";  // ties by id, in the same direction
  bool descending = false;
  int limit = 20;
  std::optional<Cursor> from;  // inclusive
};

template <class Row>
struct Listed {
  std::vector<Row> rows;
  std::int64_t total = 0;      // rows that match `where`, on all pages
  std::optional<Cursor> next;  // nothing on the last page
};

// The fields that a list call may sort by and filter on. kInvalid names one that is not among them, or a value of the wrong kind
// (text against a number, several values without kIn, kContains on a number).
enum class FieldKind { kInteger, kText };
struct Field {
  const char* name;
  FieldKind kind;
  bool sorts = true;
};

}  // namespace sluice
