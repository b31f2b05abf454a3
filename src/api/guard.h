// Who may call: tokens, and the checks by which a web page somewhere cannot drive a server on this machine.
//
// - Over the data directory's own socket: its user, always.
// - With tokens: `Authorization: Bearer TOKEN`, compared in constant time; health is answered without.
// - Host: must be an address, localhost, or one of `hosts` (a page that rebinds its own name to 127.0.0.1 sends that name).
// - Origin: if a browser sends one it must be this server itself (same host and port), else 403; also "null". Sec-Fetch-Site:
//   cross-site is refused for everything but plain navigation (GET of the page).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/http.h"

namespace sluice {

struct GuardOptions {
  std::vector<std::string> tokens;  // none: everybody who reaches the address
  std::vector<std::string> hosts;   // names besides addresses and localhost by which this server is called
};
// One token per line; empty lines and lines that begin with # are passed over. kInvalid without any, or if the file can be read
// by others.
Result<std::vector<std::string>> read_tokens(const std::string& path);

// Why the request is refused (kInvalid 400 bad Host; 401; 403), or nothing. `status` of the refusal with it.
struct GuardRefusal {
  int status = 403;
  Error error;
};
std::optional<GuardRefusal> refuse(const GuardOptions& options, const HttpRequest& head);

}  // namespace sluice
