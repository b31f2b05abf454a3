#include <gmock/gmock.h>

#include "api/test_service.h"

namespace sluice {
namespace {

using testing::HasSubstr;

TEST(OwnGarbage, ACollectionIsAskedForAndTellsHowFarItIs) {
  TestApi api;
  const HttpResponse begun = api.post("/api/v1/gc", R"({"dry_run": true, "grace": "10m"})");
  EXPECT_EQ(begun.status, 202) << begun.body;
  ASSERT_EQ(api.service.collections.size(), 1U);
  EXPECT_TRUE(api.service.collections[0].first);
  EXPECT_EQ(api.service.collections[0].second, Duration(std::chrono::minutes(10)));
  const Value state = api.get_json("/api/v1/gc");
  EXPECT_TRUE(state.bool_or("dry_run", false));
  EXPECT_FALSE(state.bool_or("running", true));
  EXPECT_EQ(state.int_or("size_bytes", 0), 4096);
  EXPECT_EQ(state.find("kinds")->as_list().at(0).string_or("kind", ""), "objects");
  EXPECT_TRUE(state.find("error")->is_null());
  EXPECT_EQ(state.string_or("began", ""), "1970-01-01T00:00:01.000000Z");
}

TEST(OwnGarbage, AGraceThatIsNoDurationIsRefused) {
  TestApi api;
  for (const char* body : {R"({"grace": "often"})", R"({"grace": 3})", R"({"dry": true})", "[]"}) {
    const HttpResponse refused = api.post("/api/v1/gc", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_THAT(refused.body, HasSubstr("errors"));
  }
  EXPECT_TRUE(api.service.collections.empty());
}

}  // namespace
}  // namespace sluice
