#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "app/completion.h"
#include "base/text.h"

namespace sluice {
namespace {

const std::vector<std::string> kListNouns{"runs", "experiments", "pipelines"};
const std::vector<std::string> kGetNouns{"run", "experiment", "pipeline"};
const std::vector<std::string> kShells{"bash", "zsh", "fish"};
const std::vector<std::string> kLogFormats{"text", "json"};

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
    add_debugging();
    add_changes();
    add_server();
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
  // Of verbs that work against a server and a directory alike.
  void anywhere(CLI::App* verb) {
    verb->add_option("--server", words_.server, "Server to talk to (or SLUICE_SERVER; default: whoever has the data directory)")
        ->type_name("URL");
    verb->add_option("--token-file", words_.token_file, "File whose first line is the token for it (or SLUICE_TOKEN)")
        ->type_name("FILE");
    common(verb);
  }
  void run_id(CLI::App* verb) { verb->add_option("RUN_ID", words_.run, "A run's id or the first characters of it")->required(); }
  void slots(CLI::App* verb) {
    verb->add_option("--slots", words_.slots, "Tasks at a time (default: one per core)")
        ->check(CLI::Range(1, 10000))
        ->type_name("N");
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
    run->add_option("--resume", words_.run,
                    "Go on with this run: what failed or was cut short runs again; with a PIPELINE that was edited, what is as "
                    "it was stays")
        ->type_name("RUN_ID");
    run->add_flag("--keep-checkpoints", words_.keep_checkpoints, "Keep checkpoints of tasks that have succeeded, too");
    run->add_flag("--verify", words_.verify, "Run every step twice and name outputs that differ (exit code 1)");
    run->add_flag("--detach,-d", words_.detach, "Print the run's id and leave the run to the server");
    run->add_option("--notify", words_.notify, "Tell this URL when the run has ended (see docs/settings.md)")->type_name("URL");
    run->add_option("--priority", words_.priority, "Its tasks go before those of runs with a lower one (default 0)")
        ->check(CLI::Range(-1000000, 1000000))
        ->type_name("N");
    run->add_option("--budget", words_.budget,
                    "What its tasks may use in all, such as cpu=2h,wall=1h,gpu=30m; then it is cancelled")
        ->type_name("LIMITS");
    run->add_option("--key", words_.key, "Idempotency key: with a key that was used before, that run and no new one");
    slots(run);
    anywhere(run);

    CLI::App* check = verb("check", "Parse and validate a pipeline, and print every diagnostic", "sluice check pipeline.yaml");
    check->add_option("PIPELINE", words_.pipeline, "pipeline.yaml, pipeline.json, pipeline.py or pipeline.py:function")
        ->required();
    common(check);

    CLI::App* plan = verb("plan", "Show what a run would do: tasks, order, what is cached and why not, environments to build",
                          "sluice plan pipeline.yaml -p n_estimators=200");
    plan->add_option("PIPELINE", words_.pipeline, "pipeline.yaml, pipeline.json, pipeline.py or pipeline.py:function")
        ->required();
    parameters(plan);
    plan->add_flag("--no-cache", words_.no_cache, "As run --no-cache: nothing is taken from the cache");
    common(plan);
  }

  void add_looks() {
    CLI::App* list =
        verb("list", "List runs, experiments or pipelines, newest first", "sluice list runs --filter state=FAILED --limit 10");
    list->add_option("NOUN", words_.noun, "runs, experiments or pipelines")->required()->check(one_of(kListNouns));
    list->add_option("--filter", words_.filter, "state=…, experiment=…, pipeline=… or name~…, joined by commas (runs only)");
    list->add_option("--limit", words_.limit, "Rows at most (default 50)")->check(CLI::Range(1, 100000))->type_name("N");
    anywhere(list);

    CLI::App* get =
        verb("get", "Show one run with its tasks and outputs, an experiment or a pipeline", "sluice get run 3f2a --json");
    get->add_option("NOUN", words_.noun, "run, experiment or pipeline")->required()->check(one_of(kGetNouns));
    get->add_option("ID", words_.run, "A run's id or the first characters of it; a name")->required();
    anywhere(get);

    CLI::App* logs = verb("logs", "Print what a run's tasks printed", "sluice logs 3f2a root/train --follow");
    logs->add_option("RUN_ID", words_.run, "A run's id or the first characters of it")->required();
    logs->add_option("TASK", words_.task, "A task's path (root/train) or its last name; default: all tasks");
    logs->add_option("--attempt", words_.attempt, "Which attempt (default: the newest)")
        ->check(CLI::Range(1, 1000000))
        ->type_name("N");
    logs->add_flag("--follow,-f", words_.follow, "Go on until the run ends");
    logs->add_flag("--stdout", words_.stdout_only, "Only what was printed to stdout");
    anywhere(logs);

    CLI::App* why = verb("why", "Say why a task ran or was taken from the cache: which input differs, with both values",
                         "sluice why 3f2a root/train");
    run_id(why);
    why->add_option("TASK", words_.task, "A task's path (root/train) or its last name")->required();
    anywhere(why);
  }

  void add_debugging() {
    CLI::App* shell = verb("shell", "Open a shell where an attempt ran: its environment, copies of its inputs",
                           "sluice shell 3f2a train --run");
    run_id(shell);
    shell->add_option("TASK", words_.task, "A task's path (root/train) or its last name")->required();
    shell->add_option("COMMAND", words_.command, "After --: run this there instead of a shell, and exit with its code");
    shell->add_option("--attempt", words_.attempt, "Which attempt (default: the newest)")
        ->check(CLI::Range(1, 1000000))
        ->type_name("N");
    shell->add_flag("--run", words_.run_step, "Run the step alone; exit code 1 if it fails again");
    shell->add_flag("--keep", words_.keep, "Leave the folder there");
    common(shell);

    CLI::App* diff =
        verb("diff", "Where two runs went apart: parameters, code, packages, inputs, outputs", "sluice diff run 3f2a 91bc");
    diff->add_option("RUNS", words_.operands, "run A B: ids or their first characters")->required()->expected(2, 3);
    anywhere(diff);
  }

