#include <gmock/gmock.h>

#include "api/test_kfp.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string create(KfpApi& api, const std::string& name) {
  return KfpApi::text(api.json(api.kfp_post("experiments", to_json(Value::of({{"display_name", name}})))), "experiment_id");
}

std::vector<std::string> names(const Value& list) {
  std::vector<std::string> names;
  if (const Value* rows = list.find("experiments"))
    for (const Value& row : rows->as_list()) names.push_back(KfpApi::text(row, "display_name"));
  return names;
}

TEST(KfpExperiments, TheDefaultOneIsThere) {
  KfpApi api;
  const Value list = api.kfp_json("experiments");
  EXPECT_THAT(names(list), ElementsAre("Default"));
  const Value first = api.kfp_json("experiments/0");
  EXPECT_EQ(first.string_or("experiment_id", ""), "0");
  EXPECT_EQ(first.string_or("storage_state", ""), "AVAILABLE");
  EXPECT_EQ(first.string_or("last_run_created_at", ""), "1970-01-01T00:00:00Z");
  EXPECT_EQ(first.find("namespace"), nullptr);
}

TEST(KfpExperiments, ASecondOneOfANameIsAConflict) {
  KfpApi api;
  const Value made = api.json(api.kfp_post("experiments", R"({"displayName": "wine", "description": "red", "namespace": "x"})"));
  EXPECT_EQ(made.string_or("display_name", ""), "wine");
  EXPECT_EQ(made.string_or("description", ""), "red");
  const HttpResponse again = api.kfp_post("experiments", R"({"display_name": "wine"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(rpc_error(again), StartsWith("6: "));
}

TEST(KfpExperiments, WrongBodiesAreRefused) {
  KfpApi api;
  const auto refused = [&](const std::string& body) {
    const HttpResponse response = api.kfp_post("experiments", body);
    EXPECT_EQ(response.status, 400) << body;
    return rpc_error(response);
  };
  EXPECT_THAT(refused("{}"), HasSubstr("display_name is empty"));
  EXPECT_THAT(refused(R"({"display_name": "a", "color": 1})"), HasSubstr("\"color\""));
  EXPECT_THAT(refused(R"({"display_name": 5})"), HasSubstr("display_name must be text"));
  EXPECT_THAT(refused("{"), HasSubstr("not JSON"));
  EXPECT_THAT(refused(R"({"display_name": ")" + std::string(129, 'x') + "\"}"), HasSubstr("128"));
}

TEST(KfpExperiments, ArchivingTakesItsRunsAlongAndUnarchivingDoesNot) {
  KfpApi api;
  const std::string id = create(api, "wine");
  const std::string run = api.create_run(step_line("a"), {{"experiment_id", id}});
  EXPECT_EQ(api.kfp_post("experiments/" + id + ":archive").body, "{}");
  EXPECT_EQ(api.kfp_json("experiments/" + id).string_or("storage_state", ""), "ARCHIVED");
  EXPECT_EQ(api.kfp_json("runs/" + run).string_or("storage_state", ""), "ARCHIVED");
  // Nothing is added to it, and nothing taken back, while it is archived.
  const std::string body =
      to_json(Value::of({{"display_name", "x"}, {"experiment_id", id}, {"pipeline_spec", KfpApi::spec_of(step_line("a"))}}));
  EXPECT_EQ(api.kfp_post("runs", body).status, 400);
  EXPECT_THAT(rpc_error(api.kfp_post("runs/" + run + ":unarchive")), StartsWith("9: "));
  EXPECT_EQ(api.kfp_post("experiments/" + id + ":unarchive").body, "{}");
  EXPECT_EQ(api.kfp_json("runs/" + run).string_or("storage_state", ""), "ARCHIVED");
  EXPECT_EQ(api.kfp_post("runs/" + run + ":unarchive").body, "{}");
  EXPECT_EQ(api.kfp_json("runs/" + run).string_or("storage_state", ""), "AVAILABLE");
}

TEST(KfpExperiments, ADeletedOneIsGoneAndItsRunsStay) {
  KfpApi api;
  const std::string id = create(api, "wine");
  const std::string run = api.create_run(step_line("a"), {{"experiment_id", id}});
  EXPECT_EQ(api.kfp_delete("experiments/" + id).body, "{}");
  EXPECT_EQ(api.kfp_get("experiments/" + id).status, 404);
  EXPECT_EQ(api.kfp_delete("experiments/" + id).status, 404);
  EXPECT_EQ(api.kfp_get("runs/" + run).status, 200);
  EXPECT_EQ(api.kfp_get("runs?experiment_id=" + id).status, 404);
  for (const char* other : {"x", "99", "-1", "12345678901234567890"})
    EXPECT_EQ(api.kfp_get("experiments/" + std::string(other)).status, 404) << other;
  EXPECT_THAT(rpc_error(api.kfp_delete("experiments/0")), StartsWith("9: "));
}

TEST(KfpExperiments, ListsArePagedByTheirTokens) {
  KfpApi api;
  for (const char* name : {"e-3", "e-1", "e-4", "e-0", "e-2"}) create(api, name);
  const std::string only =
      encode_percent(R"({"predicates": [{"operation": "IS_SUBSTRING", "key": "display_name", "string_value": "E-"}]})");
  std::vector<std::string> all;
  std::vector<std::size_t> sizes;
  std::string token;
  do {
    const Value page =
        api.kfp_json("experiments?page_size=2&sort_by=name%20desc&filter=" + only + "&page_token=" + encode_percent(token));
    EXPECT_EQ(page.int_or("total_size", 0), 5);
    for (const std::string& name : names(page)) all.push_back(name);
    sizes.push_back(names(page).size());
    token = KfpApi::text(page, "next_page_token");
  } while (!token.empty() && sizes.size() < 9);
  EXPECT_THAT(all, ElementsAre("e-4", "e-3", "e-2", "e-1", "e-0"));
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1));
  const std::string none = encode_percent(R"({"predicates": [{"operation": 1, "key": "name", "string_value": "none"}]})");
  EXPECT_EQ(to_json(api.kfp_json("experiments?filter=" + none)), "{}");
  for (const char* wrong : {"page_token=garbage!", "sort_by=colour", "filter=%7B%22predicates%22%3A1%7D", "page_size=-1"})
    EXPECT_EQ(api.kfp_get("experiments?" + std::string(wrong)).status, 400) << wrong;
}

TEST(KfpHealth, SaysThatThereIsOneUser) {
  KfpApi api;
  const Value health = api.kfp_json("healthz");
  EXPECT_EQ(at(health, "multi_user"), Value(false));
  EXPECT_EQ(health.string_or("pipeline_store", ""), "database");
}

TEST(KfpHealth, UnknownPathsAndRecurringRunsAreAnsweredInItsOwnWords) {
  KfpApi api;
  EXPECT_THAT(rpc_error(api.kfp_get("nothing")), StartsWith("5: "));
  EXPECT_EQ(api.kfp_get("nothing").status, 404);
  for (const char* path : {"recurringruns", "recurringruns/x"}) {
    EXPECT_EQ(api.kfp_get(path).status, 501);
    EXPECT_THAT(rpc_error(api.kfp_get(path)), StartsWith("12: "));
  }
  EXPECT_EQ(api.kfp_post("recurringruns", "{}").status, 501);
  EXPECT_EQ(api.kfp_post("recurringruns/x:disable").status, 501);
}

}  // namespace
}  // namespace sluice
