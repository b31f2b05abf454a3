#include "store/sqlite_listing.h"

#include <optional>

#include "base/text.h"

namespace sluice {
namespace {

// A server has some ten shapes of lists in use; a page of the browser, a filter and a direction more make some dozens.
constexpr std::size_t kStatementsMax = 64;

const char* operator_of(Compare compare) {
  switch (compare) {
    case Compare::kEquals: return " = ?";
    case Compare::kNotEquals: return " <> ?";
    case Compare::kGreater: return " > ?";
    case Compare::kGreaterEquals: return " >= ?";
    case Compare::kLess: return " < ?";
    case Compare::kLessEquals: return " <= ?";
    case Compare::kIn:
    case Compare::kContains: break;
  }
  return "";
}

const SqlColumn* find_column(std::span<const SqlColumn> columns, std::string_view field) {
  const std::string_view name = tag_key(field) ? "tag:KEY" : field;
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const SqlColumn& column) { return name == column.field; });
  return found == columns.end() ? nullptr : &*found;
}

// Stored as 16 bytes: only their text has an order and parts that anybody wrote down.
std::string text_of_uuid(const std::string& column) {
  const auto digits = [&](int from, int count) {
    return "substr(hex(" + column + "), " + std::to_string(from) + ", " + std::to_string(count) + ")";
  };
  return "lower(" + digits(1, 8) + " || '-' || " + digits(9, 4) + " || '-' || " + digits(13, 4) + " || '-' || " + digits(17, 4) +
         " || '-' || " + digits(21, 12) + ")";
}

SqlValue to_sql(const FieldValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  return std::get<std::string>(value);
}

class Builder {
 public:
  Builder(const FieldTable& fields, std::span<const SqlColumn> columns, std::string_view select, std::span<const SqlValue> scope)
      : fields_(fields), columns_(columns), query_{std::string(select), {scope.begin(), scope.end()}} {}

  Builder& where(const std::vector<Predicate>& predicates) {
    for (const Predicate& predicate : predicates) add(predicate);
    return *this;
  }
  Builder& text(std::string_view sql) {
    query_.sql += sql;
    return *this;
  }
  template <class T>
  Builder& value(T&& value) {
    query_.values.emplace_back(std::forward<T>(value));
    return *this;
  }
  SqlQuery take() { return std::move(query_); }

  std::string column(std::string_view field) const { return find_column(columns_, field)->sql; }
  // A value as its column holds it.
  SqlValue stored(std::string_view field, const FieldValue& value) const {
    if (fields_.find(field)->kind == FieldKind::kUuid) return Uuid::parse(std::get<std::string>(value)).value();
    return to_sql(value);
  }

 private:
  void add(const Predicate& predicate) {
    query_.sql += " AND ";
    const std::string sql = column(predicate.field);
    if (const auto key = tag_key(predicate.field)) {
      text("EXISTS (SELECT 1 FROM json_each(" + sql + ") WHERE json_each.key = ? AND json_each.value = ?)");
      value(std::string(*key)).value(to_sql(predicate.values.front()));
    } else if (predicate.compare == Compare::kContains) {
      const bool uuid = fields_.find(predicate.field)->kind == FieldKind::kUuid;
      text("instr(" + (uuid ? text_of_uuid(sql) : "lower(" + sql + ")") + ", ?) > 0");
      value(lower(std::get<std::string>(predicate.values.front())));
    } else if (fields_.find(predicate.field)->kind == FieldKind::kUuid) {
      add_uuid(predicate, sql);
    } else if (predicate.compare == Compare::kIn) {
      for (const FieldValue& each : predicate.values) value(to_sql(each));
      add_in(sql, predicate.values.size());
    } else {
      text(sql).text(operator_of(predicate.compare)).value(to_sql(predicate.values.front()));
    }
  }

  void add_in(const std::string& sql, std::size_t count) {
    text(sql).text(" IN (");
    for (std::size_t i = 0; i < count; ++i) text(i == 0 ? "?" : ", ?");
    text(")");
  }

