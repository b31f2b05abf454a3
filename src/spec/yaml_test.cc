#include "spec/yaml.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace sluice {
namespace {

std::string error_of(std::string_view text) {
  const YamlFile file = read_yaml(text, "f");
  return file.errors.empty() ? "" : file.errors.front().text();
}

TEST(Yaml, NodesKnowWhereTheyStand) {
  const YamlFile file = read_yaml("a:\n  - x\n  - 'y'\nb: {c: [1]}\n", "f");
  ASSERT_EQ(file.roots.size(), 1U);
  const YamlNode& root = *file.roots[0];
  ASSERT_EQ(root.fields(), 2U);
  const YamlNode& list = root.field(0);
  EXPECT_EQ(list.children[0]->place, (Place{2, 5}));
  EXPECT_FALSE(list.children[0]->quoted);
  EXPECT_EQ(list.children[1]->place, (Place{3, 5}));
  EXPECT_TRUE(list.children[1]->quoted);
  EXPECT_EQ(root.key(1).place, (Place{4, 1}));
  EXPECT_EQ(root.field(1).field(0).children[0]->place, (Place{4, 9}));
}

TEST(Yaml, JsonIsReadWithItsPlacesAndEscapes) {
  const YamlFile file = read_yaml("{\"a\": [true,\n  \"\\u00e9\\ud83d\\ude00\\n\"],\n \"b\": -1.5e3}", "f");
  ASSERT_TRUE(file.errors.empty());
  const YamlNode& root = *file.roots.at(0);
  const YamlNode& text = *root.field(0).children[1];
  EXPECT_EQ(text.text, "\u00e9\U0001F600\n");
  EXPECT_EQ(text.place, (Place{2, 3}));
  EXPECT_EQ(resolve_scalar(*root.field(0).children[0]), Value(true));
  EXPECT_EQ(root.key(1).place, (Place{3, 2}));
  EXPECT_EQ(resolve_scalar(root.field(1)), Value(-1500));
}

TEST(Yaml, WhatBeginsLikeJsonAndIsYamlIsReadAsYaml) {
  const YamlFile file = read_yaml("{a: 'x', b: [1, 2,]} # no JSON\n---\n{\"c\": 1}\n", "f");
  ASSERT_TRUE(file.errors.empty()) << file.errors.front().text();
  ASSERT_EQ(file.roots.size(), 2U);
  EXPECT_EQ(file.roots[0]->field(0).text, "x");
}

TEST(Yaml, PlainScalarsMeanWhatPyYamlAndTheBackEndTakeThemFor) {
  for (const char* null : {"", "~", "null", "Null", "NULL"}) EXPECT_TRUE(resolve_scalar(null).is_null()) << null;
  for (const char* yes : {"true", "True", "TRUE", "yes", "Yes", "on", "ON"}) EXPECT_EQ(resolve_scalar(yes), Value(true)) << yes;
  for (const char* no : {"false", "no", "NO", "off", "Off"}) EXPECT_EQ(resolve_scalar(no), Value(false)) << no;
  const std::pair<const char*, double> numbers[] = {
      {"0", 0},     {"12", 12},    {"-7", -7},       {"+7", 7},          {"1_000", 1000}, {"0x1F", 31},
      {"0o17", 15}, {"017", 15},   {"0b101", 5},     {"-0x10", -16},     {"1.5", 1.5},    {".5", 0.5},
      {"5.", 5},    {"1e3", 1000}, {"1.0e+3", 1000}, {"-2.5E-1", -0.25}, {"1e-999", 0}};
  for (const auto& [text, number] : numbers) EXPECT_EQ(resolve_scalar(text), Value(number)) << text;
  for (const char* infinite : {".inf", "-.Inf", "1e999"})
    EXPECT_TRUE(std::isinf(resolve_scalar(infinite).as_number())) << infinite;
  EXPECT_TRUE(std::isnan(resolve_scalar(".nan").as_number()));
  for (const char* text : {"y", "n",  "N",  "tRUE", "nULL", "089", "1:30", "2024-01-01", "2.1.0",    "1e",    "e3",   "-",    "+",
                           ".", "_1", "0x", "0xZ",  "1 2",  "--1", "NaN",  "inf",        "Infinity", "trues", "-.5.", "offer"})
    EXPECT_EQ(resolve_scalar(text), Value(text)) << text;
}

TEST(Yaml, QuotesBlocksAndTagsMakeText) {
  const YamlFile file = read_yaml("- '1'\n- \"true\"\n- |\n  2\n- !!str 3\n- !!int 4\n", "f");
  ASSERT_TRUE(file.errors.empty()) << file.errors.front().text();
  const auto& items = file.roots.at(0)->children;
  EXPECT_EQ(resolve_scalar(*items[0]), Value("1"));
  EXPECT_EQ(resolve_scalar(*items[1]), Value("true"));
  EXPECT_EQ(resolve_scalar(*items[2]), Value("2\n"));
  EXPECT_EQ(resolve_scalar(*items[3]), Value("3"));
  EXPECT_EQ(resolve_scalar(*items[4]), Value(4));
  EXPECT_EQ(error_of("a: !Thing {}\n"), "f:1:4: the tag '!Thing' has no meaning here");
  EXPECT_EQ(error_of("a: !!python/object:os.system x\n"),
            "f:1:4: the tag 'tag:yaml.org,2002:python/object:os.system' has no meaning here");
}

TEST(Yaml, AKeyThatStandsTwiceIsToldWithBothPlaces) {
  EXPECT_EQ(error_of("a: 1\nb: 2\na: 3\n"), "f:3:1: duplicate key 'a'; it stands first at 1:1");
  EXPECT_EQ(error_of("{\"a\": 1,\n \"a\": 2}"), "f:2:2: duplicate key 'a'; it stands first at 1:2");
  std::string many;
  for (int i = 0; i < 20; ++i) many += "k" + std::to_string(i) + ": 0\n";
  EXPECT_EQ(error_of(many + "k3: 0\n"), "f:21:1: duplicate key 'k3'; it stands first at 4:1");
  EXPECT_TRUE(read_yaml("a: 1\na: 2\n", "f").complete);
}

TEST(Yaml, AnAliasIsTheNodeThatItNames) {
  const YamlFile file = read_yaml("a: &x {k: [1, 2]}\nb: *x\n", "f");
  ASSERT_TRUE(file.errors.empty());
  EXPECT_EQ(&file.roots.at(0)->field(0), &file.roots.at(0)->field(1));
  EXPECT_EQ(error_of("a: &x [*x]\n"), "f:1:8: an alias stands inside what it names");
  EXPECT_NE(error_of("a: *nobody\n").find("f:1:4: YAML cannot be parsed"), std::string::npos) << error_of("a: *nobody\n");
  EXPECT_EQ(error_of("a: &x {b: 1}\nc:\n  <<: *x\n"), "f:3:3: merge keys (<<) are not supported; write the fields out");
}

// Nine levels of nine aliases each: 400 bytes that would be 3.9e8 nodes.
TEST(Yaml, ABombIsRefusedBeforeItGoesOff) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int j = 0; j < 8; ++j) bomb += "," + alias;
    bomb += "]\n";
  }
  EXPECT_NE(error_of(bomb).find("more than 5000000 values after its aliases are expanded"), std::string::npos) << error_of(bomb);
}

