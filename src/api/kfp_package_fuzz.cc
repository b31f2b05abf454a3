// Any bytes are refused, or yield a text within its bound.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/kfp_package.h"
#include "base/check.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto text = unpack_pipeline("package", bytes);
  SLUICE_CHECK(text ? text->size() <= kPackageBytesMax : text.error().code == Code::kInvalid);
  return 0;
}
