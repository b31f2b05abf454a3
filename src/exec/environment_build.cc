#include "exec/environment_build.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "exec/command.h"
#include "exec/index_settings.h"
#include "exec/installer_output.h"
#include "exec/interpreter.h"
#include "exec/uv_tool.h"

namespace sluice {
namespace {

// Not compiled ahead: tests, which are more than half of the files of pandas and scikit-learn (2.7 s instead of 5-7 s on two
// cores), and pip.
constexpr const char* kNotCompiled = "[/]site-packages[/](.*[/])?(tests?|pip|setuptools)[/]";

class Builder {
 public:
  explicit Builder(const EnvironmentBuild& build)
      : build_(build), progress_(build.progress), python_(build.path + "/bin/python3") {}

  Result<BuiltWith> run() {
    SLUICE_TRY_STATUS(read_settings());
    SLUICE_TRY(const Interpreter interpreter, probe_interpreter(build_.spec.interpreter, build_.cancelled));
    SLUICE_TRY(const UvTool uv, choose_uv(interpreter));
    progress_.phase("creating");
    SLUICE_TRY_STATUS(uv.path.empty() ? create_with_pip() : create_with_uv(uv.path));
    // As the SDK's install text does: first what the user asked for with its dependencies, then the executor without.
    for (const bool no_deps : {false, true}) {
      const std::vector<std::string> requirements = requirements_of(no_deps);
      if (requirements.empty()) continue;
      progress_.phase("resolving");
      SLUICE_TRY_STATUS(uv.path.empty() ? install_with_pip(requirements, no_deps)
                                        : install_with_uv(uv.path, requirements, no_deps));
      progress_.end_call();
    }
    SLUICE_TRY_STATUS(compile());
    return BuiltWith{.tool = uv.path.empty() ? "pip" : "uv",
                     .tool_version = uv.path.empty() ? pip_version_ : uv.version,
                     .interpreter_version = interpreter.version};
  }

 private:
  Status read_settings() {
    const Variables variables = with_settings(own_variables(), build_.settings);
    machine_ = pip_settings(variables);
    SLUICE_TRY(component_, component_settings(build_.spec.index_options));
    changes_ = installer_variables();
    const VariableChanges settings = settings_variables(build_.settings);
    changes_.insert(changes_.end(), settings.begin(), settings.end());
    uv_changes_ = uv_variables(machine_, component_, variables);
    if (build_.settings.offline) uv_changes_.emplace_back("UV_OFFLINE", "1");
    return {};
  }

  Result<UvTool> choose_uv(const Interpreter& interpreter) {
    // uv makes environments from 3.8 on; and what only pip understands (its own options, also among requirements) is left to it.
    const bool too_old = version_matches(interpreter.version, "3.6") || version_matches(interpreter.version, "3.7");
    const bool has_options = std::any_of(build_.spec.requirements.begin(), build_.spec.requirements.end(),
                                         [](const std::string& requirement) { return requirement.starts_with('-'); });
    const std::string& wanted = build_.settings.uv;
    if (wanted == "none" || too_old || has_options || !machine_.pip_only.empty()) return UvTool{};
    if (wanted == "auto" && !build_.settings.offline)
      return find_uv(build_.tools_dir, build_.spec.interpreter, build_.progress, build_.cancelled);
    if (wanted != "auto") return probe_uv(wanted, build_.cancelled);
    // Nothing is fetched, so what is there has to do.
    for (const std::string& there : {std::string("uv"), build_.tools_dir + "/bin/uv"})
      if (auto tool = probe_uv(there, build_.cancelled); tool || tool.error().code == Code::kCancelled) return tool;
    return UvTool{};
  }

  std::vector<std::string> requirements_of(bool no_deps) const {
    if (no_deps) return build_.spec.no_deps;
    const auto& without = build_.spec.no_deps;
    std::vector<std::string> out;
    for (const std::string& requirement : build_.spec.requirements)
      if (std::find(without.begin(), without.end(), requirement) == without.end()) out.push_back(requirement);
    return out;
  }

