// What the server does for clients that behave.
#include "net/test_server.h"

namespace sluice {
namespace {

TEST_F(ServerTest, AConnectionServesOneRequestAfterTheOther) {
  start();
  RawClient client(server->port());
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
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.response(), "200 GET /" + std::to_string(i) + " 0 ");
}

TEST_F(ServerTest, ARequestMayComeByteByByte) {
  start();
  RawClient client(server->port());
  for (const char c : std::string_view("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")) client.send({&c, 1});
  EXPECT_EQ(client.response(), "200 POST /slow 3 ");
}

TEST_F(ServerTest, HttpOnePointZeroClosesUnlessAskedNotTo) {
  start();
  RawClient closing(server->port());
  closing.send("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_NE(closing.read_all().find("GET /x 0"), std::string::npos);
  RawClient keeping(server->port());
  keeping.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keeping.response(), "200 GET /x 0 ");
  keeping.send("GET /y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keeping.response(), "200 GET /y 0 ");
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  start();
  RawClient client(server->port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\n").find("Content-Length: 12\r\n"), std::string::npos);
  EXPECT_EQ(client.response(), "200 GET /next 0 ");
  client.send("GET /empty HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.response(), "204 ");
  EXPECT_EQ(client.response(), "200 GET /next 0 ");
}

TEST_F(ServerTest, ABodyIsSentOnAfterContinue) {
  start();
  RawClient client(server->port());
  client.send("POST /w HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.response(), "200 POST /w 4 ");
}

TEST_F(ServerTest, AnUploadGoesToItsSinkPieceByPiece) {
  start();
  RawClient client(server->port());
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
  RawClient client(server->port());
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
  RawClient client(server->port());
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
  auto client = std::make_unique<RawClient>(server->port());
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

TEST_F(ServerTest, ADrainLetsARequestUnderWayFinish) {
  start();
  RawClient busy(server->port());
  RawClient idle(server->port());
  RawClient listening(server->port());
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
  EXPECT_EQ(busy.read_all(), "") << "no further request is taken";
  draining.join();
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_FALSE(RawClient(server->port()).connected);
}

TEST_F(ServerTest, ItListensOnASocketOfItsUserToo) {
  const std::string path = folder + "/s.sock";
  start({.host = "", .unix_path = path});
  EXPECT_EQ(server->port(), 0);
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  RawClient client(path);
  client.send("GET /u HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.response(), "200 GET /u 0 ");
}

TEST_F(ServerTest, ProgramsThatAreStartedDoNotInheritConnections) {
  start();
  RawClient client(server->port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.response(), "200 GET /a 0 ");
  int ours = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sockaddr_in name{};
    socklen_t size = sizeof name;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0 || ntohs(name.sin_port) != server->port()) continue;
    ++ours;
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(ours, 2);  // what listens, and the connection
}

TEST_F(ServerTest, AnAnswerMayComeAfterTheServerHasEnded) {
  start();
  RawClient client(server->port());
  client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  RawClient listening(server->port());
  listening.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.await([&] { return !handler.waiting.empty() && !handler.streams.empty(); });
  bool gone = false;
  handler.streams.front().on_gone([&] { gone = true; });
  server.reset();
  EXPECT_TRUE(gone);
  handler.waiting.front().send({.body = "late"});
  EXPECT_FALSE(handler.streams.front().write("late"));
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, APathThatIsTooLongForASocketWorks) {
  const std::string deep = folder + "/" + std::string(120, 'd');
  std::filesystem::create_directory(deep);
  start({.host = "", .unix_path = deep + "/s.sock"});
  EXPECT_TRUE(std::filesystem::is_socket(deep + "/s.sock"));
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
