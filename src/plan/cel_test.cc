#include "plan/cel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/json.h"

namespace sluice::cel {
namespace {

using testing::HasSubstr;

const Value& variables() {
  constexpr const char* kScope = R"({
    "inputs": {"parameter_values": {
      "text": "heads", "number": 7, "half": 2.9, "negative": -2.9, "yes": true, "no": false, "nothing": null, "digits": "12",
      "list": [1, 2, "three"], "config": {"lr": 0.1, "tags": ["a", "b"]}, "pipelinechannel--flip-coin-Output": "heads",
      "pipelinechannel--random-num-Output": 5, "pipelinechannel--threshold": 2, "pipelinechannel--pick_a": true
    }},
    "string_value": "{\"a\": 1, \"A_a\": \"x\", \"deep\": [[null]]}"
  })";
  static const Value value = parse_json(kScope).value();
  return value;
}

struct Row {
  std::string expression;
  std::string expected;  // JSON of the result, or "!" and a part of the error
};

std::string outcome(const std::string& text) {
  const auto expression = Expression::parse(text);
  if (!expression) return "!" + expression.error().message;
  const auto value = expression->evaluate(variables());
  return value ? to_json(*value) : "!" + value.error().message;
}

void check(std::initializer_list<Row> rows) {
  for (const auto& [expression, expected] : rows) {
    SCOPED_TRACE(expression);
    if (expected.starts_with('!')) {
      EXPECT_THAT(outcome(expression), testing::StartsWith("!column "));
      EXPECT_THAT(outcome(expression), HasSubstr(expected.substr(1)));
    } else {
      EXPECT_EQ(outcome(expression), expected);
    }
  }
}

TEST(Cel, EvaluatesTheConditionsThatTheSdkWrites) {
  check({
      {"inputs.parameter_values['pipelinechannel--flip-coin-Output'] == 'heads'", "true"},
      {"inputs.parameter_values['pipelinechannel--flip-coin-Output'] != 'no-such-result'", "true"},
      {"!(inputs.parameter_values['pipelinechannel--flip-coin-Output'] == 'heads')", "false"},
      {"!(inputs.parameter_values['text'] == 'tails') && !(inputs.parameter_values['text'] == 'edge')", "true"},
      {"!(inputs.parameter_values['text'] == 'tails') && inputs.parameter_values['text'] == 'heads'", "true"},
      {"inputs.parameter_values['pipelinechannel--flip-coin-Output'] == inputs.parameter_values['text']", "true"},
      {"int(inputs.parameter_values['pipelinechannel--random-num-Output']) > 5", "false"},
      {"int(inputs.parameter_values['pipelinechannel--random-num-Output']) <= 5", "true"},
      {"int(inputs.parameter_values['pipelinechannel--random-num-Output']) >= "
       "int(inputs.parameter_values['pipelinechannel--threshold'])",
       "true"},
      {"int(inputs.parameter_values['pipelinechannel--threshold']) == 2", "true"},
      {"inputs.parameter_values['pipelinechannel--pick_a'] == true", "true"},
      {"!(inputs.parameter_values['pipelinechannel--pick_a'] == true)", "false"},
      {"inputs.parameter_values['digits'] == '123'", "false"},
      {R"(parseJson(string_value)["A_a"])", R"("x")"},
      {R"(parseJson(string_value)["a"])", "1"},
  });
}

