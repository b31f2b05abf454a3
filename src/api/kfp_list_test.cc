#include "api/kfp_list.h"

#include <gmock/gmock.h>

#include "base/base64.h"
#include "base/json.h"
#include "store/row_fields.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

KfpList runs(const KfpListArguments& arguments) {
  auto list = read_kfp_list(kfp_run_fields(), arguments);
  EXPECT_TRUE(list.has_value()) << list.error().message;
  if (!list) return {};
  EXPECT_TRUE(checked_query(list->query, run_fields()).has_value());
  return *list;
}

std::string problem(const KfpListArguments& arguments, const KfpFields& fields = kfp_run_fields()) {
  const auto list = read_kfp_list(fields, arguments);
  EXPECT_FALSE(list.has_value()) << arguments.filter << arguments.sort_by << arguments.page_token;
  if (list) return {};
  EXPECT_EQ(list.error().code, Code::kInvalid);
  return list.error().message;
}

// One predicate of a filter, as its rest: R"("key": "name", ...)".
std::string filter(const std::string& predicate) { return R"({"predicates": [{)" + predicate + "}]}"; }

std::vector<Predicate> where(const std::string& predicate) { return runs({.filter = filter(predicate)}).query.where; }

std::string text(const std::vector<Predicate>& predicates) {
  constexpr const char* kNames[] = {"=", "!=", ">", ">=", "<", "<=", "in", "~"};
  std::string out;
  for (const Predicate& predicate : predicates) {
    out += (out.empty() ? "" : " & ") + predicate.field + " " + kNames[static_cast<int>(predicate.compare)];
    for (const FieldValue& value : predicate.values)
      out += " " + (value.index() == 0 ? std::to_string(std::get<0>(value)) : std::get<1>(value));
  }
  return out;
}

TEST(KfpList, PageSizesAreClampedAndNegativeOnesRefused) {
  EXPECT_EQ(runs({}).query.limit, 20);
  EXPECT_EQ(runs({.page_size = "0"}).query.limit, 20);
  EXPECT_EQ(runs({.page_size = "7"}).query.limit, 7);
  EXPECT_EQ(runs({.page_size = "100000"}).query.limit, 200);
  EXPECT_THAT(problem({.page_size = "-1"}), HasSubstr("negative"));
  EXPECT_THAT(problem({.page_size = "x"}), HasSubstr("whole number"));
}

TEST(KfpList, SortingIsByAFieldAndADirectionInAnyCase) {
  EXPECT_EQ(runs({}).query.sort, "created");
  EXPECT_FALSE(runs({}).query.descending);
  EXPECT_EQ(runs({.sort_by = "Finished_At DESC"}).query.sort, "ended");
  EXPECT_TRUE(runs({.sort_by = "Finished_At DESC"}).query.descending);
  EXPECT_EQ(runs({.sort_by = "name"}).query.sort, "name");
  EXPECT_THAT(problem({.sort_by = "colour"}), HasSubstr("no field 'colour'"));
  EXPECT_THAT(problem({.sort_by = "name up"}), HasSubstr("'name up'"));
  EXPECT_THAT(problem({.sort_by = "name asc asc"}), HasSubstr("sort_by"));
  EXPECT_THAT(problem({.sort_by = " "}), HasSubstr("sort_by"));
}

TEST(KfpList, EveryFieldOfEachTableIsOneOfTheStore) {
  const auto check = [](const KfpFields& fields, const FieldTable& table) {
    for (const KfpField& field : fields.fields) {
      const auto list = read_kfp_list(fields, {.sort_by = field.name});
      ASSERT_TRUE(list.has_value()) << field.name;
      EXPECT_TRUE(checked_query(list->query, table).has_value()) << field.name;
    }
  };
  check(kfp_experiment_fields(), experiment_fields());
  check(kfp_pipeline_fields(), pipeline_fields());
  check(kfp_version_fields(), version_fields());
  check(kfp_run_fields(), run_fields());
}

