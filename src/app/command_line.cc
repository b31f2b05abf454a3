#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/text.h"

namespace sluice {
namespace {

const std::vector<std::string> kListNouns{"runs", "experiments", "pipelines"};
const std::vector<std::string> kGetNouns{"run", "experiment", "pipeline"};
const std::vector<std::string> kShells{"bash", "zsh", "fish"};

// The words allowed in one place; a mistyped one gets a suggestion.
CLI::Validator one_of(const std::vector<std::string>& words) {
  return {[words](const std::string& word) {
            if (std::find(words.begin(), words.end(), word) != words.end()) return std::string();
            return "'" + word + "' is none of " + join(words, ", ") + did_you_mean(word, words);
          },
          ""};
}

// Builds the grammar and writes what it reads into `words_`.
class Grammar {
 public:
  explicit Grammar(Words& words) : words_(words) {
    app_.name("sluice");
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(34);
    app_.get_formatter()->label("SUBCOMMAND", "VERB");
    app_.get_formatter()->label("OPTIONS", "FLAGS");
    app_.set_help_flag("-h,--help", "Show this help");
    app_.set_version_flag("--version", std::string("sluice ") + SLUICE_VERSION, "Print the version");
    add_runs();
    add_looks();
    add_rest();
    app_.footer(
        "Every verb has --help with an example.\n"
        "Exit codes: 0 done, 1 failed, 2 bad input, 3 out of reach, 5 timed out, 6 refused, 70 internal error.");
  }

  CLI::App& app() { return app_; }

 private:
  CLI::App* verb(const std::string& name, const std::string& what, const std::string& example) {
    CLI::App* verb = app_.add_subcommand(name, what);
    verb->group("Verbs");
    verb->footer("Example:\n  " + example);
    verb->callback([this, name] { words_.verb = name; });
    return verb;
  }
  void common(CLI::App* verb) {
    verb->add_option("--data-dir", words_.data_dir, "Where runs and artifacts are kept (default .sluice, or SLUICE_DATA_DIR)")
        ->type_name("DIR");
    verb->add_flag("--json", words_.json, "Print one JSON document on stdout and nothing else there");
  }

  void parameters(CLI::App* verb) {
    verb->add_option("-p,--param", words_.params, "A parameter: JSON if it parses as the declared type, else text")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);  // `-p a=1 pipeline.yaml`: one value each
    verb->add_option("--params", words_.params_file, "Parameters as one JSON or YAML object")->type_name("FILE");
  }

  void add_runs() {
    CLI::App* run = verb("run", "Run a pipeline: KFP IR (.yaml, .json) or a Python file with a @dsl.pipeline function",
                         "sluice run pipeline.yaml -p n_estimators=200");
    run->add_option("PIPELINE", words_.pipeline, "pipeline.yaml, pipeline.json, pipeline.py or pipeline.py:function");
    parameters(run);
    run->add_option("--name", words_.name, "Name of the run (default: pipeline and time)");
    run->add_option("--experiment", words_.experiment, "Experiment that the run belongs to (default Default)");
    run->add_flag("--no-cache", words_.no_cache, "Run every task, also those with a result from before");
    run->add_option("--resume", words_.run, "Go on with this run: what failed or was cut short runs again")->type_name("RUN_ID");
    run->add_option("--slots", words_.slots, "Tasks at a time (default: one per core)")
        ->check(CLI::Range(1, 10000))
        ->type_name("N");
    common(run);

    CLI::App* check = verb("check", "Parse and validate a pipeline, and print every diagnostic", "sluice check pipeline.yaml");
    check->add_option("PIPELINE", words_.pipeline, "pipeline.yaml, pipeline.json, pipeline.py or pipeline.py:function")
        ->required();
    common(check);

    CLI::App* plan = verb("plan", "Show what a run would do: tasks, order, environments to build",
                          "sluice plan pipeline.yaml -p n_estimators=200");
    plan->add_option("PIPELINE", words_.pipeline, "pipeline.yaml, pipeline.json, pipeline.py or pipeline.py:function")
        ->required();
    parameters(plan);
    common(plan);
  }

