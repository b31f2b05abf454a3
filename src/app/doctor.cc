// sluice doctor, version: what this machine offers, and who we are.
#include <sys/statvfs.h>
#include <unistd.h>

#include <thread>

#include "app/api_client.h"
#include "app/environment_report.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/environment.h"
#include "exec/supervisor.h"

namespace sluice {
namespace {

enum class Health { kGood, kWarn, kBad };
struct Finding {
  std::string name;
  Health health = Health::kGood;
  std::string text, hint;
};

std::string on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path != nullptr ? path : "", ':')) {
    std::string candidate = std::string(folder) + "/" + program;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Finding check_python(const EnvironmentSettings& settings) {
  const auto python = find_interpreter("", settings.python);
  if (!python) return {"python", Health::kBad, python.error().message, python.error().hint};
  return {"python", Health::kGood, "Python " + python->interpreter.version + " at " + python->interpreter.path, ""};
}

Finding check_uv() {
  const std::string uv = on_path("uv");
  if (!uv.empty()) return {"uv", Health::kGood, uv, ""};
  return {"uv", Health::kGood, "not on PATH: it is fetched from the Python index when an environment is built, else pip is used",
          ""};
}

Finding check_data_dir(const DataDir& dir) {
  std::string place = dir.root();
  while (access(place.c_str(), F_OK) != 0 && place.size() > 1)
    place = place.substr(0, std::max<std::size_t>(1, place.rfind('/')));
  if (access(place.c_str(), W_OK) != 0)
    return {"data_dir", Health::kBad, dir.root() + ": " + place + " is not writable", "name another with --data-dir DIR"};
  struct statvfs disk{};
  if (statvfs(place.c_str(), &disk) != 0) return {"data_dir", Health::kWarn, dir.root() + ": the free space is not known", ""};
  const double free_bytes = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  const std::string text = dir.root() + ", " + format_bytes(free_bytes) + " free";
  if (free_bytes < 512.0 * 1024 * 1024) return {"data_dir", Health::kWarn, text, "less than 512 MiB: a run may fill it"};
  return {"data_dir", Health::kGood, text, ""};
}

Finding check_owner(const DataDir& dir) {
  const OwnerInfo owner = owner_of(dir);
  const std::string pid = std::to_string(owner.pid);
  if (owner.kind == OwnerKind::kNone) return {"owner", Health::kGood, "nobody uses the data directory", ""};
  if (owner.kind == OwnerKind::kRun) return {"owner", Health::kGood, "process " + pid + " uses the data directory", ""};
  return {"owner", Health::kGood,
          "a server, process " + pid + ", has the data directory" + (owner.url.empty() ? " and is starting" : ": " + owner.url),
          ""};
}

// The server that --server or SLUICE_SERVER names.
Finding check_server(const Context& context) {
  const auto connection = ApiClient::open(context);
  if (!connection) return {"server", Health::kBad, connection.error().message, connection.error().hint};
  const auto server = (*connection)->get("/api/v1/server");
  if (!server) return {"server", Health::kBad, server.error().message, server.error().hint};
  const Value* trouble = server->find("trouble");
  if (trouble != nullptr && trouble->is_struct())
    return {"server", Health::kWarn, (*connection)->name() + ": " + std::string(trouble->string_or("message", "")),
            std::string(trouble->string_or("hint", ""))};
  return {"server", Health::kGood,
          (*connection)->name() + ", version " + std::string(server->string_or("version", "")) + ", process " +
              std::to_string(server->int_or("pid", 0)),
          ""};
}

}  // namespace

int doctor_verb(const Context& context) {
  const auto dir = DataDir::at(context.config.data_dir);
  if (!dir) return context.console.fail(dir.error());
  const PrivateTmp tmp = probe_private_tmp(dir->root());
  std::vector<Finding> findings{check_python(context.config.environments), check_uv(), check_data_dir(*dir), check_owner(*dir)};
  if (!context.config.server_url.empty()) findings.push_back(check_server(context));
  findings.push_back(
      {"private_tmp", tmp.kind == "none" ? Health::kWarn : Health::kGood,
       tmp.kind == "none" ? "tasks share /tmp: " + tmp.reason : "each attempt has its own /tmp (" + tmp.kind + ")",
       tmp.kind == "none" ? "they get a TMPDIR of their own; programs that write to /tmp itself may disturb each other" : ""});
  findings.push_back({"slots", Health::kGood, std::to_string(context.config.slots) + " tasks at a time", ""});
  const EnvironmentStore environments(context.config.environment_root(), context.config.environments);
  findings.push_back({"environments", Health::kGood, describe_environments(environments, context.config), ""});
  bool bad = false;
  if (context.console.json()) {
    JsonWriter json(2);
    json.begin_object()
        .field("version", SLUICE_VERSION)
        .field("private_tmp", tmp.kind)
        .field("slots", context.config.slots)
        .key("checks")
        .begin_array();
    for (const Finding& finding : findings)
      json.begin_object()
          .field("name", finding.name)
          .field("ok", finding.health != Health::kBad)
          .field("warning", finding.health == Health::kWarn)
          .field("text", finding.text)
          .field("hint", finding.hint)
          .end_object();
    json.end_array();
    write_environments(json, environments, context.config);
    context.console.out(json.end_object().take() + "\n");
  }
  for (const Finding& finding : findings) {
    bad = bad || finding.health == Health::kBad;
    if (context.console.json()) continue;
    const bool good = finding.health == Health::kGood;
    const std::string mark = good                              ? context.console.ink(Ink::kGreen, "ok  ")
                             : finding.health == Health::kWarn ? context.console.ink(Ink::kYellow, "warn")
                                                               : context.console.ink(Ink::kRed, "bad ");
    context.console.out(mark + " " + finding.name + std::string(12 - std::min<std::size_t>(11, finding.name.size()), ' ') +
                        finding.text + "\n");
    if (!finding.hint.empty()) context.console.out("       " + finding.hint + "\n");
  }
  return bad ? 1 : 0;
}

int version_verb(const Context& context) {
  if (context.console.json())
    context.console.out(to_json(Value::of({{"version", SLUICE_VERSION}})) + "\n");
  else
    context.console.out(std::string("sluice ") + SLUICE_VERSION + "\n");
  return 0;
}

}  // namespace sluice
