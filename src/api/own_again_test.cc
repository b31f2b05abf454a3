// Runs that go on, and runs compared, through the API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_service.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

const std::string kTwo = pipeline_text(step_line("a") + step_line("b", "a"));
const std::string kThree = pipeline_text(step_line("a") + step_line("b", "a") + step_line("c", "b"));

class OwnAgain : public ::testing::Test {
 protected:
  std::string succeeded() {
    const std::string run = api_.submit(kTwo);
    api_.service.succeed("a", y_is(1));
    api_.service.succeed("b", y_is(2));
    return run;
  }
  std::string state_of(const std::string& run, const std::string& task) {
    const Value document = api_.get_json("/api/v1/runs/" + run);
    const Value* row = document.find("tasks")->find("root/" + task);
    return row == nullptr ? "" : std::string(row->string_or("state", ""));
  }
  TestApi api_;
};

TEST_F(OwnAgain, ASuccessIsRetriedFromATask) {
  const std::string run = succeeded();
  EXPECT_EQ(api_.post("/api/v1/runs/" + run + "/retry").status, 409);
  EXPECT_EQ(api_.post("/api/v1/runs/" + run + "/retry", R"({"from": "c"})").status, 404);
  EXPECT_EQ(api_.post("/api/v1/runs/" + run + "/retry", R"({"from": 3})").status, 400);
  const Value answer = api_.json(api_.post("/api/v1/runs/" + run + "/retry", R"({"from": "b"})"));
  EXPECT_EQ(answer.string_or("state", ""), "RUNNING");
  EXPECT_EQ(state_of(run, "a") + " " + state_of(run, "b"), "SUCCEEDED QUEUED");
}

TEST_F(OwnAgain, ARunGoesOnAsAnotherPipeline) {
  const std::string run = succeeded();
  const std::string target = "/api/v1/runs/" + run + "/restart";
  EXPECT_EQ(api_.post(target).status, 400);
  EXPECT_EQ(api_.post(target, to_json(Value::of({{"spec", "no pipeline"}}))).status, 400);
  EXPECT_EQ(state_of(run, "b"), "SUCCEEDED");
  const Value answer = api_.json(api_.post(target, to_json(Value::of({{"spec", kThree}}))));
  EXPECT_EQ(answer.string_or("run_id", ""), run);
  for (const char* task : {"a", "b"}) api_.service.on_loop([&] { api_.service.hands.cached(task); });
  EXPECT_EQ(state_of(run, "a") + " " + state_of(run, "b") + " " + state_of(run, "c"), "CACHED CACHED QUEUED");
  EXPECT_EQ(api_.get("/api/v1/runs/" + run + "/spec").body, kThree);
  EXPECT_EQ(api_.post(target, to_json(Value::of({{"spec", kThree}}))).status, 409) << "it is running";
}

TEST_F(OwnAgain, TwoRunsAreCompared) {
  const std::string a = succeeded();
  const std::string b = api_.submit(kTwo);
  api_.service.succeed("a", y_is(1));
  api_.service.succeed("b", y_is(3));
  const Value diff = api_.get_json("/api/v1/runs/" + a + "/diff?with=" + b);
  EXPECT_FALSE(diff.bool_or("same", true));
  EXPECT_EQ(to_json(*diff.find("first")), R"({"a":"2","b":"3","follows":false,"name":"y","task":"root/b","what":"output"})");
  EXPECT_TRUE(api_.get_json("/api/v1/runs/" + a + "/diff?with=" + a).bool_or("same", false));
  EXPECT_THAT(api_.get("/api/v1/runs/" + a + "/diff").body, HasSubstr("'with' is missing"));
  EXPECT_EQ(api_.get("/api/v1/runs/" + a + "/diff?with=ffffffff").status, 404);
}

}  // namespace
}  // namespace sluice
