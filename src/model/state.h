// The states of runs and tasks, and why an attempt failed. One spelling everywhere: store, JSON, terminal.
#pragma once

#include <optional>
#include <string_view>

namespace sluice {

enum class RunState { kPending, kRunning, kPaused, kCanceling, kSucceeded, kFailed, kCanceled, kInterrupted };
enum class TaskState { kPending, kQueued, kRunning, kBackoff, kSucceeded, kFailed, kSkipped, kOmitted, kCanceled, kCached };

// kInterrupted is no end: its owner died, --resume continues.
bool is_final(RunState state);
bool is_final(TaskState state);
inline bool is_success(TaskState state) { return state == TaskState::kSucceeded || state == TaskState::kCached; }

std::string_view state_name(RunState state);   // "RUNNING"
std::string_view state_name(TaskState state);
std::optional<RunState> run_state_from(std::string_view name);
std::optional<TaskState> task_state_from(std::string_view name);

enum class FailureKind {
  kExit,     // exit code other than 0, or death by a signal
  kStart,    // the process could not be started, or its environment not be built
  kOutput,   // it ended well, but its outputs are not what it declares
  kInput,    // it changed one of its inputs
  kTimeout,  // took longer than its deadline
  kLost,     // machine or supervisor went away; has its own retry budget
  kMemory,   // used more memory than it may; has its own retry budget, and the retry may use more
};
std::string_view failure_name(FailureKind kind);  // "exit"
std::optional<FailureKind> failure_from(std::string_view name);

}  // namespace sluice
