#include "engine/site.h"

#include <algorithm>

#include "base/sha256.h"
#include "engine/container.h"
#include "engine/platform.h"
#include "engine/volumes.h"
#include "plan/environment.h"

namespace sluice {
namespace {

// The rule for an image: an exact name wins over a prefix, a longer prefix over a shorter one.
std::string rule_for(const std::string& image, const ImageRules& rules) {
  if (const auto exact = rules.find(image); exact != rules.end()) return exact->second;
  std::string best;
  std::size_t best_length = 0;
  for (const auto& [pattern, rule] : rules) {
    if (pattern.empty() || pattern.back() != '*') continue;
    const auto length = pattern.size() - 1;
    if (image.compare(0, length, pattern, 0, length) == 0 && length >= best_length) {
      best = rule;
      best_length = length;
    }
  }
  return best;
}

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

class SiteFinder {
 public:
  SiteFinder(const Plan& plan, const SiteRules& rules, const std::string& file) : plan_(plan), rules_(rules), file_(file) {}

  Sites find() {
    for (const PlanComponent& component : plan_.components) {
      if (component.executor == nullptr) continue;
      const auto* container = std::get_if<ContainerSpec>(&component.executor->what);
      if (container == nullptr || is_volume_image(container->image) || sites_.by_executor.contains(component.executor->label))
        continue;
      sites_.by_executor.emplace(component.executor->label, site(*component.executor, *container));
    }
    return std::move(sites_);
  }

 private:
  Site site(const Executor& executor, const ContainerSpec& container) {
    Site found;
    refuse_init_containers(executor);
    note_ignored(executor.kubernetes, container, found);
    const std::string rule = rule_for(container.image, rules_.images);
    if (!rule.empty() && rule.front() == '/') {
      found.path_prefix = directory_of(rule);
      found.python = true;
      if (container.python) found.environment = environment(*container.python, {rule, "configured"});
      return found;
    }
    if (rule == "container") {
      use_container(executor, container, found);
      return found;
    }
    ImageKind kind = image_kind(container.image);
    if (rule == "host") kind = ImageKind::kHost;
    if (rule == "python") kind = ImageKind::kPython;
    // A lightweight component only needs an interpreter, whatever the image is called; others need what is in the image.
    if (kind == ImageKind::kOther && container.image.find("{{$") == std::string::npos) {
      use_container(executor, container, found);
      return found;
    }
    // Which image a placeholder names is only known when the task starts. There are no containers: it runs on what is here.
    if (kind == ImageKind::kOther && !container.python)
      found.notes.push_back("image '" + container.image +
                            "' is not looked at: the task runs on this machine's own programs, without a container");
    if (kind == ImageKind::kHost && !container.python)
      found.notes.push_back("image '" + container.image + "' runs on this machine's own programs, without a container");
    if (kind == ImageKind::kPython || container.python) use_python(executor, container, found);
    return found;
  }

  void use_container(const Executor& executor, const ContainerSpec& container, Site& site) {
    const auto engine = container_engine();
    if (!engine)
      return refuse(
          executor, "image '" + container.image + "' cannot run without a container engine",
          "map it in sluice.toml: [images] \"" + container.image +
              "\" = \"host\" (this machine's programs), \"python\", or the path of an interpreter; or install podman or "
              "docker");
    site.container_engine = *engine;
    if (!executor.kubernetes.init_containers.empty())
      refuse_init(executor, executor.kubernetes.init_containers.front(), "of a task in a container are not supported");
  }

  void use_python(const Executor& executor, const ContainerSpec& container, Site& site) {
    const std::string wanted = image_python_version(container.image);
    auto interpreter = find_interpreter(wanted, rules_.environments.python);
    if (!interpreter) {
      refuse(executor, "image '" + container.image + "' needs Python: " + interpreter.error().message, interpreter.error().hint);
      return;
    }
    if (!interpreter->exact)
      site.notes.push_back("image '" + container.image + "' runs on Python " + interpreter->interpreter.version +
                           ", as there is no Python " + wanted + " here");
    site.python = true;
    auto folder = interpreter_folder(interpreter->interpreter);
    if (!folder) return refuse(executor, folder.error().message, folder.error().hint);
    site.path_prefix = *folder + ":" + directory_of(interpreter->interpreter.path);
    if (container.python) site.environment = environment(*container.python, interpreter->interpreter);
  }

