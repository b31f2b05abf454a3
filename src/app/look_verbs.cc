// sluice list, get, cancel: looking at runs, and stopping one.
#include <algorithm>

#include "app/columns.h"
#include "app/control.h"
#include "app/load.h"
#include "app/run_document.h"
#include "app/run_table.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

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
    rows.push_back({run.uuid.text().substr(0, 8), colored_state(context.console, shown_state(run, reading.live)),
                    day_and_time(run.created), run_time(run), one_line(run.pipeline_name), one_line(run.name)});
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
    rows.push_back({std::to_string(row.id), std::to_string(row.runs), day_and_time(row.created), one_line(row.name)});
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
  for (const PipelineRow& row : *pipelines)
    rows.push_back({std::to_string(row.runs), day_and_time(row.last_run), one_line(row.name)});
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
  context.console.out("\n" + run_table(context.console, *tasks));
  context.console.out(run_notes(context.console, *tasks));
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
