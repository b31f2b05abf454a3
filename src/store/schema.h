// The tables of DATA/sluice.db and how an older file becomes a newer one. Forward only.
#pragma once

#include "base/result.h"
#include "store/sqlite.h"

namespace sluice {

// PRAGMA user_version of a file that this program writes.
int schema_version();

// Brings the schema up to schema_version(). A newer schema is kUnavailable and names both versions; a database of another program
// is kInvalid.
Status migrate(SqliteConnection& db);
// The same checks without touching the file: also an older schema is kUnavailable, and one that was never filled kNotFound.
Status check_schema(SqliteConnection& db);

}  // namespace sluice
