// sluice list, get, logs, cancel: looking at runs, and stopping one.
#include <poll.h>

#include <algorithm>

#include "app/control.h"
#include "app/load.h"
#include "app/run_document.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/log.h"

namespace sluice {
namespace {

// A data directory opened for reading, or the exit code of why not.
struct Reading {
  std::optional<DataDir> dir;
  std::unique_ptr<RunStore> store;
  bool live = false;  // somebody owns it
  int exit = 0;
};

Reading open_reading(const Context& context) {
  Reading reading;
  auto dir = DataDir::at(context.config.data_dir);
  if (!dir) {
    reading.exit = context.console.fail(dir.error());
    return reading;
  }
  reading.dir = std::move(*dir);
  auto store = open_for_reading(*reading.dir);
  if (!store)
    reading.exit = context.console.fail(store.error());
  else
    reading.store = std::move(*store);
  reading.live = owner_pid(*reading.dir) != 0;
  return reading;
}

Result<RunFilter> parse_filter(const std::string& text) {
  RunFilter filter;
  if (text.empty()) return filter;
  for (const std::string_view term : split(text, ',')) {
    const auto at = term.find_first_of("=~");
    const std::string key(trim(term.substr(0, at)));
    const std::string value(at == std::string_view::npos ? "" : trim(term.substr(at + 1)));
    const bool equals = at != std::string_view::npos && term[at] == '=';
    if (key == "state" && equals) {
      filter.state = run_state_from(value);
      if (!filter.state)
        return fail(Code::kInvalid, "--filter: '" + value + "' is no state",
                    "PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED or INTERRUPTED");
    } else if (key == "experiment" && equals) {
      filter.experiment = value;
    } else if (key == "pipeline" && equals) {
      filter.pipeline_name = value;
    } else if (key == "name" && !value.empty()) {
      filter.name_contains = value;
    } else {
      return fail(Code::kInvalid, "--filter: cannot read '" + std::string(term) + "'",
                  "state=FAILED, experiment=NAME, pipeline=NAME or name~TEXT, joined by commas");
    }
  }
  return filter;
}

// Columns as wide as their widest cell; the last one is left as it is.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      out += row[i] + (i + 1 < row.size() ? std::string(widths[i] - row[i].size() + 2, ' ') : "\n");
  }
  return out;
}

std::string day_and_time(Instant instant) { return replace_all(format_rfc3339(instant).substr(0, 19), "T", " "); }
std::string run_time(const RunRow& run) {
  return run.began == Instant{} || run.ended < run.began ? "" : format_duration(run.ended - run.began);
}

int list_runs(const Context& context, Reading& reading) {
  const auto filter = parse_filter(context.words.filter);
  if (!filter) return context.console.fail(filter.error());
  const auto runs = reading.store->list(*filter, {.limit = context.words.limit});
  if (!runs) return context.console.fail(runs.error());
  if (context.console.json()) {
    JsonWriter json(2);
    json.begin_object().key("runs").begin_array();
    for (const RunRow& run : *runs)
      json.begin_object()
          .field("run_id", run.uuid.text())
          .field("name", run.name)
          .field("pipeline", run.pipeline_name)
          .field("experiment", run.experiment)
          .field("state", state_name(shown_state(run, reading.live)))
          .field("created_at", format_rfc3339(run.created))
          .field("seconds", run.began == Instant{} || run.ended < run.began ? 0.0 : to_seconds(run.ended - run.began))
          .end_object();
    context.console.out(json.end_array().end_object().take() + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"RUN", "STATE", "CREATED", "TIME", "PIPELINE", "NAME"}};
  for (const RunRow& run : *runs)
    rows.push_back({run.uuid.text().substr(0, 8), std::string(state_name(shown_state(run, reading.live))),
                    day_and_time(run.created), run_time(run), run.pipeline_name, run.name});
  context.console.out(table(rows));
  return 0;
}

