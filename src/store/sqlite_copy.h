// A copy of a database file while others read and write it.
#pragma once

#include <string>

#include "base/result.h"

namespace sluice {

// Makes `to`, which must not exist (kConflict), the state of `from` at one instant, on a connection of its own. It survives a
// power cut when this returns; nothing is left of it if it fails.
Status copy_database(const std::string& from, const std::string& to);

}  // namespace sluice
