// The decoder of the supervisor's socket: bytes from a peer must never crash it, and what it reads it must write back as it was.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "exec/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FrameReader reader;
  // In two parts, so that frames that are not whole are met too.
  for (const auto part : {bytes.substr(0, size / 2), bytes.substr(size / 2)}) {
    reader.append(part);
    while (true) {
      const auto message = reader.next();
      if (!message) return 0;
      if (!*message) break;
      std::string first;
      append_frame(first, **message);
      FrameReader again;
      again.append(first);
      const auto copy = again.next();
      SLUICE_CHECK(copy.has_value() && copy->has_value());
      std::string second;
      append_frame(second, **copy);
      SLUICE_CHECK(first == second);
    }
  }
  return 0;
}
