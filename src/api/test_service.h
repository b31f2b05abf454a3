// For tests: a service with a store in memory and an engine over hands that do nothing by themselves, and requests to its API.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/api.h"
#include "base/json.h"
#include "engine/loop.h"
#include "engine/test_engine.h"
#include "engine/work_pool.h"
#include "exec/test_folder.h"

namespace sluice {

// A clock that any thread may read.
class SharedClock final : public Clock {
 public:
  Instant now() const override { return from_micros(micros_.load()); }
  void advance(Duration duration) { micros_ += duration.count(); }

 private:
  std::atomic<std::int64_t> micros_{1'000'000'000'000'000};  // 2001-09-09T01:46:40Z
};

// The engine runs on a thread of its own, as in a server.
class TestService final : public Service {
 public:
  // kNone: nobody has the directory; it is only read.
  explicit TestService(Owner owner = Owner::kServer) : owner_(owner) {
    EXPECT_TRUE(dir_.create().has_value());
    EXPECT_TRUE(objects_.open().has_value());
    engine_ = std::make_unique<Engine>(loop_, dir_, *store_, hands, clock,
                                       EngineOptions{.begun_waits = Duration{0}, .is_server = true});
    engine_->observe({.task = [this](const TaskNotice& notice) { tell(notice); },
                      .run = [this](const RunNotice& notice) { tell(notice); },
                      .building = [this](const BuildNotice& notice) { tell(notice); },
                      .trouble = {}});
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~TestService() override {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  TestService(const TestService&) = delete;
  TestService& operator=(const TestService&) = delete;

  Result<Reader> reader() override { return Reader(store_); }
  Status on_owner(std::function<void(Writer)> call) override {
    if (owner_ == Owner::kNone) return fail(Code::kConflict, "nobody has " + dir_.root());
    loop_.post([this, call = std::move(call)] { call({*engine_, *store_}); });
    return {};
  }
  void in_background(std::function<void()> work) override { pool_.submit(std::move(work)); }
  const DataDir& dir() const override { return dir_; }
  const SiteRules& sites() const override { return sites_; }
  ObjectStore& objects() override { return objects_; }
  Instant now() const override { return clock.now(); }
  Uuid new_uuid() override {
    const std::uint32_t number = ++uuids_;
    Uuid uuid;
    for (unsigned i = 0; i < 4; ++i) uuid.bytes.at(i) = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return uuid;
  }
  Owner owner() const override { return owner_; }
  std::optional<Error> trouble() const override {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }
  EngineFigures figures() const override { return {.runs = 1, .events = 12, .commits = 3}; }
  Status collect_garbage(bool dry_run, std::optional<Duration> grace) override {
    collections.emplace_back(dry_run, grace);
    return {};
  }
  GarbageState garbage() const override {
    return {.dry_run = !collections.empty() && collections.back().first,
            .began = from_micros(1'000'000),
            .report = {.kinds = {{"objects", 2, 4096}}, .problems = {"one is busy"}}};
  }
  void shut_down(bool stop_tasks) override { shut_downs.emplace_back(stop_tasks); }

  // Runs `act` on the owner's thread, and waits until what came of it has been worked off.
  void on_loop(std::function<void()> act) {
    std::promise<void> settled;
    loop_.post([&, this] {
      act();
      loop_.post([&] { settled.set_value(); });  // a round later: the engine has taken its turn
    });
    settled.get_future().wait();
  }
  void settle() {
    on_loop([] {});
  }
  // The newest attempt of that task ends.
  void succeed(const std::string& task, TaskData outputs = {}) {
    on_loop([&] { hands.succeed(task, std::move(outputs)); });
  }
  void fail_task(const std::string& task, const std::string& message = "it broke") {
    on_loop([&] { hands.fail(task, FailureKind::kExit, 3, message); });
  }
  void set_trouble(std::optional<Error> trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(trouble);
  }
  RunStore& store() { return *store_; }

  FakeHands hands;  // of the owner's thread: see on_loop()
  SharedClock clock;
  std::vector<bool> shut_downs;
  std::vector<std::pair<bool, std::optional<Duration>>> collections;
  std::function<void(const Notice&)> on_notice;  // called on the owner's thread

 private:
  void tell(const Notice& notice) {
    if (on_notice) on_notice(notice);
  }

  const Owner owner_;
  TestFolder folder_;
  DataDir dir_ = DataDir::at(folder_.path() + "/data").value();
  std::shared_ptr<RunStore> store_ = make_memory_store();
  SiteRules sites_;
  ObjectStore objects_{dir_.objects(), false};
  std::atomic<std::uint32_t> uuids_{0};
  mutable std::mutex mutex_;
  std::optional<Error> trouble_;  // guarded by mutex_
  Loop loop_;
  std::unique_ptr<Engine> engine_;
  WorkPool pool_{"background", 1};
  std::thread thread_;
};

// Requests to the API of a TestService, in process.
class TestApi {
 public:
  explicit TestApi(TestService::Owner owner = TestService::Owner::kServer) : service(owner) {
    service.on_loop([this] { service.on_notice = [this](const Notice& notice) { events.tell(notice); }; });
  }

  HttpResponse call(const std::string& method, const std::string& target, std::string body = {},
                    std::vector<HttpHeader> headers = {}) {
    HttpResponse response =
        api.call({.method = method, .target = target, .headers = std::move(headers), .body = std::move(body), .peer = "unix"});
    service.settle();
    return response;
  }
  HttpResponse get(const std::string& target) { return call("GET", target); }
  HttpResponse post(const std::string& target, std::string body = {}) { return call("POST", target, std::move(body)); }
  HttpResponse del(const std::string& target) { return call("DELETE", target); }
  // The body of a 200 (or 201) as JSON.
  Value json(const HttpResponse& response) {
    EXPECT_TRUE(response.status == 200 || response.status == 201) << response.status << " " << response.body;
    const auto value = parse_json(response.body);
    EXPECT_TRUE(value.has_value()) << response.body;
    return value ? *value : Value();
  }
  Value get_json(const std::string& target) { return json(get(target)); }

  // The run is there and has ordered what it orders first; its UUID.
  std::string submit(const std::string& spec, Struct more = {}) {
    more.emplace("spec", spec);
    const Value made = json(post("/api/v1/runs", to_json(more)));
    return std::string(made.string_or("run_id", ""));
  }

  TestService service;
  EventHub events{"boot"};
  Api api{service, events, {}};
};

}  // namespace sluice
