#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/test_peer.h"

namespace sluice {
namespace {

// A server that answers the n-th connection with the n-th text; texts may hold the request they answer as "{}".
TestPeer::Script telling(const std::string& status_and_headers) {
  return [=](TestConnection& connection) {
    const std::string request = connection.read_request();
    connection.write("HTTP/1.1 " + status_and_headers + "Connection: close\r\nContent-Length: " + std::to_string(request.size()) +
                     "\r\n\r\n" + request);
  };
}

TestPeer::Script redirect(const std::string& status, const std::string& location) {
  return telling(status + " Moved\r\nLocation: " + location + "\r\n");
}

// The first line of the request that was answered in the end.
std::string asked_at_last(const std::string& location) {
  const TestPeer peer({redirect("302", location), telling("200 OK\r\n")});
  const auto reply = http_get(peer.url() + "/a/b/c?q=1");
  if (!reply) return reply.error().message;
  return reply->body.substr(0, reply->body.find(" HTTP/1.1"));
}

TEST(HttpGet, FollowsRedirectsWhereverTheyLead) {
  EXPECT_EQ(asked_at_last("/x?y=1"), "GET /x?y=1");
  EXPECT_EQ(asked_at_last("x"), "GET /a/b/x");
  EXPECT_EQ(asked_at_last("./x/../y#part"), "GET /a/b/y");
  EXPECT_EQ(asked_at_last("../../../x/"), "GET /x/");
  EXPECT_EQ(asked_at_last(".."), "GET /a/");
  EXPECT_EQ(asked_at_last("?q=2"), "GET /a/b/c?q=2");
  EXPECT_EQ(asked_at_last("x?u=http://h/"), "GET /a/b/x?u=http://h/");
}

TEST(HttpGet, FollowsFiveRedirectsAndNoMore) {
  std::vector<TestPeer::Script> scripts;
  for (const char* status : {"301", "302", "303", "307", "308"}) scripts.push_back(redirect(status, "/next"));
  auto one_more = scripts;
  scripts.push_back(telling("200 OK\r\n"));
  one_more.push_back(redirect("302", "/next"));
  const TestPeer five(scripts), six(one_more);
  EXPECT_EQ(http_get(five.url())->status, 200);
  const auto reply = http_get(six.url());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kInvalid);
  EXPECT_NE(reply.error().message.find("more than 5 redirects"), std::string::npos);
}

TEST(HttpGet, KeepsTheTokenFromOtherHosts) {
  const TestPeer other({telling("200 OK\r\n")});
  const TestPeer first({redirect("302", other.url() + "/x")}), same({redirect("302", "/x"), telling("200 OK\r\n")});
  const auto away = http_get(first.url(), {.token = "secret"});
  ASSERT_TRUE(away) << away.error().message;
  EXPECT_EQ(away->body.find("secret"), std::string::npos);
  const auto stayed = http_get(same.url(), {.token = "secret"});
  ASSERT_TRUE(stayed) << stayed.error().message;
  EXPECT_NE(stayed->body.find("\r\nAuthorization: Bearer secret\r\n"), std::string::npos);
}

TEST(HttpGet, FollowsOnlyToTheWeb) {
  for (const char* location : {"file:///etc/passwd", "unix:/x/engine.sock", "unix://x/engine.sock", "ftp://h/x", "http://u@h/"}) {
    const TestPeer peer({redirect("302", location)});
    const auto reply = http_get(peer.url());
    ASSERT_FALSE(reply) << location;
    EXPECT_EQ(reply.error().code, Code::kInvalid);
  }
  EXPECT_EQ(http_get("unix:/x/engine.sock").error().code, Code::kInvalid);
}

TEST(HttpGet, ReturnsARedirectThatLeadsNowhere) {
  const TestPeer peer({telling("302 Found\r\n"), telling("304 Not Modified\r\nLocation: /x\r\n")});
  EXPECT_EQ(http_get(peer.url())->status, 302);
  EXPECT_EQ(http_get(peer.url())->status, 304);
}

}  // namespace
}  // namespace sluice