  void add_looks() {
    CLI::App* list =
        verb("list", "List runs, experiments or pipelines, newest first", "sluice list runs --filter state=FAILED --limit 10");
    list->add_option("NOUN", words_.noun, "runs, experiments or pipelines")->required()->check(one_of(kListNouns));
    list->add_option("--filter", words_.filter, "state=…, experiment=…, pipeline=… or name~…, joined by commas (runs only)");
    list->add_option("--limit", words_.limit, "Rows at most (default 50)")->check(CLI::Range(1, 100000))->type_name("N");
    common(list);

    CLI::App* get =
        verb("get", "Show one run with its tasks and outputs, an experiment or a pipeline", "sluice get run 3f2a --json");
    get->add_option("NOUN", words_.noun, "run, experiment or pipeline")->required()->check(one_of(kGetNouns));
    get->add_option("ID", words_.run, "A run's id or the first characters of it; a name")->required();
    common(get);

    CLI::App* logs = verb("logs", "Print what a run's tasks printed", "sluice logs 3f2a root/train --follow");
    logs->add_option("RUN_ID", words_.run, "A run's id or the first characters of it")->required();
    logs->add_option("TASK", words_.task, "A task's path (root/train) or its last name; default: all tasks");
    logs->add_option("--attempt", words_.attempt, "Which attempt (default: the newest)")
        ->check(CLI::Range(1, 1000000))
        ->type_name("N");
    logs->add_flag("--follow,-f", words_.follow, "Go on until the run ends");
    logs->add_flag("--stdout", words_.stdout_only, "Only what was printed to stdout");
    common(logs);
  }

  void add_rest() {
    CLI::App* cancel = verb("cancel", "Cancel a run that is live, also one of another terminal", "sluice cancel 3f2a");
    cancel->add_option("RUN_ID", words_.run, "A run's id or the first characters of it")->required();
    common(cancel);

    CLI::App* retry = verb("retry", "Run what failed, was cancelled or was cut short in a run again", "sluice retry 3f2a");
    retry->add_option("RUN_ID", words_.run, "A run's id or the first characters of it")->required();
    retry->add_option("--slots", words_.slots, "Tasks at a time (default: one per core)")
        ->check(CLI::Range(1, 10000))
        ->type_name("N");
    common(retry);

    common(verb("doctor", "Check what this machine offers: Python, uv, private /tmp, disk", "sluice doctor"));
    common(verb("version", "Print the version", "sluice version --json"));

    CLI::App* completion = verb("completion", "Print a completion script for a shell", "source <(sluice completion bash)");
    completion->add_option("SHELL", words_.noun, "bash, zsh or fish")->required()->check(one_of(kShells));

    CLI::App* supervise = verb("supervise", "Start and watch processes for an engine (used by sluice itself)",
                               "sluice supervise --fd 3 --exits-fd 4 --name 12ab34cd --data-dir .sluice");
    supervise->group("");  // not for people
    supervise->add_option("--fd", words_.fd)->required();
    supervise->add_option("--exits-fd", words_.exits_fd);
    supervise->add_option("--name", words_.supervisor);
    supervise->add_flag("--outlives", words_.outlives);
    supervise->add_option("--data-dir", words_.data_dir)->required();
    supervise->add_option("--slots", words_.slots);
    supervise->add_flag("!--no-private-tmp", words_.private_tmp);
  }

  Words& words_;
  CLI::App app_{"Sluice runs the whole life of a machine-learning model: pipelines first."};
};

std::vector<const CLI::App*> public_verbs(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* verb) { return !verb->get_group().empty(); });
}

bool is_verb(const CLI::App& app, const std::string& word) {
  return !app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; }).empty();
}

std::string unknown_verb(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* verb : public_verbs(app)) names.push_back(verb->get_name());
  return "unknown verb '" + word + "'" + did_you_mean(word, names);
}

// What the library could not place: flags that a verb does not have, or too many words.
std::string unexpected(const CLI::App& verb) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  const std::vector<std::string> extra = verb.remaining();
  if (extra.empty()) return "a verb is missing";
  for (const std::string& word : extra)
    if (word.starts_with('-')) {
      const std::string flag = word.substr(0, word.find('='));
      return "unknown flag '" + flag + "'" + did_you_mean(flag, flags);
    }
  return "'" + extra.front() + "' is one word too many";
}

