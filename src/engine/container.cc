#include "engine/container.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

#include "exec/command.h"

namespace sluice {
namespace {

std::optional<std::string> find_engine() {
  const std::atomic<bool> never{false};
  for (const char* name : {"podman", "docker"}) {
    const auto answer = run_command({.argv = {name, "info"}, .time_max = std::chrono::seconds(1)}, never);
    if (answer && answer->exit_code == 0) return name;
  }
  return std::nullopt;
}

// "1500" -> "1.5"
std::string cores(int milli) {
  std::string text = std::to_string(milli / 1000);
  if (milli % 1000 == 0) return text;
  std::string rest = std::to_string(1000 + milli % 1000).substr(1);
  while (rest.back() == '0') rest.pop_back();
  return text + "." + rest;
}

void add_user(const ContainerCall& call, std::vector<std::string>& argv) {
  if (call.uid == 0) return;
  // Without root podman maps our own user to the container's root, unless it is told to keep it.
  if (call.engine == "podman") argv.emplace_back("--userns=keep-id");
  argv.insert(argv.end(), {"--user", std::to_string(call.uid) + ":" + std::to_string(call.gid)});
}

void add_limits(const ContainerCall& call, std::vector<std::string>& argv) {
  if (call.memory_bytes > 0) argv.insert(argv.end(), {"--memory", std::to_string(call.memory_bytes)});
  if (call.cpu_milli > 0) argv.insert(argv.end(), {"--cpus", cores(call.cpu_milli)});
  if (call.gpus == 0) return;
  // All are there; CUDA_VISIBLE_DEVICES says which are the task's.
  if (call.engine == "podman")
    argv.insert(argv.end(), {"--device", "nvidia.com/gpu=all"});
  else
    argv.insert(argv.end(), {"--gpus", "all"});
}

}  // namespace

std::optional<std::string> container_engine() {
  static std::mutex mutex;
  static std::map<std::string, std::optional<std::string>> known;
  const char* path = std::getenv("PATH");
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = known.try_emplace(path != nullptr ? path : "");
  if (is_new) entry->second = find_engine();
  return entry->second;
}

std::vector<std::string> container_argv(const ContainerCall& call) {
  std::vector<std::string> argv{call.engine, "run", "--rm", "--name", call.name, "--network", "host"};
  add_user(call, argv);
  add_limits(call, argv);
  for (const AttemptMount& mount : call.mounts)
    argv.insert(argv.end(), {"-v", mount.source + ":" + mount.target + (mount.read_only ? ":ro" : "")});
  for (const std::string& name : call.inherited) argv.insert(argv.end(), {"-e", name});
  for (const auto& [name, value] : call.env) {
    argv.emplace_back("-e");
    argv.emplace_back(name).append("=").append(value);
  }
  argv.insert(argv.end(), {"--workdir", call.directory});
  if (!call.command.empty()) argv.insert(argv.end(), {"--entrypoint", call.command.front()});
  argv.push_back(call.image);
  if (!call.command.empty()) argv.insert(argv.end(), call.command.begin() + 1, call.command.end());
  argv.insert(argv.end(), call.args.begin(), call.args.end());
  return argv;
}

std::string container_name(const std::string& attempt_id) {
  std::string name = "sluice-" + attempt_id;
  for (char& c : name)
    if (c == '/') c = '-';
  return name;
}

void remove_container(const std::string& engine, const std::string& attempt_id) {
  const std::atomic<bool> never{false};
  // Mostly it has gone by itself, and there is nobody who could do anything about an error.
  (void)run_command({.argv = {engine, "rm", "--force", container_name(attempt_id)}, .time_max = std::chrono::seconds(10)}, never)
      .has_value();
}

}  // namespace sluice
