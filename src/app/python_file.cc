#include "app/python_file.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "app/columns.h"
#include "app/run_view.h"
#include "base/sha256.h"
#include "base/text.h"
#include "exec/command.h"
#include "exec/environment.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

// What the script below says with its exit code; no program ends with these by chance.
constexpr int kNoKfp = 97;
constexpr int kExplained = 98;  // the mistake is one that it prints itself

// argv: file, function or "", where to write the package. Of a traceback only what lies in the user's file and below is shown.
constexpr const char* kCompileScript = R"(
import importlib.util, os, sys, traceback
file, function, out = sys.argv[1:4]
try:
    from kfp import compiler
    from kfp.dsl import base_component, graph_component
except ImportError:
    sys.exit(97)
sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(file))[0], file)
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
def explain(error):
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename != file:
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames)
    sys.exit(1)
try:
    spec.loader.exec_module(module)
except Exception as error:
    explain(error)
found = {n: v for n, v in vars(module).items() if isinstance(v, graph_component.GraphComponent)}
own = {n: v for n, v in found.items() if getattr(v.pipeline_func, "__module__", None) == spec.name}
found = own or found
if function:
    chosen = vars(module).get(function)
    if not isinstance(chosen, base_component.BaseComponent):
        print(f"{file}: no pipeline '{function}'; it has: {', '.join(sorted(found)) or 'none'}")
        sys.exit(98)
elif len(found) == 1:
    chosen = next(iter(found.values()))
else:
    names = ", ".join(f"{file}:{n}" for n in sorted(found))
    print(f"{file}: several pipelines, name one: {names}" if found else f"{file}: no function with @dsl.pipeline")
    sys.exit(98)
try:
    compiler.Compiler().compile(chosen, out)
except Exception as error:
    explain(error)
)";

// A file of our own that is gone again when this object is.
class TemporaryFile {
 public:
  TemporaryFile() {
    const char* folder = std::getenv("TMPDIR");
    path_ = std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") + "/sluice-XXXXXX.yaml";
    const int fd = mkstemps(path_.data(), 5);
    if (fd >= 0)
      close(fd);
    else
      path_.clear();
  }
  ~TemporaryFile() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Compiled {
  int exit_code = 0;
  std::string words;  // what Python printed
};

Result<Compiled> compile_with(const std::string& python, const std::string& file, const std::string& function,
                              const std::string& out, const std::atomic<bool>& cancelled) {
  Command command{.argv = {python, "-c", kCompileScript, file, function, out}};
  command.variables = {{"PYTHONWARNINGS", "ignore"}};
  SLUICE_TRY(const CommandResult result, run_command(command, cancelled));
  return Compiled{result.exit_code, join(result.last_lines, "\n")};
}

Result<std::string> environment_with_kfp(const Console& console, const std::atomic<bool>& cancelled,
                                         const EnvironmentSettings& settings) {
  SLUICE_TRY(const FoundInterpreter found, find_interpreter("", settings.python));
  EnvironmentSpec spec{.interpreter = found.interpreter.path, .requirements = {kCompilerRequirement, "kfp-kubernetes==2.17.0"}};
  spec.key = sha256_hex("compiler\n" + found.interpreter.path + found.interpreter.version + join(spec.requirements, " ") +
                        environment_variables_fingerprint(settings));
  EnvironmentStore environments(settings.root.empty() ? default_environment_root() : settings.root, settings);
  // On a terminal one line that is written over, else a line for each phase.
  std::string phase;
  const auto progress = [&](const BuildProgress& now) {
    const std::string line = "environment for the compiler: " + progress_text(now);
    if (console.live())
      console.err("\r" + clip_columns(line, console.width() - 1) + "\x1b[K");
    else if (now.phase != phase)
      console.err(line + "\n");
    phase = now.phase;
  };
  const auto environment = environments.ensure(spec, progress, cancelled);
  if (console.live() && !phase.empty()) console.err("\r\x1b[K");
  if (!environment) return fail(environment.error());
  return environment->python;
}

std::string user_python() {
  const char* environment = std::getenv("VIRTUAL_ENV");
  return environment != nullptr && *environment != '\0' ? std::string(environment) + "/bin/python" : "python3";
}

Result<std::string> read_back(const std::string& path, const std::string& file) {
  auto package = small_file_text(path);
  if (!package || package->empty())
    return fail(Code::kInvalid, file + ": Python ended before a pipeline was compiled",
                "does the file call exit()? keep that below if __name__ == \"__main__\"");
  return std::move(*package);
}

}  // namespace

Result<std::string> compile_python(const std::string& file, const std::string& function, const Console& console,
                                   const std::atomic<bool>& cancelled, const EnvironmentSettings& settings) {
  if (access(file.c_str(), R_OK) != 0) return fail(Code::kInvalid, file + ": no such file, or it cannot be read");
  const TemporaryFile out;
  if (out.path().empty()) return fail(Code::kUnavailable, "no temporary file could be made", "check TMPDIR and the space there");
  auto compiled = compile_with(user_python(), file, function, out.path(), cancelled);
  if (!compiled && compiled.error().code == Code::kCancelled) return fail(std::move(compiled).error());
  if (!compiled || compiled->exit_code == kNoKfp) {
    SLUICE_TRY(const std::string python, environment_with_kfp(console, cancelled, settings));
    compiled = compile_with(python, file, function, out.path(), cancelled);
  }
  if (!compiled) return fail(std::move(compiled).error());
  if (compiled->exit_code == kExplained) return fail(Code::kInvalid, compiled->words);
  if (compiled->exit_code != 0) return fail(Code::kInvalid, file + ": Python says\n" + compiled->words);
  return read_back(out.path(), file);
}

}  // namespace sluice
