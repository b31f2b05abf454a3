// sluice VERB: reads the command line and the configuration, and hands both to the verb.
#include <array>
#include <string_view>
#include <utility>

#include "app/command_line.h"
#include "app/config.h"
#include "app/console.h"
#include "app/verbs.h"
#include "exec/supervisor.h"

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
                           .outlives = words.outlives});

  LoadedConfig loaded = load_config(words.data_dir);
  if (!loaded.errors.empty()) return console.fail(loaded.errors);
  if (words.slots > 0) loaded.config.slots = words.slots;
  constexpr std::array<std::pair<std::string_view, int (*)(const Context&)>, 10> kVerbs{{{"run", run_verb},
                                                                                         {"check", check_verb},
                                                                                         {"plan", plan_verb},
                                                                                         {"list", list_verb},
                                                                                         {"get", get_verb},
                                                                                         {"logs", logs_verb},
                                                                                         {"cancel", cancel_verb},
                                                                                         {"retry", retry_verb},
                                                                                         {"doctor", doctor_verb},
                                                                                         {"version", version_verb}}};
  for (const auto& [name, verb] : kVerbs)
    if (words.verb == name) return verb({words, loaded.config, console});
  return 70;
}
