#include "app/notifier.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <fstream>
#include <sstream>

#include "app/test_world.h"
#include "base/json.h"
#include "net/http_server.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A stranger's server that answers as it is told to.
class Hook final : public HttpHandler {
 public:
  explicit Hook(std::vector<int> statuses) : statuses_(std::move(statuses)) {
    auto started = HttpServer::start({.host = "127.0.0.1", .port = 0}, *this);
    EXPECT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  ~Hook() override { server_->drain(Duration{0}); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()) + "/hook?from=sluice"; }

  Admission admit(const HttpRequest&) override { return {}; }
  void serve(HttpRequest request, std::shared_ptr<BodySink>, Responder responder) override {
    int status = 200;
    {
      const std::lock_guard lock(mutex_);
      if (bodies_.size() < statuses_.size()) status = statuses_[bodies_.size()];
      bodies_.push_back(request.body);
      type_ = request.header("content-type");
      target_ = request.target;
    }
    responder.send({.status = status});
    came_.notify_all();
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, std::chrono::seconds(60), [&] { return bodies_.size() >= count; }));
    return bodies_;
  }
  std::string type() {
    const std::lock_guard lock(mutex_);
    return type_;
  }

 private:
  std::vector<int> statuses_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::string> bodies_;
  std::string type_, target_;
  std::unique_ptr<HttpServer> server_;
};

class NotifierTest : public testing::Test {
 protected:
  // A run that has ended, of which somebody is to be told.
  Uuid ended(std::uint32_t number, const Value& options = Value(Struct{})) {
    Uuid uuid;
    uuid.bytes[3] = static_cast<std::uint8_t>(number);
    const auto id = store_->create({.uuid = uuid,
                                    .name = "run",
                                    .pipeline_name = "p",
                                    .experiment = "e",
                                    .spec = "x",
                                    .options = options,
                                    .created = from_micros(5)},
                                   Sync::kNormal);
    EXPECT_TRUE(id);
    const Write write{.run = *id,
                      .entries = {{.seq = 1, .at = from_micros(9), .kind = "run_began", .payload = "{}"}},
                      .change = RunChange{.state = RunState::kFailed,
                                          .at = from_micros(9),
                                          .error = "task 'fit': boom",
                                          .began = from_micros(6),
                                          .ended = from_micros(9),
                                          .notify = true}};
    EXPECT_TRUE(store_->commit({&write, 1}, Sync::kNormal));
    return uuid;
  }
  NotifierHost host() {
    return {.reader = [this] { return Result<std::shared_ptr<RunStore>>(store_); },
            .told =
                [this](const PendingNotice& notice) {
                  EXPECT_TRUE(store_->note_told(notice));
                  const std::lock_guard lock(mutex_);
                  told_.push_back(notice.run);
                  came_.notify_all();
                },
            .url = [] { return std::string("https://ml.example"); },
            .data_dir = "/data",
            .failed =
                [this](const std::string& target, const Error& error) {
                  const std::lock_guard lock(mutex_);
                  failures_.push_back(target + ": " + error.message);
                }};
  }
  void wait_until_told(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, std::chrono::seconds(60), [&] { return told_.size() >= count; }));
  }
  static Notifier::Timing quick() { return {.first_pause = std::chrono::milliseconds(1)}; }

  std::shared_ptr<RunStore> store_ = make_memory_store();
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Uuid> told_;
  std::vector<std::string> failures_;
};

TEST_F(NotifierTest, AnEndIsTold) {
  Hook hook({});
  const Uuid run = ended(1);
  Notifier notifier({.url = hook.url()}, host());
  notifier.look();
  const auto bodies = hook.wait_for(1);
  wait_until_told(1);
  const Value event = parse_json(bodies[0]).value();
  EXPECT_EQ(event.string_or("specversion", ""), "1.0");
  EXPECT_EQ(event.string_or("type", ""), "dev.sluice.run.ended");
  EXPECT_EQ(event.string_or("source", ""), "https://ml.example");
  EXPECT_EQ(event.string_or("id", ""), run.text() + "/1");
  const Value& data = *event.find("data");
  EXPECT_EQ(data.string_or("run_id", ""), run.text());
  EXPECT_EQ(data.string_or("state", ""), "FAILED");
  EXPECT_EQ(data.string_or("error", ""), "task 'fit': boom");
  EXPECT_EQ(data.string_or("url", ""), "https://ml.example/api/v1/runs/" + run.text());
  EXPECT_THAT(hook.type(), HasSubstr("application/cloudevents+json"));
  EXPECT_TRUE(store_->notices()->empty());
}

TEST_F(NotifierTest, WhoeverIsNotThereIsAskedAgain) {
  Hook hook({500, 503});
  ended(1);
  Notifier notifier({.url = hook.url()}, host(), quick());
  notifier.look();
  wait_until_told(1);
  EXPECT_EQ(hook.wait_for(3).size(), 3U);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(NotifierTest, AfterThreeTriesItIsGivenUp) {
  Hook hook({500, 500, 500, 500});
  ended(1);
  Notifier notifier({.url = hook.url()}, host(), quick());
  notifier.look();
  wait_until_told(1);
  EXPECT_EQ(hook.wait_for(3).size(), 3U);
  EXPECT_TRUE(store_->notices()->empty());
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("status 500")));
}

TEST_F(NotifierTest, OneThatWasToldIsNotToldAgainForTheOthersSake) {
  Hook good({}), bad({500});
  ended(1, Value::of({{"notify", List{Value(good.url()), Value(bad.url())}}}));
  Notifier notifier({}, host(), quick());
  notifier.look();
  wait_until_told(1);
  EXPECT_EQ(good.wait_for(1).size(), 1U);
  EXPECT_EQ(bad.wait_for(2).size(), 2U);
}

TEST_F(NotifierTest, ACommandReadsTheNotice) {
  const ScratchFolder folder;
  const std::string out = folder.path() + "/notice.json";
  ended(1);
  Notifier notifier({.command = {"/bin/sh", "-c", "cat > " + out}}, host());
  notifier.look();
  wait_until_told(1);
  std::stringstream text;
  text << std::ifstream(out).rdbuf();
  EXPECT_EQ(parse_json(text.str()).value().string_or("type", ""), "dev.sluice.run.ended");
}

TEST_F(NotifierTest, WhatOneHasLeftIsToldByTheNext) {
  ended(1);
  { Notifier none({}, host()); }
  EXPECT_EQ(store_->notices()->size(), 1U);
  Hook hook({});
  Notifier notifier({.url = hook.url()}, host());
  notifier.look();
  wait_until_told(1);
  EXPECT_EQ(hook.wait_for(1).size(), 1U);
}

}  // namespace
}  // namespace sluice
