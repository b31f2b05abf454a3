// Both ends of the socket over real sockets, with a real engine behind it; its runs need no process.
#include "app/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <thread>

#include "app/owner.h"
#include "app/test_world.h"
#include "base/json.h"

namespace sluice {
namespace {

using testing::HasSubstr;

// A loop in which no iteration passes its condition: many notices, no process.
std::string skipping_loop(int items) {
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

Value request_to_run(const std::string& spec) {
  return Value::of({{"do", "run"}, {"submission", to_value(Submission{.spec = spec, .spec_file = "p.json"})}});
}

// An owner that serves on a thread of its own.
class ServedOwner {
 public:
  explicit ServedOwner(const DataDir& dir) {
    auto owner = Owner::open(dir, Config{.slots = 1});
    EXPECT_TRUE(owner && *owner) << (owner ? "owned already" : owner.error().message);
    owner_ = std::move(*owner);
    thread_ = std::thread([this] { EXPECT_TRUE(owner_->serve()); });
  }
  ~ServedOwner() { stop(); }
  ServedOwner(const ServedOwner&) = delete;
  ServedOwner& operator=(const ServedOwner&) = delete;
  void stop() {
    if (!owner_) return;
    owner_->loop().post([this] { owner_->stop(); });
    thread_.join();
    owner_.reset();
  }

 private:
  std::unique_ptr<Owner> owner_;
  std::thread thread_;
};

class Control : public testing::Test {
 protected:
  ControlClient connect() const {
    auto client = ControlClient::connect(dir);
    EXPECT_TRUE(client);
    return std::move(*client);
  }
  // Sends bytes as they are.
  static void send_raw(const ControlClient& client, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(client.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return;  // the other end has closed
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  static Value answer(ControlClient& client) {
    auto next = client.next(10'000);
    EXPECT_TRUE(next && *next);
    return next && *next ? **next : Value();
  }
  // Reads notices up to the one that ends the run; how many there were.
  static int read_to_the_end(ControlClient& client, RunState state) {
    for (int count = 0;; ++count) {
      const auto notice = notice_from_value(answer(client));
      if (!notice) {
        ADD_FAILURE() << "no notice after " << count;
        return count;
      }
      if (const auto* run = std::get_if<RunNotice>(&*notice)) {
        EXPECT_EQ(run->state, state) << run->error;
        return count;
      }
    }
  }
  static std::string error_of(const Value& value) {
    const Value* error = value.find("error");
    return error == nullptr ? "none: " + to_json(value) : std::string(error->string_or("message", ""));
  }

  ScratchFolder folder;
  DataDir dir = *DataDir::at(folder.path() + "/data");
};

TEST_F(Control, NobodyListensWhereNobodyOwns) { EXPECT_FALSE(ControlClient::connect(dir)); }

TEST_F(Control, ARunIsTakenAndItsNoticesFollowInOrder) {
  const ServedOwner owner(dir);
  ControlClient client = connect();
  const auto taken = client.ask(request_to_run(skipping_loop(3)));
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(Uuid::parse(taken->string_or("run", "")));
  EXPECT_GE(read_to_the_end(client, RunState::kSucceeded), 7) << "a loop, three iterations, three leaves";
}

TEST_F(Control, TheSecondOwnerIsRefusedAndTheSocketIsForItsOwnerOnly) {
  const ServedOwner owner(dir);
  const auto second = Owner::open(dir, Config{.slots = 1});
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, nullptr);
  struct stat info{};
  ASSERT_EQ(stat(dir.socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(Control, ErrorsComeBackWithTheirCode) {
  const ServedOwner owner(dir);
  ControlClient client = connect();
  const auto bad = client.ask(request_to_run("{\"pipelineInfo\": 3}"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kInvalid);
  const auto unknown = client.ask(Value::of({{"do", "cancel"}, {"run", "0123456789abcdef0123456789abcdef"}}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  const auto no_id = client.ask(Value::of({{"do", "retry"}, {"run", "nope"}}));
  ASSERT_FALSE(no_id);
  EXPECT_THAT(no_id.error().message, HasSubstr("not a run id: 'nope'"));
}

TEST_F(Control, AnErrorSurvivesTheWire) {
  for (const Code code : {Code::kInvalid, Code::kNotFound, Code::kConflict, Code::kUnavailable, Code::kCancelled, Code::kTimeout,
                          Code::kCorrupt, Code::kInternal}) {
    const Error read = error_from_value(to_value(Error{code, "what", "hint"}));
    EXPECT_EQ(read.code, code);
    EXPECT_EQ(read.message, "what");
    EXPECT_EQ(read.hint, "hint");
  }
  EXPECT_EQ(error_from_value(Value("garbage")).code, Code::kInternal);
}

TEST_F(Control, GarbageIsAnsweredAndTheConnectionStays) {
  const ServedOwner owner(dir);
  ControlClient client = connect();
  send_raw(client, "GET / HTTP/1.1\n");
  EXPECT_FALSE(error_of(answer(client)).empty());
  send_raw(client, std::string("\0\xFF\x80\n", 4));
  EXPECT_FALSE(error_of(answer(client)).empty());
  for (const char* odd : {"\n", "null\n", "[]\n", "{}\n", "{\"do\": 3}\n", "{\"do\": \"dance\"}\n", "{\"do\": \"run\"}\n"}) {
    send_raw(client, odd);
    EXPECT_THAT(error_of(answer(client)), testing::Not(HasSubstr("none: "))) << odd;
  }
  ASSERT_TRUE(client.ask(request_to_run(skipping_loop(1))));
}

TEST_F(Control, ALineMayComeInPiecesAndTwoAtOnce) {
  const ServedOwner owner(dir);
  ControlClient client = connect();
  for (const char c : std::string("{\"do\": \"dance\"}\n")) send_raw(client, std::string_view(&c, 1));
  EXPECT_THAT(error_of(answer(client)), HasSubstr("dance"));
  send_raw(client, "{\"do\": \"retry\"}\n{\"do\": \"retry\"}\n");
  EXPECT_THAT(error_of(answer(client)), HasSubstr("not a run id"));
  EXPECT_THAT(error_of(answer(client)), HasSubstr("not a run id"));
}

TEST_F(Control, AClientThatLeavesInTheMiddleOfALineDisturbsNobody) {
  const ServedOwner owner(dir);
  for (int i = 0; i < 20; ++i) {
    ControlClient client = connect();
    send_raw(client, "{\"do\": \"run\", \"submission\": {\"spec\": \"half");
  }
  ControlClient other = connect();
  ASSERT_TRUE(other.ask(request_to_run(skipping_loop(1))));
  read_to_the_end(other, RunState::kSucceeded);
}

TEST_F(Control, AClientThatAsksAndLeavesAtOnceIsServed) {
  {
    const ServedOwner owner(dir);
    { send_raw(connect(), to_json(request_to_run(skipping_loop(1))) + "\n"); }
    ControlClient other = connect();  // its run is taken after the first one's
    ASSERT_TRUE(other.ask(request_to_run(skipping_loop(1))));
    read_to_the_end(other, RunState::kSucceeded);
  }
  const auto store = open_sqlite_store({.path = dir.database(), .read_only = true});
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->list({}, {})->size(), 2U);
}

TEST_F(Control, ALineBeyondTheBoundEndsItsConnectionOnly) {
  const ServedOwner owner(dir);
  ControlClient client = connect();
  const std::string chunk(1U << 20U, 'x');
  for (int i = 0; i < 130; ++i) send_raw(client, chunk);
  const auto next = client.next(10'000);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Code::kUnavailable);
  ControlClient other = connect();
  EXPECT_TRUE(other.ask(request_to_run(skipping_loop(1))));
}

TEST_F(Control, ASlowReaderHoldsNobodyUpAndMissesNothing) {
  const ServedOwner owner(dir);
  ControlClient slow = connect();
  ASSERT_TRUE(slow.ask(request_to_run(skipping_loop(2000))));  // about 1 MB of notices, more than a socket holds
  ControlClient quick = connect();
  ASSERT_TRUE(quick.ask(request_to_run(skipping_loop(1))));
  read_to_the_end(quick, RunState::kSucceeded);
  EXPECT_GE(read_to_the_end(slow, RunState::kSucceeded), 4001);
}

TEST_F(Control, TheEndOfTheOwnerIsToldWithWhatToDo) {
  ServedOwner owner(dir);
  ControlClient client = connect();
  EXPECT_FALSE(client.ask(Value::of({{"do", "dance"}})));
  owner.stop();
  const auto next = client.next(10'000);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Code::kUnavailable);
  EXPECT_THAT(next.error().hint, HasSubstr("--resume"));
  EXPECT_FALSE(std::filesystem::exists(dir.socket()));
}

TEST_F(Control, APathLongerThanASocketsNameWorks) {
  std::string path = folder.path();
  while (path.size() < 300) path += "/a-folder-with-a-rather-long-name";
  std::filesystem::create_directories(path);
  dir = *DataDir::at(path + "/data");
  const ServedOwner owner(dir);
  ControlClient client = connect();
  ASSERT_TRUE(client.ask(request_to_run(skipping_loop(1))));
  read_to_the_end(client, RunState::kSucceeded);
}

TEST_F(Control, ASocketThatADeadOwnerLeftIsReplaced) {
  ASSERT_TRUE(dir.create());
  std::ofstream(dir.socket()) << "left behind";
  EXPECT_FALSE(ControlClient::connect(dir));
  const ServedOwner owner(dir);
  EXPECT_TRUE(ControlClient::connect(dir));
}

}  // namespace
}  // namespace sluice
