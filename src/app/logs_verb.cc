// sluice logs: what a run's tasks printed.
#include <poll.h>

#include <algorithm>
#include <map>

#include "app/load.h"
#include "app/logs.h"
#include "app/run_sheet.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/log.h"

namespace sluice {
namespace {

const char* stream_name(Stream stream) {
  return stream == Stream::kStdout ? "stdout" : stream == Stream::kStderr ? "stderr" : "note";
}

// Prints chunks as they come: as they are for one task, by whole lines with the task in front for several, or as one JSON
// document.
class LogPrinter {
 public:
  LogPrinter(const Context& context, const Uuid& run) : context_(context), console_(context.console), run_(run) {}

  void set_several() { several_ = true; }
  bool has_printed() const { return printed_; }

  void print(const std::string& task, int attempt, std::string_view stream, const std::string& at, std::string_view bytes) {
    printed_ = true;
    if (context_.words.stdout_only && stream != "stdout") return;
    if (console_.json()) return print_json(task, attempt, stream, at, bytes);
    if (!several_) return console_.out(bytes);
    std::string& rest = rests_[task];
    rest += bytes;
    std::size_t start = 0;
    for (std::size_t end = 0; (end = rest.find('\n', start)) != std::string::npos; start = end + 1)
      console_.out(front(task) + rest.substr(start, end + 1 - start));
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
    console_.out("{\"run_id\": \"" + run_.text() + "\", \"logs\": [");
    begun_ = true;
  }
  void print_json(const std::string& task, int attempt, std::string_view stream, const std::string& at, std::string_view bytes) {
    const bool is_first = !begun_;
    begin_json();
    JsonWriter json;
    json.begin_object()
        .field("task", task)
        .field("attempt", attempt)
        .field("stream", stream)
        .field("at", at)
        .field("text", bytes)
        .end_object();
    console_.out((is_first ? "\n" : ",\n") + json.take());
  }

  const Context& context_;
  const Console& console_;
  const Uuid run_;
  bool several_ = false;
  bool printed_ = false;
  bool begun_ = false;                        // of the JSON document
  std::map<std::string, std::string> rests_;  // by task: what has no newline yet
};

// A task is named by its path, by its last name (all of that name), or by a DAG or loop it lies in.
bool is_named(const TaskRow& row, const std::string& task) {
  if (task.empty() || row.path == task || row.path.ends_with("/" + task)) return true;
  return row.path.starts_with(task + "/") || row.path.starts_with(task + "[");
}

Result<std::vector<TaskRow>> tasks_asked_for(std::vector<TaskRow> all, const Uuid& run, const Words& words) {
  std::vector<TaskRow> chosen;
  std::vector<std::string> known;
  for (TaskRow& row : all) {
    known.push_back(row.path);
    if (is_named(row, words.task)) chosen.push_back(std::move(row));
  }
  const std::string name = "run " + run.text();
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

// Files of this machine: they are read as they are, however large, also while a task writes to them.
int logs_of_files(const Context& context, const DataDir& dir) {
  const auto store = open_for_reading(dir);
  if (!store) return context.console.fail(store.error());
  auto run = find_run(**store, context.words.run);
  if (!run) return context.console.fail(run.error());
  LogPrinter printer(context, run->uuid);
  std::map<std::string, LogFollower> followers;
  for (;;) {
    // Asked before the logs are read: what a run that has ended wrote is all there.
    const bool more = context.words.follow && owner_pid(dir) != 0 && !is_final(run->state);
    auto all = (*store)->tasks(run->id);
    if (!all) return printer.fail(all.error());
    const auto tasks = tasks_asked_for(std::move(*all), run->uuid, context.words);
    if (!tasks && !(more && tasks.error().code == Code::kNotFound)) return printer.fail(tasks.error());
    if (tasks && (tasks->size() > 1 || context.words.task.empty())) printer.set_several();
    if (tasks)
      for (const TaskRow& task : *tasks) {
        const int attempt = context.words.attempt > 0 ? context.words.attempt : task.attempts;
        const std::string path = log_path(dir, run->uuid, task, attempt);
        const auto follower = followers.try_emplace(path, path).first;
        const auto print = [&](const LogChunk& chunk) {
          printer.print(task.path, attempt, stream_name(chunk.stream), format_rfc3339(chunk.at, true), chunk.bytes);
        };
        if (auto read = follower->second.poll(print); !read) return printer.fail(read.error());
      }
    if (!more) break;
    poll(nullptr, 0, 100);
    run = (*store)->run(run->uuid);
    if (!run) return printer.fail(run.error());
  }
  printer.finish();
  if (followers.empty()) context.console.err("no task of it has run: there are no logs\n");
  return 0;
}

// Of a server: as it sends them.
int logs_of_server(const Context& context, ApiClient& connection) {
  const Words& words = context.words;
  const std::string path = "/api/v1/runs/" + encode_percent(words.run);
  const auto document = connection.get(path);
  if (!document) return context.console.fail(document.error());
  const auto listed = connection.get(path + "/tasks");
  if (!listed) return context.console.fail(listed.error());
  const RunSheet sheet = run_sheet(*document, *listed);
  const bool follows = words.follow && !is_final(sheet.state);
  LogPrinter printer(context, sheet.uuid);
  const auto tasks = tasks_asked_for(sheet.tasks, sheet.uuid, words);
  if (!tasks && !(follows && tasks.error().code == Code::kNotFound)) return printer.fail(tasks.error());
  const bool is_one = tasks && tasks->size() == 1 && !words.task.empty();
  if (!is_one) printer.set_several();
  // Several tasks of one name, or those in a DAG, are chosen here: the server knows one task or all.
  std::string query = is_one ? "task=" + encode_percent(tasks->front().path) : "";
  if (words.attempt > 0) query += (query.empty() ? "" : "&") + std::string("attempt=") + std::to_string(words.attempt);
  if (follows) query += (query.empty() ? "" : "&") + std::string("follow=true");
  const Status read = remote_log(connection, sheet.uuid, query, [&](const RemoteChunk& chunk) {
    if (is_named({.path = chunk.task}, words.task)) printer.print(chunk.task, chunk.attempt, chunk.stream, chunk.at, chunk.text);
    return true;
  });
  if (!read) return printer.fail(read.error());
  printer.finish();
  if (!printer.has_printed() && (!tasks || tasks->empty())) context.console.err("no task of it has run: there are no logs\n");
  return 0;
}

}  // namespace

int logs_verb(const Context& context) {
  const auto connection = ApiClient::open(context);
  if (!connection) return context.console.fail(connection.error());
  const DataDir* files = (*connection)->files();
  return files != nullptr ? logs_of_files(context, *files) : logs_of_server(context, **connection);
}

}  // namespace sluice
