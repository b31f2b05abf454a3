// sluice shell: an attempt laid out once more, with its environment, in a shell; or its step alone, run again.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "app/load.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/scratch.h"
#include "exec/environment.h"
#include "exec/spawn.h"

namespace sluice {
namespace {

// As a word of sh.
// A folder that goes with the object, unless it is to be kept.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make() {
    const char* tmp = std::getenv("TMPDIR");
    std::string pattern = std::string(tmp != nullptr && *tmp == '/' ? tmp : "/tmp") + "/sluice-shell-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) return fail_errno("make " + pattern, errno);
    return ScratchFolder(std::move(pattern));
  }
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

Result<std::string> environment_bin(const Context& context, const std::optional<EnvironmentSpec>& spec) {
  if (!spec) return std::string();
  EnvironmentStore environments(context.config.environment_root(), context.config.environments);
  if (!environments.has(spec->key)) context.console.err("building the task's Python environment\n");
  const std::atomic<bool> cancelled{false};
  SLUICE_TRY(const Environment environment, environments.ensure(*spec, [](const BuildProgress&) {}, cancelled));
  return environment.path + "/bin";
}

// Below `root`/bin, so that the name is found on the PATH of the shell.
Status write_step(const Scratch& scratch, const std::string& root) {
  std::string text = "#!/bin/sh\n# " + scratch.path + ", attempt " + std::to_string(scratch.attempt) + "\ncd " +
                     shell_word(scratch.spec.directory) + " && exec";
  for (const std::string& word : scratch.spec.argv) text += " " + shell_word(word);
  text += " </dev/null\n";
  SLUICE_TRY_STATUS(make_directory(root + "/bin"));
  const std::string path = root + "/bin/sluice-step";
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file || ::chmod(path.c_str(), 0700) != 0) return fail_errno("write " + path, errno);
  return {};
}

// In the attempt's directory and environment, on our terminal. 128 + N for signal N.
Result<int> run_there(const Scratch& scratch, const std::string& root, std::vector<std::string> argv) {
  AttemptSpec spec = scratch.spec;
  const BaseEnvironment base(environ);
  const std::string path = root + "/bin:" + std::string(base.value(spec, "PATH"));
  std::erase_if(spec.env, [](const auto& variable) { return variable.first == "PATH"; });
  spec.env.emplace_back("PATH", path);
  const BaseEnvironment::Block block = base.with(spec, {});
  // sh looks the program up on that PATH, and says why it cannot be run.
  argv.insert(argv.begin(), {"/bin/sh", "-c", "exec \"$0\" \"$@\""});
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  // ^C is for what runs there.
  struct sigaction ignore{}, interrupt{}, quit{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &ignore, &interrupt);
  ::sigaction(SIGQUIT, &ignore, &quit);
  const pid_t child = ::fork();
  if (child == 0) {
    ::sigaction(SIGINT, &interrupt, nullptr);
    ::sigaction(SIGQUIT, &quit, nullptr);
    if (::chdir(spec.directory.c_str()) == 0) ::execve(words[0], words.data(), block.envp.data());
    ::_exit(127);
  }
  const int fork_error = errno;
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  ::sigaction(SIGINT, &interrupt, nullptr);
  ::sigaction(SIGQUIT, &quit, nullptr);
  if (child < 0) return fail_errno("start a shell", fork_error);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string introduction(const Console& console, const Scratch& scratch) {
  std::string words;
  for (const std::string& word : scratch.spec.argv) words += (words.empty() ? "" : " ") + shell_word(word);
  if (words.size() > 200) words = words.substr(0, 200) + " ...";
  return console.ink_err(Ink::kBold, scratch.path) + ", attempt " + std::to_string(scratch.attempt) + ": " +
         std::string(state_name(scratch.state)) +
         (scratch.state == TaskState::kFailed ? " with exit code " + std::to_string(scratch.exit_code) : "") +
         "\n  directory   " + scratch.spec.directory + "\n  inputs      " + scratch.spec.directory + ".in\n  outputs     " +
         scratch.spec.directory + ".out, .params\n  checkpoint  " + scratch.checkpoint + "\n  step        " + words + "\n" +
         (scratch.spec.mounts.empty() ? std::string()
                                      : "  mounts      not here: volumes and files of secrets, at " +
                                            scratch.spec.mounts.front().target + " and the like\n") +
         "These are copies: nothing here changes the run. `sluice-step` runs the step; they go when you leave.\n";
}

// The step alone: 0 if it ends well here.
int run_step(const Context& context, const RunRow& run, const Scratch& scratch, const std::string& root) {
  // With --json stdout is for the document.
  const auto code = run_there(
      scratch, root,
      context.console.json() ? std::vector<std::string>{"sh", "-c", "sluice-step >&2"} : std::vector<std::string>{"sluice-step"});
  if (!code) return context.console.fail(code.error());
  if (context.console.json())
    context.console.out(to_json(Value::of({{"run_id", run.uuid.text()},
                                           {"task", scratch.path},
                                           {"attempt", scratch.attempt},
                                           {"exit_code", *code},
                                           {"exit_code_in_run", scratch.exit_code}})) +
                        "\n");
  else
    context.console.err(
        "the step of " + scratch.path + " ended with exit code " + std::to_string(*code) +
        (scratch.state == TaskState::kFailed
             ? *code == scratch.exit_code ? ", as in its run" : ", in its run with " + std::to_string(scratch.exit_code)
             : "") +
        "\n");
  return *code == 0 ? 0 : 1;
}

Result<int> open_shell(const Context& context) {
  const Words& words = context.words;
  SLUICE_TRY(const DataDir dir, DataDir::at(context.config.data_dir));
  SLUICE_TRY(const auto store, open_for_reading(dir));
  SLUICE_TRY(const RunRow row, find_run(*store, words.run));
  SLUICE_TRY(const ReadBack run, read_back(*store, row, context.config.sites()));
  SLUICE_TRY(const TaskId task, find_leaf(*run.prepared.plan, run.state, words.task));
  const PlanComponent& component = run.prepared.plan->components.at(run.state.at(task).component);
  const auto site = run.prepared.sites.by_executor.find(component.executor->label);
  std::string bin;
  if (site != run.prepared.sites.by_executor.end()) {
    SLUICE_TRY(bin, environment_bin(context, site->second.environment));
  }
  SLUICE_TRY(ScratchFolder folder, ScratchFolder::make());
  const std::string root = folder.path();
  SLUICE_TRY(const Scratch scratch, lay_out_again(run, task, words.attempt, dir, root, context.config.values, bin));
  SLUICE_TRY_STATUS(write_step(scratch, root));
  if (words.keep) {
    context.console.err("kept in " + root + "\n");
    folder.keep();
  }
  if (words.run_step) return run_step(context, row, scratch, root);
  if (!words.command.empty()) return run_there(scratch, root, words.command);
  context.console.err(introduction(context.console, scratch));
  const char* shell = std::getenv("SHELL");
  return run_there(scratch, root, {shell != nullptr && *shell != '\0' ? shell : "/bin/sh"});
}

}  // namespace

int shell_verb(const Context& context) {
  const auto code = open_shell(context);
  return code ? *code : context.console.fail(code.error());
}

}  // namespace sluice
