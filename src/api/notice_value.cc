// Notices as JSON, for the stream of events and whoever reads it.
#include "api/events.h"
#include "base/match.h"

namespace sluice {

Value to_value(const Notice& notice) {
  return std::visit(
      Match{
          [](const TaskNotice& n) {
            return Value::of({{"kind", "task"},
                              {"run", n.run.text()},
                              {"task", n.task.value},
                              {"parent", n.parent.value},
                              {"path", n.path},
                              {"state", state_name(n.state)},
                              {"leaf", n.is_leaf},
                              {"attempt", n.attempt},
                              {"exit_code", n.exit_code},
                              {"began", to_micros(n.began)},
                              {"ended", to_micros(n.ended)},
                              {"error", n.error}});
          },
          [](const RunNotice& n) {
            return Value::of({{"kind", "run"}, {"run", n.run.text()}, {"state", state_name(n.state)}, {"error", n.error}});
          },
          [](const BuildNotice& n) {
            List runs;
            for (const Uuid& run : n.runs) runs.emplace_back(run.text());
            return Value::of({{"kind", "build"},
                              {"environment", n.environment},
                              {"name", n.name},
                              {"failed", n.failed},
                              {"phase", n.progress.phase},
                              {"done", n.progress.packages_done},
                              {"total", n.progress.packages_total},
                              {"bytes", n.progress.bytes_done},
                              {"finished", n.finished},
                              {"seconds", n.seconds},
                              {"runs", runs}});
          },
      },
      notice);
}

std::optional<Notice> notice_from_value(const Value& value) {
  const auto kind = value.string_or("kind", "");
  const Uuid run = Uuid::parse(value.string_or("run", "")).value_or(Uuid{});
  if (kind == "task")
    return TaskNotice{.run = run,
                      .task = {value.int_or("task", 0)},
                      .parent = {value.int_or("parent", 0)},
                      .path = std::string(value.string_or("path", "")),
                      .state = task_state_from(value.string_or("state", "")).value_or(TaskState::kPending),
                      .is_leaf = value.bool_or("leaf", true),
                      .attempt = static_cast<int>(value.int_or("attempt", 0)),
                      .exit_code = static_cast<int>(value.int_or("exit_code", 0)),
                      .began = from_micros(value.int_or("began", 0)),
                      .ended = from_micros(value.int_or("ended", 0)),
                      .error = std::string(value.string_or("error", ""))};
  if (kind == "run")
    return RunNotice{.run = run,
                     .state = run_state_from(value.string_or("state", "")).value_or(RunState::kRunning),
                     .error = std::string(value.string_or("error", ""))};
  if (kind == "build") {
    BuildNotice notice{.environment = std::string(value.string_or("environment", "")),
                       .name = std::string(value.string_or("name", "")),
                       .progress = {.phase = std::string(value.string_or("phase", "")),
                                    .packages_done = static_cast<int>(value.int_or("done", 0)),
                                    .packages_total = static_cast<int>(value.int_or("total", 0)),
                                    .bytes_done = value.int_or("bytes", 0)},
                       .finished = value.bool_or("finished", false),
                       .failed = value.bool_or("failed", false),
                       .seconds = value.number_or("seconds", 0)};
    if (const Value* runs = value.find("runs"); runs != nullptr && runs->is_list())
      for (const Value& text : runs->as_list())
        if (text.is_string()) notice.runs.push_back(Uuid::parse(text.as_string()).value_or(Uuid{}));
    return notice;
  }
  return std::nullopt;
}

}  // namespace sluice
