// For tests: a server, a handler with a path for each thing it can do, and a client that sends whatever it is told to.
#pragma once

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

class TestHandler final : public HttpHandler {
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

class RawClient {
 public:
  explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  }
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

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
    RawClient client(server->port());
    client.send(text);
    return client.response();
  }

  TestHandler handler;
  std::string folder;
  std::unique_ptr<HttpServer> server;
};

}  // namespace sluice
