#include "base/base64.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Base64, IsReadBackAsItWasWritten) {
  EXPECT_EQ(encode_base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
  for (const std::string& bytes : {std::string(), std::string("\0\xff\x10", 3), std::string("a"), std::string("ab")})
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  for (const char* text : {"a", "ab==c", "====", "ab-_"}) EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

TEST(Base64url, IsReversibleAndHasOneSpelling) {
  EXPECT_EQ(encode_base64url("\xff\xfe\x01"), "__4B");
  EXPECT_EQ(encode_base64url("a"), "YQ");
  for (std::string bytes; bytes.size() < 70; bytes += static_cast<char>(bytes.size() * 37)) {
    const auto again = decode_base64url(encode_base64url(bytes));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(*again, bytes);
  }
  EXPECT_FALSE(decode_base64url("YR").has_value()) << "bits behind the last byte";
  EXPECT_FALSE(decode_base64url("YQ==").has_value());
  EXPECT_FALSE(decode_base64url("A").has_value());
}

}  // namespace
}  // namespace sluice
