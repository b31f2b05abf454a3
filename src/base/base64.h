// Bytes as text, by RFC 4648.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// Standard, with padding.
std::string encode_base64(std::string_view bytes);
// Nothing if it is not that.
std::optional<std::string> decode_base64(std::string_view text);

// For URLs, without padding.
std::string encode_base64url(std::string_view bytes);
// Nothing if it is not that; other bits behind the last byte are not either.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace sluice
