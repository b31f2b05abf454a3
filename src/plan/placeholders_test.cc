#include "plan/placeholders.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"

namespace sluice {
namespace {

// Answers every placeholder with its own shape and names.
std::optional<std::string> echo(const Placeholder& placeholder) {
  std::string out = "<" + placeholder.shape;
  for (const std::string& name : placeholder.names) out += "," + name;
  return out + ">";
}
std::optional<std::string> unknown(const Placeholder&) { return std::nullopt; }
std::optional<std::string> shape_of(std::string_view text) {
  const auto placeholder = parse_placeholder(text);
  return placeholder ? echo(*placeholder) : std::nullopt;
}

TEST(Placeholders, AreTakenApartIntoShapeAndNames) {
  EXPECT_EQ(shape_of("{{$}}"), "<>");
  EXPECT_EQ(shape_of("{{$.pipeline_job_name}} and more"), "<.pipeline_job_name>");
  EXPECT_EQ(shape_of("{{$.inputs.parameters['a b']}}"), "<.inputs.parameters[],a b>");
  EXPECT_EQ(shape_of("{{$.inputs.artifacts['a'].metadata['k']}}"), "<.inputs.artifacts[].metadata[],a,k>");
  EXPECT_EQ(shape_of("{{$.inputs.parameters['}}']}}"), "<.inputs.parameters[],}}>");
}

TEST(Placeholders, WhatIsNoneIsNotTaken) {
  for (const char* text :
       {"", "{{", "{{$", "{{$.", "{{$.}}", "{{$x}}", "{{$.a", "{{$.a}", "{{$['a}}", "{{$['", "{{$[']}}", "{{$.a[b]}}",
        "{{$.a[1]}}", "{{ $ }}", "{{$.json_escape}} x", "x{{$}}", "{{$.json_escape[9]}}", "{{$.json_escape[1].a}}"})
    EXPECT_EQ(shape_of(text),
              std::string_view(text) == "{{$.json_escape}} x" ? std::optional<std::string>("<.json_escape>") : std::nullopt)
        << text;
  EXPECT_EQ(shape_of("{{$.a" + std::string(2000, 'a') + "}}"), std::nullopt);
}

TEST(Placeholders, AreReplacedInOnePassFromLeftToRight) {
  EXPECT_EQ(expand_placeholders("a{{$.x}}b{{$.y['k']}}c", echo), "a<.x>b<.y[],k>c");
  EXPECT_EQ(expand_placeholders("{{{{$.x}}}}", echo), "{{<.x>}}");
  EXPECT_EQ(expand_placeholders("{{${{$.x}}", echo), "{{$<.x>");
  const auto again = [](const Placeholder&) { return std::optional<std::string>("{{$.x}}"); };
  EXPECT_EQ(expand_placeholders("{{$.x}}{{$.x}}", again), "{{$.x}}{{$.x}}");
}

TEST(Placeholders, ThatAreUnknownStay) {
  EXPECT_EQ(expand_placeholders("a{{$.x}}b{{$.inputs.parameters['x']}}", unknown), "a{{$.x}}b{{$.inputs.parameters['x']}}");
}

TEST(Placeholders, CanBeEscapedForJsonInsideOfJson) {
  const auto quote = [](const Placeholder&) { return std::optional<std::string>("{\"a\"}"); };
  EXPECT_EQ(expand_placeholders("{{$.json_escape[0]}}", quote), R"({"a"})");
  EXPECT_EQ(expand_placeholders("{{$.json_escape[1]}}", quote), R"({\"a\"})");
  EXPECT_EQ(expand_placeholders("{{$.inputs.parameters['x'].json_escape[2]}}", quote), R"({\\\"a\\\"})");
}

// Bytes without "{{", of every kind that the scanner looks at.
std::string random_text(std::mt19937& random, std::string_view alphabet) {
  std::string out;
  for (std::size_t length = random() % 60; out.size() < length;) {
    const char c = alphabet[random() % alphabet.size()];
    if (c != '{' || out.empty() || out.back() != '{') out += c;
  }
  return out;
}

TEST(Placeholders, TextWithoutDoubleBracesComesOutUnchanged) {
  std::mt19937 random(17);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = random_text(random, "{}$.['x]\\\"( )\n\xC3\xA4");
    EXPECT_EQ(expand_placeholders(text, echo), text);
    const Value value = Value::of({{"k", List{text, 1}}});
    EXPECT_EQ(fill_references(value, {.input = [](const std::string&) { return nullptr; }, .whole = echo, .inside = echo}),
              value);
  }
}

TEST(Env, TextWithoutDollarsAndDoubleBracesComesOutUnchanged) {
  std::mt19937 random(23);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = random_text(random, "{}.['x]\\\"( )\n");
    EXPECT_EQ(expand_env(text, {{"x", "1"}}, echo), text);
  }
}

TEST(Env, NamesEarlierVariables) {
  const std::vector<std::pair<std::string, std::string>> earlier{{"A", "1"}, {"B", "$(A)"}, {"A", "2"}};
  EXPECT_EQ(expand_env("$(A)/$(B)", earlier, unknown), "2/$(A)");
  EXPECT_EQ(expand_env("$(NO) $(A $A $", earlier, unknown), "$(NO) $(A $A $");
  EXPECT_EQ(expand_env("$$(A) $$$(A) a$$b", earlier, unknown), "$(A) $2 a$b");
}

TEST(Env, MayHoldPlaceholdersWhoseValuesAreNotExpandedAgain) {
  const auto dollar = [](const Placeholder&) { return std::optional<std::string>("$(A)"); };
  EXPECT_EQ(expand_env("{{$.x}}$(A)", {{"A", "{{$.x}}"}}, dollar), "$(A){{$.x}}");
  EXPECT_EQ(expand_env("{{$.x}}", {}, unknown), "{{$.x}}");
}

TEST(ArtifactPath, FollowsTheRulesOfTheExecutor) {
  const auto path = [](std::string uri, std::string custom = "", std::string title = "") {
    return artifact_path({.type = {.schema_title = std::move(title)}, .uri = std::move(uri), .custom_path = std::move(custom)});
  };
  EXPECT_EQ(path("/data/a"), "/data/a");
  EXPECT_EQ(path("gs://b/k"), "/gcs/b/k");
  EXPECT_EQ(path("s3://b/k"), "/s3/b/k");
  EXPECT_EQ(path("minio://b/k"), "/minio/b/k");
  EXPECT_EQ(path("oci://r/m:1"), "/oci/r_m:1");
  EXPECT_EQ(path("oci://r/m:1", "", "system.Model"), "/oci/r_m:1/models");
  EXPECT_EQ(path("https://h/x"), "https://h/x");
  EXPECT_EQ(path("s3://b/k", "/tmp/x"), "/tmp/x");
}

}  // namespace
}  // namespace sluice