  // What is no uuid equals none.
  void add_uuid(const Predicate& predicate, const std::string& sql) {
    if (predicate.compare == Compare::kIn) {
      std::size_t count = 0;
      for (const FieldValue& each : predicate.values)
        if (const auto uuid = Uuid::parse(std::get<std::string>(each))) {
          value(*uuid);
          ++count;
        }
      return add_in(sql, count);
    }
    const auto& wanted = std::get<std::string>(predicate.values.front());
    const auto uuid = Uuid::parse(wanted);
    const bool equals = predicate.compare == Compare::kEquals;
    if (equals || predicate.compare == Compare::kNotEquals) {
      if (uuid)
        text(sql).text(equals ? " = ?" : " IS NOT ?").value(*uuid);
      else
        text(equals ? "FALSE" : "TRUE");
    } else {
      text(sql).text(" IS NOT NULL AND ").text(text_of_uuid(sql)).text(operator_of(predicate.compare)).value(wanted);
    }
  }

  const FieldTable& fields_;
  std::span<const SqlColumn> columns_;
  SqlQuery query_;
};

SqlQuery end_page(Builder& builder, const ListQuery& query) {
  const std::string direction = query.descending ? " DESC" : "";
  return builder
      .text(" ORDER BY " + builder.column(query.sort) + direction + ", " + builder.column("id") + direction + " LIMIT ?")
      .value(std::int64_t{std::max(query.limit, 0)} + 1)
      .take();
}

}  // namespace

SqlQuery count_query(const SqlSource& source, const ListQuery& query, std::span<const SqlValue> scope) {
  const auto knows_all = [&](const SqlCount& count) {
    return std::all_of(query.where.begin(), query.where.end(),
                       [&](const Predicate& predicate) { return find_column(count.columns, predicate.field) != nullptr; });
  };
  const auto count = std::find_if(source.counts.begin(), source.counts.end() - 1, knows_all);
  return Builder(source.fields, count->columns, count->select, scope).where(query.where).take();
}

std::vector<SqlQuery> page_queries(const SqlSource& source, const ListQuery& query, std::span<const SqlValue> scope) {
  const auto rows = [&] { return Builder(source.fields, source.columns, source.select, scope).where(query.where); };
  if (!query.from) {
    Builder all = rows();
    return {end_page(all, query)};
  }
  if (query.sort == "id") {  // one range: no two rows have the same
    Builder all = rows();
    all.text(" AND " + all.column("id") + (query.descending ? " <= ?" : " >= ?")).value(query.from->id);
    return {end_page(all, query)};
  }
  Builder same = rows();
  Builder beyond = rows();
  const std::string key = same.column(query.sort);
  const SqlValue from = same.stored(query.sort, query.from->key);
  same.text(" AND " + key + " = ?").value(from);
  same.text(" AND " + same.column("id") + (query.descending ? " <= ?" : " >= ?")).value(query.from->id);
  beyond.text(" AND " + key + (query.descending ? " < ?" : " > ?")).value(from);
  return {end_page(same, query), end_page(beyond, query)};
}

SqliteStatement& StatementCache::bound(const SqlQuery& query) {
  const auto known = std::find_if(statements_.begin(), statements_.end(), [&](const auto& it) { return it.sql() == query.sql; });
  if (known != statements_.end()) {
    statements_.splice(statements_.begin(), statements_, known);
  } else {
    if (statements_.size() == kStatementsMax) statements_.pop_back();
    statements_.emplace_front(db_, query.sql);
  }
  SqliteStatement& statement = statements_.front();
  int index = 0;
  for (const SqlValue& value : query.values) {
    ++index;
    if (const auto* uuid = std::get_if<Uuid>(&value))
      statement.bind_at(index, uuid->bytes);
    else if (const auto* text = std::get_if<std::string>(&value))
      statement.bind_at(index, *text);
    else
      statement.bind_at(index, std::get<std::int64_t>(value));
  }
  return statement;
}

Result<std::int64_t> StatementCache::number(const SqlQuery& query) {
  std::int64_t answer = 0;
  SqliteStatement& statement = bound(query);
  SLUICE_TRY_STATUS(statement.each([&] {
    answer = statement.integer(0);
    return Status{};
  }));
  return answer;
}

}  // namespace sluice
