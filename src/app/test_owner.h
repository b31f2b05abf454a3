// An owner of a data directory that serves on a thread of its own, for tests of both ends; its runs need no process.
#pragma once

#include <gtest/gtest.h>

#include <thread>

#include "app/api_client.h"
#include "app/owner.h"
#include "app/test_world.h"
#include "base/json.h"

namespace sluice {

// A loop in which no iteration passes its condition: many notices, no process.
inline std::string skipping_loop(int items) {
  std::string list;
  for (int i = 0; i < items; ++i) list += (i > 0 ? "," : "") + std::to_string(i);
  return R"({"pipelineInfo": {"name": "skipping"}, "schemaVersion": "2.1.0",
"components": {
  "comp-leaf": {"executorLabel": "exec-leaf"},
  "comp-loop": {"inputDefinitions": {"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}},
    "dag": {"tasks": {"leaf": {"componentRef": {"name": "comp-leaf"},
      "inputs": {"parameters": {"item": {"componentInputParameter": "item"}}},
      "triggerPolicy": {"condition": "inputs.parameter_values['item'] < 0"}}}}}},
"deploymentSpec": {"executors": {"exec-leaf": {"container": {"image": "alpine", "command": ["true"]}}}},
"root": {"dag": {"tasks": {"loop": {"componentRef": {"name": "comp-loop"},
  "parameterIterator": {"itemInput": "item", "items": {"raw": "[)" +
         list + R"(]"}}}}}}})";
}

class ServedOwner {
 public:
  explicit ServedOwner(const DataDir& dir, OwnerOptions options = {}) {
    auto owner = Owner::open(dir, Config{.slots = 1}, std::move(options));
    EXPECT_TRUE(owner && *owner) << (owner ? "owned already" : owner.error().message);
    if (!owner || *owner == nullptr) return;
    owner_ = std::move(*owner);
    thread_ = std::thread([this] { EXPECT_TRUE(owner_->serve()); });
  }
  ~ServedOwner() { stop(); }
  ServedOwner(const ServedOwner&) = delete;
  ServedOwner& operator=(const ServedOwner&) = delete;

  void stop() {
    if (!owner_) return;
    owner_->loop().post([this] { owner_->drain(false); });
    join();
  }
  // Waits until it has ended by itself.
  void join() {
    thread_.join();
    owner_.reset();
  }
  Owner& operator*() { return *owner_; }
  Owner* operator->() { return owner_.get(); }

 private:
  std::unique_ptr<Owner> owner_;
  std::thread thread_;
};

// A data directory, and connections to whoever has it.
class DirectoryTest : public testing::Test {
 protected:
  std::unique_ptr<ApiClient> connect(const std::string& url = {}) {
    Words words;
    config.data_dir = dir.root();
    config.server_url = url;
    auto connection = ApiClient::open({words, config, console});
    EXPECT_TRUE(connection) << connection.error().message;
    return connection ? std::move(*connection) : nullptr;
  }
  static HttpRequest submission(int items, const std::string& key = {}) {
    HttpRequest request = post_request("/api/v1/runs", Value::of({{"spec", skipping_loop(items)}, {"spec_file", "p.json"}}));
    if (!key.empty()) request.headers.push_back({"Idempotency-Key", key});
    return request;
  }
  // The id of the run that was made.
  static Uuid submit(ApiClient& connection, int items) {
    const auto answer = connection.ask(submission(items));
    EXPECT_TRUE(answer.errors.empty()) << answer.errors.front().text();
    const auto run = Uuid::parse(parse_json(answer.body).value_or(Value()).string_or("run_id", ""));
    EXPECT_TRUE(run) << answer.body;
    return run.value_or(Uuid{});
  }

  ScratchFolder folder;
  DataDir dir = *DataDir::at(folder.path() + "/data");
  Console console{false};
  Config config;
};

}  // namespace sluice
