// What the server does about clients that do not behave, and about what it has not enough of.
#include "net/test_server.h"

namespace sluice {
namespace {

TEST_F(ServerTest, ChunksMayComeByteByByte) {
  start();
  for (const std::string body : {"0\r\n\r\n", "1\r\na\r\n0\r\n\r\n", "0\r\nX: y\r\n\r\n", "0;a=b\r\n\r\n"}) {
    RawClient client(server->port());
    client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char& c : body) client.send({&c, 1});
    EXPECT_EQ(client.response(), body[0] == '1' ? "200 POST /c 1 " : "200 POST /c 0 ") << body;
  }
}

TEST_F(ServerTest, AChunkHeadWithoutEndIsRefused) {
  start();
  RawClient client(server->port());
  client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(200'000, 'x'));
  EXPECT_EQ(client.response().substr(0, 3), "431");
}

TEST_F(ServerTest, WhatIsNoRequestIsRefused) {
  start();
  const std::string host = "Host: x\r\n";
  const std::map<std::string, std::string> cases{
      {"nonsense\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", "400"},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", "505"},
      {"GET foo HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3, 3\r\n\r\nabc", "400"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400"},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n", "400"},
      {"GET http://y/ HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"GET http://x/ HTTP/1.1\r\n" + host + "\r\n", "200"},
  };
  for (const auto& [text, status] : cases) EXPECT_EQ(ask(text).substr(0, 3), status) << text;
}

// Who may call is decided when the header is there; what comes after the body is too late to say who one is.
TEST_F(ServerTest, ATrailerIsNoHeader) {
  start();
  const std::string head = "POST /t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n";
  EXPECT_EQ(ask(head + "\r\n3\r\nabc\r\n0\r\nX-Note: late\r\n\r\n"), "200 POST /t 3 ");
  EXPECT_EQ(ask(head + "X-Note: early\r\n\r\n3\r\nabc\r\n0\r\nX-Note: late\r\n\r\n"), "200 POST /t 3 early");
}

TEST_F(ServerTest, WhoIsStillSendingReadsWhyItIsRefused) {
  start();
  RawClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000000\r\n\r\n");
  const std::string piece(1'000'000, 'x');
  for (int i = 0; i < 70; ++i) client.send(piece);
  EXPECT_EQ(client.response().substr(0, 3), "413");
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, LimitsAreObeyed) {
  start({.header_bytes_max = 1000, .body_bytes_max = 100});
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: x\r\nLong: " + std::string(2000, 'a') + "\r\n\r\n").substr(0, 3), "431");
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n").substr(0, 3), "413");
  EXPECT_EQ(ask("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n").substr(0, 3), "413");
  EXPECT_EQ(
      ask("POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n").substr(0, 3),
      "413");
  EXPECT_EQ(ask("GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n"), "403 no");
}

TEST_F(ServerTest, AHeaderThatDoesNotComeEndsTheConnection) {
  start({.header_time = std::chrono::milliseconds(20)});
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.response().substr(0, 3), "408");
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, AnIdleConnectionIsClosed) {
  start({.idle_time = std::chrono::milliseconds(20)});
  RawClient client(server->port());
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, HeadersCannotSplitAResponse) {
  start();
  RawClient client(server->port());
  client.send("GET /inject HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.response(), "200 ok");
  EXPECT_NE(client.last_head.find("X-EvilSet-Cookie: a: bc\r\n"), std::string::npos) << client.last_head;
}

TEST_F(ServerTest, APeerThatDoesNotReadIsCutOff) {
  start();
  RawClient client(server->port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.await([&] { return !handler.streams.empty(); });
  const HttpStream stream = handler.streams.front();
  const std::string megabyte(1U << 20U, 'x');
  int written = 0;
  while (stream.write(megabyte)) ASSERT_LT(++written, 100);
  EXPECT_GE(written, 14);
}

TEST_F(ServerTest, AnAnswerThatIsForgottenIsAnError) {
  start();
  EXPECT_EQ(ask("GET /drop HTTP/1.1\r\nHost: x\r\n\r\n").substr(0, 3), "500");
}

TEST_F(ServerTest, MoreConnectionsThanAllowedWait) {
  start({.connections_max = 1});
  auto first = std::make_unique<RawClient>(server->port());
  first->send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(first->response(), "200 GET /1 0 ");
  RawClient second(server->port());
  second.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(server->connections(), 1U);
  first.reset();
  EXPECT_EQ(second.response(), "200 GET /2 0 ");
}

TEST_F(ServerTest, WhatCannotBeListenedOnIsNamed) {
  start();
  const auto refusal = [&](const HttpServerOptions& options) {
    const auto second = HttpServer::start(options, handler);
    return second ? "started" : std::string(code_name(second.error().code)) + ": " + second.error().message;
  };
  const std::string port = std::to_string(server->port());
  EXPECT_EQ(refusal({.port = server->port()}), "conflict: port " + port + " of 127.0.0.1 is in use");
  EXPECT_EQ(refusal({.host = "203.0.113.1"}).substr(0, 40), "invalid: cannot listen on 203.0.113.1:0:");
  EXPECT_EQ(refusal({.tls_certificate = folder + "/none", .tls_key = folder + "/none"}).substr(0, 36),
            "invalid: cannot read the certificate");
  EXPECT_EQ(refusal({.tls_certificate = "a"}), "invalid: TLS needs a certificate and its key");
}

}  // namespace
}  // namespace sluice
