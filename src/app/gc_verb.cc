// sluice gc: what nobody needs goes, at the hands of whoever owns the data directory, else at ours.
#include <algorithm>
#include <chrono>
#include <thread>

#include "app/api_client.h"
#include "app/owner.h"
#include "app/signals.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kLookEvery = std::chrono::milliseconds(100);

// "12 objects, 3 folders: 1.5 MiB", without what there is none of.
std::string summary_of(const Value& document) {
  std::string text;
  if (const Value* kinds = document.find("kinds"); kinds != nullptr && kinds->is_list())
    for (const Value& kind : kinds->as_list())
      if (const auto number = kind.int_or("number", 0); number > 0)
        text += (text.empty() ? "" : ", ") + std::to_string(number) + " " + std::string(kind.string_or("kind", ""));
  return text.empty() ? "nothing" : text;
}

std::string size_of(const Value& document) { return format_bytes(static_cast<double>(document.int_or("size_bytes", 0))); }

// One line on the terminal for what takes longer than a second.
class ProgressLine {
 public:
  explicit ProgressLine(const Console& console) : console_(console) {}
  ~ProgressLine() {
    if (is_drawn_) console_.err("\r\x1b[K");
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const Value& document) {
    if (!console_.live() || SteadyClock::now() - began_ < std::chrono::seconds(1)) return;
    is_drawn_ = true;
    console_.err("\rremoved so far: " + summary_of(document) + ", " + size_of(document) + "\x1b[K");
  }

 private:
  const Console& console_;
  const SteadyClock::time_point began_ = SteadyClock::now();
  bool is_drawn_ = false;
};

int report(const Console& console, const Value& document) {
  const Value* error = document.find("error");
  if (error != nullptr && error->is_struct()) {
    const Diagnostics errors = diagnostics_from(Value(List{*error}));
    return console.fail(errors);
  }
  if (console.json()) {
    console.out(to_json(document) + "\n");
    return 0;
  }
  const bool dry_run = document.bool_or("dry_run", false);
  if (const Value* kinds = document.find("kinds"); kinds != nullptr && kinds->is_list())
    for (const Value& kind : kinds->as_list()) {
      const std::string name(kind.string_or("kind", "")), number = std::to_string(kind.int_or("number", 0));
      const auto bytes = kind.int_or("size_bytes", 0);
      console.out(name + std::string(14 - std::min<std::size_t>(13, name.size()), ' ') +
                  std::string(8 - std::min<std::size_t>(7, number.size()), ' ') + number +
                  (bytes > 0 ? "  " + format_bytes(static_cast<double>(bytes)) : "") + "\n");
    }
  console.out((dry_run ? "would free " : "freed ") + size_of(document) + "\n");
  if (const Value* problems = document.find("problems"); problems != nullptr && problems->is_list())
    for (const Value& problem : problems->as_list()) console.err("warning: " + value_text(problem) + "\n");
  return 0;
}

Value request_of(const Words& words) {
  Struct body{{"dry_run", words.dry_run}};
  if (!words.grace.empty()) body.emplace("grace", words.grace);
  return Value(std::move(body));
}

// Nothing: it was a run that had the directory, and that has ended in the middle of it.
std::optional<int> collect_by(const Context& context, ApiClient& connection, Signals& signals) {
  auto state = connection.post("/api/v1/gc", request_of(context.words));
  ProgressLine progress(context.console);
  while (state && state->bool_or("running", false)) {
    if (const int signal = signals.take(); signal != 0) return 128 + signal;  // it goes on by itself
    progress.show(*state);
    std::this_thread::sleep_for(kLookEvery);
    state = connection.get("/api/v1/gc");
  }
  if (state) return report(context.console, *state);
  if (state.error().code == Code::kUnavailable && connection.is_gone_for_good()) return std::nullopt;
  return context.console.fail(state.error());
}

// Nobody has the directory: we have it, for so long.
int collect_here(const Context& context, Owner& owner, Signals& signals) {
  Api& api = owner.api();
  const auto ask = [&](HttpRequest request) {
    request.peer = "unix";
    const HttpResponse response = api.call(std::move(request));
    return std::pair{response.status, response.body};
  };
  const auto [status, text] = ask(post_request("/api/v1/gc", request_of(context.words)));
  if (status >= 400) return context.console.fail(errors_of(status, text, owner.dir().root()));
  ProgressLine progress(context.console);
  Value last;
  int signal = 0;
  std::function<void()> look = [&] {
    last = parse_json(ask(get_request("/api/v1/gc")).second).value_or(Value{});
    progress.show(last);
    if (!last.bool_or("running", false)) owner.end_when_idle();  // not before the runs that came meanwhile have ended
    owner.loop().after(kLookEvery, look);
  };
  owner.loop().watch(signals.fd(), [&] {
    signal = signals.take();
    if (signal != 0) owner.drain(false);
  });
  look();
  const Status served = owner.serve();
  owner.loop().unwatch(signals.fd());
  if (signal != 0) return 128 + signal;
  return served ? report(context.console, last) : context.console.fail(served.error());
}

Status check_words(const Words& words) {
  const auto grace = parse_duration(words.grace);
  if (words.grace.empty() || (grace && *grace >= Duration{0})) return {};
  return fail(Code::kInvalid, "--grace " + words.grace + ": no duration", "such as 1h or 30m");
}

}  // namespace

int gc_verb(const Context& context) {
  const Console& console = context.console;
  if (const Status words = check_words(context.words); !words) return console.fail(words.error());
  Signals signals;
  // The owner may be about to end when we connect to it: then the directory is free a moment later.
  for (int tries = 0; tries < 50; ++tries) {
    const auto connection = ApiClient::open(context);
    if (!connection) return console.fail(connection.error());
    if ((*connection)->peer() != ApiClient::Peer::kDirectory || context.words.dry_run)
      if (const auto code = collect_by(context, **connection, signals)) return *code;
    if ((*connection)->peer() != ApiClient::Peer::kDirectory) continue;
    auto owner = Owner::open(*(*connection)->files(), context.config);
    if (!owner) return console.fail(owner.error());
    if (*owner != nullptr) return collect_here(context, **owner, signals);
    std::this_thread::sleep_for(kLookEvery);
  }
  return console.fail(Error{Code::kUnavailable,
                            "data directory " + context.config.data_dir + " is in use by a process that does not answer",
                            "wait for it, or end it"});
}

}  // namespace sluice
