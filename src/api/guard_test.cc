#include "api/guard.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "exec/test_folder.h"

namespace sluice {
namespace {

HttpRequest asked(std::vector<HttpHeader> headers, std::string target = "/api/v1/runs", std::string method = "GET") {
  return {.method = std::move(method), .target = std::move(target), .headers = std::move(headers), .peer = "127.0.0.1:5000"};
}

int status_of(const GuardOptions& options, const HttpRequest& head) {
  const auto refusal = refuse(options, head);
  return refusal ? refusal->status : 200;
}

TEST(Guard, AHostIsAnAddressOrLocalhostOrOneOfOurNames) {
  const GuardOptions options{.hosts = {"Train.Example.com"}};
  for (const char* host : {"127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "10.1.2.3:8080", "localhost", "LOCALHOST:8080",
                           "localhost.:8080", "x.localhost", "train.example.com:8080"})
    EXPECT_EQ(status_of(options, asked({{"Host", host}})), 200) << host;
  for (const char* host : {"evil.example.com", "evil.example.com:8080", "127.0.0.1.evil.com", "localhost.evil.com",
                           "evil-localhost", "example.com", "", "127.0.0.1:99999", "a b"})
    EXPECT_EQ(status_of(options, asked({{"Host", host}})), 400) << host;
}

TEST(Guard, OneHostIsNeededAndOnlyOne) {
  EXPECT_EQ(status_of({}, asked({})), 400);
  EXPECT_EQ(status_of({}, asked({{"Host", "localhost"}, {"host", "localhost"}})), 400);
}

TEST(Guard, AnOriginMustBeThisServer) {
  const auto with = [](const char* origin, const char* host = "localhost:8080") {
    return status_of({}, asked({{"Host", host}, {"Origin", origin}}, "/api/v1/runs", "POST"));
  };
  EXPECT_EQ(with("http://localhost:8080"), 200);
  EXPECT_EQ(with("http://localhost", "localhost"), 200);
  EXPECT_EQ(with("http://localhost:80", "localhost"), 200);
  EXPECT_EQ(with("http://[::1]:8080", "[::1]:8080"), 200);
  EXPECT_EQ(with("null"), 403);
  EXPECT_EQ(with("http://localhost:8888"), 403) << "a notebook on this machine is another origin";
  EXPECT_EQ(with("http://127.0.0.1:8080"), 403);
  EXPECT_EQ(with("https://localhost:8080"), 403);
  EXPECT_EQ(with("http://evil.com"), 403);
  EXPECT_EQ(with("http://localhost:8080.evil.com"), 403);
  EXPECT_EQ(with("garbage"), 403);
}

TEST(Guard, APageOfAnotherSiteMayOnlyLinkToOurs) {
  const auto with = [](const char* mode, const char* target, const char* method = "GET") {
    return status_of({},
                     asked({{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", mode}}, target, method));
  };
  EXPECT_EQ(with("navigate", "/"), 200);
  EXPECT_EQ(with("no-cors", "/"), 403);
  EXPECT_EQ(with("navigate", "/", "POST"), 403);
  EXPECT_EQ(with("navigate", "/api/v1/runs"), 403);
  EXPECT_EQ(with("cors", "/api/v1/runs"), 403);
  EXPECT_EQ(status_of({}, asked({{"Host", "localhost"}, {"Sec-Fetch-Site", "same-origin"}})), 200);
  EXPECT_EQ(status_of({}, asked({{"Host", "localhost"}, {"Sec-Fetch-Site", "none"}})), 200);
}

TEST(Guard, ATokenMustBeOneOfOurs) {
  const GuardOptions options{.tokens = {"first-token", "second-token"}};
  const auto with = [&](const char* authorization) {
    return status_of(options, asked({{"Host", "localhost"}, {"Authorization", authorization}}));
  };
  EXPECT_EQ(with("Bearer first-token"), 200);
  EXPECT_EQ(with("bearer second-token"), 200);
  EXPECT_EQ(with("Bearer   first-token  "), 200);
  for (const char* wrong :
       {"Bearer first-toke", "Bearer first-token2", "Bearer", "Bearer ", "first-token", "Basic first-token", ""})
    EXPECT_EQ(with(wrong), 401) << wrong;
  EXPECT_EQ(status_of(options, asked({{"Host", "localhost"}})), 401);
}

TEST(Guard, HealthAndThePageAreAnsweredWithoutAToken) {
  const GuardOptions options{.tokens = {"first-token"}};
  for (const char* path :
       {"/", "/assets/page.js", "/healthz", "/livez", "/readyz", "/health", "/version", "/apis/v2beta1/healthz", "/healthz?x=1"})
    EXPECT_EQ(status_of(options, asked({{"Host", "localhost"}}, path)), 200) << path;
  for (const char* path : {"/metrics", "/api/v1/runs", "/apis/v2beta1/runs", "//", "/healthz/", "/assets"})
    EXPECT_EQ(status_of(options, asked({{"Host", "localhost"}}, path)), 401) << path;
}

TEST(Guard, WhoeverOpensTheDataDirectorysSocketIsItsUser) {
  HttpRequest head = asked({});
  head.peer = "unix";
  EXPECT_EQ(status_of({.tokens = {"first-token"}}, head), 200);
}

class Tokens : public ::testing::Test {
 protected:
  Result<std::vector<std::string>> read(const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_.path() + "/tokens";
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return read_tokens(path);
  }
  TestFolder folder_;
};

TEST_F(Tokens, StandOnePerLine) {
  const auto tokens = read("# who: robot\nabcdefgh-1\n\n  abcdefgh-2 \r\n");
  ASSERT_TRUE(tokens.has_value()) << tokens.error().message;
  EXPECT_EQ(*tokens, (std::vector<std::string>{"abcdefgh-1", "abcdefgh-2"}));
}

TEST_F(Tokens, AreForTheOwnersEyesOnly) {
  const auto tokens = read("abcdefgh-1\n", 0640);
  ASSERT_FALSE(tokens.has_value());
  EXPECT_EQ(tokens.error().code, Code::kInvalid);
  EXPECT_NE(tokens.error().hint.find("chmod 600"), std::string::npos);
}

TEST_F(Tokens, AreNeitherShortNorBlankNorMissing) {
  EXPECT_NE(read("abcdefgh-1\nshort\n").error().message.find("line 2"), std::string::npos);
  EXPECT_EQ(read("two words here\n").error().code, Code::kInvalid);
  EXPECT_EQ(read("# nothing\n").error().code, Code::kInvalid);
  EXPECT_EQ(read_tokens(folder_.path() + "/nowhere").error().code, Code::kNotFound);
  EXPECT_FALSE(read_tokens(folder_.path()).has_value()) << "a directory";
}

}  // namespace
}  // namespace sluice
