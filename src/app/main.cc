// sluice VERB: reads the command line and the configuration, and hands both to the verb.
#include <array>
#include <string_view>
#include <utility>

#include "app/command_line.h"
#include "app/config.h"
#include "app/console.h"
#include "app/verbs.h"
#include "exec/supervisor.h"

namespace sluice {
namespace {

void set_if_given(const std::string& word, std::string& setting) {
  if (!word.empty()) setting = word;
}

// Flags on top of the configuration.
Status take_flags(const Words& words, Config& config) {
  if (words.slots > 0) config.slots = words.slots;
  set_if_given(words.server, config.server_url);
  ServerConfig& server = config.server;
  if (words.verb == "up") {
    set_if_given(words.token_file, server.token_file);
  } else if (!words.token_file.empty()) {
    SLUICE_TRY(const auto tokens, tokens_of_file(words.token_file));
    config.token = tokens.front();
  }
  set_if_given(words.host, server.host);
  if (words.port >= 0) server.port = words.port;
  set_if_given(words.tls_certificate, server.tls_certificate);
  set_if_given(words.tls_key, server.tls_key);
  if (!words.allow_hosts.empty()) server.allow_hosts = words.allow_hosts;
  if (!words.log_format.empty()) server.log_json = words.log_format == "json";
  server.anybody = server.anybody || words.anybody;
  return {};
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  using namespace sluice;
  const CommandLine line = parse_command_line(argc, argv);
  const Words& words = line.words;
  const Console console(words.json);
  if (line.error) return console.fail(*line.error);
  if (line.out) {
    console.out(*line.out);
    return 0;
  }
  if (words.verb == "completion") {
    console.out(completion_script(words.noun));
    return 0;
  }
  if (words.verb == "supervise")
    return supervise_main(words.fd, words.exits_fd,
                          {.program = argv[0],
                           .data_dir = words.data_dir,
                           .slots = words.slots,
                           .private_tmp = words.private_tmp,
                           .name = words.supervisor,
                           .warm = {.memory_bytes = words.warm_memory, .idle = std::chrono::seconds(words.warm_idle_s)},
                           .outlives = words.outlives});

  LoadedConfig loaded = load_config(words.data_dir, words.config_file);
  if (!loaded.errors.empty()) return console.fail(loaded.errors);
  if (const Status taken = take_flags(words, loaded.config); !taken) return console.fail(taken.error());
  constexpr std::array<std::pair<std::string_view, int (*)(const Context&)>, 19> kVerbs{{{"run", run_verb},
                                                                                         {"check", check_verb},
                                                                                         {"plan", plan_verb},
                                                                                         {"list", list_verb},
                                                                                         {"get", get_verb},
                                                                                         {"logs", logs_verb},
                                                                                         {"why", why_verb},
                                                                                         {"cancel", cancel_verb},
                                                                                         {"retry", retry_verb},
                                                                                         {"pause", pause_verb},
                                                                                         {"resume", resume_verb},
                                                                                         {"shell", shell_verb},
                                                                                         {"diff", diff_verb},
                                                                                         {"up", up_verb},
                                                                                         {"down", down_verb},
                                                                                         {"backup", backup_verb},
                                                                                         {"gc", gc_verb},
                                                                                         {"doctor", doctor_verb},
                                                                                         {"version", version_verb}}};
  for (const auto& [name, verb] : kVerbs)
    if (words.verb == name) return verb({words, loaded.config, console});
  return 70;
}
