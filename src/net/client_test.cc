#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "net/http_client.h"
#include "net/test_peer.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// Long enough for the slowest machine: no test waits for it to pass.
constexpr Duration kLong = std::chrono::minutes(2);

std::string answer(const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Answers each request of the connection with the next text, then waits for the client to go.
TestPeer::Script answering(std::vector<std::string> texts) {
  return [texts = std::move(texts)](TestConnection& connection) {
    for (const std::string& text : texts) {
      connection.read_request();
      connection.write(text);
    }
    connection.wait_for_end();
  };
}

// One that hangs up as soon as it has answered.
TestPeer::Script answering_once(std::string text) {
  return [text = std::move(text)](TestConnection& connection) {
    connection.read_request();
    connection.write(text);
  };
}

std::unique_ptr<HttpClient> client_to(const std::string& base, HttpClientOptions options = {}) {
  auto client = HttpClient::to(base, std::move(options));
  EXPECT_TRUE(client) << client.error().message;
  return std::move(*client);
}

std::string body_or_error(const Result<HttpReply>& reply) { return reply ? reply->body : reply.error().message; }

// What the server reads for it.
std::string sent_text(const std::string& prefix, HttpRequest request, const HttpClientOptions& options = {}) {
  std::promise<std::string> read;
  const TestPeer peer({[&](TestConnection& connection) {
    read.set_value(connection.read_request());
    connection.write(answer(""));
  }});
  EXPECT_TRUE(client_to(peer.url() + prefix, options)->call(std::move(request)));
  std::string text = read.get_future().get();
  const std::string port = std::to_string(peer.port());
  if (const auto at = text.find(port); at != std::string::npos) text.replace(at, port.size(), "PORT");
  return text;
}

TEST(Client, SendsAWholeRequest) {
  EXPECT_EQ(sent_text("", {.target = "/a%20b?x=1"}),
            "GET /a%20b?x=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUser-Agent: sluice/" SLUICE_VERSION "\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(
      sent_text("/base/",
                {.method = "POST", .target = "/x", .headers = {{"Accept", "a/b"}, {"Content-Length", "9"}}, .body = "hello"},
                {.token = "secret"}),
      "POST /base/x HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUser-Agent: sluice/" SLUICE_VERSION
      "\r\nAuthorization: Bearer secret\r\nAccept: a/b\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_NE(sent_text("", {.method = "PUT"}).find("\r\nContent-Length: 0\r\n"), std::string::npos);
}

TEST(Client, ReadsStatusHeadersAndBody) {
  const TestPeer peer(
      {answering({"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX: 1\r\nContent-Length: 3\r\n\r\nno\n"})});
  const auto reply = client_to(peer.url())->call({.target = "/"});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->header("content-type"), "text/plain");
  EXPECT_EQ(reply->header("x"), "1");
  EXPECT_EQ(reply->body, "no\n");
}

TEST(Client, ReadsEveryFormOfBody) {
  const TestPeer peer(
      {answering({
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\none\r\n4\r\n two\r\n0\r\nX-Trailer: 1\r\n\r\n",
           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
           "HTTP/1.1 204 No Content\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
           answer(""),
       }),
       answering_once("HTTP/1.0 200 OK\r\n\r\nuntil the end")});
  const auto client = client_to(peer.url());
  const auto chunked = client->call({});
  EXPECT_EQ(body_or_error(chunked), "one two");
  EXPECT_EQ(chunked->header("X-Trailer"), "");
  EXPECT_EQ(body_or_error(client->call({})), "ok");
  EXPECT_EQ(client->call({})->status, 204);
  EXPECT_EQ(body_or_error(client->call({.method = "HEAD"})), "");
  EXPECT_EQ(body_or_error(client->call({})), "");
  EXPECT_EQ(peer.connections(), 1U);
  EXPECT_EQ(body_or_error(client_to(peer.url())->call({})), "until the end");
}

TEST(Client, LeavesAConnectionThatTheServerWillClose) {
  const TestPeer peer(
      {answering({answer("1", "Connection: close\r\n")}), answering({answer("2") + "left over"}), answering({answer("3")})});
  const auto client = client_to(peer.url());
  for (const char* wanted : {"1", "2", "3"}) EXPECT_EQ(body_or_error(client->call({})), wanted);
}

TEST(Client, MakesAClosedConnectionAgainEvenForAPost) {
  std::promise<void> closed;
  const TestPeer peer({[&](TestConnection& connection) {
                         connection.read_request();
                         connection.write(answer("1"));
                         ::shutdown(connection.fd(), SHUT_RDWR);
                         closed.set_value();
                       },
                       answering({answer("2")})});
  const auto client = client_to(peer.url());
  EXPECT_EQ(body_or_error(client->call({})), "1");
  closed.get_future().wait();
  EXPECT_EQ(body_or_error(client->call({.method = "POST", .body = "x"})), "2");
}

// The server closes while the request is under way to it.
TestPeer::Script hanging_up_on_the_second() {
  return [](TestConnection& connection) {
    connection.read_request();
    connection.write(answer("1"));
    connection.read_request();
  };
}

TEST(Client, RepeatsALostGetOnce) {
  const auto hang_up = [](TestConnection& connection) { connection.read_request(); };
  const TestPeer peer({hanging_up_on_the_second(), answering_once(answer("2")), hanging_up_on_the_second(), hang_up});
  auto client = client_to(peer.url());
  EXPECT_EQ(body_or_error(client->call({})), "1");
  EXPECT_EQ(body_or_error(client->call({})), "2");
  client = client_to(peer.url());
  EXPECT_EQ(body_or_error(client->call({})), "1");
  const auto lost = client->call({});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kUnavailable);
  EXPECT_EQ(peer.connections(), 4U);
}

