// The server through raw sockets: what a client may send, well and badly.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "net/http_server.h"

namespace sluice {
namespace {

// Counts what it is given; an error once it has `bytes_max`.
class CountingSink final : public BodySink {
 public:
  explicit CountingSink(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  Status write(std::string_view bytes) override {
    count += bytes.size();
    if (count > bytes_max_) return fail(Code::kUnavailable, "the sink is full");
    return {};
  }
  std::size_t count = 0;

 private:
  std::size_t bytes_max_;
};

class Handler final : public HttpHandler {
 public:
  Admission admit(const HttpRequest& head) override {
    if (head.path() == "/refuse") return {.refusal = HttpResponse{.status = 403, .body = "no"}};
    if (head.path() == "/small") return {.body_bytes_max = 10};
    if (head.path() == "/sink") return {.body_bytes_max = 1ULL << 30U, .sink = std::make_shared<CountingSink>(sink_max)};
    return {};
  }
  void serve(HttpRequest request, std::shared_ptr<BodySink> sink, Responder responder) override {
    const std::string path(request.path());
    if (path == "/stream" || path == "/later") {
      const std::lock_guard lock(mutex);
      if (path == "/stream")
        streams.push_back(responder.stream({.content_type = "text/plain"}));
      else
        waiting.push_back(responder);
      changed.notify_all();
      return;
    }
    if (path == "/drop") return;
    if (path == "/file") return responder.send({.content_type = "application/octet-stream", .file = FileBody{file}});
    if (path == "/inject") return responder.send({.headers = {{"X-Evil\r\nSet-Cookie: a", "b\r\n\r\nc"}}, .body = "ok"});
    if (path == "/empty") return responder.send({.status = 204, .content_type = ""});
    if (sink) return responder.send({.body = std::to_string(std::static_pointer_cast<CountingSink>(sink)->count)});
    responder.send({.body = request.method + " " + request.target + " " + std::to_string(request.body.size()) + " " +
                            std::string(request.header("x-note"))});
  }
  template <class Done>
  void await(const Done& done) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), done));
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<HttpStream> streams;
  std::vector<Responder> waiting;
  std::string file;
  std::size_t sink_max = 1ULL << 30U;
};

class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  }
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Until `end` has come, or the server has closed.
  std::string read_until(std::string_view end) {
    while (in_.find(end) == std::string::npos && fill()) {}
    const auto at = in_.find(end);
    const std::size_t size = at == std::string::npos ? in_.size() : at + end.size();
    std::string out = in_.substr(0, size);
    in_.erase(0, size);
    return out;
  }
  std::string read_all() {
    while (fill()) {}
    return std::exchange(in_, {});
  }
  // One response with a Content-Length: "200 body".
  std::string response() {
    const std::string head = read_until("\r\n\r\n");
    if (head.size() < 12) return "closed";
    std::size_t length = 0;
    if (const auto at = head.find("Content-Length: "); at != std::string::npos) length = std::stoul(head.substr(at + 16));
    while (in_.size() < length && fill()) {}
    last_head = head;
    std::string out = head.substr(9, 3) + " " + in_.substr(0, length);
    in_.erase(0, length);
    return out;
  }

  bool connected = false;
  std::string last_head;

 private:
  bool fill() {
    std::array<char, 65536> buffer{};
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    in_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  int fd_;
  std::string in_;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    std::string pattern = "/tmp/sluice-net-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~ServerTest() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }
  void start(HttpServerOptions options = {}) {
    auto started = HttpServer::start(options, handler);
    ASSERT_TRUE(started.has_value()) << started.error().message;
    server = std::move(*started);
  }
  std::string ask(std::string_view text) const {
    Client client(server->port());
    client.send(text);
    return client.response();
  }

  Handler handler;
  std::string folder;
  std::unique_ptr<HttpServer> server;
};