int list_experiments(const Context& context, Reading& reading) {
  const auto experiments = reading.store->experiments();
  if (!experiments) return context.console.fail(experiments.error());
  if (context.console.json()) {
    JsonWriter json(2);
    json.begin_object().key("experiments").begin_array();
    for (const ExperimentRow& row : *experiments)
      json.begin_object()
          .field("experiment_id", std::to_string(row.id))
          .field("name", row.name)
          .field("created_at", format_rfc3339(row.created))
          .field("runs", row.runs)
          .end_object();
    context.console.out(json.end_array().end_object().take() + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"ID", "RUNS", "CREATED", "NAME"}};
  for (const ExperimentRow& row : *experiments)
    rows.push_back({std::to_string(row.id), std::to_string(row.runs), day_and_time(row.created), row.name});
  context.console.out(table(rows));
  return 0;
}

int list_pipelines(const Context& context, Reading& reading) {
  const auto pipelines = reading.store->pipelines();
  if (!pipelines) return context.console.fail(pipelines.error());
  if (context.console.json()) {
    JsonWriter json(2);
    json.begin_object().key("pipelines").begin_array();
    for (const PipelineRow& row : *pipelines)
      json.begin_object()
          .field("name", row.name)
          .field("runs", row.runs)
          .field("last_run_at", format_rfc3339(row.last_run))
          .end_object();
    context.console.out(json.end_array().end_object().take() + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"RUNS", "LAST RUN", "NAME"}};
  for (const PipelineRow& row : *pipelines) rows.push_back({std::to_string(row.runs), day_and_time(row.last_run), row.name});
  context.console.out(table(rows));
  return 0;
}

int get_run(const Context& context, Reading& reading) {
  const auto run = find_run(*reading.store, context.words.run);
  if (!run) return context.console.fail(run.error());
  const auto tasks = reading.store->tasks(run->id);
  if (!tasks) return context.console.fail(tasks.error());
  if (context.console.json()) {
    context.console.out(run_json(*run, *tasks, reading.live));
    return 0;
  }
  context.console.out(run_summary(context.console, *reading.dir, *run, *tasks, reading.live));
  std::vector<std::vector<std::string>> rows{{"TASK", "STATE", "TIME", "ATTEMPTS", "ERROR"}};
  for (const TaskRow& task : *tasks)
    rows.push_back({task.path, std::string(state_name(task.state)),
                    task.began == Instant{} || task.ended < task.began ? "" : format_duration(task.ended - task.began),
                    task.attempts > 0 ? std::to_string(task.attempts) : "", task.error.substr(0, task.error.find('\n'))});
  context.console.out(table(rows));
  for (const TaskRow& task : *tasks) {
    if (task.notes.empty()) continue;
    const auto notes = parse_json(task.notes);
    if (!notes || !notes->is_list()) continue;
    for (const Value& note : notes->as_list())
      if (note.is_string())
        context.console.out(context.console.ink(Ink::kYellow, "note: ") + task.path + ": " + note.as_string() + "\n");
  }
  return 0;
}

int get_named(const Context& context, Reading& reading) {
  const std::string& name = context.words.run;
  RunFilter filter;
  std::vector<std::string> known;
  if (context.words.noun == "experiment") {
    const auto rows = reading.store->experiments();
    if (!rows) return context.console.fail(rows.error());
    for (const ExperimentRow& row : *rows) {
      known.push_back(row.name);
      if (row.name == name || std::to_string(row.id) == name) filter.experiment = row.name;
    }
  } else {
    const auto rows = reading.store->pipelines();
    if (!rows) return context.console.fail(rows.error());
    for (const PipelineRow& row : *rows) {
      known.push_back(row.name);
      if (row.name == name) filter.pipeline_name = row.name;
    }
  }
  if (filter.experiment.empty() && filter.pipeline_name.empty())
    return context.console.fail(Error{Code::kNotFound, "no " + context.words.noun + " '" + name + "'" + did_you_mean(name, known),
                                      "sluice list " + context.words.noun + "s"});
  Words words = context.words;
  words.filter = filter.experiment.empty() ? "pipeline=" + filter.pipeline_name : "experiment=" + filter.experiment;
  return list_runs({words, context.config, context.console}, reading);
}

class LogPrinter {
 public:
  LogPrinter(const Context& context, bool several) : context_(context), several_(several) {}

