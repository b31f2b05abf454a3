// The subset of CEL that KFP uses: trigger conditions and expression selectors.
//
// Grammar: c ? a : b, || && ! == != < <= > >= in + - * / % unary -, parentheses, literals (int, double, string with ' or ", true,
// false, null, lists), field access a.b, index a['k'], a["k"], a[0], the functions int(), double(), string(), bool(), size(),
// parseJson().
//
// Typed as CEL is: string == number has no overload and is an error; numbers of kind int and double compare, and do not mix in
// arithmetic. null may be compared with anything. An operand that decides && or || absorbs the errors of the others, before it
// and after it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace sluice::cel {

struct Node;

class Expression {
 public:
  // kInvalid with "column N: what" and the expected. Nesting is bounded (100), and so is the text (64 KiB).
  static Result<Expression> parse(std::string_view text);

  // `variables` is a struct of the names in scope, e.g. {"inputs": {"parameter_values": {...}}}. Errors ("column N: what",
  // kInvalid): no such key, no such overload, division by zero, int() of text that is no integer, a result that is no finite
  // number. Costs at most the size of the expression times its data.
  Result<Value> evaluate(const Value& variables) const;
  // As evaluate, and the result must be a bool.
  Result<bool> test(const Value& variables) const;

 private:
  explicit Expression(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace sluice::cel
