#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string json_number(double number) {
  std::string out;
  append_json_number(out, number);
  return out;
}
std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string error_of(std::string_view text) {
  const auto parsed = parse_json(text);
  return parsed ? "no error: " + to_json(*parsed) : parsed.error().message;
}

TEST(JsonNumber, IsWrittenByTheRulesOfJavaScriptAndOfGo) {
  struct Row {
    double number;
    const char* es6;  // String(number) in a browser
    const char* go;   // strconv.FormatFloat(number, 'f', -1, 64)
  };
  const std::array rows{
      Row{0, "0", "0"},
      Row{-0.0, "0", "-0"},
      Row{10, "10", "10"},
      Row{-3, "-3", "-3"},
      Row{0.1, "0.1", "0.1"},
      Row{0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
      Row{1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
      Row{123.456, "123.456", "123.456"},
      Row{-1234.5, "-1234.5", "-1234.5"},
      Row{9007199254740993.0, "9007199254740992", "9007199254740992"},
      Row{1e-6, "0.000001", "0.000001"},
      Row{1.5e-6, "0.0000015", "0.0000015"},
      Row{9.9e-7, "9.9e-7", "0.00000099"},
      Row{-1e-7, "-1e-7", "-0.0000001"},
      Row{1e20, "100000000000000000000", "100000000000000000000"},
      Row{123456789012345680000.0, "123456789012345680000", "123456789012345680000"},
      Row{999999999999999900000.0, "999999999999999900000", "999999999999999900000"},
      Row{1e21, "1e+21", "1000000000000000000000"},
      Row{-1.25e21, "-1.25e+21", "-1250000000000000000000"},
      Row{1180591620717411303424.0, "1.1805916207174113e+21", "1180591620717411300000"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(json_number(row.number), row.es6);
    EXPECT_EQ(number_text(row.number), row.go);
  }
  EXPECT_EQ(json_number(1e100), "1e+100");
  EXPECT_EQ(number_text(1e100), "1" + std::string(100, '0'));
  EXPECT_EQ(json_number(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(json_number(std::numeric_limits<double>::denorm_min()), "5e-324");
  EXPECT_EQ(number_text(std::numeric_limits<double>::max()), "17976931348623157" + std::string(292, '0'));
  EXPECT_EQ(number_text(std::numeric_limits<double>::denorm_min()), "0." + std::string(323, '0') + "5");
}

TEST(JsonNumber, WhatIsNoNumberPrintsAsNull) {
  EXPECT_EQ(json_number(std::nan("")), "null");
  EXPECT_EQ(json_number(-INFINITY), "null");
  EXPECT_EQ(number_text(std::nan("")), "NaN");
  EXPECT_EQ(number_text(INFINITY), "+Inf");
  EXPECT_EQ(number_text(-INFINITY), "-Inf");
}

TEST(JsonNumber, ReadsBackAsTheSameDouble) {
  // A walk over all magnitudes: every 2^k and its neighbours.
  for (int power = -1074; power < 1024; ++power) {
    const double middle = std::ldexp(1.0, power);
    for (const double number : {middle, std::nextafter(middle, INFINITY), -std::nextafter(middle, 0.0)}) {
      const auto parsed = parse_json(json_number(number));
      ASSERT_TRUE(parsed) << json_number(number);
      ASSERT_EQ(parsed->as_number(), number) << json_number(number);
      ASSERT_EQ(std::strtod(number_text(number).c_str(), nullptr), number);
    }
  }
}

TEST(Json, GoesRoundTrip) {
  for (const char* text : {"null", "true", "false", "0", "-12.5", R"("")", R"("a\"b\\c\n\u0001é")", "[]", "{}", "[1,[2,[]],{}]",
                           R"({"a":{"b":[1,2,{"c":null}]},"z":true})"}) {
    const auto parsed = parse_json(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_json(*parsed), text);
  }
}

TEST(Json, KeysAreSortedAndTheLastOfTwoWins) {
  EXPECT_EQ(to_json(parse_json(R"( { "b" : 1 , "a" : 2 , "b" : 3 } )").value()), R"({"a":2,"b":3})");
}

TEST(Json, IntegersBeyondADoubleLoseTheirLastDigits) {
  EXPECT_EQ(to_json(parse_json("9007199254740993").value()), "9007199254740992");
  EXPECT_EQ(to_json(parse_json("18446744073709551615").value()), "18446744073709552000");
  EXPECT_EQ(to_json(parse_json("-9223372036854775808").value()), "-9223372036854776000");
  EXPECT_EQ(to_json(parse_json("36893488147419103232").value()), "36893488147419103000");
}

TEST(Json, BadTextIsRefusedWithItsPlace) {
  EXPECT_THAT(error_of("{\"a\": 1,\n \"b\": }"), StartsWith("2:7: syntax error"));
  EXPECT_THAT(error_of(""), StartsWith("1:1: "));
  EXPECT_THAT(error_of("[1, 2"), StartsWith("1:6: "));
  EXPECT_THAT(error_of("1 2"), StartsWith("1:3: "));
  EXPECT_THAT(error_of("{'a': 1}"), StartsWith("1:2: "));
  EXPECT_THAT(error_of("[NaN]"), StartsWith("1:"));
  EXPECT_THAT(error_of("1e999"), HasSubstr("number overflow"));
  EXPECT_THAT(error_of("[01]"), StartsWith("1:"));
  EXPECT_EQ(parse_json("[").error().code, Code::kInvalid);
}

TEST(Json, InvalidUtf8IsRefusedOnInput) {
  for (const std::string_view bytes :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xc3\"", "\"\\ud800\""})
    EXPECT_FALSE(parse_json(bytes)) << testing::PrintToString(bytes);
  EXPECT_EQ(parse_json("\"\\ud83d\\ude00\"").value().as_string(), "\xF0\x9F\x98\x80");
}

TEST(Json, InvalidUtf8IsReplacedOnOutput) {
  EXPECT_EQ(json_string("a\xff"
                        "b"),
            "\"a\xEF\xBF\xBD"
            "b\"");
  EXPECT_EQ(json_string("\xc3"), "\"\xEF\xBF\xBD\"") << "cut in the middle";
  EXPECT_EQ(json_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_string(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  // Whatever the bytes, the output reads back.
  std::string bytes;
  for (int i = 0; i < 65'536; ++i) {
    bytes = {static_cast<char>(i >> 8), static_cast<char>(i & 0xFF), '\xBF', '"'};
    ASSERT_TRUE(parse_json(json_string(bytes))) << i;
  }
}

TEST(Json, NestingIsBounded) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(to_json(parse_json(nested(200)).value()), nested(200));
  EXPECT_EQ(error_of("[\"[\\\"[\",\n" + nested(200) + "]"), "2:200: nested deeper than 200 levels");
  EXPECT_EQ(error_of(std::string(1'000'000, '{')).substr(0, 4), "1:2:") << "an object needs a key first";
  EXPECT_EQ(error_of(std::string(1'000'000, '[')), "1:201: nested deeper than 200 levels");
}

TEST(JsonLenient, ReadsWhatPythonWrites) {
  EXPECT_EQ(to_json(parse_json_lenient(R"({"a": NaN, "b": [Infinity, -Infinity], "c": -1})").value()),
            R"({"a":"NaN","b":["Infinity","-Infinity"],"c":-1})");
  EXPECT_EQ(to_json(parse_json_lenient(R"(["NaN \" NaN", "\\", NaN])").value()), R"(["NaN \" NaN","\\","NaN"])");
  EXPECT_EQ(parse_json_lenient("NaN").value().as_string(), "NaN");
  EXPECT_FALSE(parse_json_lenient("[nan]"));
  EXPECT_FALSE(parse_json_lenient("\"abc\\"));
}

TEST(JsonLenient, PlacesAreThoseOfTheAuthorsText) {
  EXPECT_THAT(parse_json_lenient("[NaN, Infinity, ]").error().message, StartsWith("1:17: "));
  EXPECT_THAT(parse_json_lenient("[NaN,\n NaN, ]").error().message, StartsWith("2:7: "));
}

TEST(JsonPretty, IsIndentedByTwo) {
  EXPECT_EQ(to_json_pretty(Value::of({{"a", List{1, List{}}}, {"b", Value::of({{"c", "d"}})}, {"e", Struct{}}})),
            "{\n  \"a\": [\n    1,\n    []\n  ],\n  \"b\": {\n    \"c\": \"d\"\n  },\n  \"e\": {}\n}\n");
  EXPECT_EQ(to_json_pretty(Value()), "null\n");
}

TEST(JsonWriter, KeepsTheOrderGiven) {
  const auto write = [](int indent) {
    JsonWriter writer(indent);
    writer.begin_object().field("z", "text").field("a", 1).field("size", std::size_t{3}).field("ok", true).field("half", 0.5);
    writer.key("none").null().key("list").begin_array().value(1).begin_object().end_object().value(List{2}).end_array();
    writer.key("empty").begin_array().end_array().end_object();
    return writer.take();
  };
  EXPECT_EQ(write(0), R"({"z":"text","a":1,"size":3,"ok":true,"half":0.5,"none":null,"list":[1,{},[2]],"empty":[]})");
  EXPECT_THAT(write(2), StartsWith("{\n  \"z\": \"text\",\n  \"a\": 1,"));
  EXPECT_THAT(write(2), HasSubstr("\"list\": [\n    1,\n    {},\n    [2]\n  ],\n  \"empty\": []\n}"));
  EXPECT_EQ(to_json(parse_json(write(2)).value()), to_json(parse_json(write(0)).value()));
}

TEST(ValueText, IsWhatKfpPutsWhereItWantsAString) {
  EXPECT_EQ(value_text(Value()), "");
  EXPECT_EQ(value_text("as it is"), "as it is");
  EXPECT_EQ(value_text(10), "10");
  EXPECT_EQ(value_text(1e21), "1000000000000000000000");
  EXPECT_EQ(value_text(true), "true");
  EXPECT_EQ(value_text(List{1, "a"}), R"([1,"a"])");
  EXPECT_EQ(value_text(Value::of({{"k", 0.5}})), R"({"k":0.5})");
}

}  // namespace
}  // namespace sluice
