// Which environment variables a forked step can still be given, and which were read when its interpreter or a module of it
// started (ADR 0008).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

enum class VariableEffect {
  kAnytime,  // read when it is used: set in the process of the step
  kAtStart,  // read when the interpreter or a module starts: only a worker that was started with it will do
  kNever,    // changes where modules come from: such a step runs cold
};
// `packages`: top-level names of what is imported ahead, in upper case; PANDAS_X is kAtStart where pandas is among them.
VariableEffect effect_of(std::string_view name, std::span<const std::string> packages);

// Variables of attempts, which come on top of what all have.
using Variables = std::map<std::string, std::string, std::less<>>;
Variables variables_of(std::span<const std::pair<std::string, std::string>> env);

// Whether a step with `wanted` can run in a fork of an interpreter that was started with `started`.
bool can_serve(const Variables& started, const Variables& wanted, std::span<const std::string> packages);

// The name of the first variable with which no fork will do; empty: there is none.
std::string_view cold_variable(std::span<const std::pair<std::string, std::string>> env);

}  // namespace sluice
