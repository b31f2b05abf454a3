// sluice up: a data directory is served, until somebody says that it is enough.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "app/owner.h"
#include "app/server_log.h"
#include "app/signals.h"
#include "app/verbs.h"
#include "app/whole_file.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

// What may be named already, but is not there yet.
Status check_places(const Words& words, const DataDir& dir) {
  const auto refuse = [](const std::string& flag, const std::string& value, const std::string& only) {
    return fail(Code::kInvalid, flag + " " + value + ": not supported yet", "for now there is only " + only);
  };
  if (!words.database.empty() && words.database != "sqlite") return refuse("--db", words.database, "sqlite");
  if (!words.executor.empty() && words.executor != "local") return refuse("--executor", words.executor, "local");
  if (words.artifacts.empty()) return {};
  const auto place = DataDir::at(words.artifacts);
  if (words.artifacts.find("://") != std::string::npos || !place || place->root() != dir.objects())
    return refuse("--artifacts", words.artifacts, "the data directory itself, " + dir.objects());
  return {};
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

Result<OwnerOptions> owner_options(const ServerConfig& server) {
  OwnerOptions options{.is_server = true};
  options.guard.hosts = server.allow_hosts;
  if (!server.token_file.empty()) {
    SLUICE_TRY(options.guard.tokens, tokens_of_file(server.token_file));
  }
  if (options.guard.tokens.empty() && !is_loopback(server.host) && !server.anybody)
    return fail(Code::kInvalid, "--host " + server.host + ": others reach this address, and a pipeline runs any command",
                "name a file of tokens with --token-file FILE, or say --" + std::string(kAnybody));
  if (server.tls_certificate.empty() != server.tls_key.empty())
    return fail(Code::kInvalid, "https needs both a certificate and its key", "--tls-certificate FILE --tls-key FILE");
  options.http = {.host = server.host,
                  .port = server.port,
                  .tls_certificate = server.tls_certificate,
                  .tls_key = server.tls_key,
                  .threads = 2};
  return options;
}

// An address by which this machine reaches it: of the wildcards, the loopback.
std::string url_of(const ServerConfig& server, int port) {
  std::string host = server.host == "0.0.0.0"                       ? "127.0.0.1"
                     : server.host == "::" || server.host == "[::]" ? "[::1]"
                                                                    : server.host;
  if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
  return (server.tls_certificate.empty() ? "http://" : "https://") + host + ":" + std::to_string(port);
}

Error owned_error(const Context& context, const OwnerInfo& owner) {
  const std::string whom = owner.pid > 0 ? "process " + std::to_string(owner.pid) : "another process";
  const std::string place = "data directory " + context.config.data_dir;
  if (owner.kind == OwnerKind::kServer)
    return {Code::kConflict, place + " is served by " + whom + (owner.url.empty() ? ", which is starting" : " at " + owner.url),
            "sluice down ends it"};
  return {Code::kConflict, place + " is in use by a run of " + whom, "--wait waits for its end"};
}

class Server {
 public:
  Server(const Context& context, const DataDir& dir)
      : context_(context), dir_(dir), log_(STDERR_FILENO, context.config.server.log_json) {}

  int run() {
    if (const Status places = check_places(context_.words, dir_); !places) return context_.console.fail(places.error());
    auto options = owner_options(context_.config.server);
    if (!options) return context_.console.fail(options.error());
    options->answered = [this](const HttpRequest& request, int status, Duration took) {
      if (status >= 500)
        log_.write(LogLevel::kError, "request failed",
                   {{"status", std::to_string(status)},
                    {"method", request.method},
                    {"path", std::string(request.path())},
                    {"took", format_duration(took)}});
    };
    Signals signals;
    ::signal(SIGHUP, SIG_IGN);  // the terminal that it was started from may go
    auto owner = open(*options, signals);
    if (!owner) return context_.console.fail(owner.error());
    if (*owner == nullptr) return 128 + signal_;
    owner_ = owner->get();
    watch(signals);
    if (const Status said = say_ready(); !said) return context_.console.fail(said.error());
    const Status served = owner_->serve();
    owner_->loop().unwatch(signals.fd());
    if (!served) {
      log_.write(LogLevel::kError, "stopped", {{"error", served.error().message}});
      return context_.console.fail(served.error());
    }
    log_.write(LogLevel::kInfo, "stopped", {{"pid", std::to_string(getpid())}});
    return 0;
  }

 private:
  // Null: a signal came first.
  Result<std::unique_ptr<Owner>> open(const OwnerOptions& options, Signals& signals) {
    for (bool said = false;;) {
      SLUICE_TRY(auto owner, Owner::open(dir_, context_.config, options));
      if (owner != nullptr) return owner;
      const OwnerInfo other = owner_of(dir_);
      if (!context_.words.wait && other.pid != 0) return fail(owned_error(context_, other));
      if (!said && other.pid != 0)
        log_.write(LogLevel::kInfo, "waiting for the data directory", {{"pid", std::to_string(other.pid)}});
      said = said || other.pid != 0;
      pollfd wait{.fd = signals.fd(), .events = POLLIN, .revents = 0};
      poll(&wait, 1, 50);
      if ((signal_ = signals.take()) != 0) return std::unique_ptr<Owner>();
    }
  }

  void watch(Signals& signals) {
    owner_->loop().watch(signals.fd(), [this, &signals] {
      const int signal = signals.take();
      if (signal == 0) return;
      // A second one: whoever asks twice does not want to wait. The journal can be read back from any moment.
      if (signal_ != 0) _exit(128 + signal);
      signal_ = signal;
      stop("signal " + std::to_string(signal), false);
    });
    owner_->on_shut_down([this](bool stop_tasks) { stop("asked to shut down", stop_tasks); });
    owner_->on_notice([this](const Notice& notice) {
      const auto* run = std::get_if<RunNotice>(&notice);
      if (run == nullptr || !is_final(run->state)) return;
      if (run->error.empty())
        log_.write(LogLevel::kInfo, "run ended", {{"run", run->run.text()}, {"state", std::string(state_name(run->state))}});
      else
        log_.write(LogLevel::kWarning, "run ended",
                   {{"run", run->run.text()}, {"state", std::string(state_name(run->state))}, {"error", run->error}});
    });
    owner_->on_garbage([this](const GarbageState& state) {
      if (state.error)
        log_.write(LogLevel::kWarning, "garbage was not collected", {{"error", state.error->message}});
      else if (!state.dry_run)
        log_.write(LogLevel::kInfo, "garbage collected",
                   {{"freed", format_bytes(static_cast<double>(state.report.bytes()))},
                    {"took", format_duration(state.ended - state.began)}});
    });
    owner_->on_unnotified([this](const std::string& target, const Error& error) {
      log_.write(LogLevel::kWarning, "a run's end could not be told", {{"to", target}, {"error", error.message}});
    });
    owner_->on_trouble([this](const Error& error) {
      if (error.message.empty())
        log_.write(LogLevel::kInfo, "trouble is over");
      else
        log_.write(LogLevel::kError, "trouble", {{"error", error.message}, {"hint", error.hint}});
    });
  }

  void stop(const std::string& why, bool stop_tasks) {
    log_.write(LogLevel::kInfo, "stopping", {{"why", why}, {"tasks", stop_tasks ? "end" : "go on"}});
    owner_->drain(stop_tasks);
  }

  Status say_ready() {
    const std::string url = url_of(context_.config.server, owner_->port());
    owner_->say_url(url);
    const std::string pid = std::to_string(getpid());
    log_.write(LogLevel::kInfo, "up", {{"url", url}, {"pid", pid}, {"data_dir", dir_.root()}, {"version", SLUICE_VERSION}});
    const Value ready = Value::of({{"url", url}, {"pid", static_cast<int>(getpid())}});
    if (!context_.words.ready_file.empty()) {
      SLUICE_TRY_STATUS(write_whole_file(context_.words.ready_file, to_json(ready) + "\n"));
    }
    context_.console.out(
        context_.console.json()
            ? to_json(Value::of({{"url", url}, {"pid", static_cast<int>(getpid())}, {"data_dir", dir_.root()}})) + "\n"
            : "Sluice is up: " + url + "  (data in " + context_.config.data_dir + ")\n");
    return {};
  }

  const Context& context_;
  const DataDir& dir_;
  const ServerLog log_;
  Owner* owner_ = nullptr;
  int signal_ = 0;
};

}  // namespace

int up_verb(const Context& context) {
  const auto dir = DataDir::at(context.config.data_dir);
  return dir ? Server(context, *dir).run() : context.console.fail(dir.error());
}

}  // namespace sluice
