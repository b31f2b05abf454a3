// sluice list, get: looking at runs.
#include <algorithm>

#include "app/api_client.h"
#include "app/columns.h"
#include "app/logs.h"
#include "app/run_summary.h"
#include "app/run_table.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

// So many names are looked through for one that was meant.
constexpr int kNamesMax = 100'000;

// The query of GET /api/v1/runs; empty, or begins with '&'.
Result<std::string> query_of_filter(const std::string& text) {
  std::string query;
  if (text.empty()) return query;
  for (const std::string_view term : split(text, ',')) {
    const auto at = term.find_first_of("=~");
    const std::string key(trim(term.substr(0, at)));
    const std::string value(at == std::string_view::npos ? "" : trim(term.substr(at + 1)));
    const bool equals = at != std::string_view::npos && term[at] == '=';
    if (key == "state" && equals && !run_state_from(value))
      return fail(Code::kInvalid, "--filter: '" + value + "' is no state",
                  "PENDING, RUNNING, PAUSED, SUCCEEDED, FAILED, CANCELED or INTERRUPTED");
    if ((key == "state" || key == "experiment" || key == "pipeline") && equals)
      query += "&" + key + "=" + encode_percent(value);
    else if (key == "name" && !value.empty())
      query += "&name=" + encode_percent(value);
    else
      return fail(Code::kInvalid, "--filter: cannot read '" + std::string(term) + "'",
                  "state=FAILED, experiment=NAME, pipeline=NAME or name~TEXT, joined by commas");
  }
  return query;
}

std::string text_of(const Value& row, std::string_view key) { return std::string(row.string_or(key, "")); }
// To the second: "2026-11-24T09:00:00Z", as the documents of the command line have it.
std::string second_of(const Value& row, std::string_view key) { return format_rfc3339(instant_from(row.string_or(key, ""))); }
std::string day_and_time(const Value& row, std::string_view key) {
  const Instant instant = instant_from(row.string_or(key, ""));
  return instant == Instant{} ? "" : replace_all(format_rfc3339(instant).substr(0, 19), "T", " ");
}
std::string run_time(const Value& run) {
  if (run.find("ended") == nullptr) return "";
  return format_duration(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(run.number_or("seconds", 0))));
}

int print_runs(const Context& context, const List& runs) {
  if (context.console.json()) {
    JsonWriter json(2);
    json.begin_object().key("runs").begin_array();
    for (const Value& run : runs)
      json.begin_object()
          .field("run_id", run.string_or("run_id", ""))
          .field("name", run.string_or("name", ""))
          .field("pipeline", run.string_or("pipeline", ""))
          .field("experiment", run.string_or("experiment", ""))
          .field("state", run.string_or("state", ""))
          .field("created_at", second_of(run, "created"))
          .field("seconds", run.number_or("seconds", 0))
          .end_object();
    context.console.out(json.end_array().end_object().take() + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"RUN", "STATE", "CREATED", "TIME", "PIPELINE", "NAME"}};
  for (const Value& run : runs)
    rows.push_back({text_of(run, "run_id").substr(0, 8),
                    colored_state(context.console, run_state_from(run.string_or("state", "")).value_or(RunState::kPending)),
                    day_and_time(run, "created"), run_time(run), one_line(text_of(run, "pipeline")),
                    one_line(text_of(run, "name"))});
  context.console.out(table(rows));
  return 0;
}

int list_runs(const Context& context, ApiClient& connection, const std::string& filter) {
  const auto query = query_of_filter(filter);
  if (!query) return context.console.fail(query.error());
  const auto runs =
      connection.rows("/api/v1/runs?" + (query->empty() ? "" : query->substr(1) + "&"), "runs", context.words.limit);
  return runs ? print_runs(context, *runs) : context.console.fail(runs.error());
}

