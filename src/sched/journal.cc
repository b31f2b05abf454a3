// Events as text and back. The fields of outputs stand beside `task` and `attempt`, not below a key of their own: each level
// of nesting that a task's output may have is one that the journal must read back.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/match.h"
#include "sched/sched.h"

namespace sluice {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<Event>> kKinds{
    "run_began",   "attempt_started", "attempt_succeeded", "attempt_cached", "attempt_failed",
    "timer_fired", "cancel_asked",    "pause_asked",       "resume_asked",   "retry_asked"};
constexpr std::array<std::string_view, 3> kTimers{"backoff", "deadline", "run_deadline"};

template <class T>
constexpr std::size_t index_of() {
  return Event(T{}).index();
}

Struct attempt_fields(TaskId task, int attempt) {
  Struct fields;
  fields.emplace("task", task.value);
  fields.emplace("attempt", attempt);
  return fields;
}

tl::unexpected<Error> corrupt(std::string_view kind, const std::string& what) {
  return fail(Code::kCorrupt, "journal entry '" + std::string(kind) + "': " + what);
}

// An integral number of at least `min` that fits an int.
Result<int> int_field(std::string_view kind, const Value& payload, std::string_view key, int min) {
  const Value* field = payload.find(key);
  if (field == nullptr || !field->is_number()) return corrupt(kind, "no number '" + std::string(key) + "'");
  const double number = field->as_number();
  if (!(number >= min && number <= std::numeric_limits<int>::max()) || std::trunc(number) != number)
    return corrupt(kind, "'" + std::string(key) + "' is out of range");
  return static_cast<int>(number);
}

struct AttemptKey {
  TaskId task;
  int attempt = 0;
};
Result<AttemptKey> attempt_key(std::string_view kind, const Value& payload) {
  SLUICE_TRY(const int task, int_field(kind, payload, "task", 0));
  SLUICE_TRY(const int attempt, int_field(kind, payload, "attempt", 0));
  return AttemptKey{TaskId{task}, attempt};
}

void put_usage(Struct& fields, const Usage& usage) {
  if (Struct used = usage_fields(usage); !used.empty()) fields.emplace("usage", std::move(used));
}

Usage usage_of(const Value& payload) {
  const Value* usage = payload.find("usage");
  return usage == nullptr ? Usage{} : usage_from_value(*usage);
}

Result<Event> failed_from(std::string_view kind, const Value& payload) {
  SLUICE_TRY(const AttemptKey key, attempt_key(kind, payload));
  SLUICE_TRY(const int code, int_field(kind, payload, "exit_code", std::numeric_limits<int>::min()));
  const std::string_view name = payload.string_or("failure", "");
  const std::optional<FailureKind> failure = failure_from(name);
  if (!failure) return corrupt(kind, "unknown failure '" + std::string(name) + "'");
  return AttemptFailed{key.task, key.attempt, *failure, code, std::string(payload.string_or("message", "")), usage_of(payload)};
}

Result<Event> timer_from(std::string_view kind, const Value& payload) {
  SLUICE_TRY(const AttemptKey key, attempt_key(kind, payload));
  const std::string_view name = payload.string_or("timer", "");
  for (std::size_t i = 0; i < kTimers.size(); ++i)
    if (kTimers.at(i) == name) return TimerFired{key.task, key.attempt, static_cast<TimerKind>(i)};
  return corrupt(kind, "unknown timer '" + std::string(name) + "'");
}

Struct fields_of(const Event& event) {
  return std::visit(Match{
                        [](const RunBegan&) { return Struct{}; },
                        [](const PauseAsked& e) { return e.reason.empty() ? Struct{} : Struct{{"reason", e.reason}}; },
                        [](const ResumeAsked&) { return Struct{}; },
                        [](const AttemptStarted& e) {
                          Struct fields = attempt_fields(e.task, e.attempt);
                          if (e.at != Instant{}) fields.emplace("at", to_micros(e.at));
                          return fields;
                        },
                        [](const AttemptSucceeded& e) {
                          Struct fields = attempt_fields(e.task, e.attempt);
                          fields.merge(Struct(to_value(e.outputs).as_struct()));
                          put_usage(fields, e.usage);
                          return fields;
                        },
                        [](const AttemptCached& e) {
                          Struct fields = attempt_fields(e.task, e.attempt);
                          fields.merge(Struct(to_value(e.outputs).as_struct()));
                          return fields;
                        },
                        [](const AttemptFailed& e) {
                          Struct fields = attempt_fields(e.task, e.attempt);
                          fields.emplace("failure", failure_name(e.kind));
                          fields.emplace("exit_code", e.exit_code);
                          fields.emplace("message", e.message);
                          put_usage(fields, e.usage);
                          return fields;
                        },
                        [](const TimerFired& e) {
                          Struct fields = attempt_fields(e.task, e.attempt);
                          fields.emplace("timer", kTimers.at(static_cast<std::size_t>(e.kind)));
                          return fields;
                        },
                        [](const CancelAsked& e) { return Struct{{"reason", e.reason}}; },
                        [](const RetryAsked& e) { return e.from ? Struct{{"from", e.from->value}} : Struct{}; },
                    },
                    event);
}

}  // namespace

std::string_view event_kind(const Event& event) { return kKinds.at(event.index()); }

std::string event_payload(const Event& event) { return to_json(fields_of(event)); }

Result<Event> event_from(std::string_view kind, std::string_view text) {
  const Result<Value> payload = parse_json(text);
  if (!payload) return corrupt(kind, payload.error().message);
  if (!payload->is_struct()) return corrupt(kind, "its payload is no object");
  if (kind == kKinds.at(index_of<RunBegan>())) return RunBegan{};
  if (kind == kKinds.at(index_of<PauseAsked>())) return PauseAsked{std::string(payload->string_or("reason", ""))};
  if (kind == kKinds.at(index_of<ResumeAsked>())) return ResumeAsked{};
  if (kind == kKinds.at(index_of<RetryAsked>())) {
    if (payload->find("from") == nullptr) return RetryAsked{};
    SLUICE_TRY(const int from, int_field(kind, *payload, "from", 0));
    return RetryAsked{TaskId{from}};
  }
  if (kind == kKinds.at(index_of<CancelAsked>())) return CancelAsked{std::string(payload->string_or("reason", ""))};
  if (kind == kKinds.at(index_of<AttemptFailed>())) return failed_from(kind, *payload);
  if (kind == kKinds.at(index_of<TimerFired>())) return timer_from(kind, *payload);
  if (kind == kKinds.at(index_of<AttemptStarted>())) {
    SLUICE_TRY(const AttemptKey key, attempt_key(kind, *payload));
    return AttemptStarted{key.task, key.attempt, from_micros(std::max<std::int64_t>(0, payload->int_or("at", 0)))};
  }
  if (kind == kKinds.at(index_of<AttemptSucceeded>())) {
    SLUICE_TRY(const AttemptKey key, attempt_key(kind, *payload));
    return AttemptSucceeded{key.task, key.attempt, task_data_from_value(*payload), usage_of(*payload)};
  }
  if (kind == kKinds.at(index_of<AttemptCached>())) {
    SLUICE_TRY(const AttemptKey key, attempt_key(kind, *payload));
    return AttemptCached{key.task, key.attempt, task_data_from_value(*payload)};
  }
  return corrupt(kind, "no such kind of event");
}

}  // namespace sluice
