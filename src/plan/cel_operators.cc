#include "plan/cel_operators.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "base/json.h"

namespace sluice::cel {
namespace {

using Kind = Datum::Kind;

bool is_number(const Datum& datum) { return datum.is(Kind::kInt) || datum.is(Kind::kDouble); }

// 2^63: the first double beyond the integers.
constexpr double kIntEnd = 9223372036854775808.0;

// Converting the integer to a double would make 2^53 + 1 equal to 2^53.
std::partial_ordering compare_mixed(std::int64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= kIntEnd) return std::partial_ordering::less;
  if (b < -kIntEnd) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto ordering = a <=> static_cast<std::int64_t>(whole);
  return ordering == 0 ? whole <=> b : std::partial_ordering(ordering);
}

std::partial_ordering reversed(std::partial_ordering ordering) { return 0 <=> ordering; }

std::partial_ordering compare_numbers(const Datum& a, const Datum& b) {
  if (a.is(Kind::kInt)) return b.is(Kind::kInt) ? a.as_int() <=> b.as_int() : compare_mixed(a.as_int(), b.value().as_number());
  if (b.is(Kind::kInt)) return reversed(compare_mixed(b.as_int(), a.value().as_number()));
  return a.value().as_number() <=> b.value().as_number();
}

Result<Datum> integer_arithmetic(Operator op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  bool overflow = false;
  switch (op) {
    case Operator::kAdd: overflow = __builtin_add_overflow(a, b, &out); break;
    case Operator::kSubtract: overflow = __builtin_sub_overflow(a, b, &out); break;
    case Operator::kMultiply: overflow = __builtin_mul_overflow(a, b, &out); break;
    default:
      if (b == 0) return fail(Code::kInvalid, "division by zero");
      overflow = a == std::numeric_limits<std::int64_t>::min() && b == -1;
      if (!overflow) out = op == Operator::kDivide ? a / b : a % b;
  }
  if (overflow) return fail(Code::kInvalid, "integer overflow in " + std::string(operator_text(op)));
  return Datum(out);
}

double double_arithmetic(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd: return a + b;
    case Operator::kSubtract: return a - b;
    case Operator::kMultiply: return a * b;
    default: return a / b;
  }
}

Datum joined_lists(const Datum& a, const Datum& b) {
  DatumList items;
  items.reserve(a.size() + b.size());
  for (const Datum* list : {&a, &b})
    for (std::size_t i = 0; i < list->size(); ++i) items.push_back(list->item(i));
  return Datum(std::move(items));
}

// For messages: user data may be long.
std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  return "'" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "...'" : "'");
}

// The whole of `text` as Go's strconv reads it: a plus sign is allowed, spaces are not.
template <class T>
std::optional<T> parse_whole(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<Datum> to_int(const Datum& argument) {
  if (argument.is(Kind::kInt)) return argument;
  if (argument.is(Kind::kString)) {
    if (const auto number = parse_whole<std::int64_t>(argument.value().as_string())) return Datum(*number);
    return fail(Code::kInvalid, "int() of " + quoted(argument.value().as_string()) + ", which is no integer");
  }
  const double number = argument.value().as_number();
  if (!(number > -kIntEnd && number < kIntEnd))
    return fail(Code::kInvalid, "int() of " + number_text(number) + ", which is out of range");
  return Datum(static_cast<std::int64_t>(number));
}

Result<Datum> to_double(const Datum& argument) {
  if (argument.is(Kind::kDouble)) return argument;
  if (argument.is(Kind::kInt)) return Datum(Value(static_cast<double>(argument.as_int())));
  if (const auto number = parse_whole<double>(argument.value().as_string())) return Datum(Value(*number));
  return fail(Code::kInvalid, "double() of " + quoted(argument.value().as_string()) + ", which is no number");
}

Result<Datum> to_bool(const Datum& argument) {
  if (argument.is(Kind::kBool)) return argument;
  constexpr std::array<std::string_view, 5> kTrue{"true", "True", "TRUE", "t", "1"};
  constexpr std::array<std::string_view, 5> kFalse{"false", "False", "FALSE", "f", "0"};
  const std::string& text = argument.value().as_string();
  if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) return Datum(Value(true));
  if (std::find(kFalse.begin(), kFalse.end(), text) != kFalse.end()) return Datum(Value(false));
  return fail(Code::kInvalid, "bool() of " + quoted(text) + ", which is neither true nor false");
}

Datum to_string(const Datum& argument) {
  if (argument.is(Kind::kInt)) return Datum(Value(std::to_string(argument.as_int())));
  return Datum(Value(value_text(argument.value())));
}

