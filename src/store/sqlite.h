// A thin facade over SQLite: a connection, and prepared statements that are kept for reuse. Errors are Results:
//   busy, locked, disk or memory full   kUnavailable (the same call may work later)
//   damaged file, no database           kCorrupt
//   read-only, cannot be opened         kInvalid, with the path
//   constraint                          kConflict
// One thread at a time uses a connection and its statements.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice {

class SqliteConnection {
 public:
  // Read-write: makes the file if it is missing and switches it to WAL. Read-only: kNotFound if it is missing.
  static Result<SqliteConnection> open(const std::string& path, bool read_only, Duration busy_timeout = std::chrono::seconds(5));

  // Runs statements that return nothing and are not worth keeping.
  Status execute(const char* sql);

  // Runs `body` (which returns a Status or Result) inside a write transaction and answers what it answers; whatever fails,
  // nothing of it stays. With `full_sync` the commit ends with an fsync and survives a power cut, without it only the death of
  // processes.
  template <class Body>
  std::invoke_result_t<Body> transaction(bool full_sync, Body&& body) {
    SLUICE_TRY_STATUS(begin(full_sync));
    auto answer = std::forward<Body>(body)();
    const Status committed = answer ? execute("COMMIT") : Status{};
    if (!answer || !committed) rollback();
    if (!committed) return fail(committed.error());
    return answer;
  }

  // Runs `body` in the same way, whose queries all see the same state of the file. Not inside a transaction.
  template <class Body>
  std::invoke_result_t<Body> consistent_read(Body&& body) {
    SLUICE_TRY_STATUS(execute("BEGIN"));
    auto answer = std::forward<Body>(body)();
    rollback();
    return answer;
  }

  std::int64_t last_row_id() const;
  std::int64_t changes() const;  // rows that the last statement changed
  const std::string& path() const { return path_; }
  // The error of the last call, as the table above says.
  tl::unexpected<Error> error(std::string_view what) const;

 private:
  friend class SqliteStatement;
  struct Close {
    void operator()(sqlite3* db) const;
  };

  SqliteConnection(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}
  Status configure(bool read_only, Duration busy_timeout);
  Status begin(bool full_sync);
  void rollback();

  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
  bool full_sync_ = false;
};

// Compiled at its first use, then reused. Text and blobs are bound without a copy: they must live until run() or the last step().
class SqliteStatement {
 public:
  SqliteStatement(SqliteConnection& db, std::string sql) : db_(db), sql_(std::move(sql)) {}
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  // The values of ?1, ?2, ... in order.
  template <class... T>
  SqliteStatement& bind(const T&... values) {
    prepare();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }

  // The value of ?index, for statements whose number of values varies.
  template <class T>
  SqliteStatement& bind_at(int index, const T& value) {
    prepare();
    bind_one(index, value);
    return *this;
  }

  // To the end, for statements whose rows nobody wants.
  Status run();
  // Calls `on_row`, which returns Status, for each row; stops at its first error.
  template <class OnRow>
  Status each(OnRow&& on_row) {
    for (;;) {
      const Result<bool> more = step();
      Status status;
      if (!more)
        status = fail(more.error());
      else if (*more)
        status = on_row();
      if (status && *more) continue;
      reset();
      return status;
    }
  }

  // Calls `on_row`, which returns Status, for the first row; false: there is none.
  template <class OnRow>
  Result<bool> first(OnRow&& on_row) {
    const Result<bool> found = step();
    Status status;
    if (found && *found) status = on_row();
    reset();
    if (!status) return fail(status.error());
    return found;
  }
  Result<bool> any() {
    return first([] { return Status{}; });
  }

  const std::string& sql() const { return sql_; }

  // Columns of the row at hand, from 0. Text is valid until the next step; NULL reads as 0 or "".
  std::int64_t integer(int column) const;
  Instant instant(int column) const { return from_micros(integer(column)); }
  std::string_view text(int column) const;
  std::span<const std::uint8_t> blob(int column) const;
  Result<Uuid> uuid(int column) const;  // kCorrupt if it is not 16 bytes
  Result<std::optional<Uuid>> optional_uuid(int column) const;  // nothing: NULL

 private:
  void prepare();
  Result<bool> step();  // true: there is a row
  void reset();
  void bind_one(int index, std::int64_t value);
  void bind_one(int index, std::integral auto value) { bind_one(index, static_cast<std::int64_t>(value)); }
  void bind_one(int index, std::string_view text);
  void bind_one(int index, std::span<const std::uint8_t> blob);
  void bind_one(int index, const std::optional<Uuid>& value);
  void bind_one(int index, Instant value) { bind_one(index, to_micros(value)); }
  void note(int result);  // keeps the first error until run() or each() returns it

  SqliteConnection& db_;
  std::string sql_;
  sqlite3_stmt* statement_ = nullptr;
  std::optional<Error> error_;
};

}  // namespace sluice
