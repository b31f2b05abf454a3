#include "app/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_events.h"
#include "app/test_owner.h"

namespace sluice {
namespace {

using testing::HasSubstr;

TEST(ErrorsOf, AreReadWithAllTheyHave) {
  const auto errors =
      errors_of(400, R"({"errors": [{"file": "p.yaml", "line": 14, "column": 9, "path": "root.dag", "code": "invalid",
    "message": "no producer", "hint": "name one"}, {"code": "conflict", "line": null, "message": "second"}]})",
                "server");
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].text(), "p.yaml:14:9: no producer");
  EXPECT_EQ(errors[0].path, "root.dag");
  EXPECT_EQ(errors[0].hint, "name one");
  EXPECT_EQ(errors[1].code, Code::kConflict);
  EXPECT_EQ(errors[1].place, Place{});
}

TEST(ErrorsOf, WhatIsNotOursIsToldByItsStatus) {
  const std::pair<int, Code> cases[] = {{400, Code::kInvalid},  {401, Code::kConflict},    {403, Code::kConflict},
                                        {404, Code::kNotFound}, {500, Code::kInternal},    {502, Code::kUnavailable},
                                        {504, Code::kTimeout},  {503, Code::kUnavailable}, {418, Code::kInvalid}};
  for (const auto& [status, code] : cases)
    for (const char* body : {"", "<html>", "{}", R"({"errors": []})", R"({"errors": 3})"}) {
      const auto errors = errors_of(status, body, "http://host:1");
      ASSERT_EQ(errors.size(), 1U);
      EXPECT_EQ(errors[0].code, code) << status;
      EXPECT_THAT(errors[0].message, HasSubstr("http://host:1 answered " + std::to_string(status)));
    }
}

class Connections : public DirectoryTest {};

TEST_F(Connections, ADirectoryWithoutDataIsNotFoundAndNotMade) {
  Words words;
  config.data_dir = dir.root();
  const auto connection = ApiClient::open({words, config, console});
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, Code::kNotFound);
  EXPECT_THAT(connection.error().message, HasSubstr("no data in " + dir.root()));
  EXPECT_FALSE(std::filesystem::exists(dir.root()));
}

TEST_F(Connections, ADirectoryWithoutAnOwnerIsReadInProcess) {
  { const ServedOwner owner(dir); }
  const auto connection = connect();
  EXPECT_EQ(connection->peer(), ApiClient::Peer::kDirectory);
  const auto runs = connection->rows("/api/v1/runs?", "runs", 10);
  ASSERT_TRUE(runs) << runs.error().message;
  EXPECT_TRUE(runs->empty());
  const auto changed = connection->ask(submission(1));
  ASSERT_FALSE(changed.errors.empty());
  EXPECT_EQ(changed.errors.front().code, Code::kConflict);
  EXPECT_FALSE(connection->stream(get_request("/api/v1/events")));
}

TEST_F(Connections, WhatAnOwnerThatHasEndedKnewCanStillBeRead) {
  ServedOwner owner(dir);
  const auto connection = connect();
  EXPECT_EQ(connection->peer(), ApiClient::Peer::kOwner);
  const Uuid run = submit(*connection, 1);
  EXPECT_FALSE(connection->is_gone_for_good());
  owner.stop();
  EXPECT_TRUE(connection->is_gone_for_good());
  const auto document = connection->get("/api/v1/runs/" + run.text());
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->string_or("run_id", ""), run.text());
  const auto cancelled = connection->post("/api/v1/runs/" + run.text() + "/cancel");
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, Code::kUnavailable);
}

TEST_F(Connections, ListsAreReadPageByPage) {
  const ServedOwner owner(dir);
  const auto connection = connect();
  for (int i = 0; i < 5; ++i) submit(*connection, 1);
  for (const int limit : {1, 3, 5, 100}) {
    const auto rows = connection->rows("/api/v1/runs?", "runs", limit);
    ASSERT_TRUE(rows);
    EXPECT_EQ(static_cast<int>(rows->size()), std::min(limit, 5));
  }
}

TEST_F(Connections, AServerOutOfReachIsNamed) {
  for (const std::string url : {"http://127.0.0.1:1", "127.0.0.1:1"}) {
    const auto connection = connect(url);
    EXPECT_EQ(connection->name(), "http://127.0.0.1:1");
    const auto answer = connection->get("/api/v1/runs");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
    EXPECT_THAT(answer.error().message, HasSubstr("127.0.0.1:1"));
  }
}

}  // namespace
}  // namespace sluice
