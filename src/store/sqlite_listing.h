// Lists out of tables: the SQL of a query that a caller puts together, and the page it gives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/uuid.h"
#include "store/listing.h"
#include "store/row_fields.h"
#include "store/sqlite.h"

namespace sluice {

// What a field is in SQL. Columns that may be NULL hold uuids only. "tag:KEY" stands for all tags: a column with a JSON object.
struct SqlColumn {
  const char* field;
  const char* sql;
};

// A way to count rows, for queries whose predicates are all on its fields.
struct SqlCount {
  std::span<const SqlColumn> columns;
  const char* select;  // "SELECT count(*) FROM t WHERE TRUE"
};

struct SqlSource {
  const FieldTable& fields;
  std::span<const SqlColumn> columns;
  std::string select;              // "SELECT ... FROM t WHERE TRUE": predicates and order follow
  std::span<const SqlCount> counts;  // the cheapest first, the last knows every field
};

using SqlValue = std::variant<std::int64_t, std::string, Uuid>;
struct SqlQuery {
  std::string sql;
  std::vector<SqlValue> values;  // of its "?", in order
};

// All of them are of a query that checked_query() has passed. `scope`: values of the "?" in `select`.
SqlQuery count_query(const SqlSource& source, const ListQuery& query, std::span<const SqlValue> scope);
// The page is what the first gives, then the second if there is one, up to `limit` + 1 rows: their last value. A page that begins
// at a (key, id) is two ranges of an index, (key = K, id from I) and (key beyond K): as one condition SQLite would walk all rows
// of that key.
std::vector<SqlQuery> page_queries(const SqlSource& source, const ListQuery& query, std::span<const SqlValue> scope);

// Statements by their text, the least recently used of them forgotten.
class StatementCache {
 public:
  explicit StatementCache(SqliteConnection& db) : db_(db) {}
  // With the values bound, which must live until it has run; valid until the next call.
  SqliteStatement& bound(const SqlQuery& query);
  // The one number that the query gives.
  Result<std::int64_t> number(const SqlQuery& query);
  std::size_t size() const { return statements_.size(); }

 private:
  SqliteConnection& db_;
  std::list<SqliteStatement> statements_;  // most recently used first
};

// `row_of` makes a Result<Row> of a statement's row.
template <class Row, class RowOf>
Result<Listed<Row>> list_rows(SqliteConnection& db, StatementCache& cache, const SqlSource& source, const ListQuery& asked,
                              std::span<const SqlValue> scope, RowOf&& row_of) {
  SLUICE_TRY(const ListQuery query, checked_query(asked, source.fields));
  const auto limit = static_cast<std::size_t>(std::max(query.limit, 0));
  SLUICE_TRY(Listed<Row> page, db.consistent_read([&]() -> Result<Listed<Row>> {
    Listed<Row> read;
    SLUICE_TRY(read.total, cache.number(count_query(source, query, scope)));
    if (read.total == 0) return read;
    std::vector<SqlQuery> parts = page_queries(source, query, scope);
    for (SqlQuery& part : parts) {
      if (read.rows.size() > limit) break;
      part.values.back() = static_cast<std::int64_t>(limit + 1 - read.rows.size());
      SqliteStatement& statement = cache.bound(part);
      SLUICE_TRY_STATUS(statement.each([&]() -> Status {
        SLUICE_TRY(read.rows.emplace_back(), row_of(statement));
        return {};
      }));
    }
    return read;
  }));
  if (page.rows.size() <= limit) return page;
  const FieldValue id = field_of(page.rows.back(), "id").value();
  page.next = Cursor{field_of(page.rows.back(), query.sort).value(), std::get<std::int64_t>(id)};
  page.rows.pop_back();
  return page;
}

}  // namespace sluice