TEST(Yaml, DepthIsBoundedInEveryNotation) {
  const std::string flow(100'000, '[');
  EXPECT_EQ(error_of(flow), "f:1:101: nested deeper than 100 levels");
  std::string json;
  for (int i = 0; i < 100'000; ++i) json += "{\"a\":";
  EXPECT_EQ(error_of(json), "f:1:501: nested deeper than 100 levels");
  std::string block;
  for (int i = 0; i < 200; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_EQ(error_of(block + std::string(200, ' ') + "b"), "f:101:101: nested deeper than 100 levels");
  std::string aliased = "a: &a " + std::string(60, '[') + std::string(60, ']') + "\nb: " + std::string(60, '[') + "*a" +
                        std::string(60, ']') + "\n";
  EXPECT_EQ(error_of(aliased), "f:2:64: nested deeper than 100 levels after its aliases are expanded");
  std::string lists = "a:\n";
  for (int i = 0; i < 200; ++i) lists += "- ";
  EXPECT_EQ(error_of(lists), "f:2:199: nested deeper than 100 levels");
  EXPECT_EQ(error_of(std::string(100, '[') + std::string(100, ']')), "");
}

// yaml-cpp would hold all of it in memory, at 200 bytes a sign, before it says a word.
TEST(Yaml, AnEndlessFlowCollectionIsRefusedEarly) {
  EXPECT_EQ(error_of("[x," + std::string(2'100'000, '[')),
            "f: brackets with more than 2000000 parts in them; write them as JSON");
}

TEST(Yaml, WhatIsNotTextIsRefused) {
  EXPECT_EQ(error_of(std::string("a: \x01\n", 5)), "f:1:4: the file is not text: a byte that is neither UTF-8 nor printable");
  EXPECT_EQ(error_of("a: 1\nb: \xC3\x28\n"), "f:2:4: the file is not text: a byte that is neither UTF-8 nor printable");
  EXPECT_EQ(error_of(std::string_view("\xFF\xFE"
                                      "a\0",
                                      4)),
            "f:1:1: the file is not text: a byte that is neither UTF-8 nor printable");
  EXPECT_EQ(error_of("\xEF\xBB\xBF{\"a\": 1}"), "");
  EXPECT_EQ(error_of(std::string(kTextBytesMax + 1, ' ')), "f: the file is larger than 64 MiB");
  EXPECT_EQ(error_of("[1, 2]: x\n"), "f:1:1: the key of a mapping must be text (or a bracket is not closed)");
  EXPECT_EQ(error_of("~: x\n"), "f:1:1: the key of a mapping must be text (or a bracket is not closed)");
}

TEST(Yaml, BrokenSyntaxIsToldAtItsPlace) {
  EXPECT_EQ(error_of("a: 1\n  b: 2\n").substr(0, 27), "f:2:4: YAML cannot be parse");
  EXPECT_EQ(error_of("{\"a\": }\n"), "");  // no JSON, but YAML: a null
  EXPECT_EQ(error_of("{\"a\" 1"), "f:1:6: JSON cannot be parsed: expected ':'");
  EXPECT_EQ(error_of("{\"a\": [1,\n 2}"), "f:2:3: JSON cannot be parsed: expected ',' or ']'");
  EXPECT_EQ(error_of("{\"a\": \"x"), "f:1:9: JSON cannot be parsed: expected the end of the string");
  EXPECT_EQ(error_of("   ,  i\n"), "f:1:4: YAML cannot be parsed: nothing can begin with this sign");
  EXPECT_EQ(error_of("a: 1\n---\n]\n").substr(0, 28), "f:3:1: YAML cannot be parsed");
  EXPECT_EQ(error_of("---\n---\n---\n"), "");
  EXPECT_EQ(error_of("[1, 2"), "f:1:1: the key of a mapping must be text (or a bracket is not closed)");
}

}  // namespace
}  // namespace sluice
