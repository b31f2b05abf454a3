#include <cmath>
#include <utility>

#include "base/match.h"
#include "plan/cel.h"
#include "plan/cel_node.h"
#include "plan/cel_operators.h"

namespace sluice::cel {
namespace {

using Kind = Datum::Kind;

// A chain of + copies its left side at every step, so n of them make n^2 / 2 copies of their data. No condition needs
// this much.
constexpr std::size_t kJoinedBytesMax = std::size_t{64} * 1024 * 1024;

std::size_t weight(const Datum& datum) {
  if (datum.is(Kind::kString)) return datum.value().as_string().size();
  if (!datum.is(Kind::kList)) return 0;
  std::size_t bytes = datum.size() * sizeof(Datum);
  for (std::size_t i = 0; i < datum.size(); ++i)
    if (const Datum item = datum.item(i); item.is(Kind::kString)) bytes += item.value().as_string().size();
  return bytes;
}

tl::unexpected<Error> at_column(std::size_t column, Error error) {
  return fail(std::move(error).with_context("column " + std::to_string(column) + ": "));
}

class Evaluator {
 public:
  explicit Evaluator(const Value& variables) : variables_(variables) {}

  // Recursion follows the nesting of the text, which parse() has bounded.
  Result<Datum> evaluate(const Node& node) {
    return std::visit(Match{
                          [&](const Literal& literal) -> Result<Datum> { return literal.datum; },
                          [&](const Name& name) { return lookup(node.column, name); },
                          [&](const ListLiteral& list) { return items(list); },
                          [&](const Call& call) { return apply(node.column, call); },
                          [&](const Access& access) { return walk(access); },
                          [&](const Unary& unary) { return apply(node.column, unary); },
                          [&](const Chain& chain) { return apply(chain); },
                          [&](const Logic& logic) { return decide(logic); },
                          [&](const Conditional& conditional) { return choose(conditional); },
                      },
                      node.what);
  }

  Result<bool> test(const Node& node) {
    SLUICE_TRY(const Datum datum, evaluate(node));
    if (!datum.is(Kind::kBool))
      return fail_at(node.column, "no such overload: a bool is needed here, found " + std::string(kind_name(datum.kind())));
    return datum.value().as_bool();
  }

 private:
  Result<Datum> lookup(std::size_t column, const Name& name) const {
    if (const Value* value = variables_.find(name.name)) return Datum(*value);
    std::string hint;
    if (variables_.is_struct())
      for (const auto& [known, value] : variables_.as_struct()) hint += (hint.empty() ? "known: " : ", ") + known;
    return fail_at(column, "undeclared reference to '" + name.name + "'", std::move(hint));
  }

  Result<Datum> items(const ListLiteral& list) {
    DatumList out;
    out.reserve(list.items.size());
    for (const NodePtr& item : list.items) {
      SLUICE_TRY(Datum datum, evaluate(*item));
      out.push_back(std::move(datum));
    }
    return Datum(std::move(out));
  }

  Result<Datum> apply(std::size_t column, const Call& node) {
    SLUICE_TRY(const Datum argument, evaluate(*node.argument));
    auto out = call(node.function, argument);
    if (!out) return at_column(column, std::move(out).error());
    return out;
  }

  Result<Datum> apply(std::size_t column, const Unary& unary) {
    if (!unary.negates_number) {
      SLUICE_TRY(const bool flag, test(*unary.operand));
      return Datum(Value(!flag));
    }
    SLUICE_TRY(const Datum operand, evaluate(*unary.operand));
    auto out = negate(operand);
    if (!out) return at_column(column, std::move(out).error());
    return out;
  }

  // Containers are shared, so a step costs no copy before the last.
  Result<Datum> walk(const Access& access) {
    SLUICE_TRY(Datum at, evaluate(*access.base));
    for (const Access::Step& step : access.steps) {
      auto index = step.index ? evaluate(*step.index) : Result<Datum>(Datum(Value(step.field)));
      if (!index) return index;
      auto next = element(at, *index);
      if (!next) return at_column(step.column, std::move(next).error());
      at = std::move(*next);
    }
    return at;
  }