TEST(KfpList, OperationsAreNumbersOrNamesAndKeysInBothSpellings) {
  EXPECT_EQ(text(where(R"("operation": 1, "key": "display_name", "stringValue": "a")")), "name = a");
  EXPECT_EQ(text(where(R"("operation": "NOT_EQUALS", "key": "name", "string_value": "a")")), "name != a");
  EXPECT_EQ(text(where(R"("operation": 9, "key": "name", "stringValue": "a")")), "name ~ a");
  EXPECT_EQ(text(where(R"("operation": "IN", "key": "name", "string_values": {"values": ["a", "b"]})")), "name in a b");
  EXPECT_EQ(text(where(R"("op": "EQUALS", "key": "name", "string_value": "a")")), "name = a");
  for (const char* operation : {"4", "0", "10", "\"LIKE\"", "null", "1.5"})
    EXPECT_THAT(problem({.filter = filter(R"("key": "name", "string_value": "a", "operation": )" + std::string(operation))}),
                HasSubstr("operation"));
}

TEST(KfpList, TimesAreComparedAsWholeSeconds) {
  const std::string time = R"("key": "created_at", "timestamp_value": "1970-01-01T00:00:05Z", "operation": )";
  EXPECT_EQ(text(where(time + "1")), "created >= 5000000 & created < 6000000");
  EXPECT_EQ(text(where(time + "3")), "created >= 6000000");
  EXPECT_EQ(text(where(time + "5")), "created >= 5000000");
  EXPECT_EQ(text(where(time + "6")), "created < 5000000");
  EXPECT_EQ(text(where(time + "7")), "created < 6000000");
  EXPECT_EQ(text(where(R"("operation": 6, "key": "created_at", "long_value": "7")")), "created < 7000000");
  EXPECT_EQ(text(where(R"("operation": 6, "key": "finished_at", "int_value": 7)")), "ended < 7000000");
  EXPECT_THAT(problem({.filter = filter(time + "2")}), HasSubstr("created_at"));
  EXPECT_THAT(problem({.filter = filter(R"("operation": 1, "key": "created_at", "string_value": "x")")}), HasSubstr("timestamp"));
}

TEST(KfpList, StatesGoByWhatIsShown) {
  const auto states = [](const char* operation, const char* value) {
    return text(where(R"("key": "state", "string_value": ")" + std::string(value) + R"(", "operation": )" + operation));
  };
  EXPECT_EQ(states("1", "FAILED"), "state in FAILED CANCELED");
  EXPECT_EQ(states("1", "CANCELED"), "state in CANCELED");
  EXPECT_EQ(states("1", "RUNNING"), "state in RUNNING INTERRUPTED");
  EXPECT_EQ(states("2", "FAILED"), "state in PENDING RUNNING INTERRUPTED PAUSED CANCELING SUCCEEDED");
  EXPECT_EQ(states("9", "SUCC"), "state in SUCCEEDED");
  EXPECT_EQ(states("1", "SOMETHING"), "id = -1");
  EXPECT_EQ(text(where(R"("operation": 1, "key": "status", "string_value": "Succeeded")")), "state in SUCCEEDED");
  EXPECT_EQ(text(where(R"("operation": 1, "key": "storage_state", "string_value": "ARCHIVED")")), "storage in ARCHIVED");
}

TEST(KfpList, IdsThatNobodyCanHaveMatchNothing) {
  EXPECT_EQ(text(where(R"("operation": 1, "key": "experiment_id", "string_value": "12")")), "experiment = 12");
  EXPECT_EQ(text(where(R"("operation": 1, "key": "experiment_id", "string_value": "twelve")")), "id = -1");
  EXPECT_EQ(text(where(R"("operation": 2, "key": "run_id", "string_value": "twelve")")), "");
  EXPECT_EQ(text(where(R"("operation": 1, "key": "recurring_run_id", "string_value": "x")")), "id = -1");
  EXPECT_EQ(text(where(R"("operation": 1, "key": "namespace", "string_value": "")")), "");
}

TEST(KfpList, TagsAreForPipelinesAndForEquality) {
  const std::string tag = filter(R"("operation": 1, "key": "tags.team", "string_value": "blue")");
  EXPECT_EQ(text(read_kfp_list(kfp_pipeline_fields(), {.filter = tag})->query.where), "tag:team = blue");
  EXPECT_THAT(problem({.filter = tag}), HasSubstr("tags.team"));
  EXPECT_THAT(problem({.filter = filter(R"("operation": 9, "key": "tags.team", "string_value": "blue")")}, kfp_pipeline_fields()),
              HasSubstr("EQUALS"));
}

