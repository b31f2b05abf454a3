// Bytes of a connection, in pieces of various sizes: whatever comes, the reader takes a place in it or says what is wrong.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "net/request_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  if (size == 0) return 0;
  const std::size_t piece = data[0] + std::size_t{1};
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string buffer;
  std::size_t given = 0;
  while (true) {
    RequestReader reader(8192);
    RequestReader::Step step = RequestReader::Step::kMore;
    while (step != RequestReader::Step::kDone) {
      std::size_t used = 0;
      step = reader.feed(buffer, used);
      SLUICE_CHECK(used <= buffer.size());
      buffer.erase(0, used);
      if (step == RequestReader::Step::kHead) reader.limit_body(4096);
      if (step == RequestReader::Step::kBad) {
        SLUICE_CHECK(reader.status() >= 400 && reader.status() < 600 && !reader.why().empty());
        return 0;
      }
      if (step == RequestReader::Step::kMore) {
        if (given == all.size()) return 0;
        buffer.append(all.substr(given, piece));
        given = std::min(all.size(), given + piece);
      }
    }
    SLUICE_CHECK(reader.request().target.starts_with('/') || reader.request().target == "*");
    SLUICE_CHECK(reader.request().body.size() <= 4096);
  }
}
