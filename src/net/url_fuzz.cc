// URLs, hosts, queries and percent signs from anybody: refused, or read as values that are written and read back as themselves.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "net/url.h"

using namespace sluice;

namespace {

std::string written(const QueryFields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += encode_percent(name) + "=" + encode_percent(value) + "&";
  return out;
}

std::string written(const std::string& host, int port) {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == 0 ? name : name + ":" + std::to_string(port);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  SLUICE_CHECK(decode_percent(encode_percent(text)) == text);
  SLUICE_CHECK(decode_percent(encode_percent(text), true) == text);
  if (const auto decoded = decode_percent(text)) SLUICE_CHECK(decoded->size() <= size);

  if (const auto fields = parse_query(text))
    SLUICE_CHECK(fields->size() <= 1000 && parse_query(written(*fields)).value() == *fields);

  if (const auto host = parse_host(text)) {
    const auto again = parse_host(written(host->host, host->port));
    SLUICE_CHECK(again && again->host == host->host && again->port == host->port);
  }

  if (const auto url = parse_url(text)) {
    SLUICE_CHECK(url->target.starts_with('/') && url->target.find_first_of(" \r\n\t#") == std::string::npos);
    const auto again = parse_url(url->scheme + "://" + written(url->host, url->port) + url->target);
    SLUICE_CHECK(again && again->host == url->host && again->port == url->port && again->target == url->target);
  } else {
    SLUICE_CHECK(url.error().code == Code::kInvalid && !url.error().message.empty());
  }
  return 0;
}
