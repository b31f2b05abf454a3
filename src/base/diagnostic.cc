#include "base/diagnostic.h"

namespace sluice {

std::string Diagnostic::text() const {
  std::string out = file;
  if (place.line > 0) out += (out.empty() ? "" : ":") + std::to_string(place.line) + ":" + std::to_string(place.column);
  return out.empty() ? message : out + ": " + message;
}

}  // namespace sluice
