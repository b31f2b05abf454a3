// Errors as values: Result<T>, Status, and the eight codes that the whole program answers with.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace sluice {

enum class Code {
  kInvalid,      // the request is wrong and will stay wrong
  kNotFound,     // no such thing
  kConflict,     // the thing is there, but in a state that forbids this
  kUnavailable,  // the same call may work later
  kCancelled,    // somebody asked to stop
  kTimeout,      // took too long
  kCorrupt,      // stored data does not read back
  kInternal,     // a bug
};

// "invalid", "not_found", ... as it appears in JSON diagnostics.
std::string_view code_name(Code code);
// The one table of exit codes (cli.md, section 1): invalid 2, not_found and conflict 6, unavailable 3, ...
int exit_code(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;  // what failed, on which thing
  std::string hint;     // what to try; may be empty

  // Puts what an outer layer knows in front: "task 'fit': " + message.
  Error with_context(std::string_view context) && {
    message.insert(0, context);
    return std::move(*this);
  }
};

// tl::expected that warns when it is dropped.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::unexpected<Error> error) : tl::expected<T, Error>(std::move(error)) {}
};
using Status = Result<void>;

inline tl::unexpected<Error> fail(Code code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The error of the last system call: "open /x/y: No such file or directory". ENOENT is kNotFound, EACCES, EPERM and
// EROFS kInvalid, ENOSPC, EDQUOT, EMFILE, EAGAIN and ENOMEM kUnavailable (they may pass), the rest kInternal.
tl::unexpected<Error> fail_errno(std::string_view what, int error_number);

}  // namespace sluice

#define SLUICE_CONCAT_INNER(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_INNER(a, b)
// The names are declarations, which no parentheses may surround: NOLINTBEGIN(bugprone-macro-parentheses)
#define SLUICE_TRY_INNER(name, declaration, expression)      \
  auto name = (expression);                                  \
  if (!name) return ::sluice::fail(std::move(name).error()); \
  declaration = std::move(*name)
// NOLINTEND(bugprone-macro-parentheses)

// SLUICE_TRY(auto order, topological_order(p)): the value, or returns the error to our caller.
#define SLUICE_TRY(declaration, expression) SLUICE_TRY_INNER(SLUICE_CONCAT(result_, __LINE__), declaration, expression)
// SLUICE_TRY_STATUS(expression): goes on, or returns the error to our caller.
#define SLUICE_TRY_STATUS(expression) \
  if (auto status_ = (expression); !status_) return ::sluice::fail(std::move(status_).error())
