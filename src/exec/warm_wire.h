// What a warm worker, the processes that it forks, and the supervisor say to each other. Packets of SEQPACKET sockets: words with
// a NUL between them. A process that runs a step may say anything.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "exec/supervisor.h"

namespace sluice {

// A packet that is longer is not ours.
constexpr std::size_t kWarmPacketMax = 64 * 1024;

// Of a worker's control socket.
struct WorkerReady {
  std::vector<std::string> packages;  // top-level names of what it has imported
};
struct WorkerFailed {
  std::string why;
};
struct WorkerAgain {};  // it has imported what it should not have, and knows better now: start another
struct WorkerLearned {};  // steps have imported what it has not
struct SpareReady {
  pid_t pid = 0;
};
struct SpareSpoilt {
  pid_t pid = 0;  // 0: it could not even be forked
};
struct StepReaped {
  pid_t pid = 0;
  int wait_status = 0;
  Duration cpu{0};
  std::int64_t max_rss_bytes = 0;
};
using WorkerNews = std::variant<WorkerReady, WorkerFailed, WorkerAgain, WorkerLearned, SpareReady, SpareSpoilt, StepReaped>;
// Nothing: it cannot be understood.
std::optional<WorkerNews> read_worker_news(std::string_view packet);

// Of the socket of a process that runs a step.
struct StepDone {
  int exit_code = 0;
  Duration cpu{0};
  std::int64_t max_rss_bytes = 0;
};
struct StepModules {
  std::vector<std::string> names;
};
using StepNews = std::variant<StepDone, StepModules>;
std::optional<StepNews> read_step_news(std::string_view packet);

std::string warm_packet(std::span<const std::string> words);

// The step as its process reads it: id, directory, source, number of arguments, arguments, variables. `envp` as for execve.
std::string warm_request(const AttemptSpec& spec, std::span<char* const> envp);

}  // namespace sluice
