#include "plan/cel_lexer.h"

#include <array>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "plan/cel_node.h"

namespace sluice::cel {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

// False for what is no Unicode scalar value.
bool append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0U | point >> 6U);
    put(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    put(0xE0U | point >> 12U);
    put(0x80U | (point >> 6U & 0x3FU));
    put(0x80U | (point & 0x3FU));
  } else {
    put(0xF0U | point >> 18U);
    put(0x80U | (point >> 12U & 0x3FU));
    put(0x80U | (point >> 6U & 0x3FU));
    put(0x80U | (point & 0x3FU));
  }
  return true;
}

std::optional<char> simple_escape(char c) {
  constexpr std::string_view kLetters = "abfnrtv\\?\"'`";
  constexpr std::string_view kMeaning = "\a\b\f\n\r\t\v\\?\"'`";
  const auto at = kLetters.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return kMeaning[at];
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    for (;;) {
      while (is_space(peek())) ++at_;
      if (at_ == text_.size()) break;
      SLUICE_TRY(Token token, next());
      tokens.push_back(std::move(token));
    }
    tokens.push_back({Token::Kind::kEnd, at_ + 1, {}, 0, 0});
    return tokens;
  }

 private:
  // A NUL beyond the end; a NUL in the text is no part of any token.
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  Result<Token> next() {
    const char c = peek();
    if (is_name_start(c)) return name();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '\'' || c == '"') return string(c);
    return symbol();
  }

  Token name() {
    const std::size_t start = at_;
    while (is_name_part(peek())) ++at_;
    Token token{Token::Kind::kName, start + 1, std::string(text_.substr(start, at_ - start)), 0, 0};
    if (token.text == "in") token.kind = Token::Kind::kSymbol;
    return token;
  }

  Result<Token> number() {
    const std::size_t start = at_;
    const bool hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
    bool is_double = false;
    if (hex) at_ += 2;
    while (is_name_part(peek()) || (!hex && peek() == '.' && is_digit(peek(1)))) {
      const bool exponent = !hex && (peek() == 'e' || peek() == 'E');
      is_double = is_double || exponent || peek() == '.';
      ++at_;
      if (exponent && (peek() == '+' || peek() == '-')) ++at_;
    }
    Token token{is_double ? Token::Kind::kDouble : Token::Kind::kInt, start + 1, std::string(text_.substr(start, at_ - start)), 0,
                0};
    const char* first = token.text.data() + (hex ? 2 : 0);
    const char* last = token.text.data() + token.text.size();
    const auto [end, error] =
        is_double ? std::from_chars(first, last, token.number) : std::from_chars(first, last, token.magnitude, hex ? 16 : 10);
    if (error == std::errc::result_out_of_range) return fail_at(start + 1, "the number " + token.text + " is out of range");
    if (error != std::errc{} || end != last)
      return fail_at(start + 1, "'" + token.text + "' is no number", "integers (12, 0x1F) and doubles (1.5, 2e3) are known");
    return token;
  }

  Result<Token> string(char quote) {
    Token token{Token::Kind::kString, at_ + 1, {}, 0, 0};
    ++at_;
    while (peek() != quote) {
      if (at_ == text_.size() || peek() == '\n') return fail_at(token.column, "the string has no closing quote");
      if (peek() == '\\') {
        SLUICE_TRY_STATUS(escape(token.text));
      } else {
        token.text += text_[at_++];
      }
    }
    ++at_;
    return token;
  }

  Status escape(std::string& out) {
    const std::size_t column = at_ + 1;
    ++at_;
    const char c = peek();
    if (const auto meaning = simple_escape(c)) {
      ++at_;
      out += *meaning;
      return {};
    }
    const bool octal = c >= '0' && c <= '3';
    std::size_t digits = 0;
    if (octal) digits = 3;
    if (c == 'x' || c == 'X') digits = 2;
    if (c == 'u') digits = 4;
    if (c == 'U') digits = 8;
    if (digits == 0) return fail_at(column, "unknown escape in a string", R"(write \\ for a backslash)");
    if (!octal) ++at_;
    const std::string_view code = text_.substr(at_, digits);
    std::uint32_t point = 0;
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), point, octal ? 8 : 16);
    if (error != std::errc{} || code.size() != digits || end != code.data() + digits || !append_utf8(out, point))
      return fail_at(column, "malformed escape in a string");
    at_ += digits;
    return {};
  }

  Result<Token> symbol() {
    constexpr std::array<std::string_view, 22> kSymbols{"&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*",
                                                        "/",  "%",  "!",  "(",  ")",  "[",  "]", ".", ",", "?", ":"};
    const std::size_t column = at_ + 1;
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_, symbol.size()) != symbol) continue;
      at_ += symbol.size();
      return Token{Token::Kind::kSymbol, column, std::string(symbol), 0, 0};
    }
    const char c = peek();
    if (c == '=' || c == '&' || c == '|')
      return fail_at(column, "unexpected '" + std::string(1, c) + "'; did you mean '" + std::string(2, c) + "'?");
    if (c > ' ' && c < '\x7f') return fail_at(column, "unexpected '" + std::string(1, c) + "'");
    return fail_at(column, "unexpected byte " + std::to_string(static_cast<unsigned char>(c)));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string Token::described() const {
  if (kind == Kind::kEnd) return "the end";
  if (kind == Kind::kString) return "a string";
  return "'" + text + "'";
}

Result<std::vector<Token>> tokenize(std::string_view text) { return Lexer(text).run(); }

}  // namespace sluice::cel
