// The engine's end of a supervisor, over a socket that is already there.
#pragma once

#include <sys/types.h>

#include <memory>

#include "exec/supervisor.h"

namespace sluice {

// `fd`: our end of a SEQPACKET pair whose other end a supervisor serves; it is owned from now on. `pid`: that supervisor, a child
// of ours.
Result<std::unique_ptr<Supervisor>> connect_supervisor(int fd, pid_t pid);

}  // namespace sluice