TEST(Cel, ComparesNumbersOfBothKindsAndNothingElseAcrossKinds) {
  check({
      {"inputs.parameter_values.number == 7", "true"},
      {"inputs.parameter_values.number != 7", "false"},
      {"7 == inputs.parameter_values.number", "true"},
      {"2 < inputs.parameter_values.half", "true"},
      {"inputs.parameter_values.half < 3", "true"},
      {"1 == 1.0", "true"},
      {"9007199254740993 == 9007199254740992.0", "false"},
      {"9007199254740993 > 9007199254740992.0", "true"},
      {"9223372036854775807 < 9223372036854775808.0", "true"},
      {"-9223372036854775808 == -9223372036854775808.0", "true"},
      {"-1 > -1.5", "true"},
      {"0.0 / 0.0 == 0.0 / 0.0", "false"},
      {"1 < 0.0 / 0.0", "false"},
      {"1 != 0.0 / 0.0", "true"},
      {"inputs.parameter_values.text == 1", "!no such overload: string == int"},
      {"inputs.parameter_values.number == 'x'", "!no such overload: double == string"},
      {"'true' == true", "!no such overload: string == bool"},
      {"true != 'true'", "!no such overload: bool != string"},
      {"1 == true", "!no such overload: int == bool"},
      {"[1] == 1", "!no such overload: list == int"},
      {"'b' < 1", "!no such overload: string < int"},
      {"[1] < [2]", "!no such overload: list < list"},
      {"'abc' < 'abd'", "true"},
      {"'a' < 'B'", "false"},
      {"'' <= ''", "true"},
      {"'b' > 'a' && 'b' >= 'b'", "true"},
      {"false < true", "true"},
  });
}

TEST(Cel, ComparesNullListsAndStructsByContent) {
  check({
      {"inputs.parameter_values.nothing == null", "true"},
      {"null != null", "false"},
      {"inputs.parameter_values.text == null", "false"},
      {"null != 1", "true"},
      {"[1, 2.0, 'x'] == [1.0, 2, 'x']", "true"},
      {"[1, 2] == [1, 'x']", "false"},
      {"[1] == [1, 2]", "false"},
      {"inputs.parameter_values.list == [1, 2, 'three']", "true"},
      {"inputs.parameter_values.config.tags != ['a', 'b']", "false"},
      {"inputs.parameter_values.config == inputs.parameter_values.config", "true"},
      {"parseJson(string_value).deep == [[null]]", "true"},
  });
}

TEST(Cel, AnOperandThatDecidesAbsorbsTheErrorOfTheOther) {
  check({
      {"false && inputs.nope", "false"},
      {"inputs.nope && false", "false"},
      {"inputs.nope && true", "!no such key: nope"},
      {"true && inputs.nope", "!no such key: nope"},
      {"true || inputs.nope", "true"},
      {"inputs.nope || true", "true"},
      {"inputs.nope || false", "!no such key: nope"},
      {"inputs.nope && inputs.other && false", "false"},
      {"inputs.nope && inputs.other", "!no such key: nope"},
      {"1 && true", "!a bool is needed here, found int"},
      {"1 && false", "false"},
      {"true && false || true", "true"},
      {"true || false && false", "true"},
      {"(true || false) && false", "false"},
  });
}

TEST(Cel, ConvertsAsTheFunctionsSay) {
  check({
      {"int('12')", "12"},
      {"int('+12') + int('-2')", "10"},
      {"int('12.0')", "!int() of '12.0', which is no integer"},
      {"int('')", "!which is no integer"},
      {"int(' 1')", "!which is no integer"},
      {"int('+-1')", "!which is no integer"},
      {"int(inputs.parameter_values.half)", "2"},
      {"int(inputs.parameter_values.negative)", "-2"},
      {"int(1e19)", "!out of range"},
      {"int(0.0 / 0.0)", "!out of range"},
      {"int(true)", "!no such overload: int(bool)"},
      {"int(inputs.parameter_values.nothing)", "!no such overload: int(null)"},
      {"double('1.5') + double(1)", "2.5"},
      {"double('x')", "!double() of 'x', which is no number"},
      {"string(7) + string(inputs.parameter_values.number) + string(0.5) + string(true) + string('x')", R"("770.5truex")"},
      {"string([1])", "!no such overload: string(list)"},
      {"bool('true') && !bool('0') && bool(true)", "true"},
      {"bool('maybe')", "!bool() of 'maybe'"},
      {"bool(1)", "!no such overload: bool(int)"},
      {"size('h\\u00e9llo')", "5"},
      {"size(inputs.parameter_values.list) + size(inputs.parameter_values.config) + size([]) + size('')", "5"},
      {"size(1)", "!no such overload: size(int)"},
      {"parseJson('{')", "!parseJson() of '{'"},
      {"parseJson(1)", "!no such overload: parseJson(int)"},
  });
}