  static Result<Datum> element(const Datum& container, const Datum& index) {
    if (container.is(Kind::kStruct) && index.is(Kind::kString)) {
      const std::string& key = index.value().as_string();
      if (const Value* value = container.value().find(key)) return Datum(*value);
      return fail(Code::kInvalid, "no such key: " + key);
    }
    if (!container.is(Kind::kList) || !(index.is(Kind::kInt) || index.is(Kind::kDouble)))
      return fail(Code::kInvalid, "no such overload: " + std::string(kind_name(container.kind())) + "[" +
                                      std::string(kind_name(index.kind())) + "]");
    // A double with an integral value is an index too: all numbers out of JSON are doubles.
    const double position = index.is(Kind::kInt) ? static_cast<double>(index.as_int()) : index.value().as_number();
    if (!(position >= 0 && position < static_cast<double>(container.size()) && position == std::trunc(position)))
      return fail(Code::kInvalid, "index out of bounds: the list has " + std::to_string(container.size()) + " items");
    return container.item(static_cast<std::size_t>(position));
  }

  Result<Datum> apply(const Chain& chain) {
    SLUICE_TRY(Datum left, evaluate(*chain.first));
    for (const Chain::Link& link : chain.links) {
      SLUICE_TRY(const Datum right, evaluate(*link.operand));
      auto out = apply(link.op, left, right);
      if (!out) return at_column(link.column, std::move(out).error());
      left = std::move(*out);
    }
    return left;
  }

  Result<Datum> apply(Operator op, const Datum& left, const Datum& right) {
    if (op == Operator::kEqual || op == Operator::kNotEqual) {
      const auto same = equal(left, right);
      if (!same) return no_overload(op, left, right);
      return Datum(Value(*same == (op == Operator::kEqual)));
    }
    if (op == Operator::kIn) {
      SLUICE_TRY(const bool found, contains(left, right));
      return Datum(Value(found));
    }
    if (op < Operator::kIn) {
      const auto ordering = compare(left, right);
      if (!ordering) return no_overload(op, left, right);
      return Datum(Value(holds(op, *ordering)));
    }
    if (op == Operator::kAdd) joined_bytes_ += weight(left) + weight(right);
    if (joined_bytes_ > kJoinedBytesMax) return fail(Code::kInvalid, "too much text is joined: more than 64 MiB");
    return arithmetic(op, left, right);
  }

  static bool holds(Operator op, std::partial_ordering ordering) {
    switch (op) {
      case Operator::kLess: return ordering < 0;
      case Operator::kLessEqual: return ordering <= 0;
      case Operator::kGreater: return ordering > 0;
      default: return ordering >= 0;
    }
  }

  // An operand that decides absorbs the errors of the others, in either order: false && error and error && false are false.
  Result<Datum> decide(const Logic& logic) {
    std::optional<Error> first_error;
    for (const NodePtr& operand : logic.operands) {
      auto flag = test(*operand);
      if (!flag) {
        if (!first_error) first_error = std::move(flag).error();
      } else if (*flag != logic.is_and) {
        return Datum(Value(*flag));
      }
    }
    if (first_error) return fail(std::move(*first_error));
    return Datum(Value(logic.is_and));
  }

  Result<Datum> choose(const Conditional& conditional) {
    SLUICE_TRY(const bool flag, test(*conditional.condition));
    return evaluate(flag ? *conditional.then : *conditional.otherwise);
  }

  const Value& variables_;
  std::size_t joined_bytes_ = 0;
};

bool is_finite(const Value& value) {
  if (value.is_number()) return std::isfinite(value.as_number());
  if (!value.is_list()) return true;
  for (const Value& item : value.as_list())
    if (!is_finite(item)) return false;
  return true;
}

}  // namespace

Result<Value> Expression::evaluate(const Value& variables) const {
  SLUICE_TRY(const Datum datum, Evaluator(variables).evaluate(*root_));
  Value value = datum.to_value();
  // Such a number cannot be written as JSON, so nobody downstream could be given it.
  if (!is_finite(value)) return fail_at(root_->column, "the result is not a finite number");
  return value;
}

Result<bool> Expression::test(const Value& variables) const { return Evaluator(variables).test(*root_); }

}  // namespace sluice::cel
