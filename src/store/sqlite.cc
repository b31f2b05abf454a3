#include "store/sqlite.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sluice {
namespace {

// A checkpoint costs two fsyncs and writes each page once, however often it has changed: 15-30 ms on two busy cores, paid by the
// commit that meets the limit. A commit of one run's turn is 4 pages, so at 4,000 pages (16 MiB of WAL) that is one commit in
// 1,000, beyond the 99th percentile (0.1 ms); SQLite's own limit of 1,000 pages would make it one in 250.
constexpr const char* kPragmasOfWriter =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8192;";

bool may_pass(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EMFILE || error_number == ENFILE ||
         error_number == ENOMEM || error_number == EAGAIN;
}

Code code_of(int extended, int error_number) {
  switch (extended & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_FULL:
    case SQLITE_NOMEM: return Code::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::kCorrupt;
    case SQLITE_CANTOPEN: return may_pass(error_number) ? Code::kUnavailable : Code::kInvalid;
    case SQLITE_READONLY:
    case SQLITE_PERM: return Code::kInvalid;
    case SQLITE_CONSTRAINT: return Code::kConflict;
    case SQLITE_IOERR:
      // The shared-memory file is grown by writing to it, and SQLite does not keep the errno of that.
      if (may_pass(error_number) || extended == SQLITE_IOERR_SHMSIZE || extended == SQLITE_IOERR_NOMEM) return Code::kUnavailable;
      return extended == SQLITE_IOERR_SHORT_READ ? Code::kCorrupt : Code::kInternal;
    default: return Code::kInternal;
  }
}

std::string hint_for(int extended, int error_number) {
  switch (extended & 0xFF) {
    case SQLITE_FULL: return "make room on the disk and try again";
    case SQLITE_BUSY: return "another process is writing to it; try again";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return may_pass(error_number) ? "" : "check that its folder exists and that you may write to both";
    default: return error_number == ENOSPC || error_number == EDQUOT ? "make room on the disk and try again" : "";
  }
}

}  // namespace

void SqliteConnection::Close::operator()(sqlite3* db) const {
  // The last connection to close checkpoints the WAL and removes it.
  sqlite3_close_v2(db);
}

Result<SqliteConnection> SqliteConnection::open(const std::string& path, bool read_only, Duration busy_timeout) {
  if (read_only && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
    return fail(Code::kNotFound, "there is no database '" + path + "'",
                "nothing has been run here yet, or the data directory is another one");
  sqlite3* raw = nullptr;
  const int access = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int result = sqlite3_open_v2(path.c_str(), &raw, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  SqliteConnection db(path, raw);
  if (result != SQLITE_OK) return db.error("open");
  SLUICE_TRY_STATUS(db.configure(read_only, busy_timeout));
  return db;
}

Status SqliteConnection::configure(bool read_only, Duration busy_timeout) {
  sqlite3_busy_timeout(db_.get(), static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(busy_timeout).count()));
  // A file's first page is read by the first statement only: this is where something else than a database shows.
  SLUICE_TRY_STATUS(execute("PRAGMA schema_version"));
  return read_only ? Status{} : execute(kPragmasOfWriter);
}

Status SqliteConnection::execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return error(sql);
}

Status SqliteConnection::begin(bool full_sync) {
  if (full_sync != full_sync_) {
    SLUICE_TRY_STATUS(execute(full_sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
    full_sync_ = full_sync;
  }
  return execute("BEGIN IMMEDIATE");
}

void SqliteConnection::rollback() {
  // Some errors (a full disk) have rolled back already.
  if (sqlite3_get_autocommit(db_.get()) == 0) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

std::int64_t SqliteConnection::last_row_id() const { return sqlite3_last_insert_rowid(db_.get()); }
std::int64_t SqliteConnection::changes() const { return sqlite3_changes64(db_.get()); }

tl::unexpected<Error> SqliteConnection::error(std::string_view what) const {
  if (db_ == nullptr) return fail(Code::kUnavailable, "database '" + path_ + "': out of memory");
  const int extended = sqlite3_extended_errcode(db_.get());
  const int error_number = sqlite3_system_errno(db_.get());
  std::string message = "database '" + path_ + "': ";
  message.append(what.substr(0, 60)).append(": ").append(sqlite3_errmsg(db_.get()));
  return fail(code_of(extended, error_number), std::move(message), hint_for(extended, error_number));
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

void SqliteStatement::prepare() {
  if (statement_ != nullptr) return;
  note(sqlite3_prepare_v3(db_.db_.get(), sql_.data(), static_cast<int>(sql_.size()), SQLITE_PREPARE_PERSISTENT, &statement_,
                          nullptr));
}

void SqliteStatement::note(int result) {
  if (result != SQLITE_OK && !error_) error_ = db_.error(sql_).value();
}

void SqliteStatement::bind_one(int index, std::int64_t value) {
  if (statement_ != nullptr) note(sqlite3_bind_int64(statement_, index, value));
}

void SqliteStatement::bind_one(int index, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  if (statement_ != nullptr) note(sqlite3_bind_text64(statement_, index, data, text.size(), nullptr, SQLITE_UTF8));
}

void SqliteStatement::bind_one(int index, std::span<const std::uint8_t> blob) {
  if (statement_ != nullptr) note(sqlite3_bind_blob64(statement_, index, blob.data(), blob.size(), nullptr));
}

void SqliteStatement::bind_one(int index, const std::optional<Uuid>& value) {
  if (value) return bind_one(index, value->bytes);
  if (statement_ != nullptr) note(sqlite3_bind_null(statement_, index));
}

Status SqliteStatement::run() {
  return each([] { return Status{}; });
}

Result<bool> SqliteStatement::step() {
  prepare();
  if (error_) return fail(*std::exchange(error_, std::nullopt));
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return db_.error(sql_);
}

void SqliteStatement::reset() { sqlite3_reset(statement_); }

std::int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view SqliteStatement::text(int column) const {
  const auto* data = sqlite3_column_text(statement_, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::uint8_t> SqliteStatement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<Uuid> SqliteStatement::uuid(int column) const {
  const auto bytes = blob(column);
  Uuid uuid;
  if (bytes.size() != uuid.bytes.size())
    return fail(Code::kCorrupt, "database '" + db_.path() + "': stored " + sqlite3_column_name(statement_, column) + " has " +
                                    std::to_string(bytes.size()) + " bytes, not 16");
  std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
  return uuid;
}

Result<std::optional<Uuid>> SqliteStatement::optional_uuid(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  SLUICE_TRY(const Uuid found, uuid(column));
  return found;
}

}  // namespace sluice
