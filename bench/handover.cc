// The hand-over between dependent tasks on a server: from the last instruction of one task to the first of the next, in a chain
// of static programs that only look at the clock. It holds the end of a process, its exit seen by the supervisor and told to the
// server, the commit (kill-9 durability), the start sent back, fork, execve: more than the claim (exit seen to execve returned),
// never less. The floor in the same run: this program starting the same ones with posix_spawn, each when it has waited for the
// one before.
//
//   bench_handover [--sluice PATH] [--tasks N] [--durability process|power]
#include <cstring>

#include "support.h"

namespace {
using namespace sluice;
using namespace sluice::bench;

std::string chain(const std::string& stamp, const std::string& file, int tasks) {
  std::string text =
      R"({"pipelineInfo": {"name": "chain"}, "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.0", "components": {"comp-noop": )"
      R"({"executorLabel": "exec-noop"}}, "deploymentSpec": {"executors": {"exec-noop": {"container": {"image": "alpine", )"
      R"("command": [")" +
      stamp + "\", \"" + file + R"("]}}}}, "root": {"dag": {"tasks": {)";
  for (int i = 0; i < tasks; ++i) {
    const std::string name = "t" + std::to_string(i);
    text += (i > 0 ? ",\"" : "\"") + name + R"(": {"componentRef": {"name": "comp-noop"})";
    if (i > 0) text += ", \"dependentTasks\": [\"t" + std::to_string(i - 1) + "\"]";
    text += "}";
  }
  return text + "}}}}";
}

// Milliseconds from each process's last instruction to the next one's first.
std::vector<double> gaps(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::int64_t> stamps(bytes.size() / sizeof(std::int64_t));
  std::memcpy(stamps.data(), bytes.data(), stamps.size() * sizeof(std::int64_t));
  std::vector<double> found;
  for (std::size_t i = 2; i + 1 < stamps.size(); i += 2) found.push_back(static_cast<double>(stamps[i] - stamps[i - 1]) / 1e6);
  return found;
}

void print(const char* what, const std::vector<double>& values) {
  std::printf("%-34s p50 %.3f ms  p99 %.3f ms  max %.3f ms  (%zu hand-overs)\n", what, percentile(values, 0.5),
              percentile(values, 0.99), percentile(values, 1), values.size());
}
}  // namespace

int main(int argc, char** argv) {
  std::string program = "build/release/sluice";
  int tasks = 2000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--sluice") program = argv[i + 1];
    if (flag == "--tasks") tasks = std::atoi(argv[i + 1]);
    if (flag == "--durability") setenv("SLUICE_DURABILITY", argv[i + 1], 1);
  }
  const std::string stamp = std::filesystem::canonical("/proc/self/exe").parent_path().string() + "/stamp";
  const Scratch scratch;
  const std::string floor_file = scratch.path() + "/floor";
  for (int i = 0; i < tasks; ++i) {
    const pid_t child = spawn({stamp, floor_file}, "/dev/null");
    waitpid(child, nullptr, 0);
  }
  const std::string file = scratch.path() + "/stamps";
  const Server server(program, scratch.path());
  const auto client = server.client();
  const Value run = must(*client, "POST", "/api/v1/runs", Value::of({{"spec", chain(stamp, file, tasks)}}));
  const std::string path = "/api/v1/runs?limit=1";
  for (std::string state; state != "SUCCEEDED";) {
    usleep(50'000);
    state = must(*client, "GET", path).find("runs")->as_list().at(0).string_or("state", "");
    if (state == "FAILED") give_up("the chain failed");
  }
  const auto floor = gaps(floor_file);
  const auto ours = gaps(file);
  print("floor, posix_spawn one by one", floor);
  print("sluice up, a chain of tasks", ours);
  std::printf("ratio to the floor: p50 %.2f, p99 %.2f\n", percentile(ours, 0.5) / percentile(floor, 0.5),
              percentile(ours, 0.99) / percentile(floor, 0.99));
  return 0;
}
