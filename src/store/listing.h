// What a list call asks for, and a page of what it gets. Fields have the names that the stores use; those of an API are
// translated above.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace sluice {

enum class Compare { kEquals, kNotEquals, kGreater, kGreaterEquals, kLess, kLessEquals, kIn, kContains };

// Instants are microseconds UTC, uuids their text (either spelling).
using FieldValue = std::variant<std::int64_t, std::string>;

// Texts compare by their bytes, kContains regardless of the case of ASCII letters. A field that is not there (the pipeline of a
// run that was made of none) is not equal to anything, and neither less nor greater.
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
enum class FieldKind { kInteger, kText, kUuid };
struct Field {
  const char* name;
  FieldKind kind;
  bool sorts = true;
};

// The fields of one kind of row.
struct FieldTable {
  const char* rows;  // "runs", for messages
  std::span<const Field> fields;
  bool tags = false;  // "tag:KEY" is a field too: of text, for kEquals only

  const Field* find(std::string_view name) const;
};

// The key of "tag:KEY"; nothing for another field.
std::optional<std::string_view> tag_key(std::string_view field);

// The query if it asks for what there is, with its uuids in one spelling; else kInvalid. More predicates or values than a
// statement of a database may hold (100, 10,000) are kInvalid too.
Result<ListQuery> checked_query(const ListQuery& query, const FieldTable& table);

// Whether a value (nothing: the row has none) is as a predicate of a checked query wants it.
bool matches(const Predicate& predicate, const std::optional<FieldValue>& value);

}  // namespace sluice
