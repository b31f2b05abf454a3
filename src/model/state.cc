#include "model/state.h"

#include <array>
#include <cstddef>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 8> kRunStates{"PENDING",   "RUNNING", "PAUSED",   "CANCELING",
                                                     "SUCCEEDED", "FAILED",  "CANCELED", "INTERRUPTED"};
constexpr std::array<std::string_view, 10> kTaskStates{"PENDING", "QUEUED",  "RUNNING", "BACKOFF",  "SUCCEEDED",
                                                       "FAILED",  "SKIPPED", "OMITTED", "CANCELED", "CACHED"};
constexpr std::array<std::string_view, 7> kFailures{"exit", "start", "output", "input", "timeout", "lost", "oom"};

template <class Enum, std::size_t N>
std::optional<Enum> from_name(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (names.at(i) == name) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

bool is_final(RunState state) {
  return state == RunState::kSucceeded || state == RunState::kFailed || state == RunState::kCanceled;
}
bool is_final(TaskState state) { return state >= TaskState::kSucceeded; }

std::string_view state_name(RunState state) { return kRunStates.at(static_cast<std::size_t>(state)); }
std::string_view state_name(TaskState state) { return kTaskStates.at(static_cast<std::size_t>(state)); }
std::optional<RunState> run_state_from(std::string_view name) { return from_name<RunState>(kRunStates, name); }
std::optional<TaskState> task_state_from(std::string_view name) { return from_name<TaskState>(kTaskStates, name); }
std::string_view failure_name(FailureKind kind) { return kFailures.at(static_cast<std::size_t>(kind)); }
std::optional<FailureKind> failure_from(std::string_view name) { return from_name<FailureKind>(kFailures, name); }

}  // namespace sluice
