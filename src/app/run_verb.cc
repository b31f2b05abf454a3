// sluice run, sluice retry.
#include <poll.h>

#include "app/load.h"
#include "app/owner.h"
#include "app/run_diff_text.h"
#include "app/run_session.h"
#include "app/run_sheet.h"
#include "app/signals.h"
#include "app/verbs.h"
#include "base/json.h"

namespace sluice {
namespace {

// Warnings are printed, errors are for the caller.
Diagnostics prepare_here(const Context& context, const DataDir& dir, Wanted& wanted) {
  if (wanted.resume || wanted.prepared) return {};
  const Uuid uuid = new_uuid();
  Prepared prepared = prepare(*wanted.submission, context.config.sites(), new_run_context(dir, uuid, SystemClock().now()));
  if (!prepared.errors.empty()) return prepared.errors;
  for (const Diagnostic& warning : prepared.warnings) context.console.warn(warning);
  wanted.title = prepared.plan->context.display_name + "  " + uuid.text();
  wanted.prepared = std::move(prepared);
  return {};
}

int carry_out(const Context& context, Wanted& wanted) {
  const Console& console = context.console;
  const auto dir = DataDir::at(context.config.data_dir);
  if (!dir) return console.fail(dir.error());
  Signals signals;
  // The owner may be about to end when we connect to it: then the lock is free a moment later.
  for (int tries = 0; tries < 50; ++tries) {
    if (const int signal = signals.take(); signal != 0) return 128 + signal;
    if (!context.config.server_url.empty() || owner_pid(*dir) != 0) {
      auto connection = ApiClient::open(context);
      if (!connection && connection.error().code != Code::kNotFound) return console.fail(connection.error());
      if (connection && (*connection)->peer() != ApiClient::Peer::kDirectory)
        if (const auto code = run_as_client(context, **connection, signals, wanted)) return *code;
    } else {
      if (context.words.detach)
        return console.fail(Error{Code::kUnavailable, "no server is up in " + dir->root() + " that the run could be left to",
                                  "sluice up starts one; without --detach the run is carried out here"});
      if (const Diagnostics errors = prepare_here(context, *dir, wanted); !errors.empty()) return console.fail(errors);
      if (const auto code = run_as_owner(context, *dir, signals, wanted)) return *code;
    }
    poll(nullptr, 0, 100);
  }
  if (!wanted.put_off.empty()) return console.fail(wanted.put_off);
  return console.fail(Error{
      Code::kUnavailable,
      "data directory " + dir->root() + " is locked by process " + std::to_string(owner_pid(*dir)) + ", which does not answer",
      "wait for it, or end it"});
}

// The pipeline that was named with --resume, if it is another one than before, or has other parameters.
Result<std::optional<Submission>> edited(const Words& words, ApiClient& connection, const Uuid& run, Submission given) {
  SLUICE_TRY(const std::string spec, connection.text("/api/v1/runs/" + run.text() + "/spec"));
  if (spec == given.spec && words.params.empty() && words.params_file.empty()) return std::optional<Submission>();
  return std::optional(std::move(given));
}

int resume(const Context& context) {
  const Console& console = context.console;
  const Words& words = context.words;
  if (words.pipeline.empty() && (!words.params.empty() || !words.params_file.empty()))
    return console.fail(Error{Code::kInvalid, "a run that goes on as it is keeps its parameters",
                              "name the pipeline too: sluice run --resume RUN_ID PIPELINE -p name=value"});
  Wanted wanted{.from = words.from};
  {
    const auto connection = ApiClient::open(context);
    if (!connection) return console.fail(connection.error());
    const std::string path = "/api/v1/runs/" + encode_percent(context.words.run);
    const auto document = (*connection)->get(path);
    if (!document) return console.fail(document.error());
    const auto tasks = (*connection)->get(path + "/tasks");
    if (!tasks) return console.fail(tasks.error());
    RunSheet sheet = run_sheet(*document, *tasks);
    if (!context.words.pipeline.empty()) {
      LoadedSubmission loaded = load_submission(context, true);
      if (!loaded.errors.empty()) return loaded.fail(console);
      auto submission = edited(context.words, **connection, sheet.uuid, std::move(loaded.submission));
      if (!submission) return console.fail(submission.error());
      wanted.submission = std::move(*submission);
    }
    // To go on with a run that has reached its end is done already: scripts may resume until they see SUCCEEDED.
    if (sheet.state == RunState::kSucceeded && context.words.verb == "run" && !wanted.submission)
      return report_run(context, **connection, sheet.uuid, 0);
    wanted.resume = sheet.uuid;
    if (!wanted.submission) wanted.tasks = std::move(sheet.tasks);
    wanted.title = sheet.name + "  " + sheet.uuid.text();
  }
  return carry_out(context, wanted);
}

// Prints what two runs of the pipeline made, and where that differs.
int report_verified(const Context& context, ApiClient& connection, const Uuid& run, const Uuid& again) {
  const Console& console = context.console;
  const auto diff = ask_run_diff(connection, run.text(), again.text());
  if (!diff) return console.fail(diff.error());
  const List found = unexplained(*diff);
  if (console.json()) {
    auto document = connection.get("/api/v1/runs/" + run.text());
    if (!document) return console.fail(document.error());
    Struct fields = document->as_struct();
    fields.insert_or_assign(
        "verify", Value::of({{"run_id", again.text()}, {"same", found.empty()}, {"differences", *diff->find("differences")}}));
    console.out(to_json(fields) + "\n");
  } else {
    console.out(found.empty() ? "verified: both runs of every step made the same\n" : run_verify_text(console, *diff));
  }
  return found.empty() ? 0 : 1;
}

// Two runs, the second one as if there had never been the first: nothing of the machinery that carries out a step needs to know,
// and each of the two can be looked into afterwards (logs, shell, diff).
int verify(const Context& context, Submission submission, const std::string& key) {
  submission.cache = false;
  Wanted first{.submission = submission, .key = key, .silent = context.console.json()};
  if (const int code = carry_out(context, first); code != 0 || !first.begun) {
    if (!first.begun || !context.console.json()) return code;
    const auto connection = ApiClient::open(context);
    return connection ? report_run(context, **connection, *first.begun, code > 128 ? code - 128 : 0)
                      : context.console.fail(connection.error());
  }
  if (submission.name.empty()) submission.name = "verify " + first.begun->text().substr(0, 8);
  if (!submission.key.empty()) submission.key += " verify";
  Wanted second{.submission = std::move(submission), .key = key + " verify", .silent = true};
  const int code = carry_out(context, second);
  if (code > 1 || !second.begun) return code;
  const auto connection = ApiClient::open(context);
  if (!connection) return context.console.fail(connection.error());
  return report_verified(context, **connection, *first.begun, *second.begun);
}

}  // namespace

int run_verb(const Context& context) {
  if (!context.words.run.empty()) return resume(context);
  LoadedSubmission loaded = load_submission(context, true);
  if (!loaded.errors.empty()) return loaded.fail(context.console);
  const std::string key = context.words.key.empty() ? new_uuid().hex() : context.words.key;
  if (context.words.verify) return verify(context, std::move(loaded.submission), key);
  Wanted wanted{.submission = std::move(loaded.submission), .key = key};
  return carry_out(context, wanted);
}

int retry_verb(const Context& context) { return resume(context); }

}  // namespace sluice