TEST(Client, DoesNotRepeatALostPost) {
  const TestPeer peer({hanging_up_on_the_second(), answering({answer("never")})});
  const auto client = client_to(peer.url());
  EXPECT_EQ(body_or_error(client->call({})), "1");
  const auto lost = client->call({.method = "POST", .body = "x"});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kUnavailable);
  EXPECT_EQ(lost.error().message, peer.url() + ": the connection ended before any answer");
  EXPECT_EQ(peer.connections(), 1U);
}

TEST(Client, DoesNotRepeatOnAFreshConnection) {
  const TestPeer peer({[](TestConnection& connection) { connection.read_request(); }, answering({answer("never")})});
  const auto reply = client_to(peer.url())->call({});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_EQ(peer.connections(), 1U);
}

TEST(Client, TellsACutAnswer) {
  for (const char* cut : {"HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n123",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"}) {
    const TestPeer peer({answering_once(cut)});
    const auto reply = client_to(peer.url())->call({});
    ASSERT_FALSE(reply) << cut;
    EXPECT_EQ(reply.error().code, Code::kUnavailable);
    EXPECT_NE(reply.error().message.find("in the middle of the answer"), std::string::npos) << reply.error().message;
  }
}

TEST(Client, RefusesAnAnswerThatIsNoHttp) {
  for (const std::string& text : {std::string("SSH-2.0-OpenSSH_9.2\r\n"), "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'),
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(200'000, 'x')}) {
    const TestPeer peer({answering({text})});
    const auto reply = client_to(peer.url())->call({});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::kInvalid);
    EXPECT_NE(reply.error().message.find("no HTTP"), std::string::npos) << reply.error().message;
  }
}

TEST(Client, RefusesAnAnswerThatIsTooLarge) {
  const TestPeer peer({answering({answer("123456")}),
                       answering({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n3\r\n"}),
                       answering({"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n"}), answering({answer("12345")})});
  const auto client = client_to(peer.url(), {.body_bytes_max = 5});
  for (int i = 0; i < 3; ++i) {
    const auto reply = client->call({});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::kInvalid);
    EXPECT_EQ(reply.error().message, peer.url() + ": the answer is larger than 5 bytes");
  }
  EXPECT_EQ(body_or_error(client->call({})), "12345");
}

TEST(Client, GivesUpWhenNoByteOfTheAnswerComes) {
  const TestPeer peer({answering({"HTTP/1.1 200 OK\r\n"})});
  const auto reply = client_to(peer.url(), {.answer_time = milliseconds(20)})->call({});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kTimeout);
  EXPECT_NE(reply.error().message.find(peer.url() + ": did not answer within"), std::string::npos) << reply.error().message;
}

TEST(Client, ReadsARefusalWhileItStillSends) {
  const std::string refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";
  std::promise<void> answered;
  const TestPeer peer({[&](TestConnection& connection) {
                         connection.read_header();
                         connection.write(refusal);
                         ::shutdown(connection.fd(), SHUT_WR);
                         connection.wait_for_end();
                       },
                       [&](TestConnection& connection) {
                         connection.read_header();
                         connection.write(refusal);
                         answered.get_future().wait();  // and reads nothing more
                       }});
  const auto client = client_to(peer.url(), {.answer_time = kLong});
  for (int i = 0; i < 2; ++i) {
    const auto reply = client->call({.method = "POST", .body = std::string(32U << 20U, 'x')});
    EXPECT_EQ(body_or_error(reply), "large");
    EXPECT_EQ(reply ? reply->status : 0, 413);
  }
  answered.set_value();
}

TEST(Client, NamesTheAddressWhereNobodyAnswers) {
  // Bound, so that nobody else has the port, but not listening.
  sockaddr_in name{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  socklen_t size = sizeof name;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(name.sin_port));
  const auto reply = client_to(url)->call({});
  ::close(fd);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_EQ(reply.error().message, "connect to " + url + ": Connection refused");
  EXPECT_NE(reply.error().hint, "");

  const auto local = client_to("unix:/nowhere/engine.sock")->call({});
  ASSERT_FALSE(local);
  EXPECT_EQ(local.error().code, Code::kUnavailable);
  EXPECT_EQ(local.error().message, "connect to unix:/nowhere/engine.sock: No such file or directory");
}

TEST(Client, TriesEachAddressOfAHost) {
  const TestPeer peer({answering({answer("1")})});
  // Where localhost is ::1 too, nobody listens there.
  EXPECT_EQ(body_or_error(client_to("http://localhost:" + std::to_string(peer.port()))->call({})), "1");
}

TEST(Client, SpeaksOverUnixSocketsWhateverTheirPathsLength) {
  std::string folder = (fs::temp_directory_path() / "sluice_net_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string deep = folder + "/" + std::string(100, 'd') + "/" + std::string(100, 'e');
  fs::create_directories(deep);
  {
    std::promise<std::string> read;
    const TestPeer peer({[&](TestConnection& connection) {
                           read.set_value(connection.read_request());
                           connection.write(answer("1"));
                         },
                         answering_once(answer("2"))},
                        folder + "/s");
    EXPECT_EQ(body_or_error(client_to("unix:" + folder + "/s")->call({})), "1");
    EXPECT_NE(read.get_future().get().find("\r\nHost: localhost\r\n"), std::string::npos);
    fs::rename(folder + "/s", deep + "/s");
    EXPECT_EQ(body_or_error(client_to("unix:" + deep + "/s")->call({})), "2");
    const auto too_long = client_to("unix:" + deep + "/" + std::string(100, 's'))->call({});
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code, Code::kInvalid);
  }
  fs::remove_all(folder);
}

TEST(Client, RefusesABaseThatItCannotSpeakTo) {
  for (const char* base : {"", "localhost:80", "ftp://h", "unix:", "http://h/?x=1", "http://u@h"}) {
    const auto client = HttpClient::to(base);
    ASSERT_FALSE(client) << base;
    EXPECT_EQ(client.error().code, Code::kInvalid);
  }
}

TEST(Client, SendsNothingThatWouldBeReadAsMore) {
  const auto client = client_to("http://127.0.0.1:1");
  const std::vector<HttpRequest> bad = {{.method = "GET /x HTTP/1.1\r\n"},
                                        {.target = "/a b"},
                                        {.target = "/a\r\nX: y"},
                                        {.headers = {{"X", "a\r\nY: b"}}},
                                        {.headers = {{"X: y\r\nZ", "a"}}}};
  for (const HttpRequest& request : bad) EXPECT_EQ(client->call(request).error().code, Code::kInvalid);
  EXPECT_EQ(client_to("http://127.0.0.1:1", {.token = "a\r\nX: y"})->call({}).error().code, Code::kInvalid);
}

TEST(ReplyStream, HandsOutWhatHasComeOnAConnectionOfItsOwn) {
  std::promise<void> go_on, end;
  const TestPeer peer({answering({answer("1"), answer("2")}), [&](TestConnection& connection) {
                         connection.read_request();
                         connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
                         go_on.get_future().wait();
                         connection.write("5\r\ntw");
                         connection.write("o\r\n\r\n0\r\n");
                         end.get_future().wait();
                         connection.write("\r\n");
                       }});
  const auto client = client_to(peer.url());
  EXPECT_EQ(body_or_error(client->call({})), "1");
  const auto stream = client->stream({});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->status(), 200);
  EXPECT_EQ((*stream)->next(kLong).value(), "one");
  EXPECT_EQ((*stream)->next(Duration{0}).value(), std::nullopt);
  EXPECT_EQ((*stream)->next(milliseconds(1)).value(), std::nullopt);
  EXPECT_EQ(body_or_error(client->call({})), "2");
  go_on.set_value();
  std::string rest;
  while (rest.size() < 5) rest += (*stream)->next(Duration::max()).value().value();
  EXPECT_EQ(rest, "two\r\n");
  EXPECT_EQ((*stream)->next(Duration{0}).value(), std::nullopt);
  end.set_value();
  EXPECT_EQ((*stream)->next(kLong).value(), "");
  EXPECT_EQ((*stream)->next(kLong).value(), "");
}

TEST(ReplyStream, TellsWhenItBreaksOff) {
  const TestPeer peer({answering_once("HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nbusy")});
  const auto stream = client_to(peer.url())->stream({});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->status(), 503);
  EXPECT_EQ((*stream)->next(kLong).value(), "busy");
  for (int i = 0; i < 2; ++i) EXPECT_EQ((*stream)->next(kLong).error().code, Code::kUnavailable);
}

TEST(ReplyStream, GoesOnUntilTheServerCloses) {
  const TestPeer peer({answering_once("HTTP/1.1 200 OK\r\n\r\nall")});
  const auto stream = client_to(peer.url())->stream({});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->next(kLong).value(), "all");
  EXPECT_EQ((*stream)->next(kLong).value(), "");
}

}  // namespace
}  // namespace sluice