// Before anything is understood, how to answer must be: a script that asked for JSON gets its errors as JSON.
bool asks_for_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i)
    if (std::string_view(argv[i]) == "--json") return true;
  return false;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  Grammar grammar(line.words);
  CLI::App& app = grammar.app();
  const auto refuse = [&](std::string message, const std::string& verb, const std::string& what) {
    line.error = Error{Code::kInvalid, std::move(message), "sluice" + verb + " --help shows the " + what};
    line.words.json = asks_for_json(argc, argv);
    return line;
  };
  // A wrong verb deserves better than "the following arguments were not expected".
  if (argc < 2) return refuse("say what to do: a verb is missing", "", "verbs");
  if (argv[1][0] != '-' && !is_verb(app, argv[1])) return refuse(unknown_verb(app, argv[1]), "", "verbs");
  const auto chosen = [&] { return app.get_subcommands().empty() ? &app : app.get_subcommands().front(); };
  const auto name = [&] { return chosen() == &app ? "" : " " + chosen()->get_name(); };
  try {
    app.parse(argc, argv);
    if (line.words.verb == "run" && line.words.pipeline.empty() && line.words.run.empty())
      throw CLI::RequiredError("PIPELINE (or --resume RUN_ID)");
  } catch (const CLI::CallForHelp&) {
    line.out = chosen() == &app ? app.help() : chosen()->help("sluice");
    if (!line.out->ends_with('\n')) *line.out += '\n';
  } catch (const CLI::CallForVersion& version) {
    line.out = std::string(version.what()) + "\n";
  } catch (const CLI::ExtrasError&) {
    return refuse(unexpected(*chosen()), name(), "flags");
  } catch (const CLI::ParseError& error) {
    if (chosen() == &app) return refuse(unexpected(app), "", "verbs");  // only flags, and no verb
    return refuse(std::string(trim(error.what())), name(), "flags");
  }
  return line;
}

namespace {

std::vector<std::string> nouns_of(const std::string& verb) {
  return verb == "list" ? kListNouns : verb == "get" ? kGetNouns : verb == "completion" ? kShells : std::vector<std::string>{};
}

std::string bash_script(const CLI::App& app) {
  std::string verbs, cases;
  for (const CLI::App* verb : public_verbs(app)) {
    verbs += " " + verb->get_name();
    std::string words;
    for (const CLI::Option* option : verb->get_options())
      for (const std::string& name : option->get_lnames()) words += " --" + name;
    words += " " + join(nouns_of(verb->get_name()), " ");
    cases += "    " + verb->get_name() + ") words=\"" + std::string(trim(words)) + "\" ;;\n";
  }
  return "_sluice() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" words\n"
         "  case \"${COMP_WORDS[1]}\" in\n" +
         cases + "    *) words=\"" + std::string(trim(verbs)) +
         "\" ;;\n"
         "  esac\n"
         "  [ \"$COMP_CWORD\" -eq 1 ] && words=\"" +
         std::string(trim(verbs)) +
         "\"\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [ \"$COMP_CWORD\" -gt 1 ] && COMPREPLY+=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _sluice sluice\n";
}

std::string fish_script(const CLI::App& app) {
  std::string out = "complete -c sluice -n __fish_use_subcommand -f\n";
  for (const CLI::App* verb : public_verbs(app)) {
    const std::string name = verb->get_name();
    out += "complete -c sluice -n __fish_use_subcommand -a " + name + " -d '" + replace_all(verb->get_description(), "'", "\\'") +
           "'\n";
    for (const std::string& word : nouns_of(name))
      out += "complete -c sluice -n '__fish_seen_subcommand_from " + name + "' -f -a " + word + "\n";
    for (const CLI::Option* option : verb->get_options())
      for (const std::string& flag : option->get_lnames())
        out += "complete -c sluice -n '__fish_seen_subcommand_from " + name + "' -l " + flag + " -d '" +
               replace_all(option->get_description(), "'", "\\'") + "'\n";
  }
  return out;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  Words words;
  Grammar grammar(words);
  if (shell == "fish") return fish_script(grammar.app());
  if (shell == "zsh")  // its emulation of bash's completion needs its own to be loaded
    return "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
           "autoload -U +X bashcompinit && bashcompinit\n" +
           bash_script(grammar.app());
  return bash_script(grammar.app());
}

}  // namespace sluice
