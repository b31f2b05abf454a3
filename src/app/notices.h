// Notices of the engine as JSON, for the socket between a client and the owner of a data directory.
#pragma once

#include <optional>
#include <variant>

#include "base/value.h"
#include "engine/engine.h"

namespace sluice {

using Notice = std::variant<TaskNotice, RunNotice, BuildNotice>;
Value to_value(const Notice& notice);
// Nothing for a notice of a kind that this program does not know.
std::optional<Notice> notice_from_value(const Value& value);

}  // namespace sluice
