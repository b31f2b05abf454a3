// A run with the terminal attached: carried out by this process, as the owner of the data directory, or by another one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/api_client.h"
#include "app/signals.h"
#include "engine/engine.h"

namespace sluice {

// What is wanted: a new run, or one that goes on.
struct Wanted {
  std::optional<Submission> submission;
  std::string key;                   // of the request that submits it
  std::optional<Prepared> prepared;  // of submission, where this process carries it out
  std::optional<Uuid> resume;        // with `submission`: as that pipeline
  std::string from;                  // of resume: a task that runs again, too
  std::string title;
  std::vector<TaskRow> tasks;        // of the run that goes on, as they are
  Diagnostics put_off;               // why the owner did not take it just now
  bool silent = false;               // nothing is printed on stdout
  std::optional<Uuid> begun;         // the run, once it is known
};

// Both return the exit code, or nothing if the other way has to be tried: the directory has an owner now, or has none any more.
std::optional<int> run_as_owner(const Context& context, const DataDir& dir, Signals& signals, Wanted& wanted);
std::optional<int> run_as_client(const Context& context, ApiClient& connection, Signals& signals, Wanted& wanted);

// 0 if it succeeded, 1 if it ended otherwise, 3 if it has not ended; 128 + `signal` if that is why.
int exit_code_of_run(RunState state, int signal);
int code_of_run(const Context& context, ApiClient& connection, const Uuid& run, int signal);
// Prints how a run stands, and returns that exit code.
int report_run(const Context& context, ApiClient& connection, const Uuid& run, int signal);

}  // namespace sluice
