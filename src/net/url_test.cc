#include "net/url.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Percent, IsDecodedAndRefusedWhenBroken) {
  EXPECT_EQ(decode_percent("%41b%2f%2F"), "Ab//");
  EXPECT_EQ(decode_percent("a+b"), "a+b");
  EXPECT_EQ(decode_percent("a+b%2B", true), "a b+");
  EXPECT_EQ(decode_percent("%00"), std::string(1, '\0'));
  for (const auto* broken : {"%", "%4", "%4g", "%g4", "a%", "%%41", "% 41"}) EXPECT_FALSE(decode_percent(broken)) << broken;
}

TEST(Percent, EncodesEverythingButUnreservedCharacters) {
  EXPECT_EQ(encode_percent("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(encode_percent("a b/ü+%"), "a%20b%2F%C3%BC%2B%25");
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(decode_percent(encode_percent(all)), all);
}

TEST(Query, IsCutIntoDecodedFields) {
  const auto fields = parse_query("a=1&b=x+y&&c&d=e=f&%61%3D=%26");
  ASSERT_TRUE(fields);
  const QueryFields wanted = {{"a", "1"}, {"b", "x y"}, {"c", ""}, {"d", "e=f"}, {"a=", "&"}};
  EXPECT_EQ(*fields, wanted);
  EXPECT_TRUE(parse_query("")->empty());
}

TEST(Query, RefusesABrokenPercentAndTooManyFields) {
  const auto broken = parse_query("a=1&b=%zz");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kInvalid);
  EXPECT_NE(broken.error().message.find("b=%zz"), std::string::npos);
  std::string many = "a=1";
  for (int i = 1; i < 1000; ++i) many += "&a=1";
  EXPECT_EQ(parse_query(many)->size(), 1000U);
  EXPECT_EQ(parse_query(many + "&a").error().code, Code::kInvalid);
}

TEST(Url, IsCutIntoItsParts) {
  const auto url = parse_url("HTTPS://Example.COM:8443/a%20b?x=1#here");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a%20b?x=1");
}

TEST(Url, AlwaysHasATarget) {
  EXPECT_EQ(parse_url("http://h")->target, "/");
  EXPECT_EQ(parse_url("http://h")->port, 0);
  EXPECT_EQ(parse_url("http://h?x=1")->target, "/?x=1");
  EXPECT_EQ(parse_url("http://h#x")->target, "/");
  EXPECT_EQ(parse_url("http://h/gr\xC3\xB6\xC3\x9F"
                      "e")
                ->target,
            "/gr%C3%B6%C3%9Fe");
}

TEST(Url, OfAnIpv6HostHasNoBrackets) {
  const auto url = parse_url("http://[::1]:8080/x");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8080);
}

TEST(Url, RefusesWhatIsNone) {
  for (const auto* text : {"",
                           "example.com",
                           "/path",
                           "http:/x",
                           "http://",
                           "http:///x",
                           "://h",
                           "1a://h",
                           "http://user@h/",
                           "http://h:0/",
                           "http://h:65536/",
                           "http://h:/",
                           "http://h:8x/",
                           "http://h h/",
                           "http://h/a b",
                           "http://h/\n",
                           "http://[::1/",
                           "http://[1.2.3.4]/",
                           "http://\xC3\xBC/",
                           "#http://h"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::kInvalid);
    EXPECT_NE(url.error().message.find(text), std::string::npos) << url.error().message;
  }
}

TEST(Host, IsANameOrAnAddressWithOrWithoutAPort) {
  const auto expect = [](std::string_view text, std::string_view host, int port) {
    const auto parsed = parse_host(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->host, host);
    EXPECT_EQ(parsed->port, port);
  };
  expect("localhost:8080", "localhost", 8080);
  expect("Example.com", "example.com", 0);
  expect("127.0.0.1:1", "127.0.0.1", 1);
  expect("[::1]:8080", "::1", 8080);
  expect("[FE80::A]", "fe80::a", 0);
  expect("a_b-c.d:65535", "a_b-c.d", 65535);
}

TEST(Host, IsNothingElse) {
  for (const auto* text : {"", ":80", "::1", "a:b:1", "a/b", "a b", "a:", "a:-1", "a:+1", "a:99999999999", "[::1", "[]", "[::1]x",
                           "[::1]80", "[fe80::1%eth0]", ".a", "evil.com\r\nX: y", "a,b"})
    EXPECT_FALSE(parse_host(text)) << text;
  EXPECT_FALSE(parse_host(std::string_view("[::1\0]", 6)));
  EXPECT_TRUE(parse_host(std::string(253, 'a')));
  EXPECT_FALSE(parse_host(std::string(254, 'a')));
}

}  // namespace
}  // namespace sluice
