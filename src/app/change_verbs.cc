// sluice cancel, pause, resume: what can be asked for of a run that somebody carries out.
#include "app/api_client.h"
#include "app/verbs.h"
#include "base/json.h"

namespace sluice {
namespace {

// POST /api/v1/runs/RUN/WHAT. `doing`: "cancelling".
int change(const Context& context, const std::string& what, const std::string& doing, const Value& body) {
  const auto connection = ApiClient::open(context);
  if (!connection) return context.console.fail(connection.error());
  const std::string path = "/api/v1/runs/" + encode_percent(context.words.run);
  if ((*connection)->peer() == ApiClient::Peer::kDirectory) {
    const auto run = (*connection)->get(path);
    if (!run) return context.console.fail(run.error());
    const std::string state(run->string_or("state", ""));
    return context.console.fail(Error{Code::kConflict,
                                      "run " + std::string(run->string_or("run_id", "")) + " is " + state + ", not running",
                                      state == "INTERRUPTED" ? "sluice up, or sluice retry, goes on with it" : ""});
  }
  const auto answer = (*connection)->post(path + "/" + what, body);
  if (!answer) return context.console.fail(answer.error());
  const std::string run(answer->string_or("run_id", ""));
  if (context.console.json())
    context.console.out(to_json(Value::of({{"run_id", run}, {"state", answer->string_or("state", "")}})) + "\n");
  else
    context.console.out(doing + " " + run + "\n");
  return 0;
}

}  // namespace

int cancel_verb(const Context& context) {
  return change(context, "cancel", "cancelling", Value::of({{"reason", "sluice cancel"}}));
}
int pause_verb(const Context& context) { return change(context, "pause", "paused", Value(Struct{})); }
int resume_verb(const Context& context) { return change(context, "resume", "resumed", Value(Struct{})); }

}  // namespace sluice
