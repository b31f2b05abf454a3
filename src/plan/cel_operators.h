// Private to cel: what operators and functions do to values, typed as CEL is. Errors have no column yet.
#pragma once

#include <compare>
#include <optional>

#include "base/result.h"
#include "plan/cel_node.h"

namespace sluice::cel {

// Nothing: there is no overload. null equals only null and may be compared with anything; inside of lists, elements of different
// kinds are unequal.
std::optional<bool> equal(const Datum& a, const Datum& b);
// Of two numbers (exactly, also beyond 2^53), two strings (by bytes) or two bools. Nothing: there is no overload.
std::optional<std::partial_ordering> compare(const Datum& a, const Datum& b);

// Everything but kAdd of strings and lists costs O(1).
Result<Datum> arithmetic(Operator op, const Datum& a, const Datum& b);
Result<bool> contains(const Datum& item, const Datum& container);
Result<Datum> negate(const Datum& number);
Result<Datum> call(Function function, const Datum& argument);

// "no such overload: string == double".
tl::unexpected<Error> no_overload(Operator op, const Datum& a, const Datum& b);

}  // namespace sluice::cel
