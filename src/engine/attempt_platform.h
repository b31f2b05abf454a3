// What its platform configuration and its image add to an attempt, laid out on disk and put into its specification.
#pragma once

#include "engine/attempt.h"

namespace sluice {

// Where the attempt's own folders lie.
std::string own_folders_of(const Attempt& attempt);

// The last thing to be done to a specification. Folders of its own are made and filled; init containers come before the command,
// which then runs in a shell; a container's engine takes the command's place.
Status add_platform(const Attempt& attempt, const Launch& launch, AttemptSpec& spec);

// The attempt has ended: what add_platform() has made goes, secrets among it. Also if it has made nothing. Not on the loop's
// thread: a folder may hold many files.
void remove_own_folders(const Attempt& attempt);

}  // namespace sluice
