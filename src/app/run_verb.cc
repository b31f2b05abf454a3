// sluice run, sluice retry.
#include <poll.h>

#include "app/load.h"
#include "app/owner.h"
#include "app/run_session.h"
#include "app/run_sheet.h"
#include "app/signals.h"
#include "app/verbs.h"

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

int carry_out(const Context& context, Wanted wanted) {
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

// Whether the file that was named with --resume is what the run was made of.
Status check_same_pipeline(const Context& context, ApiClient& connection, const Uuid& run, const Submission& given) {
  SLUICE_TRY(const std::string spec, connection.text("/api/v1/runs/" + run.text() + "/spec"));
  if (spec == given.spec) return {};
  return fail(Code::kConflict, context.words.pipeline + " is not what run " + run.text() + " was made of",
              "leave the file out to go on with the run as it is, or start a new run");
}

int resume(const Context& context) {
  const Console& console = context.console;
  Wanted wanted;
  {
    const auto connection = ApiClient::open(context);
    if (!connection) return console.fail(connection.error());
    const std::string path = "/api/v1/runs/" + encode_percent(context.words.run);
    const auto document = (*connection)->get(path);
    if (!document) return console.fail(document.error());
    const auto tasks = (*connection)->get(path + "/tasks");
    if (!tasks) return console.fail(tasks.error());
    RunSheet sheet = run_sheet(*document, *tasks);
    // To go on with a run that has reached its end is done already: scripts may resume until they see SUCCEEDED.
    if (sheet.state == RunState::kSucceeded && context.words.verb == "run")
      return report_run(context, **connection, sheet.uuid, 0);
    wanted.resume = sheet.uuid;
    wanted.tasks = std::move(sheet.tasks);
    wanted.title = sheet.name + "  " + sheet.uuid.text();
    if (!context.words.pipeline.empty()) {
      LoadedSubmission loaded = load_submission(context, false);
      if (!loaded.errors.empty()) return loaded.fail(console);
      if (const Status same = check_same_pipeline(context, **connection, sheet.uuid, loaded.submission); !same)
        return console.fail(same.error());
    }
  }
  return carry_out(context, std::move(wanted));
}

}  // namespace

int run_verb(const Context& context) {
  if (!context.words.run.empty()) return resume(context);
  LoadedSubmission loaded = load_submission(context, true);
  if (!loaded.errors.empty()) return loaded.fail(context.console);
  std::string key = context.words.key.empty() ? new_uuid().hex() : context.words.key;
  return carry_out(context, {.submission = std::move(loaded.submission), .key = std::move(key)});
}

int retry_verb(const Context& context) { return resume(context); }

}  // namespace sluice
