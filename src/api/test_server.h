// For tests: the API of a TestService behind a real server, on a socket of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/test_service.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace sluice {

class TestServer {
 public:
  explicit TestServer(GuardOptions guard = {}, bool tcp = false) : guard_(std::move(guard)) {
    service.on_loop([this] { service.on_notice = [this](const Notice& notice) { events.tell(notice); }; });
    auto started = HttpServer::start({.host = tcp ? "127.0.0.1" : "", .unix_path = folder_.path() + "/socket"}, api);
    EXPECT_TRUE(started.has_value()) << started.error().message;
    server = std::move(started).value();
    auto connected = HttpClient::to("unix:" + folder_.path() + "/socket");
    EXPECT_TRUE(connected.has_value());
    client = std::move(connected).value();
  }
  ~TestServer() { server->drain(Duration{0}); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server->port()); }
  std::unique_ptr<HttpReplyStream> stream(const std::string& target, std::vector<HttpHeader> headers = {}) {
    auto stream = client->stream({.target = target, .headers = std::move(headers)});
    EXPECT_TRUE(stream.has_value()) << stream.error().message;
    return std::move(stream).value();
  }
  // What comes until `end` is in it, or the stream is at its end; at most a minute.
  static std::string read_until(HttpReplyStream& stream, const std::string& end) {
    std::string text;
    while (end.empty() || text.find(end) == std::string::npos) {
      const auto piece = stream.next(std::chrono::seconds(60));
      if (!piece || !*piece) {
        ADD_FAILURE() << "'" << end << "' did not come after: " << text;
        break;
      }
      if ((*piece)->empty()) break;
      text += **piece;
    }
    return text;
  }
  std::string submit(const std::string& spec) {
    const auto reply = client->call({.method = "POST", .target = "/api/v1/runs", .body = to_json(Value::of({{"spec", spec}}))});
    EXPECT_TRUE(reply.has_value() && reply->status == 201) << (reply ? reply->body : reply.error().message);
    service.settle();
    return reply ? std::string(parse_json(reply->body).value_or(Value{}).string_or("run_id", "")) : "";
  }

  TestService service;
  EventHub events{"boot"};

 private:
  TestFolder folder_;
  GuardOptions guard_;

 public:
  std::unique_ptr<HttpServer> server;
  Api api{
      service, events, {.guard = guard_, .after = [this](Duration delay, auto call) { server->after(delay, std::move(call)); }}};
  std::unique_ptr<HttpClient> client;
};

}  // namespace sluice
