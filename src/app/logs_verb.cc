// sluice logs: what a run's tasks printed.
#include <poll.h>

#include <algorithm>
#include <map>

#include "app/load.h"
#include "app/run_document.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/log.h"

namespace sluice {
namespace {

// Prints chunks as they come: as they are for one task, by whole lines with the task in front for several, or as one JSON
// document.
class LogPrinter {
 public:
  LogPrinter(const Context& context, const RunRow& run) : context_(context), console_(context.console), run_(run) {}

  void set_several() { several_ = true; }

  void print(const TaskRow& task, int attempt, const LogChunk& chunk) {
    if (context_.words.stdout_only && chunk.stream != Stream::kStdout) return;
    if (console_.json()) return print_json(task, attempt, chunk);
    if (!several_) return console_.out(chunk.bytes);
    std::string& rest = rests_[task.path];
    rest += chunk.bytes;
    std::size_t start = 0;
    for (std::size_t end = 0; (end = rest.find('\n', start)) != std::string::npos; start = end + 1)
      console_.out(front(task.path) + rest.substr(start, end + 1 - start));
    rest.erase(0, start);
  }

  void finish() {
    for (const auto& [path, rest] : rests_)
      if (!rest.empty()) console_.out(front(path) + rest + "\n");
    if (console_.json()) {
      begin_json();
      console_.out("]}\n");
    }
  }

  // The document that has begun is ended, so that stdout holds one.
  int fail(const Error& error) {
    if (!begun_) return console_.fail(error);
    finish();
    return Console(false).fail(error);
  }

 private:
  std::string front(const std::string& path) const { return console_.ink(Ink::kBlue, "[" + path + "]") + " "; }

  void begin_json() {
    if (begun_) return;
    console_.out("{\"run_id\": \"" + run_.uuid.text() + "\", \"logs\": [");
    begun_ = true;
  }
  void print_json(const TaskRow& task, int attempt, const LogChunk& chunk) {
    const char* stream = chunk.stream == Stream::kStdout ? "stdout" : chunk.stream == Stream::kStderr ? "stderr" : "note";
    const bool is_first = !begun_;
    begin_json();
    JsonWriter json;
    json.begin_object()
        .field("task", task.path)
        .field("attempt", attempt)
        .field("stream", stream)
        .field("at", format_rfc3339(chunk.at, true))
        .field("text", chunk.bytes)
        .end_object();
    console_.out((is_first ? "\n" : ",\n") + json.take());
  }

  const Context& context_;
  const Console& console_;
  const RunRow run_;
  bool several_ = false;
  bool begun_ = false;                        // of the JSON document
  std::map<std::string, std::string> rests_;  // by task: what has no newline yet
};

// A task is named by its path, by its last name (all of that name), or by a DAG or loop it lies in.
bool is_named(const TaskRow& row, const std::string& task) {
  if (task.empty() || row.path == task || row.path.ends_with("/" + task)) return true;
  return row.path.starts_with(task + "/") || row.path.starts_with(task + "[");
}

Result<std::vector<TaskRow>> tasks_asked_for(RunStore& store, const RunRow& run, const Words& words) {
  SLUICE_TRY(auto all, store.tasks(run.id));
  std::vector<TaskRow> chosen;
  std::vector<std::string> known;
  for (TaskRow& row : all) {
    known.push_back(row.path);
    if (is_named(row, words.task)) chosen.push_back(std::move(row));
  }
  const std::string name = "run " + run.uuid.text();
  if (chosen.empty() && !words.task.empty())
    return fail(Code::kNotFound, name + " has no task '" + words.task + "'" + did_you_mean(words.task, known),
                "sluice get run " + short_id(run) + " lists them");
  int attempts_max = 0;
  for (const TaskRow& row : chosen) attempts_max = std::max(attempts_max, row.attempts);
  if (words.attempt > attempts_max)
    return fail(Code::kNotFound, name + (words.task.empty() ? "" : ", task '" + words.task + "'") + ": there is no attempt " +
                                     std::to_string(words.attempt) + ", the newest is " + std::to_string(attempts_max));
  std::erase_if(chosen, [&](const TaskRow& row) { return row.attempts < std::max(1, words.attempt); });
  return chosen;
}

}  // namespace

int logs_verb(const Context& context) {
  Reading reading = open_reading(context);
  if (reading.exit != 0) return reading.exit;
  auto run = find_run(*reading.store, context.words.run);
  if (!run) return context.console.fail(run.error());
  LogPrinter printer(context, *run);
  std::map<std::string, LogFollower> followers;
  for (;;) {
    // Asked before the logs are read: what a run that has ended wrote is all there.
    const bool more = context.words.follow && reading.live && !is_final(run->state);
    const auto tasks = tasks_asked_for(*reading.store, *run, context.words);
    if (!tasks && !(more && tasks.error().code == Code::kNotFound)) return printer.fail(tasks.error());
    if (tasks && (tasks->size() > 1 || context.words.task.empty())) printer.set_several();
    if (tasks)
      for (const TaskRow& task : *tasks) {
        const int attempt = context.words.attempt > 0 ? context.words.attempt : task.attempts;
        const std::string path = log_path(*reading.dir, *run, task, attempt);
        const auto follower = followers.try_emplace(path, path).first;
        const auto print = [&](const LogChunk& chunk) { printer.print(task, attempt, chunk); };
        if (auto read = follower->second.poll(print); !read) return printer.fail(read.error());
      }
    if (!more) break;
    poll(nullptr, 0, 100);
    run = reading.store->run(run->uuid);
    if (!run) return printer.fail(run.error());
    reading.live = owner_pid(*reading.dir) != 0;
  }
  printer.finish();
  if (followers.empty()) context.console.err("no task of it has run: there are no logs\n");
  return 0;
}

}  // namespace sluice
