// Private to net: bound sockets.
#pragma once

#include <string>

#include "base/result.h"

namespace sluice {

// kConflict: the address is in use; kInvalid: there is no such host, or it is not one of this machine.
Result<int> listen_tcp(const std::string& host, int port);
// Replaces what is there; mode 0600.
Result<int> listen_unix(const std::string& path);
int port_of(int fd);
// "127.0.0.1:51234", "[::1]:51234", or "unix".
std::string peer_of(int fd);

}  // namespace sluice