  void print(const std::string& task, const LogChunk& chunk) {
    if (context_.words.stdout_only && chunk.stream != Stream::kStdout) return;
    if (!several_) return context_.console.out(chunk.bytes);
    // Whole lines with the task in front; what has no newline yet waits.
    std::string& rest = rests_[task];
    rest += chunk.bytes;
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
      context_.console.out(context_.console.ink(Ink::kBlue, "[" + task + "] ") + rest.substr(0, end + 1));
  }
  void finish() {
    for (const auto& [task, rest] : rests_)
      if (!rest.empty()) context_.console.out(context_.console.ink(Ink::kBlue, "[" + task + "] ") + rest + "\n");
  }

 private:
  const Context& context_;
  const bool several_;
  std::map<std::string, std::string> rests_;
};

Result<std::vector<TaskRow>> tasks_asked_for(RunStore& store, const RunRow& run, const std::string& task) {
  SLUICE_TRY(auto all, store.tasks(run.id));
  std::vector<TaskRow> chosen;
  std::vector<std::string> known;
  for (TaskRow& row : all) {
    if (row.attempts == 0 && !task.empty() && row.path != task) continue;
    known.push_back(row.path);
    if (task.empty() ? row.attempts > 0 : row.path == task || row.path.ends_with("/" + task)) chosen.push_back(std::move(row));
  }
  if (chosen.empty() && !task.empty())
    return fail(Code::kNotFound, "run " + run.uuid.text() + " has no task '" + task + "'" + did_you_mean(task, known),
                "sluice get run " + run.uuid.text());
  return chosen;
}

}  // namespace

int list_verb(const Context& context) {
  Reading reading = open_reading(context);
  if (reading.exit != 0) return reading.exit;
  if (context.words.noun == "experiments") return list_experiments(context, reading);
  if (context.words.noun == "pipelines") return list_pipelines(context, reading);
  return list_runs(context, reading);
}

int get_verb(const Context& context) {
  Reading reading = open_reading(context);
  if (reading.exit != 0) return reading.exit;
  return context.words.noun == "run" ? get_run(context, reading) : get_named(context, reading);
}

int logs_verb(const Context& context) {
  Reading reading = open_reading(context);
  if (reading.exit != 0) return reading.exit;
  auto run = find_run(*reading.store, context.words.run);
  if (!run) return context.console.fail(run.error());
  LogPrinter printer(context, context.words.task.empty());
  std::map<std::string, LogFollower> followers;
  for (;;) {
    // Asked before the logs are read: what a run that has ended wrote is all there.
    const bool more = context.words.follow && reading.live && !is_final(run->state);
    const auto tasks = tasks_asked_for(*reading.store, *run, context.words.task);
    if (!tasks && !(more && tasks.error().code == Code::kNotFound)) return context.console.fail(tasks.error());
    if (tasks)
      for (const TaskRow& task : *tasks) {
        const std::string path = log_path(*reading.dir, *run, task, context.words.attempt);
        const auto follower = followers.try_emplace(path, path).first;
        if (auto read = follower->second.poll([&](const LogChunk& chunk) { printer.print(task.path, chunk); }); !read)
          return context.console.fail(read.error());
      }
    if (!more) break;
    poll(nullptr, 0, 100);
    run = reading.store->run(run->uuid);
    if (!run) return context.console.fail(run.error());
    reading.live = owner_pid(*reading.dir) != 0;
  }
  printer.finish();
  return 0;
}

int cancel_verb(const Context& context) {
  Reading reading = open_reading(context);
  if (reading.exit != 0) return reading.exit;
  const auto run = find_run(*reading.store, context.words.run);
  if (!run) return context.console.fail(run.error());
  auto client = ControlClient::connect(*reading.dir);
  if (!client)
    return context.console.fail(
        Error{Code::kConflict,
              "run " + run->uuid.text() + " is " + std::string(state_name(shown_state(*run, false))) + ", not running", ""});
  const auto answer = client->ask(Value::of({{"do", "cancel"}, {"run", run->uuid.text()}, {"reason", "sluice cancel"}}));
  if (!answer) return context.console.fail(answer.error());
  if (context.console.json())
    context.console.out(to_json(Value::of({{"run_id", run->uuid.text()}, {"state", "CANCELING"}})) + "\n");
  else
    context.console.out("cancelling " + run->uuid.text() + "\n");
  return 0;
}

}  // namespace sluice