  Status create_with_uv(const std::string& uv) {
    // pip belongs into an environment (notebooks and scripts call it); where it cannot be had, an environment without is better
    // than none.
    if (!machine_.no_index && !component_.no_index) {
      auto seeded = execute_uv({uv, "venv", "--seed", "--python", build_.spec.interpreter, build_.path});
      if (!seeded) return fail(seeded.error());
      if (seeded->exit_code == 0) return {};
      std::error_code error;
      std::filesystem::remove_all(build_.path, error);
    }
    return must("uv venv", execute_uv({uv, "venv", "--python", build_.spec.interpreter, build_.path}));
  }

  Status install_with_uv(const std::string& uv, const std::vector<std::string>& requirements, bool no_deps) {
    std::vector<std::string> argv{uv, "pip", "install", "--python", python_};
    if (machine_.no_index || component_.no_index) argv.emplace_back("--no-index");
    if (no_deps) argv.emplace_back("--no-deps");
    argv.insert(argv.end(), requirements.begin(), requirements.end());
    return must("uv pip install", execute_uv(std::move(argv)));
  }

  Status create_with_pip() {
    SLUICE_TRY_STATUS(must("python -m venv", execute({build_.spec.interpreter, "-I", "-m", "venv", build_.path})));
    auto asked = execute({python_, "-I", "-m", "pip", "--version"});
    if (!asked) return fail(asked.error());
    if (!asked->last_lines.empty())
      if (const auto words = split(asked->last_lines.back(), ' '); words.size() > 1) pip_version_ = words[1];
    return {};
  }

  Status install_with_pip(const std::vector<std::string>& requirements, bool no_deps) {
    std::vector<std::string> argv{python_, "-I", "-m", "pip", "install", "--no-compile", "--no-warn-script-location"};
    // pip keeps wheels that it has made, but not what an index has answered: without an index it has what is in find_links.
    if (build_.settings.offline) argv.emplace_back("--no-index");
    const auto options = pip_arguments(build_.spec.index_options);
    argv.insert(argv.end(), options.begin(), options.end());
    if (no_deps) argv.emplace_back("--no-deps");
    argv.insert(argv.end(), requirements.begin(), requirements.end());
    return must("pip install", execute(std::move(argv)));
  }

  // Its exit code does not count: packages carry files for other Pythons that do not compile, and bytecode only saves time.
  Status compile() {
    progress_.phase("compiling");
    const auto done = execute({python_, "-I", "-m", "compileall", "-q", "-j0", "-x", kNotCompiled, build_.path + "/lib"});
    if (!done) return fail(done.error());
    return {};
  }

  Result<CommandResult> execute(std::vector<std::string> argv) { return execute_with(std::move(argv), changes_, ""); }

  // uv reads the pyproject.toml and uv.toml of the directory it runs in; those of whoever starts us are none of its business.
  Result<CommandResult> execute_uv(std::vector<std::string> argv) {
    VariableChanges variables = changes_;
    variables.insert(variables.end(), uv_changes_.begin(), uv_changes_.end());
    return execute_with(std::move(argv), std::move(variables), std::filesystem::path(build_.path).parent_path().string());
  }

  Result<CommandResult> execute_with(std::vector<std::string> argv, VariableChanges variables, std::string directory) {
    return run_command({.argv = std::move(argv),
                        .variables = std::move(variables),
                        .directory = std::move(directory),
                        .keep_fd = build_.lock_fd,
                        .on_line = [this](std::string_view line) { progress_.line(line); }},
                       build_.cancelled);
  }

  Status must(std::string_view what, const Result<CommandResult>& result) const {
    if (!result) return fail(result.error());
    if (result->exit_code == 0) return {};
    Error error = explain_failure(what, result->exit_code, result->last_lines);
    if (build_.settings.offline) {
      error.message += "; environments are built offline here (" + requested() + ")";
      error.hint = "put the wheels that are missing into find_links of [environments], or build it once without offline";
    }
    return fail(std::move(error));
  }

  // "pandas, kfp==2.17.0"
  std::string requested() const { return join(build_.spec.requirements, ", "); }

  const EnvironmentBuild& build_;
  InstallProgress progress_;
  std::string python_;
  IndexSettings machine_, component_;
  VariableChanges changes_, uv_changes_;
  std::string pip_version_;
};

}  // namespace

Result<BuiltWith> build_environment(const EnvironmentBuild& build) { return Builder(build).run(); }

}  // namespace sluice
