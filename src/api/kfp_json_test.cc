#include "api/kfp_json.h"

#include <gmock/gmock.h>

#include <array>

#include "api/kfp_error.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr std::array<std::string_view, 4> kModes{"MODE_UNSPECIFIED", "ENABLE", "", "DISABLE"};

struct Read {
  std::string text;
  std::int64_t number = 0;
  std::string mode;
  std::string inner;
  Tags tags;
};

Result<Read> read(std::string_view body) {
  Read out;
  const Status done = read_message(body, [&](MessageReader& message) {
    out.text = message.text("display_name");
    out.number = message.integer("max_concurrency");
    out.mode = message.choice("mode", kModes);
    if (auto inner = message.message("package_url")) {
      out.inner = inner->text("pipeline_url");
      inner->refuse_others();
    }
    out.tags = message.texts("tags").value_or(Tags{});
    message.pass_over({"created_at"});
  });
  if (!done) return fail(done.error());
  return out;
}

std::string problem(std::string_view body) {
  const auto done = read(body);
  EXPECT_FALSE(done.has_value()) << body;
  if (done) return {};
  EXPECT_EQ(done.error().code, Code::kInvalid);
  return done.error().message;
}

TEST(Messages, BothSpellingsOfANameAreRead) {
  EXPECT_EQ(read(R"({"display_name": "a", "package_url": {"pipeline_url": "u"}})")->inner, "u");
  const auto camel = read(R"({"displayName": "a", "packageUrl": {"pipelineUrl": "u"}, "createdAt": "whatever"})");
  ASSERT_TRUE(camel.has_value()) << camel.error().message;
  EXPECT_EQ(camel->text, "a");
  EXPECT_EQ(camel->inner, "u");
  EXPECT_THAT(problem(R"({"display_name": "a", "displayName": "b"})"), HasSubstr("stands twice"));
}

TEST(Messages, IntegersMayBeTextAndEnumsNumbers) {
  const auto done = read(R"({"max_concurrency": "9007199254740993", "mode": 3})");
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->number, 9007199254740993);
  EXPECT_EQ(done->mode, "DISABLE");
  EXPECT_EQ(read(R"({"max_concurrency": 7, "mode": "ENABLE"})")->mode, "ENABLE");
  EXPECT_THAT(problem(R"({"max_concurrency": 1.5})"), HasSubstr("max_concurrency must be a whole number"));
  EXPECT_THAT(problem(R"({"mode": 2})"), HasSubstr("mode has no value 2"));
  EXPECT_THAT(problem(R"({"mode": "ON"})"), HasSubstr("mode has no value \"ON\""));
}

TEST(Messages, NullIsTheSameAsAbsent) {
  const auto done = read(R"({"display_name": null, "package_url": null, "tags": null})");
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->text, "");
}

TEST(Messages, WhatIsWrongIsNamedWithItsPath) {
  EXPECT_THAT(problem(R"({"display_nam": "a"})"), HasSubstr("unknown field \"display_nam\"; did you mean 'display_name'?"));
  EXPECT_THAT(problem(R"({"package_url": {"url": "a"}})"), HasSubstr("unknown field \"package_url.url\""));
  EXPECT_THAT(problem(R"({"package_url": {"pipeline_url": 1}})"),
              HasSubstr("package_url.pipeline_url must be text, not a number"));
  EXPECT_THAT(problem(R"({"tags": {"a": 1}})"), HasSubstr("tags.a must be text"));
  EXPECT_THAT(problem(R"([1])"), HasSubstr("the body must be an object, not a list"));
  EXPECT_THAT(problem("{"), HasSubstr("not JSON"));
  EXPECT_THAT(problem(""), HasSubstr("not JSON"));
}

TEST(Messages, DefaultsAreLeftOut) {
  JsonWriter json;
  json.begin_object();
  FieldWriter(json).text("a", "").integer("b", 0).integer64("c", 0).flag("d", false).texts("e", {}).error("f", 13, "");
  EXPECT_EQ(json.end_object().take(), "{}");
  JsonWriter full;
  full.begin_object();
  FieldWriter(full).text("a", "x").integer("b", 1).integer64("c", 2).flag("d", true).texts("e", {{"k", "v"}}).error("f", 13, "y");
  FieldWriter(full).time("g", Instant{});
  EXPECT_EQ(full.end_object().take(),
            R"({"a":"x","b":1,"c":"2","d":true,"e":{"k":"v"},"f":{"code":13,"message":"y"},"g":"1970-01-01T00:00:00Z"})");
}

TEST(KfpErrors, ABodyIsAStatusOfGoogleRpc) {
  const HttpResponse response = kfp_error({Code::kNotFound, "Run x not found", ""});
  EXPECT_EQ(response.status, 404);
  const Value body = parse_json(response.body).value();
  EXPECT_EQ(body.int_or("code", 0), 5);
  EXPECT_EQ(body.string_or("message", ""), "Run x not found");
  const Value& detail = body.find("details")->as_list().front();
  EXPECT_EQ(detail.string_or("@type", ""), "type.googleapis.com/google.rpc.Status");
  EXPECT_EQ(detail.int_or("code", 0), 5);
  EXPECT_EQ(detail.string_or("message", ""), "Run x not found");
}

TEST(KfpErrors, EachCodeHasItsStatus) {
  EXPECT_EQ(http_status(RpcCode::kFailedPrecondition), 400);
  EXPECT_EQ(http_status(RpcCode::kAborted), 409);
  EXPECT_EQ(http_status(RpcCode::kUnimplemented), 501);
  EXPECT_EQ(kfp_error({Code::kInvalid, "a", ""}).status, 400);
  EXPECT_EQ(kfp_error({Code::kConflict, "a", ""}).status, 409);
  EXPECT_EQ(kfp_error({Code::kUnavailable, "a", ""}).status, 503);
  EXPECT_EQ(kfp_error({Code::kCorrupt, "a", ""}).status, 500);
  const HttpResponse upload = kfp_upload_error({Code::kConflict, "taken", "another"});
  EXPECT_EQ(upload.status, 409);
  EXPECT_EQ(upload.body, R"x({"error_message":"taken","error_details":"taken (another)"})x");
}

}  // namespace
}  // namespace sluice
