// The owner of a data directory with a real engine, and its clients over real sockets.
#include "app/owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/run_events.h"
#include "app/test_owner.h"

namespace sluice {
namespace {

class Owners : public DirectoryTest {
 protected:
  // Reads the news of the run up to its end; how many there were.
  static int read_to_the_end(RunEvents events, RunState state) {
    for (int count = 0, silent = 0; silent < 100; ++silent) {
      const auto news = events.next(std::chrono::milliseconds(100));
      if (!news) {
        ADD_FAILURE() << news.error().message;
        return count;
      }
      for (const Notice& notice : *news) {
        silent = 0;
        ++count;
        const auto* run = std::get_if<RunNotice>(&notice);
        if (run == nullptr || !is_final(run->state)) continue;
        EXPECT_EQ(run->state, state) << run->error;
        return count;
      }
    }
    ADD_FAILURE() << "no end";
    return 0;
  }
};

TEST_F(Owners, ARunIsTakenAndAllItsNewsFollow) {
  const ServedOwner owner(dir);
  const auto connection = connect();
  const std::string mark = event_mark(*connection);
  EXPECT_NE(mark, "");
  const Uuid run = submit(*connection, 3);
  EXPECT_GE(read_to_the_end(RunEvents(*connection, run, mark), RunState::kSucceeded), 8)
      << "a loop, three iterations, three leaves, the run";
}

TEST_F(Owners, WhoComesLaterIsToldTheStateFirst) {
  const ServedOwner owner(dir);
  const auto connection = connect();
  const std::string mark = event_mark(*connection);
  const Uuid run = submit(*connection, 3);
  read_to_the_end(RunEvents(*connection, run, mark), RunState::kSucceeded);
  EXPECT_EQ(read_to_the_end(RunEvents(*connection, run, ""), RunState::kSucceeded), 8) << "each task once, and the run";
  EXPECT_EQ(read_to_the_end(RunEvents(*connection, run, "another-1"), RunState::kSucceeded), 8) << "of an owner before this one";
}

TEST_F(Owners, TheSecondOneIsRefusedAndTheSocketIsForItsUserOnly) {
  const ServedOwner owner(dir);
  const auto second = Owner::open(dir, Config{.slots = 1});
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, nullptr);
  struct stat info{};
  ASSERT_EQ(stat(dir.socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0077U, 0U);
}

TEST_F(Owners, ErrorsComeBackWithTheirCodes) {
  const ServedOwner owner(dir);
  const auto connection = connect();
  const auto bad =
      connection->ask(post_request("/api/v1/runs", Value::of({{"spec", "{\"pipelineInfo\": 3}"}, {"spec_file", "p.json"}})));
  ASSERT_FALSE(bad.errors.empty());
  EXPECT_EQ(bad.errors.front().code, Code::kInvalid);
  EXPECT_EQ(bad.errors.front().file, "p.json");
  const auto unknown = connection->post("/api/v1/runs/0123456789abcdef0123456789abcdef/cancel");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  const auto nonsense = connection->get("/api/v1/nonsense");
  ASSERT_FALSE(nonsense);
  EXPECT_EQ(nonsense.error().code, Code::kNotFound);
}

TEST_F(Owners, AKeyMakesOneRun) {
  const ServedOwner owner(dir);
  const auto connection = connect();
  const auto first = connection->ask(submission(1, "key")), second = connection->ask(submission(1, "key"));
  EXPECT_EQ(parse_json(first.body)->string_or("run_id", "1"), parse_json(second.body)->string_or("run_id", "2"));
}

TEST_F(Owners, ASlowReaderHoldsNobodyUpAndMissesNothing) {
  const ServedOwner owner(dir);
  const auto slow = connect(), quick = connect();
  const std::string mark = event_mark(*slow);
  const Uuid large = submit(*slow, 2000);  // about 1 MB of news, more than a socket holds
  RunEvents unread(*slow, large, mark);
  ASSERT_TRUE(unread.next(Duration{0}));
  const std::string later = event_mark(*quick);
  read_to_the_end(RunEvents(*quick, submit(*quick, 1), later), RunState::kSucceeded);
  EXPECT_GE(read_to_the_end(std::move(unread), RunState::kSucceeded), 4001);
}

TEST_F(Owners, OneWithNothingToDoEndsWhenItIsToldToAndRefusesWhatComesThen) {
  ServedOwner owner(dir);
  owner->loop().post([&owner] { owner->end_when_idle(); });
  owner.join();
  EXPECT_EQ(owner_pid(dir), 0);
  EXPECT_FALSE(std::filesystem::exists(dir.socket()));
}

TEST_F(Owners, AServerSaysWhereItIsReachedAndEndsWhenAskedTo) {
  OwnerOptions options{.is_server = true};
  options.http.host = "127.0.0.1";
  ServedOwner owner(dir, options);
  const std::string url = "http://127.0.0.1:" + std::to_string(owner->port());
  owner->say_url(url);
  EXPECT_EQ(owner_of(dir).kind, OwnerKind::kServer);
  EXPECT_EQ(owner_of(dir).url, url);
  const auto connection = connect(url);
  EXPECT_EQ(connection->get("/healthz")->string_or("status", ""), "ok");
  EXPECT_EQ(connection->files(), nullptr);
  const Uuid run = submit(*connection, 1);
  read_to_the_end(RunEvents(*connection, run, ""), RunState::kSucceeded);
  Owner* raw = &*owner;
  raw->on_shut_down([raw](bool stop_tasks) { raw->drain(stop_tasks); });
  EXPECT_TRUE(connect()->post("/api/v1/shutdown", Value::of({{"stop_tasks", false}})));
  owner.join();
  EXPECT_EQ(owner_of(dir).kind, OwnerKind::kNone);
}

TEST_F(Owners, APathLongerThanASocketsNameWorks) {
  std::string path = folder.path();
  while (path.size() < 300) path += "/a-folder-with-a-rather-long-name";
  std::filesystem::create_directories(path);
  dir = *DataDir::at(path + "/data");
  const ServedOwner owner(dir);
  const auto connection = connect();
  read_to_the_end(RunEvents(*connection, submit(*connection, 1), ""), RunState::kSucceeded);
}

TEST_F(Owners, ASocketThatADeadOwnerLeftIsReplaced) {
  ASSERT_TRUE(dir.create());
  std::ofstream(dir.socket()) << "left behind";
  const ServedOwner owner(dir);
  EXPECT_TRUE(connect()->get("/api/v1/server"));
}

}  // namespace
}  // namespace sluice
