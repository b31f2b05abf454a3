// sluice down: asks a server to end, and waits until it has.
#include <poll.h>

#include <chrono>
#include <optional>

#include "app/api_client.h"
#include "app/verbs.h"
#include "base/json.h"

namespace sluice {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kLookMs = 20;

class Deadline {
 public:
  explicit Deadline(std::optional<Duration> after) {
    if (after) at_ = SteadyClock::now() + *after;
  }
  bool has_passed() const { return at_ && SteadyClock::now() >= *at_; }

 private:
  std::optional<SteadyClock::time_point> at_;
};

int report_down(const Context& context, const std::string& name, int pid) {
  if (context.console.json())
    context.console.out(to_json(pid > 0 ? Value::of({{"state", "down"}, {"pid", pid}}) : Value::of({{"state", "down"}})) + "\n");
  else
    context.console.out("Sluice is down  (" + name + ")\n");
  return 0;
}

// Of a server on another machine we see only whether it answers.
bool is_gone(ApiClient& connection, const DataDir* dir, int pid) {
  if (dir != nullptr) return owner_pid(*dir) != pid;
  const auto answer = connection.get("/healthz");
  return !answer && answer.error().code == Code::kUnavailable;
}

}  // namespace

int down_verb(const Context& context) {
  const Console& console = context.console;
  std::optional<Duration> timeout;
  if (!context.words.timeout.empty() && !(timeout = parse_duration(context.words.timeout)))
    return console.fail(Error{Code::kInvalid, "--timeout: a duration such as 30s, got '" + context.words.timeout + "'", ""});
  const Deadline deadline(timeout);
  int pid = 0;
  if (context.config.server_url.empty()) {
    const auto dir = DataDir::at(context.config.data_dir);
    if (!dir) return console.fail(dir.error());
    const OwnerInfo owner = owner_of(*dir);
    if (owner.kind == OwnerKind::kNone)
      return console.fail(Error{Code::kConflict, "nothing is up in " + context.config.data_dir, ""});
    if (owner.kind == OwnerKind::kRun)
      return console.fail(
          Error{Code::kConflict,
                "no server is up in " + context.config.data_dir + ": process " + std::to_string(owner.pid) + " is a sluice run",
                "sluice cancel RUN_ID ends its runs"});
    pid = owner.pid;
  }
  const auto connection = ApiClient::open(context);
  if (!connection) return console.fail(connection.error());
  const DataDir* dir = (*connection)->files();
  for (bool is_asked = false; !is_asked || !is_gone(**connection, dir, pid);) {
    if (!is_asked) {
      const auto asked = (*connection)->post("/api/v1/shutdown", Value::of({{"stop_tasks", context.words.stop_tasks}}));
      is_asked = asked.has_value();
      // One that is starting does not answer yet, and one that is ending not any more; but the lock says that it is there.
      if (!asked && (asked.error().code != Code::kUnavailable || dir == nullptr)) return console.fail(asked.error());
      if (!asked && is_gone(**connection, dir, pid)) break;
    }
    if (deadline.has_passed())
      return console.fail(Error{Code::kTimeout, (*connection)->name() + " is not down after " + context.words.timeout, ""});
    poll(nullptr, 0, kLookMs);
  }
  return report_down(context, dir != nullptr ? "data in " + context.config.data_dir : (*connection)->name(), pid);
}

}  // namespace sluice
