#include "app/load.h"

#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "app/python_file.h"
#include "app/signals.h"
#include "base/text.h"
#include "plan/plan.h"
#include "spec/parse.h"

namespace sluice {
namespace {

// "pipeline.py:name" -> file and function.
std::pair<std::string, std::string> split_python(const std::string& pipeline) {
  if (pipeline.ends_with(".py")) return {pipeline, ""};
  const auto colon = pipeline.rfind(".py:");
  if (colon == std::string::npos) return {"", ""};
  return {pipeline.substr(0, colon + 3), pipeline.substr(colon + 4)};
}

Status load_text(const Context& context, Submission& submission, int& signal) {
  const std::string& pipeline = context.words.pipeline;
  const auto [python, function] = split_python(pipeline);
  submission.spec_file = pipeline;
  if (python.empty()) {
    SLUICE_TRY(submission.spec, read_text_file(pipeline));
    return {};
  }
  Signals signals;
  auto compiled = compile_python(python, function, context.console, signals.came(), context.config.environments);
  if (signals.came()) {
    signal = signals.take();
    return fail(Code::kCancelled, "interrupted while " + python + " was compiled");
  }
  SLUICE_TRY(submission.spec, std::move(compiled));
  return {};
}

// -p wins over --params. Needs the pipeline for the types that the values are read as.
Status load_parameters(const Context& context, const Pipeline& pipeline, Struct& parameters) {
  if (!context.words.params_file.empty()) {
    SLUICE_TRY(const std::string text, read_text_file(context.words.params_file));
    SLUICE_TRY(parameters, parse_params(text, context.words.params_file));
  }
  for (const std::string& param : context.words.params) {
    const auto equals = param.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Code::kInvalid, "-p " + param + ": not NAME=VALUE",
                  "write -p name=value, for text with spaces -p 'name=some text'");
    const std::string name = param.substr(0, equals);
    parameters.insert_or_assign(name, parse_argument(pipeline, name, std::string_view(param).substr(equals + 1)));
  }
  return {};
}

// A message that begins with the name of its file has it in the field for that.
Diagnostic diagnostic(const Error& error, const std::string& file) {
  const std::string front = file + ": ";
  if (file.empty() || !error.message.starts_with(front))
    return {.code = error.code, .message = error.message, .hint = error.hint};
  return {.file = file, .code = error.code, .message = error.message.substr(front.size()), .hint = error.hint};
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    Error error = fail_errno(path, errno).value();
    error.code = Code::kInvalid;  // a bad command line, not a missing noun
    return fail(std::move(error));
  }
  if (S_ISDIR(info.st_mode)) return fail(Code::kInvalid, path + " is a directory, not a file");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(Code::kInvalid, path + ": cannot be read", "check the permissions");
  return std::move(text).str();
}

int LoadedSubmission::fail(const Console& console) const {
  if (signal == SIGINT && console.live()) console.err("\n");  // below the ^C that the terminal shows
  const int code = console.fail(errors);
  return signal != 0 ? 128 + signal : code;
}

LoadedSubmission load_submission(const Context& context, bool with_parameters) {
  LoadedSubmission loaded;
  loaded.submission.name = context.words.name;
  loaded.submission.experiment = context.words.experiment;
  loaded.submission.cache = !context.words.no_cache;
  loaded.submission.key = context.words.key;
  loaded.submission.notify = context.words.notify;
  loaded.submission.priority = context.words.priority;
  if (auto budget = budget_from_text(context.words.budget); budget)
    loaded.submission.budget = *budget;
  else
    loaded.errors.push_back(diagnostic(std::move(budget).error().with_context("--budget: "), ""));
  loaded.submission.keep_checkpoints = context.words.keep_checkpoints;
  if (auto text = load_text(context, loaded.submission, loaded.signal); !text) {
    loaded.errors.push_back(diagnostic(text.error(), split_python(context.words.pipeline).first.empty()
                                                         ? context.words.pipeline
                                                         : split_python(context.words.pipeline).first));
    return loaded;
  }
  if (!loaded.errors.empty()) return loaded;
  if (!with_parameters || (context.words.params.empty() && context.words.params_file.empty())) return loaded;
  Pipeline pipeline;
  if (!context.words.params.empty()) {
    ParsedPipeline parsed = parse_pipeline(loaded.submission.spec, loaded.submission.spec_file);
    if (!parsed.errors.empty()) return loaded;  // prepare() will say all of it
    pipeline = std::move(parsed.pipeline);
  }
  if (auto read = load_parameters(context, pipeline, loaded.submission.parameters); !read)
    loaded.errors.push_back(diagnostic(read.error(), context.words.params_file));
  return loaded;
}

Status check_for_data(const DataDir& dir) {
  if (dir.exists()) return {};
  return fail(Code::kNotFound, "no data in " + dir.root(), "`sluice run` makes it; --data-dir DIR names another place");
}

Result<std::unique_ptr<RunStore>> open_for_reading(const DataDir& dir) {
  SLUICE_TRY_STATUS(check_for_data(dir));
  auto store = open_sqlite_store({.path = dir.database(), .read_only = true});
  if (store || store.error().code != Code::kUnavailable || !bring_up_to_date(dir)) return store;
  return open_sqlite_store({.path = dir.database(), .read_only = true});
}

bool bring_up_to_date(const DataDir& dir) {
  const auto ownership = Ownership::acquire(dir);
  return ownership && *ownership && open_sqlite_store({.path = dir.database()});
}

}  // namespace sluice