TEST(KfpList, WrongFiltersAreRefused) {
  const auto refused = [](const std::string& predicate) { return problem({.filter = filter(predicate)}); };
  EXPECT_THAT(refused(R"("operation": 1, "key": "colour", "string_value": "a")"), HasSubstr("'colour'"));
  EXPECT_THAT(refused(R"("operation": 1, "key": "", "string_value": "a")"), HasSubstr("key is empty"));
  EXPECT_THAT(refused(R"("operation": 1, "key": "name")"), HasSubstr("value is missing"));
  EXPECT_THAT(refused(R"("operation": 1, "key": "name", "string_value": "a", "int_value": 1)"), HasSubstr("stands twice"));
  EXPECT_THAT(refused(R"("operation": 8, "key": "name", "string_value": "a")"), HasSubstr("list for IN"));
  EXPECT_THAT(refused(R"("operation": 1, "key": "name", "string_values": {"values": ["a"]})"), HasSubstr("only IN"));
  EXPECT_THAT(refused(R"("operation": 9, "key": "name", "int_value": 1)"), HasSubstr("IS_SUBSTRING"));
  EXPECT_THAT(refused(R"("operation": 1, "key": "name", "int_value": 1)"), HasSubstr("string_value"));
  EXPECT_THAT(refused(R"("operation": 1, "key": "name", "string_value": "a", "more": 1)"), HasSubstr("predicates[0].more"));
  EXPECT_THAT(problem({.filter = "{"}), HasSubstr("not JSON"));
  EXPECT_THAT(problem({.filter = R"({"predicate": []})"}), HasSubstr("predicate"));
}

TEST(KfpList, AFilterMayBeEncodedOnceMore) {
  EXPECT_EQ(text(runs({.filter = "%7B%22predicates%22%3A%5B%7B%22operation%22%3A1%2C%22key%22%3A%22name%22%2C"
                                 "%22string_value%22%3A%22a+b%22%7D%5D%7D"})
                     .query.where),
            "name = a b");
  // Text that is JSON as it is keeps its plus and percent signs.
  EXPECT_EQ(text(where(R"("operation": 1, "key": "name", "string_value": "a+b%20c")")), "name = a+b%20c");
}

TEST(KfpList, ATokenGoesOnWhereItSays) {
  const std::string only = filter(R"("operation": 9, "key": "name", "string_value": "a")");
  const KfpList first = runs({.sort_by = "name desc", .filter = only});
  const Cursor next{std::string("m"), 7};
  const std::string token = first.next_page_token(next);
  EXPECT_EQ(runs({.page_token = token, .sort_by = "name desc", .filter = only}).query.from, next);
  // Its own settings hold where none are given, and are handed on.
  const KfpList bare = runs({.page_token = token});
  EXPECT_EQ(bare.query.sort, "name");
  EXPECT_TRUE(bare.query.descending);
  EXPECT_EQ(text(bare.query.where), "name ~ a");
  EXPECT_EQ(bare.next_page_token(next), token);
  // The same in other words is the same.
  EXPECT_EQ(runs({.page_token = token, .sort_by = "NAME DESC", .filter = only}).query.from, next);
  EXPECT_THAT(problem({.page_token = token, .sort_by = "name asc", .filter = only}), HasSubstr("another sort_by or filter"));
  EXPECT_THAT(problem({.page_token = token, .sort_by = "name desc"}), HasSubstr("another sort_by or filter"));
  EXPECT_EQ(first.next_page_token(std::nullopt), "");
}

TEST(KfpList, NumbersBeyondADoubleSurviveInAToken) {
  const Cursor next{std::int64_t{9007199254740993}, 9007199254740995};
  EXPECT_EQ(runs({.page_token = runs({}).next_page_token(next)}).query.from, next);
}

TEST(KfpList, GarbageIsNoToken) {
  const auto token = [](const std::string& json) { return encode_base64(json); };
  for (const std::string& garbage :
       {std::string("garbage!"), std::string("AAAA"), token("{}"), token("[1]"), token(R"({"id":"x","number":"1"})"),
        token(R"({"id":"1"})"), token(R"({"id":"1","text":"a"})"), token(R"({"id":"1","number":"1","sort":"colour"})"),
        token(R"({"id":"1","number":"1","sort":"name"})")})
    EXPECT_THAT(problem({.page_token = garbage}), testing::AnyOf("Invalid page token", HasSubstr("colour"))) << garbage;
}

}  // namespace
}  // namespace sluice
