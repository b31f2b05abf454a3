// Tasks in containers of their image, through podman or docker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exec/supervisor.h"

namespace sluice {

// "podman", else "docker", if it is on the PATH and answers `info` within a second; nothing if neither does. Asked once for each
// PATH. Safe in any thread.
std::optional<std::string> container_engine();

struct ContainerCall {
  std::string engine;  // "podman" or "docker"
  std::string name;    // of the container
  std::string image;
  std::vector<std::string> command;  // the first replaces the image's entry point; empty: the image's own
  std::vector<std::string> args;
  std::string directory;  // working directory
  std::vector<AttemptMount> mounts;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> inherited;  // names of variables whose values the engine's own environment has: no secret in its argv
  std::int64_t memory_bytes = 0;  // 0: no limit
  int cpu_milli = 0;  // 0: no limit
  int gpus = 0;
  int uid = 0, gid = 0;  // who must be able to read what is written
};
// The command line. The engine's process ends with the container's exit code, and hands SIGTERM on to it.
std::vector<std::string> container_argv(const ContainerCall& call);

// Of the attempt "RUN/TASK/ATTEMPT".
std::string container_name(const std::string& attempt_id);
// Ends the container, if it is there; for an engine process that was killed before it could. Takes up to ten seconds.
void remove_container(const std::string& engine, const std::string& attempt_id);

}  // namespace sluice