// Of a string: characters, not bytes; UTF-8 continuation bytes do not count.
Datum size_of(const Datum& argument) {
  std::size_t size = 0;
  if (argument.is(Kind::kList)) {
    size = argument.size();
  } else if (argument.is(Kind::kStruct)) {
    size = argument.value().as_struct().size();
  } else {
    const std::string& text = argument.value().as_string();
    size =
        static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0U) != 0x80U; }));
  }
  return Datum(static_cast<std::int64_t>(size));
}

Result<Datum> json_of(const Datum& argument) {
  auto value = parse_json(argument.value().as_string());
  if (!value) return fail(std::move(value).error().with_context("parseJson() of " + quoted(argument.value().as_string()) + ": "));
  return Datum(std::move(*value));
}

bool has_overload(Function function, Kind kind) {
  switch (function) {
    case Function::kInt:
    case Function::kDouble: return kind == Kind::kInt || kind == Kind::kDouble || kind == Kind::kString;
    case Function::kString: return kind == Kind::kInt || kind == Kind::kDouble || kind == Kind::kString || kind == Kind::kBool;
    case Function::kBool: return kind == Kind::kBool || kind == Kind::kString;
    case Function::kSize: return kind == Kind::kString || kind == Kind::kList || kind == Kind::kStruct;
    case Function::kParseJson: return kind == Kind::kString;
  }
  return false;
}

}  // namespace

std::optional<bool> equal(const Datum& a, const Datum& b) {
  if (a.is(Kind::kNull) || b.is(Kind::kNull)) return a.kind() == b.kind();
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return std::nullopt;
  if (!a.is(Kind::kList)) return a.value() == b.value();
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!equal(a.item(i), b.item(i)).value_or(false)) return false;
  return true;
}

std::optional<std::partial_ordering> compare(const Datum& a, const Datum& b) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (a.is(Kind::kString) && b.is(Kind::kString)) return a.value().as_string().compare(b.value().as_string()) <=> 0;
  if (a.is(Kind::kBool) && b.is(Kind::kBool)) return a.value().as_bool() <=> b.value().as_bool();
  return std::nullopt;
}

Result<Datum> arithmetic(Operator op, const Datum& a, const Datum& b) {
  if (a.kind() == b.kind()) {
    if (a.is(Kind::kInt)) return integer_arithmetic(op, a.as_int(), b.as_int());
    if (a.is(Kind::kDouble) && op != Operator::kModulo)
      return Datum(Value(double_arithmetic(op, a.value().as_number(), b.value().as_number())));
    if (a.is(Kind::kString) && op == Operator::kAdd) return Datum(Value(a.value().as_string() + b.value().as_string()));
    if (a.is(Kind::kList) && op == Operator::kAdd) return joined_lists(a, b);
  }
  return no_overload(op, a, b);
}

Result<bool> contains(const Datum& item, const Datum& container) {
  if (container.is(Kind::kStruct) && item.is(Kind::kString)) return container.value().find(item.value().as_string()) != nullptr;
  if (!container.is(Kind::kList)) return no_overload(Operator::kIn, item, container);
  for (std::size_t i = 0; i < container.size(); ++i)
    if (equal(item, container.item(i)).value_or(false)) return true;
  return false;
}

Result<Datum> negate(const Datum& number) {
  if (number.is(Kind::kInt)) return integer_arithmetic(Operator::kSubtract, 0, number.as_int());
  if (number.is(Kind::kDouble)) return Datum(Value(-number.value().as_number()));
  return fail(Code::kInvalid, "no such overload: -" + std::string(kind_name(number.kind())));
}

Result<Datum> call(Function function, const Datum& argument) {
  if (!has_overload(function, argument.kind()))
    return fail(Code::kInvalid, "no such overload: " + std::string(function_name(function)) + "(" +
                                    std::string(kind_name(argument.kind())) + ")");
  switch (function) {
    case Function::kInt: return to_int(argument);
    case Function::kDouble: return to_double(argument);
    case Function::kString: return to_string(argument);
    case Function::kBool: return to_bool(argument);
    case Function::kSize: return size_of(argument);
    case Function::kParseJson: return json_of(argument);
  }
  return fail(Code::kInternal, "a function that does not exist");
}

tl::unexpected<Error> no_overload(Operator op, const Datum& a, const Datum& b) {
  std::string types =
      std::string(kind_name(a.kind())) + " " + std::string(operator_text(op)) + " " + std::string(kind_name(b.kind()));
  return fail(Code::kInvalid, "no such overload: " + std::move(types), "int(), double() and string() convert");
}

}  // namespace sluice::cel