  void add_changes() {
    CLI::App* cancel = verb("cancel", "Cancel a run that is live, also one of another terminal", "sluice cancel 3f2a");
    run_id(cancel);
    anywhere(cancel);

    CLI::App* retry = verb("retry", "Run what failed, was cancelled or was cut short in a run again", "sluice retry 3f2a");
    run_id(retry);
    retry->add_option("--from", words_.from, "This task and what depends on it, too; also if the run has succeeded")
        ->type_name("TASK");
    retry->add_flag("--detach,-d", words_.detach, "Leave the run to the server");
    slots(retry);
    anywhere(retry);

    CLI::App* pause = verb("pause", "Start nothing new of a run; what runs ends", "sluice pause 3f2a");
    run_id(pause);
    anywhere(pause);

    CLI::App* resume = verb("resume", "Go on with a run that was paused", "sluice resume 3f2a");
    run_id(resume);
    anywhere(resume);
  }

  void add_server() {
    CLI::App* up = verb("up", "Serve a data directory: runs, the API for kfp clients, events", "sluice up --port 8080");
    up->add_option("--host", words_.host, "Address to listen on (default 127.0.0.1)");
    up->add_option("--port", words_.port, "Port to listen on, 0 for a free one (default 8080)")
        ->check(CLI::Range(0, 65535))
        ->type_name("N");
    slots(up);
    up->add_option("--config", words_.config_file, "Settings, instead of ./sluice.toml")->type_name("FILE");
    up->add_option("--token-file", words_.token_file, "Who calls must send one of its lines as a bearer token")
        ->type_name("FILE");
    up->add_option("--allow-host", words_.allow_hosts, "Another name by which this server is called (repeatable)")
        ->type_name("NAME")
        ->allow_extra_args(false);
    up->add_flag(std::string("--") + kAnybody, words_.anybody,
                 "Listen on an address that others reach, without --token-file: they may run commands as you");
    up->add_option("--tls-certificate", words_.tls_certificate, "Serve https with this certificate (PEM)")->type_name("FILE");
    up->add_option("--tls-key", words_.tls_key, "Its key (PEM)")->type_name("FILE");
    up->add_option("--ready-file", words_.ready_file, "Written when requests are answered: {\"url\", \"pid\"}")
        ->type_name("FILE");
    up->add_option("--log-format", words_.log_format, "text or json, on stderr (default text)")->check(one_of(kLogFormats));
    up->add_flag("--wait", words_.wait, "Wait until nobody else uses the data directory");
    up->add_option("--db", words_.database, "sqlite (others are not supported yet)");
    up->add_option("--artifacts", words_.artifacts,
                   "Where artifacts are kept: in the data directory (others are not supported yet)");
    up->add_option("--executor", words_.executor, "local (others are not supported yet)");
    common(up);

    CLI::App* down =
        verb("down", "Stop the server of a data directory; its tasks go on and the next `up` takes them over", "sluice down");
    down->add_flag("--stop-tasks", words_.stop_tasks, "End running tasks too; the next `up` starts them again");
    down->add_option("--timeout", words_.timeout, "Wait so long for its end (default: as long as it takes)")
        ->type_name("DURATION");
    anywhere(down);

    CLI::App* backup =
        verb("backup", "Copy a data directory, also one in use, consistently", "sluice backup /mnt/backups/monday");
    backup->add_option("DEST", words_.destination, "Where to: a directory that is empty or not there yet")->required();
    backup->add_flag("--with-secrets", words_.with_secrets, "Copy DATA/secrets too");
    common(backup);
  }

  void add_rest() {
    CLI::App* gc = verb("gc", "Remove what nobody needs: objects, folders of runs, environments, what is older than settings say",
                        "sluice gc --dry-run");
    gc->add_flag("--dry-run", words_.dry_run, "Only say what would go");
    gc->add_option("--grace", words_.grace, "What was touched in so long stays (default 1h)")->type_name("DURATION");
    anywhere(gc);
    anywhere(verb("doctor", "Check what this machine offers: Python, uv, private /tmp, disk", "sluice doctor"));
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
    supervise->add_option("--warm-memory", words_.warm_memory);
    supervise->add_option("--warm-idle", words_.warm_idle_s);
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
    if (line.words.verify && (line.words.detach || !line.words.run.empty()))
      throw CLI::ValidationError("--verify", "not with --detach or --resume");
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

std::string completion_script(const std::string& shell) {
  Words words;
  Grammar grammar(words);
  std::vector<VerbFacts> verbs;
  for (const CLI::App* verb : public_verbs(grammar.app())) {
    const std::string name = verb->get_name();
    VerbFacts facts{.name = name,
                    .what = verb->get_description(),
                    .nouns = name == "list"         ? kListNouns
                             : name == "get"        ? kGetNouns
                             : name == "completion" ? kShells
                                                    : std::vector<std::string>{},
                    .flags = {}};
    for (const CLI::Option* option : verb->get_options())
      for (const std::string& flag : option->get_lnames()) facts.flags.emplace_back(flag, option->get_description());
    verbs.push_back(std::move(facts));
  }
  return completion_script(shell, verbs);
}

}  // namespace sluice
