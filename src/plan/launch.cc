#include "plan/launch.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "plan/launch_values.h"

namespace sluice {
namespace {

// {"IfPresent": ...} or {"Concat": ...}; nothing for any other text, also for JSON that merely begins like one.
std::optional<Value> structure_in(const std::string& element) {
  if (!element.starts_with(R"({"IfPresent":)") && !element.starts_with(R"({"Concat":)")) return std::nullopt;
  auto parsed = parse_json(element);
  if (!parsed || !parsed->is_struct() || parsed->as_struct().size() != 1) return std::nullopt;
  return std::move(*parsed);
}

class Arguments {
 public:
  explicit Arguments(LaunchValues& values) : values_(values) {}

  // Appends the argv elements that one element as written stands for: none, one, or several.
  Status append(const std::string& element) {
    if (const auto structure = structure_in(element)) {
      if (Status done = append_part(*structure, argv_); !done)
        return fail(std::move(done).error().with_context("argument " + element + ": "));
      return {};
    }
    argv_.push_back(values_.expand(element));
    return {};
  }
  std::size_t size() const { return argv_.size(); }
  std::vector<std::string> take() { return std::move(argv_); }

 private:
  // Recursion is bounded by parse_json, which refuses to nest deeper than 200 levels.
  Status append_part(const Value& part, std::vector<std::string>& out) {
    if (part.is_list()) {
      for (const Value& item : part.as_list()) SLUICE_TRY_STATUS(append_part(item, out));
      return {};
    }
    if (!part.is_struct()) {
      out.push_back(part.is_string() ? values_.expand(part.as_string()) : value_text(part));
      return {};
    }
    if (part.as_struct().size() == 1) {
      if (const Value* condition = part.find("IfPresent")) return append_if_present(*condition, out);
      if (const Value* items = part.find("Concat")) return append_concat(*items, out);
    }
    return fail(Code::kInvalid, "expect a text, a list, IfPresent or Concat, got " + to_json(part));
  }

  Status append_if_present(const Value& condition, std::vector<std::string>& out) {
    const Value* name = condition.find("InputName");
    const Value* then = condition.find("Then");
    if (name == nullptr || !name->is_string() || then == nullptr)
      return fail(Code::kInvalid, "IfPresent needs the fields InputName (a text) and Then");
    const Value* branch = values_.is_present(name->as_string()) ? then : condition.find("Else");
    return branch == nullptr || branch->is_null() ? Status() : append_part(*branch, out);
  }

  Status append_concat(const Value& items, std::vector<std::string>& out) {
    if (!items.is_list()) return fail(Code::kInvalid, "Concat needs a list, got " + std::string(kind_name(items.kind())));
    std::vector<std::string> parts;
    SLUICE_TRY_STATUS(append_part(items, parts));
    std::string joined;
    for (const std::string& part : parts) joined += part;
    out.push_back(std::move(joined));
    return {};
  }

  LaunchValues& values_;
  std::vector<std::string> argv_;
};

// The key of an output is a file name in the attempt's folder.
Status check_file_name(const std::string& key) {
  if (!key.empty() && key != "." && key != ".." && key.find('/') == std::string::npos && key.find('\0') == std::string::npos)
    return {};
  return fail(Code::kInvalid, "output " + to_json(key) + " cannot be the name of a file");
}

Status check_output_names(const Component& component) {
  for (const auto& [key, declared] : component.output_parameters) SLUICE_TRY_STATUS(check_file_name(key));
  for (const auto& [key, declared] : component.output_artifacts) SLUICE_TRY_STATUS(check_file_name(key));
  return {};
}

Result<std::vector<InitLaunch>> init_launches(const KubernetesConfig& kubernetes, LaunchValues& values) {
  std::vector<InitLaunch> launches;
  for (const InitContainer& init : kubernetes.init_containers) {
    InitLaunch launch{.name = init.name};
    Arguments arguments(values);
    for (const auto* words : {&init.command, &init.args})
      for (const std::string& word : *words) SLUICE_TRY_STATUS(arguments.append(word));
    launch.argv = arguments.take();
    if (launch.argv.empty())
      return fail(Code::kInvalid, "init container \"" + init.name + "\" has no command",
                  "name the program in `command`; the entry point of an image is not known here");
    for (const auto& [name, value] : init.env)
      launch.env.emplace_back(
          name, expand_env(value, launch.env, [&](const Placeholder& placeholder) { return values.text_of(placeholder); }));
    launches.push_back(std::move(launch));
  }
  return launches;
}

// recognise_python() has looked at the command as it is written: sh -ec RUN SOURCE, which the arguments follow.
std::optional<PythonLaunch> python_launch(const ContainerSpec& container, const std::vector<std::string>& argv) {
  constexpr std::size_t kRunWords = 4;
  if (!container.python || container.command.size() != container.python->argv_skip + kRunWords || argv.size() < kRunWords)
    return std::nullopt;
  for (std::size_t i = 0; i + 1 < kRunWords; ++i)
    if (argv[i] != container.command[container.python->argv_skip + i]) return std::nullopt;
  return PythonLaunch{.source = argv[kRunWords - 1], .args = {argv.begin() + kRunWords, argv.end()}};
}

}  // namespace

Result<Launch> make_launch(const LaunchContext& context) {
  SLUICE_CHECK(context.component.executor != nullptr && std::holds_alternative<ContainerSpec>(context.component.executor->what));
  const auto& container = std::get<ContainerSpec>(context.component.executor->what);
  SLUICE_TRY_STATUS(check_output_names(*context.component.spec));

  LaunchValues values(context);
  Arguments arguments(values);
  const std::size_t skip =
      container.python && !context.in_container ? std::min(container.python->argv_skip, container.command.size()) : 0;
  for (std::size_t i = skip; i < container.command.size(); ++i) SLUICE_TRY_STATUS(arguments.append(container.command[i]));
  Launch launch;
  launch.command_words = arguments.size();
  for (const std::string& argument : container.args) SLUICE_TRY_STATUS(arguments.append(argument));

  launch.argv = arguments.take();
  if (!context.in_container) launch.python = python_launch(container, launch.argv);
  if (launch.argv.empty() && !context.in_container)
    return fail(Code::kInvalid, "component \"" + context.component.spec->name + "\" has no command",
                "name the program in `command`; the entry point of an image is not known here");
  for (const auto& [name, value] : container.env)
    launch.env.emplace_back(
        name, expand_env(value, launch.env, [&](const Placeholder& placeholder) { return values.text_of(placeholder); }));
  launch.image = values.expand(container.image);
  SLUICE_TRY(launch.init, init_launches(context.component.executor->kubernetes, values));
  launch.needs_outputs_dir = values.used_outputs();
  return launch;
}

}  // namespace sluice