TEST(Cel, CalculatesWithoutMixingIntegersAndDoubles) {
  check({
      {"1 + 2 * 3 - 4", "3"},
      {"(1 + 2) * 3", "9"},
      {"10 - 3 - 2", "5"},
      {"7 / 2", "3"},
      {"-7 / 2", "-3"},
      {"-7 % 3", "-1"},
      {"7.0 / 2.0", "3.5"},
      {"2 - -3", "5"},
      {"--3", "3"},
      {"-(2)", "-2"},
      {"-inputs.parameter_values.half", "-2.9"},
      {"-'x'", "!no such overload: -string"},
      {"!1", "!a bool is needed here"},
      {"!!true", "true"},
      {"0x1F + .5e1 ", "!no such overload: int + double"},
      {"0x1F", "31"},
      {".5e1", "5"},
      {"inputs.parameter_values.number + 1", "!no such overload: double + int"},
      {"inputs.parameter_values.number + 1.0", "8"},
      {"5.0 % 2.0", "!no such overload: double % double"},
      {"'a' + 'b' + 'c'", R"("abc")"},
      {"'a' + 1", "!no such overload: string + int"},
      {"[1] + ['x']", R"([1,"x"])"},
      {"1 / 0", "!division by zero"},
      {"1 % 0", "!division by zero"},
      {"9223372036854775807 + 1", "!integer overflow"},
      {"-9223372036854775808 / -1", "!integer overflow"},
      {"-(-9223372036854775808)", "!integer overflow"},
      {"1.0 / 0.0", "!not a finite number"},
      {"1.0 / 0.0 > 1e308", "true"},
  });
}

TEST(Cel, ReachesIntoStructsAndLists) {
  check({
      {"inputs.parameter_values.config.tags[1]", R"("b")"},
      {"inputs['parameter_values'][\"config\"]['lr']", "0.1"},
      {"inputs.parameter_values.list[inputs.parameter_values['pipelinechannel--threshold']]", R"("three")"},
      {"[10, 20][1]", "20"},
      {"[1, [2, 3]][1][0] + 1", "3"},
      {"inputs.parameter_values['nope']", "!column 24: no such key: nope"},
      {"inputs.nope.more", "!column 7: no such key: nope"},
      {"inputs.parameter_values.list[3]", "!index out of bounds: the list has 3 items"},
      {"inputs.parameter_values.list[-1]", "!index out of bounds"},
      {"inputs.parameter_values.list[0.5]", "!index out of bounds"},
      {"inputs.parameter_values.list['x']", "!no such overload: list[string]"},
      {"inputs.parameter_values.text.length", "!no such overload: string[string]"},
      {"inputs[0]", "!no such overload: map[int]"},
      {"outputs.x", "!column 1: undeclared reference to 'outputs'"},
      {"'a' in ['b', 'a']", "true"},
      {"1 in ['1', 1.0]", "true"},
      {"'1' in [1]", "false"},
      {"'lr' in inputs.parameter_values.config", "true"},
      {"'three' in inputs.parameter_values.list", "true"},
      {"'e' in 'text'", "!no such overload: string in string"},
      {"inputs.parameter_values.yes ? 'a' : inputs.nope", R"("a")"},
      {"false ? 1 : true ? 2 : 3", "2"},
      {"1 ? 2 : 3", "!a bool is needed here"},
  });
}

