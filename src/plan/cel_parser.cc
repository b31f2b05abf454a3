#include <array>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "base/text.h"
#include "plan/cel.h"
#include "plan/cel_lexer.h"
#include "plan/cel_node.h"

namespace sluice::cel {
namespace {

// Conditions that the SDK writes have some 200 bytes; an Elif chain of 100 branches some 10 KiB.
constexpr std::size_t kTextMax = std::size_t{64} * 1024;
constexpr int kDepthMax = 100;

constexpr std::array kFunctions{Function::kInt,  Function::kDouble, Function::kString,
                                Function::kBool, Function::kSize,   Function::kParseJson};

// Left-associative operators, loosest first.
constexpr std::array kRelations{Operator::kEqual,   Operator::kNotEqual,     Operator::kLess, Operator::kLessEqual,
                                Operator::kGreater, Operator::kGreaterEqual, Operator::kIn};
constexpr std::array kSums{Operator::kAdd, Operator::kSubtract};
constexpr std::array kProducts{Operator::kMultiply, Operator::kDivide, Operator::kModulo};
constexpr std::array<std::span<const Operator>, 3> kLevels{
    std::span<const Operator>(kRelations), std::span<const Operator>(kSums), std::span<const Operator>(kProducts)};

template <class T>
NodePtr make_node(std::size_t column, T what) {
  return std::make_unique<const Node>(Node{column, std::move(what)});
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<NodePtr> whole() {
    SLUICE_TRY(NodePtr root, expression());
    if (here().kind != Token::Kind::kEnd) return unexpected("an operator or the end");
    return root;
  }

 private:
  // Counts the brackets, signs and branches we are inside of, for one call of the parser.
  class Deeper {
   public:
    explicit Deeper(int& depth) : depth_(depth) { ++depth_; }
    ~Deeper() { --depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    bool too_deep() const { return depth_ > kDepthMax; }

   private:
    int& depth_;
  };

  const Token& here() const { return tokens_[at_]; }
  bool take(std::string_view symbol) {
    if (!here().is(symbol)) return false;
    ++at_;
    return true;
  }
  Status expect(std::string_view symbol) {
    if (!take(symbol)) return unexpected("'" + std::string(symbol) + "'");
    return {};
  }
  tl::unexpected<Error> unexpected(std::string_view wanted) const {
    return fail_at(here().column, "expected " + std::string(wanted) + ", found " + here().described());
  }
  tl::unexpected<Error> too_deep() const {
    return fail_at(here().column, "nested deeper than " + std::to_string(kDepthMax) + " levels");
  }

  Result<NodePtr> expression() {
    const Deeper deeper(depth_);
    if (deeper.too_deep()) return too_deep();
    const std::size_t column = here().column;
    SLUICE_TRY(NodePtr condition, logic(false));
    if (!take("?")) return condition;
    SLUICE_TRY(NodePtr then, logic(false));
    SLUICE_TRY_STATUS(expect(":"));
    SLUICE_TRY(NodePtr otherwise, expression());
    return make_node(column, Conditional{std::move(condition), std::move(then), std::move(otherwise)});
  }

  // a && b && ..., which binds tighter than a || b || ...
  Result<NodePtr> logic(bool is_and) {
    const std::size_t column = here().column;
    Logic node{is_and, {}};
    do {
      SLUICE_TRY(NodePtr operand, is_and ? chain(0) : logic(true));
      node.operands.push_back(std::move(operand));
    } while (take(is_and ? "&&" : "||"));
    if (node.operands.size() == 1) return std::move(node.operands.front());
    return make_node(column, std::move(node));
  }

  Result<NodePtr> chain(std::size_t level) {
    if (level == kLevels.size()) return unary();
    const std::size_t column = here().column;
    SLUICE_TRY(NodePtr first, chain(level + 1));
    Chain node{std::move(first), {}};
    for (;;) {
      const std::size_t operator_column = here().column;
      const auto op = take_operator(kLevels.at(level));
      if (!op) break;
      SLUICE_TRY(NodePtr operand, chain(level + 1));
      node.links.push_back({operator_column, *op, std::move(operand)});
    }
    if (node.links.empty()) return std::move(node.first);
    return make_node(column, std::move(node));
  }

  std::optional<Operator> take_operator(std::span<const Operator> operators) {
    for (const Operator op : operators)
      if (take(operator_text(op))) return op;
    return std::nullopt;
  }

  Result<NodePtr> unary() {
    const std::size_t column = here().column;
    const bool minus = here().is("-");
    if (!minus && !here().is("!")) return member();
    const Deeper deeper(depth_);
    if (deeper.too_deep()) return too_deep();
    ++at_;
    if (minus && here().kind == Token::Kind::kInt) return member(true);
    SLUICE_TRY(NodePtr operand, unary());
    return make_node(column, Unary{minus, std::move(operand)});
  }

  Result<NodePtr> member(bool negative = false) {
    const std::size_t column = here().column;
    SLUICE_TRY(NodePtr base, primary(negative));
    Access node{std::move(base), {}};
    for (;;) {
      Access::Step step{here().column, {}, nullptr};
      if (take(".")) {
        if (here().kind != Token::Kind::kName) return unexpected("the name of a field");
        step.field = here().text;
        ++at_;
      } else if (take("[")) {
        SLUICE_TRY(step.index, expression());
        SLUICE_TRY_STATUS(expect("]"));
      } else {
        break;
      }
      node.steps.push_back(std::move(step));
    }
    if (node.steps.empty()) return std::move(node.base);
    return make_node(column, std::move(node));
  }

  Result<NodePtr> primary(bool negative) {
    const Token& token = here();
    ++at_;
    switch (token.kind) {
      case Token::Kind::kInt: return integer(token, negative);
      case Token::Kind::kDouble: return make_node(token.column, Literal{Datum(Value(token.number))});
      case Token::Kind::kString: return make_node(token.column, Literal{Datum(Value(token.text))});
      case Token::Kind::kName: return named(token);
      case Token::Kind::kSymbol:
        if (token.is("(")) return parenthesized();
        if (token.is("[")) return list(token.column);
        break;
      case Token::Kind::kEnd: break;
    }
    --at_;
    return unexpected("a value");
  }

  static Result<NodePtr> integer(const Token& token, bool negative) {
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (token.magnitude > kMax + (negative ? 1 : 0))
      return fail_at(token.column, "the number " + token.text + " does not fit 64 bits");
    // In unsigned arithmetic, where the smallest number has a negation.
    const std::uint64_t bits = negative ? ~token.magnitude + 1 : token.magnitude;
    return make_node(token.column, Literal{Datum(static_cast<std::int64_t>(bits))});
  }

  Result<NodePtr> parenthesized() {
    SLUICE_TRY(NodePtr inner, expression());
    SLUICE_TRY_STATUS(expect(")"));
    return inner;
  }

  Result<NodePtr> list(std::size_t column) {
    ListLiteral node;
    if (!take("]")) {
      SLUICE_TRY(node.items, expressions("]"));
    }
    return make_node(column, std::move(node));
  }

  // Comma-separated, up to and with `end`.
  Result<std::vector<NodePtr>> expressions(std::string_view end) {
    std::vector<NodePtr> items;
    do {
      SLUICE_TRY(NodePtr item, expression());
      items.push_back(std::move(item));
    } while (take(","));
    SLUICE_TRY_STATUS(expect(end));
    return items;
  }

  Result<NodePtr> named(const Token& token) {
    if (here().is("(")) return call(token);
    if (token.text == "true" || token.text == "false")
      return make_node(token.column, Literal{Datum(Value(token.text == "true"))});
    if (token.text == "null") return make_node(token.column, Literal{Datum(Value())});
    return make_node(token.column, Name{token.text});
  }

  Result<NodePtr> call(const Token& token) {
    std::vector<std::string> known;
    std::optional<Function> function;
    for (const Function candidate : kFunctions) {
      known.emplace_back(function_name(candidate));
      if (known.back() == token.text) function = candidate;
    }
    if (!function)
      return fail_at(token.column, "unknown function '" + token.text + "'" + did_you_mean(token.text, known),
                     "known: " + join(known, ", "));
    ++at_;
    std::vector<NodePtr> arguments;
    if (!take(")")) {
      SLUICE_TRY(arguments, expressions(")"));
    }
    if (arguments.size() != 1)
      return fail_at(token.column, token.text + "() takes one argument, found " + std::to_string(arguments.size()));
    return make_node(token.column, Call{*function, std::move(arguments.front())});
  }

  std::vector<Token> tokens_;  // the last is kEnd, and nothing steps over it
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  if (text.size() > kTextMax) return fail_at(kTextMax, "the expression is longer than " + std::to_string(kTextMax) + " bytes");
  SLUICE_TRY(std::vector<Token> tokens, tokenize(text));
  SLUICE_TRY(NodePtr root, Parser(std::move(tokens)).whole());
  return Expression(std::shared_ptr<const Node>(std::move(root)));
}

}  // namespace sluice::cel
