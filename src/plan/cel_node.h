// Private to cel: the tree that the parser makes and the evaluator walks, and the values between.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace sluice::cel {

class Datum;
using DatumList = std::vector<Datum>;

// What an expression computes with. CEL tells integers from doubles and Value does not; everything that comes from JSON is a
// double, integers come from literals, int() and size().
class Datum {
 public:
  enum class Kind { kNull, kBool, kInt, kDouble, kString, kList, kStruct };

  explicit Datum(Value value) : data_(std::move(value)) {}
  explicit Datum(std::int64_t number) : data_(number) {}
  explicit Datum(DatumList items) : data_(std::make_shared<const DatumList>(std::move(items))) {}

  Kind kind() const;
  bool is(Kind wanted) const { return kind() == wanted; }
  std::int64_t as_int() const { return std::get<std::int64_t>(data_); }
  const Value& value() const { return std::get<Value>(data_); }  // of every kind but kInt and a computed list
  // Of a kList.
  std::size_t size() const;
  Datum item(std::size_t index) const;
  // Integers become numbers.
  Value to_value() const;

 private:
  std::variant<Value, std::int64_t, std::shared_ptr<const DatumList>> data_;
};

// "null", "bool", "int", "double", "string", "list", "map": the names CEL has for them.
std::string_view kind_name(Datum::Kind kind);

struct Node;
using NodePtr = std::unique_ptr<const Node>;

// Relations first, kIn the last of them.
enum class Operator {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
};
enum class Function { kInt, kDouble, kString, kBool, kSize, kParseJson };
std::string_view operator_text(Operator op);
std::string_view function_name(Function function);

struct Literal {
  Datum datum;
};
struct Name {
  std::string name;
};
struct ListLiteral {
  std::vector<NodePtr> items;
};
struct Call {
  Function function;
  NodePtr argument;
};
// base.field[index]...: one node however long, so that the depth of the tree is bounded by the brackets in the text.
struct Access {
  struct Step {
    std::size_t column;
    std::string field;
    NodePtr index;  // null: `field`
  };
  NodePtr base;
  std::vector<Step> steps;
};
struct Unary {
  bool negates_number;  // -x, else !x
  NodePtr operand;
};
// first op operand op operand ..., from the left, of operators that bind equally; one node for the same reason.
struct Chain {
  struct Link {
    std::size_t column;
    Operator op;
    NodePtr operand;
  };
  NodePtr first;
  std::vector<Link> links;
};
struct Logic {
  bool is_and;
  std::vector<NodePtr> operands;
};
struct Conditional {
  NodePtr condition, then, otherwise;
};

struct Node {
  std::size_t column;  // 1-based
  std::variant<Literal, Name, ListLiteral, Call, Access, Unary, Chain, Logic, Conditional> what;
};

// "column N: message": how all errors of parsing and evaluation look.
inline tl::unexpected<Error> fail_at(std::size_t column, std::string_view message, std::string hint = {}) {
  return fail(Code::kInvalid, "column " + std::to_string(column) + ": " + std::string(message), std::move(hint));
}

}  // namespace sluice::cel
