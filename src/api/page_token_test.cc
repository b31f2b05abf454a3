#include "api/page_token.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace sluice {
namespace {

TEST(PageToken, HoldsWhereTheNextPageBegins) {
  for (const Cursor& cursor :
       {Cursor{std::int64_t{9'007'199'254'740'993}, 9'223'372'036'854'775'807}, Cursor{std::int64_t{-1}, 0},
        Cursor{std::string("näme \"x\" \\ \n"), 7}, Cursor{std::string(), 1}}) {
    const std::string token = page_token(cursor, "query");
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), std::string::npos);
    const auto again = read_page_token(token, "query");
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(*again, cursor);
  }
}

TEST(PageToken, IsGoodForItsQueryOnly) {
  const auto other = read_page_token(page_token({std::int64_t{1}, 1}, "state=FAILED"), "state=RUNNING");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Code::kInvalid);
  EXPECT_NE(other.error().message.find("another query"), std::string::npos);
}

TEST(PageToken, GarbageIsNoToken) {
  for (const std::string& text :
       {std::string("x"), std::string("%%%"), encode_base64url("[]"), encode_base64url("{\"id\":1}"),
        encode_base64url("{\"id\":\"1\",\"text\":3}"), encode_base64url("{\"id\":\"1\",\"number\":\"x\"}"),
        encode_base64url(std::string(100'000, ' '))})
    EXPECT_FALSE(read_page_token(text, "").has_value()) << text.substr(0, 50);
}

}  // namespace
}  // namespace sluice
