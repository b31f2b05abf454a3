#include "api/kfp_spec.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "engine/test_engine.h"
#include "spec/parse.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPlatform =
    "platforms:\n  kubernetes:\n    deploymentSpec:\n      executors:\n        exec-step: {}\n";

TEST(KfpSpec, ATextOfOneDocumentIsTheBareSpec) {
  const Value spec = spec_value(pipeline_text(step_line("a"))).value();
  EXPECT_EQ(spec.find("pipelineInfo")->string_or("name", ""), "test");
  // And back: what a client sends of it is read as the same pipeline.
  const ParsedPipeline parsed = parse_pipeline(spec_text(spec), "f");
  EXPECT_TRUE(parsed.errors.empty());
  EXPECT_EQ(parsed.pipeline.name, "test");
}

TEST(KfpSpec, APlatformDocumentIsPutBesideTheSpec) {
  const Value spec = spec_value(pipeline_text(step_line("a")) + "---\n" + std::string(kPlatform)).value();
  EXPECT_EQ(spec.find("pipeline_spec")->find("pipelineInfo")->string_or("name", ""), "test");
  ASSERT_NE(spec.find("platform_spec"), nullptr);
  EXPECT_NE(spec.find("platform_spec")->find("platforms"), nullptr);
  const ParsedPipeline parsed = parse_pipeline(spec_text(spec), "f");
  EXPECT_TRUE(parsed.errors.empty()) << parsed.errors.front().text();
  EXPECT_EQ(spec_value(spec_text(spec)).value(), spec);
}

TEST(KfpSpec, IntegralDoublesAreIntegers) {
  const Value spec = parse_json(R"({"deploymentSpec": {"n": 5.0, "x": 2.5}})").value();
  EXPECT_EQ(spec_text(spec), R"({"deploymentSpec":{"n":5,"x":2.5}})");
}

TEST(KfpSpec, EverythingWrongIsSaidAtOnce) {
  const auto checked = checked_pipeline(pipeline_text(step_line("a", "gone") + step_line("b", "lost")), "p.yaml");
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, Code::kInvalid);
  EXPECT_THAT(checked.error().message, testing::AllOf(HasSubstr("gone"), HasSubstr("lost"), HasSubstr("p.yaml:")));
}

TEST(KfpSpec, AConditionThatDoesNotParseIsFoundBeforeARun) {
  const auto checked = checked_pipeline(pipeline_text(step_line("a", "", ", triggerPolicy: {condition: '1 =='}")), "p.yaml");
  ASSERT_FALSE(checked.has_value());
  EXPECT_THAT(checked.error().message, HasSubstr("p.yaml:"));
}

TEST(KfpSpec, TextsAreKeptWhileThereIsRoom) {
  const auto store = make_memory_store();
  const auto digest = [&](const std::string& name) {
    const std::string text = pipeline_text(step_line(name));
    static std::uint8_t number = 0;
    NewRun run{.uuid = Uuid{{++number}}, .spec = text};
    EXPECT_TRUE(store->create(run, Sync::kNormal).has_value());
    return store->run(run.uuid)->spec_digest;
  };
  const std::string a = digest("a");
  const std::string b = digest("b");
  SpecCache cache(1000);
  const Value first = cache.get(*store, a);
  EXPECT_FALSE(first.is_null());
  EXPECT_EQ(cache.get(*store, b).is_null(), false);
  EXPECT_EQ(cache.get(*store, a), first);
  EXPECT_TRUE(cache.get(*store, "sha256:none").is_null());
}

}  // namespace
}  // namespace sluice