TEST_F(ServerTest, AConnectionServesOneRequestAfterTheOther) {
  start();
  Client client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /a?b=" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nX-Note: n\r\n\r\n");
    EXPECT_EQ(client.response(), "200 GET /a?b=" + std::to_string(i) + " 0 n");
  }
  client.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(client.response(), "200 POST /p 5 ");
  client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.response(), "200 POST /c 5 ");
}

TEST_F(ServerTest, FiftyRequestsAtOnceAreAnsweredInOrder) {
  start();
  Client client(server->port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.response(), "200 GET /" + std::to_string(i) + " 0 ");
}

TEST_F(ServerTest, ARequestMayComeByteByByte) {
  start();
  Client client(server->port());
  for (const char c : std::string_view("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")) client.send({&c, 1});
  EXPECT_EQ(client.response(), "200 POST /slow 3 ");
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
  };
  for (const auto& [text, status] : cases) EXPECT_EQ(ask(text).substr(0, 3), status) << text;
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
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.response().substr(0, 3), "408");
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, AnIdleConnectionIsClosed) {
  start({.idle_time = std::chrono::milliseconds(20)});
  Client client(server->port());
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, HttpOnePointZeroClosesUnlessAskedNotTo) {
  start();
  Client closing(server->port());
  closing.send("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_NE(closing.read_all().find("GET /x 0"), std::string::npos);
  Client keeping(server->port());
  keeping.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keeping.response(), "200 GET /x 0 ");
  keeping.send("GET /y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keeping.response(), "200 GET /y 0 ");
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  start();
  Client client(server->port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\n").find("Content-Length: 12\r\n"), std::string::npos);
  EXPECT_EQ(client.response(), "200 GET /next 0 ");
  client.send("GET /empty HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.response(), "204 ");
  EXPECT_EQ(client.response(), "200 GET /next 0 ");
}

TEST_F(ServerTest, HeadersCannotSplitAResponse) {
  start();
  Client client(server->port());
  client.send("GET /inject HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.response(), "200 ok");
  EXPECT_NE(client.last_head.find("X-EvilSet-Cookie: a: bc\r\n"), std::string::npos) << client.last_head;
}

TEST_F(ServerTest, ABodyIsSentOnAfterContinue) {
  start();
  Client client(server->port());
  client.send("POST /w HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.response(), "200 POST /w 4 ");
}

TEST_F(ServerTest, AnUploadGoesToItsSinkPieceByPiece) {
  start();
  Client client(server->port());
  const std::size_t size = 20'000'000;
  client.send("PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  const std::string piece(1'000'000, 'x');
  for (std::size_t sent = 0; sent < size; sent += piece.size()) client.send(piece);
  EXPECT_EQ(client.response(), "200 20000000");
  handler.sink_max = 10;
  EXPECT_EQ(ask("PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n12345678901"), "503 the sink is full\n");
}

TEST_F(ServerTest, AFileIsSentWholeOrInPart) {
  start();
  handler.file = folder + "/file";
  std::string content(3'000'000, '.');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
  std::ofstream(handler.file) << content;
  Client client(server->port());
  const std::string get = "GET /file HTTP/1.1\r\nHost: x\r\n";
  client.send(get + "\r\n");
  EXPECT_EQ(client.response(), "200 " + content);
  client.send(get + "Range: bytes=1000-2999999\r\n\r\n");
  EXPECT_EQ(client.response(), "206 " + content.substr(1000));
  EXPECT_NE(client.last_head.find("Content-Range: bytes 1000-2999999/3000000\r\n"), std::string::npos);
  client.send(get + "Range: bytes=3000000-\r\n\r\n");
  EXPECT_EQ(client.response().substr(0, 3), "416");
  EXPECT_NE(client.last_head.find("Content-Range: bytes */3000000\r\n"), std::string::npos);
  client.send("HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\n").find("Content-Length: 3000000\r\n"), std::string::npos);
  handler.file = folder;  // a directory is no file
  client.send(get + "\r\n");
  EXPECT_EQ(client.response().substr(0, 3), "404");
}

TEST_F(ServerTest, AStreamGoesOutAsItComes) {
  start();
  Client client(server->port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.await([&] { return !handler.streams.empty(); });
  const HttpStream stream = handler.streams.front();
  EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_TRUE(stream.write("one"));
  EXPECT_EQ(client.read_until("\r\none\r\n"), "3\r\none\r\n");
  EXPECT_TRUE(stream.write("two"));
  EXPECT_EQ(client.read_until("two\r\n"), "3\r\ntwo\r\n");
  stream.close();
  EXPECT_FALSE(stream.write("late"));
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  client.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.response(), "200 GET /again 0 ");
}

TEST_F(ServerTest, AStreamLearnsThatItsPeerIsGone) {
  start();
  auto client = std::make_unique<Client>(server->port());
  client->send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.await([&] { return !handler.streams.empty(); });
  const HttpStream stream = handler.streams.front();
  bool gone = false;
  stream.on_gone([&] {
    const std::lock_guard lock(handler.mutex);
    gone = true;
    handler.changed.notify_all();
  });
  client.reset();
  handler.await([&] { return gone; });
  EXPECT_TRUE(stream.is_gone());
  EXPECT_FALSE(stream.write("to nobody"));
}

TEST_F(ServerTest, APeerThatDoesNotReadIsCutOff) {
  start();
  Client client(server->port());
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

TEST_F(ServerTest, ADrainLetsARequestUnderWayFinish) {
  start();
  Client busy(server->port());
  Client idle(server->port());
  Client listening(server->port());
  idle.send("GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(idle.response(), "200 GET /idle 0 ");
  listening.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  busy.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.await([&] { return !handler.streams.empty() && !handler.waiting.empty(); });
  std::thread draining([&] { server->drain(std::chrono::seconds(30)); });
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_NE(listening.read_all().find("0\r\n\r\n"), std::string::npos);
  handler.waiting.front().send({.body = "done"});
  EXPECT_EQ(busy.response(), "200 done");
  EXPECT_NE(busy.last_head.find("Connection: close"), std::string::npos);
  draining.join();
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_FALSE(Client(server->port()).connected);
}

TEST_F(ServerTest, ItListensOnASocketOfItsUserToo) {
  const std::string path = folder + "/s.sock";
  start({.host = "", .unix_path = path});
  EXPECT_EQ(server->port(), 0);
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  Client client(path);
  client.send("GET /u HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.response(), "200 GET /u 0 ");
}

TEST_F(ServerTest, APathThatIsTooLongForASocketWorks) {
  const std::string deep = folder + "/" + std::string(120, 'd');
  std::filesystem::create_directory(deep);
  start({.host = "", .unix_path = deep + "/s.sock"});
  EXPECT_TRUE(std::filesystem::is_socket(deep + "/s.sock"));
}

TEST_F(ServerTest, MoreConnectionsThanAllowedWait) {
  start({.connections_max = 1});
  auto first = std::make_unique<Client>(server->port());
  first->send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(first->response(), "200 GET /1 0 ");
  Client second(server->port());
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

TEST_F(ServerTest, ACallMayWait) {
  start();
  bool called = false;
  server->after(std::chrono::milliseconds(1), [&] {
    const std::lock_guard lock(handler.mutex);
    called = true;
    handler.changed.notify_all();
  });
  handler.await([&] { return called; });
}

TEST(Responder, AnswersWithoutASocket) {
  std::vector<int> statuses;
  const auto take = [&](const HttpResponse& response) { statuses.push_back(response.status); };
  const Responder one = Responder::to(take);
  one.send({.status = 201});
  one.send({.status = 202});
  { const Responder dropped = Responder::to(take); }
  EXPECT_EQ(statuses, (std::vector<int>{201, 500}));
  const HttpStream stream = Responder::to(take).stream({.status = 200});
  EXPECT_TRUE(stream.is_gone());
}

}  // namespace
}  // namespace sluice
