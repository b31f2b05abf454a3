#include "spec/documents.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace sluice {
namespace {

TEST(Documents, EachDocumentIsAValueAndEmptyOnesAreLeftOut) {
  const auto documents = read_documents("a: [1, 2.5, 'x']\n---\n---\nb: null\n", "f.yaml");
  ASSERT_TRUE(documents.has_value()) << documents.error().message;
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ(to_json(documents->at(0)), R"({"a":[1,2.5,"x"]})");
  EXPECT_EQ(to_json(documents->at(1)), R"({"b":null})");
}

TEST(Documents, JsonIsADocumentToo) {
  const auto documents = read_documents(R"({"a": {"b": 5.0}})", "f.json");
  ASSERT_TRUE(documents.has_value());
  EXPECT_EQ(to_json(documents->at(0)), R"({"a":{"b":5}})");
}

TEST(Documents, ABrokenTextIsAnErrorWithItsPlace) {
  const auto documents = read_documents("a: [1\nb: 2\n", "f.yaml");
  ASSERT_FALSE(documents.has_value());
  EXPECT_EQ(documents.error().code, Code::kInvalid);
  EXPECT_THAT(documents.error().message, testing::StartsWith("f.yaml:"));
}

}  // namespace
}  // namespace sluice