  EnvironmentSpec environment(const PythonInstall& install, const Interpreter& interpreter) const {
    PythonInstall wanted = install;
    const auto& defaults = rules_.environments.default_requirements;
    wanted.requirements.insert(wanted.requirements.end(), defaults.begin(), defaults.end());
    const EnvironmentRequest request =
        environment_request(wanted, plan_.pipeline->sdk_version, interpreter.path, interpreter.version);
    const std::string settings = environment_variables_fingerprint(rules_.environments);
    return {.key = settings.empty() ? request.key() : sha256_hex(request.key() + settings),
            .interpreter = request.interpreter,
            .requirements = request.requirements,
            .no_deps = request.no_deps,
            .index_options = request.index_options};
  }

  // What is asked for and has no effect on one machine.
  void note_ignored(const KubernetesConfig& kubernetes, const ContainerSpec& container, Site& site) const {
    if (!container.cpu_limit.empty() || !container.memory_limit.empty() || !container.accelerator_type.empty() ||
        !container.accelerator_count.empty())
      site.notes.emplace_back("limits of CPU and memory and accelerators are not enforced on one machine yet");
    for (const Diagnostic& warning : platform_warnings(kubernetes, file_)) site.notes.push_back(warning.text());
  }

  // They run on this machine's own programs, before the task and where it runs.
  void refuse_init_containers(const Executor& executor) {
    for (const InitContainer& init : executor.kubernetes.init_containers) {
      if (init.stays) {
        refuse_init(executor, init, "that run beside their task (restartPolicy Always) are not supported");
      } else if (const std::string rule = rule_for(init.image, rules_.images);
                 rule != "host" && (!rule.empty() || image_kind(init.image) != ImageKind::kHost)) {
        refuse_init(
            executor, init,
            "run on this machine's own programs, and '" + init.image + "' is none of alpine, busybox, debian, ubuntu, bash");
      }
    }
  }

  void refuse_init(const Executor& executor, const InitContainer& init, const std::string& why) {
    refuse(executor, "init container '" + init.name + "': init containers " + why,
           "make it a task of its own, or name its image in sluice.toml: [images] \"" + init.image + "\" = \"host\"");
    sites_.errors.back().place = init.place;
  }

  void refuse(const Executor& executor, std::string message, std::string hint) {
    sites_.errors.push_back({.place = executor.place,
                             .path = "deploymentSpec.executors." + executor.label,
                             .code = Code::kInvalid,
                             .message = "executor '" + executor.label + "': " + std::move(message),
                             .hint = std::move(hint)});
  }

  const Plan& plan_;
  const SiteRules& rules_;
  const std::string& file_;
  Sites sites_;
};

void add_certain(const Plan& plan, const Sites& sites, const PlanComponent& dag, std::vector<EnvironmentSpec>& found) {
  for (const PlanTask& task : dag.tasks) {
    if (task.condition || task.spec->iterator) continue;
    const PlanComponent& component = plan.components.at(task.component);
    if (component.is_dag()) {
      add_certain(plan, sites, component, found);
      continue;
    }
    const auto site = sites.by_executor.find(component.executor->label);
    if (site == sites.by_executor.end() || !site->second.environment) continue;
    const EnvironmentSpec& spec = *site->second.environment;
    if (std::none_of(found.begin(), found.end(), [&](const EnvironmentSpec& other) { return other.key == spec.key; }))
      found.push_back(spec);
  }
}

}  // namespace

std::vector<EnvironmentSpec> certain_environments(const Plan& plan, const Sites& sites) {
  std::vector<EnvironmentSpec> found;
  add_certain(plan, sites, plan.components.at(0), found);
  return found;
}

Sites find_sites(const Plan& plan, const SiteRules& rules, const std::string& file) {
  return SiteFinder(plan, rules, file).find();
}

}  // namespace sluice