int list_experiments(const Context& context, ApiClient& connection) {
  const auto experiments = connection.rows("/api/v1/experiments?", "experiments", kNamesMax);
  if (!experiments) return context.console.fail(experiments.error());
  if (context.console.json()) {
    JsonWriter json(2);
    json.begin_object().key("experiments").begin_array();
    for (const Value& row : *experiments)
      json.begin_object()
          .field("experiment_id", row.string_or("experiment_id", ""))
          .field("name", row.string_or("name", ""))
          .field("created_at", second_of(row, "created"))
          .field("runs", row.int_or("runs", 0))
          .end_object();
    context.console.out(json.end_array().end_object().take() + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"ID", "RUNS", "CREATED", "NAME"}};
  for (const Value& row : *experiments)
    rows.push_back({text_of(row, "experiment_id"), std::to_string(row.int_or("runs", 0)), day_and_time(row, "created"),
                    one_line(text_of(row, "name"))});
  context.console.out(table(rows));
  return 0;
}

int list_pipelines(const Context& context, ApiClient& connection) {
  const auto pipelines = connection.rows("/api/v1/pipelines?", "pipelines", kNamesMax);
  if (!pipelines) return context.console.fail(pipelines.error());
  if (context.console.json()) {
    JsonWriter json(2);
    json.begin_object().key("pipelines").begin_array();
    for (const Value& row : *pipelines)
      json.begin_object()
          .field("name", row.string_or("name", ""))
          .field("runs", row.int_or("runs", 0))
          .field("last_run_at", row.find("last_run") == nullptr ? "" : second_of(row, "last_run"))
          .end_object();
    context.console.out(json.end_array().end_object().take() + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"RUNS", "LAST RUN", "NAME"}};
  for (const Value& row : *pipelines)
    rows.push_back({std::to_string(row.int_or("runs", 0)), day_and_time(row, "last_run"), one_line(text_of(row, "name"))});
  context.console.out(table(rows));
  return 0;
}

int get_run(const Context& context, ApiClient& connection) {
  const Console& console = context.console;
  const std::string path = "/api/v1/runs/" + encode_percent(context.words.run);
  const auto text = connection.text(path);
  if (!text) return console.fail(text.error());
  if (console.json()) {
    console.out(*text);
    return 0;
  }
  const auto document = parse_json(*text);
  if (!document) return console.fail(document.error());
  const auto tasks = connection.get(path + "/tasks");
  if (!tasks) return console.fail(tasks.error());
  const RunSheet sheet = run_sheet(*document, *tasks);
  console.out(run_summary(console, sheet, last_lines_of(connection, sheet.uuid)));
  console.out("\n" + run_table(console, sheet.tasks));
  console.out(run_notes(console, sheet.tasks));
  return 0;
}

int get_named(const Context& context, ApiClient& connection) {
  const std::string& name = context.words.run;
  const std::string nouns = context.words.noun + "s";
  const auto rows = connection.rows("/api/v1/" + nouns + "?", nouns, kNamesMax);
  if (!rows) return context.console.fail(rows.error());
  std::vector<std::string> known;
  std::string found;
  for (const Value& row : *rows) {
    known.push_back(text_of(row, "name"));
    if (row.string_or("name", "") == name || row.string_or("experiment_id", "") == name ||
        row.string_or("pipeline_id", "") == name)
      found = known.back();
  }
  if (found.empty())
    return context.console.fail(Error{Code::kNotFound, "no " + context.words.noun + " '" + name + "'" + did_you_mean(name, known),
                                      "sluice list " + nouns});
  const auto runs =
      connection.rows("/api/v1/runs?" + context.words.noun + "=" + encode_percent(found) + "&", "runs", context.words.limit);
  return runs ? print_runs(context, *runs) : context.console.fail(runs.error());
}

}  // namespace

int list_verb(const Context& context) {
  const auto connection = ApiClient::open(context);
  if (!connection) return context.console.fail(connection.error());
  if (context.words.noun == "experiments") return list_experiments(context, **connection);
  if (context.words.noun == "pipelines") return list_pipelines(context, **connection);
  return list_runs(context, **connection, context.words.filter);
}

int get_verb(const Context& context) {
  const auto connection = ApiClient::open(context);
  if (!connection) return context.console.fail(connection.error());
  return context.words.noun == "run" ? get_run(context, **connection) : get_named(context, **connection);
}

}  // namespace sluice