TEST(Cel, ReadsStringsWithEscapes) {
  check({
      {R"('it\'s "x"')", R"("it's \"x\"")"},
      {R"("it's \"x\"")", R"("it's \"x\"")"},
      {R"('\x41\101\u0042\U0001F600\n\\')", R"("AAB😀\n\\")"},
      {R"('\q')", "!column 2: unknown escape"},
      {R"('\u12')", "!malformed escape"},
      {R"('\ud800')", "!malformed escape"},
      {R"('\x+1')", "!malformed escape"},
      {R"('\)", "!column 2: unknown escape"},
      {"'open", "!column 1: the string has no closing quote"},
      {"'a\nb'", "!no closing quote"},
  });
}

TEST(Cel, SaysAtWhichColumnTheTextStopsBeingAnExpression) {
  check({
      {"", "!column 1: expected a value, found the end"},
      {"  ", "!column 3: expected a value, found the end"},
      {"1 +", "!column 4: expected a value, found the end"},
      {"a = 1", "!column 3: unexpected '='; did you mean '=='?"},
      {"a & b", "!column 3: unexpected '&'; did you mean '&&'?"},
      {"a b", "!column 3: expected an operator or the end, found 'b'"},
      {"(1", "!column 3: expected ')', found the end"},
      {"[1, ", "!column 5: expected a value, found the end"},
      {"a[1", "!column 4: expected ']', found the end"},
      {"a.", "!column 3: expected the name of a field, found the end"},
      {"a.'b'", "!column 3: expected the name of a field, found a string"},
      {"true ? 1", "!column 9: expected ':', found the end"},
      {"has(a)", "!column 1: unknown function 'has'"},
      {"parsejson(a)", "!did you mean 'parseJson'?"},
      {"int()", "!column 1: int() takes one argument, found 0"},
      {"int(1, 2)", "!int() takes one argument, found 2"},
      {"12ab", "!column 1: '12ab' is no number"},
      {"1.2.3", "!is no number"},
      {"1e999", "!out of range"},
      {"9223372036854775808", "!does not fit 64 bits"},
      {"99999999999999999999", "!out of range"},
      {"\xff", "!unexpected byte 255"},
      {std::string("1\0", 2), "!unexpected byte 0"},
      {"#", "!unexpected '#'"},
  });
}

TEST(Cel, BoundsNestingHoweverItIsWritten) {
  const auto repeated = [](const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  EXPECT_EQ(outcome(repeated("(", 99) + "1" + repeated(")", 99)), "1");
  // A level of every kind of node in each bracket: the deepest tree that 100 levels allow.
  EXPECT_EQ(outcome(repeated("false || true && 2 == 2 * size([", 49) + "1" + repeated("])", 49)), "true");
  for (const char* open : {"(", "[", "!", "-", "int(", "a[", "true ? 1 : "})
    EXPECT_THAT(outcome(repeated(open, 5000) + "1"), HasSubstr("nested deeper than 100 levels")) << open;
}

TEST(Cel, LongChainsAreNotNesting) {
  std::string sum = "1";
  std::string all = "true";
  std::string path = "[1]";
  for (int i = 0; i < 5000; ++i) {
    sum += " + 1";
    all += " && true";
    path += "[0]";
  }
  EXPECT_EQ(outcome(sum), "5001");
  EXPECT_EQ(outcome(all), "true");
  EXPECT_THAT(outcome(path), HasSubstr("no such overload: int[int]"));
  EXPECT_THAT(outcome(std::string(70'000, ' ')), HasSubstr("longer than 65536 bytes"));
}

TEST(Cel, RefusesToJoinMoreTextThanAnyConditionNeeds) {
  std::string sum = "x";
  for (int i = 0; i < 1000; ++i) sum += "+x";
  const Value large = Value::of({{"x", std::string(1'000'000, 'x')}});
  const auto result = Expression::parse(sum).value().evaluate(large);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("too much text is joined"));
}

TEST(Cel, ATestMustYieldABool) {
  EXPECT_EQ(Expression::parse("1 < 2").value().test(variables()), true);
  const auto number = Expression::parse("1 + 2").value().test(variables());
  ASSERT_FALSE(number);
  EXPECT_EQ(number.error().code, Code::kInvalid);
  EXPECT_THAT(number.error().message, HasSubstr("a bool is needed here, found int"));
}

TEST(Cel, AnExpressionMayBeCopiedAndUsedAfterItsTextAndTheOriginalAreGone) {
  std::string text = "inputs.parameter_values.text + '!'";
  std::optional<Expression> original = Expression::parse(text).value();
  const Expression copy = *original;
  original.reset();
  text.assign(text.size(), '#');
  EXPECT_EQ(to_json(copy.evaluate(variables()).value()), R"("heads!")");
  EXPECT_FALSE(copy.evaluate(Value()).has_value());
}

}  // namespace
}  // namespace sluice::cel
