#include "store/sqlite_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "store/files.h"
#include "store/sqlite.h"

namespace sluice {
namespace {

// Reads one snapshot of the file, which a writer in WAL mode leaves alone; the copy comes out without gaps and in one file.
Status vacuum_into(const std::string& from, const std::string& to) {
  SLUICE_TRY(SqliteConnection db, SqliteConnection::open(from, true));
  SqliteStatement vacuum(db, "VACUUM INTO ?1");
  return vacuum.bind(to).run();
}

Status sync(const OwnedFd& file, const std::string& path) {
  if (::fsync(file.get()) != 0) return fail_errno("sync " + path, errno);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return sync_folder(folder.empty() ? "." : folder);
}

}  // namespace

Status copy_database(const std::string& from, const std::string& to) {
  // Made here, empty, which SQLite accepts: so no other file is ever written to.
  const OwnedFd made(::open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (made.get() < 0 && errno == EEXIST) return fail(Code::kConflict, "'" + to + "' is there already", "copy to another name");
  if (made.get() < 0) return fail_errno("create " + to, errno);
  Status status = vacuum_into(from, to);
  if (status) status = sync(made, to);
  if (!status) ::unlink(to.c_str());
  return status;
}

}  // namespace sluice
