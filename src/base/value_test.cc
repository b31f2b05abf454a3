#include "base/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice {
namespace {

TEST(Value, KnowsItsKind) {
  EXPECT_TRUE(Value().is_null());
  EXPECT_TRUE(Value(nullptr).is_null());
  EXPECT_TRUE(Value(true).is_bool());
  EXPECT_TRUE(Value(1).is_number());
  EXPECT_TRUE(Value(std::uint64_t{7}).is_number());
  EXPECT_TRUE(Value("text").is_string()) << "a literal must not become a bool";
  EXPECT_TRUE(Value(List{}).is_list());
  EXPECT_TRUE(Value(Struct{}).is_struct());
  EXPECT_EQ(kind_name(Value(2.5).kind()), "number");
  EXPECT_EQ(kind_name(Value(List{1}).kind()), "list");
  EXPECT_EQ(kind_name(Value::of({}).kind()), "struct");
}

TEST(ValueDeathTest, TheWrongKindStopsTheProgram) {
  EXPECT_DEATH(static_cast<void>(Value("text").as_number()), "is_number");
  EXPECT_DEATH(static_cast<void>(Value(1).as_struct()), "is_struct");
}

TEST(Value, ComparesByContent) {
  const Value a = Value::of({{"x", List{1, "two", nullptr}}, {"y", Value::of({{"z", true}})}});
  const Value b = Value::of({{"y", Value::of({{"z", true}})}, {"x", List{1.0, "two", Value()}}});
  EXPECT_EQ(a, b) << "the order of fields and the shared storage do not matter";
  EXPECT_NE(a, Value::of({{"x", List{1, "two"}}}));
  EXPECT_NE(Value(0), Value(false));
  EXPECT_NE(Value(""), Value());
  EXPECT_NE(Value(List{}), Value(Struct{}));
}

TEST(Value, CopiesShareOneList) {
  const Value list = List(10'000, Value("item"));
  const Value copy = list;  // NOLINT(performance-unnecessary-copy-initialization): the copy is what is tested
  EXPECT_EQ(&copy.as_list(), &list.as_list());
}

TEST(Value, FieldsAreReadWithAFallback) {
  const Value row = Value::of({{"name", "fit"}, {"retries", 3}, {"cache", true}, {"score", 0.5}});
  EXPECT_EQ(row.string_or("name", "?"), "fit");
  EXPECT_EQ(row.string_or("retries", "?"), "?") << "a field of another kind is not there";
  EXPECT_EQ(row.int_or("retries", 1), 3);
  EXPECT_EQ(row.int_or("absent", 1), 1);
  EXPECT_EQ(row.bool_or("cache", false), true);
  EXPECT_EQ(row.number_or("score", 0), 0.5);
  EXPECT_EQ(row.find("absent"), nullptr);
  EXPECT_EQ(Value(List{1}).find("name"), nullptr);
  ASSERT_NE(row.find("name"), nullptr);
  EXPECT_EQ(row.find("name")->as_string(), "fit");
}

TEST(Value, IntegersThatDoNotFitAreCutToTheRange) {
  const Value row = Value::of({{"huge", 1e300}, {"deep", -1e300}, {"nan", std::nan("")}, {"cut", 2.9}});
  EXPECT_EQ(row.int_or("huge", 0), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(row.int_or("deep", 0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(row.int_or("nan", 42), 42) << "not a number is no integer";
  EXPECT_EQ(row.int_or("cut", 0), 2);
  EXPECT_EQ(row.int_or("absent", std::numeric_limits<std::int64_t>::max()), std::numeric_limits<std::int64_t>::max())
      << "the fallback does not pass through a double";
}

}  // namespace
}  // namespace sluice
