// No-op container tasks through `sluice run`, against `ninja -j2` on the same edges, round by round in one go.
//
// Independent tasks, a chain, and a ParallelFor of 50,000 items. Everything is as a user has it: journal, supervisor, a directory
// and a private /tmp for each attempt. ninja runs `true` through its shell; neither keeps outputs. Prints ratios; medians of the
// rounds at the end.
//
//   bench_engine [--sluice PATH] [--tasks N] [--rounds N] [--large N] [--only independent|chain|loop] [--durability
//   process|power]
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

extern char** environ;

namespace {

struct Options {
  std::string sluice = "build/release/sluice", only, durability = "process";
  int tasks = 10000, rounds = 3, large = 50000;
};

struct Measured {
  double seconds = 0;
  double peak_mib = 0;  // of the largest process
  int status = 0;
};

Measured run(const std::vector<std::string>& argv, const std::string& directory) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  for (const int fd : {0, 1, 2}) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  const auto began = std::chrono::steady_clock::now();
  pid_t pid = 0;
  if (posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ) != 0) {
    std::fprintf(stderr, "cannot start %s\n", words[0]);
    std::exit(2);
  }
  posix_spawn_file_actions_destroy(&actions);
  Measured measured;
  rusage usage{};
  wait4(pid, &measured.status, 0, &usage);
  measured.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  measured.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  return measured;
}

constexpr const char* kComponents =
    R"("components": {"comp-noop": {"executorLabel": "exec-noop"}, "comp-item": {"executorLabel": "exec-noop",)"
    R"( "inputDefinitions": {"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}}}},)"
    R"("deploymentSpec": {"executors": {"exec-noop": {"container": {"image": "alpine", "command": ["true"]}}}},)"
    R"("schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.0",)";

std::string pipeline(int tasks, bool chain) {
  std::string text = std::string("{") + kComponents + R"("pipelineInfo": {"name": "noop"}, "root": {"dag": {"tasks": {)";
  for (int i = 0; i < tasks; ++i) {
    const std::string name = "t" + std::to_string(i);
    text +=
        (i > 0 ? ",\n\"" : "\"") + name + R"(": {"componentRef": {"name": "comp-noop"}, "taskInfo": {"name": ")" + name + "\"}";
    if (chain && i > 0) text += ", \"dependentTasks\": [\"t" + std::to_string(i - 1) + "\"]";
    text += "}";
  }
  return text + "}}}}\n";
}

std::string loop_pipeline(int items) {
  std::string raw = "[";
  for (int i = 0; i < items; ++i) raw += (i > 0 ? "," : "") + std::to_string(i);
  std::string text =
      std::string("{") + kComponents +
      R"("pipelineInfo": {"name": "noop-loop"}, "root": {"dag": {"tasks": {"loop": {"componentRef": {"name": "comp-item"},)";
  return text + R"("parameterIterator": {"itemInput": "item", "items": {"raw": ")" + raw +
         "]\"}}, \"taskInfo\": {\"name\": \"loop\"}}}}}}\n";
}

std::string ninja_file(int tasks, bool chain) {
  std::string text = "rule r\n  command = true\n";
  for (int i = 0; i < tasks; ++i) {
    text += "build o" + std::to_string(i) + ": r";
    if (chain && i > 0) text += " o" + std::to_string(i - 1);
    text += "\n";
  }
  return text;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// Finished data directories are moved aside and deleted at the very end: on ext4, creating files is slow for a while after many
// were deleted.
class Scratch {
 public:
  Scratch() {
    std::string pattern = std::filesystem::path("/var/tmp") / "sluice-bench-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(root_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string fresh() {
    const std::string path = root_ + "/" + std::to_string(next_++);
    std::filesystem::create_directory(path);
    return path;
  }

 private:
  std::string root_;
  int next_ = 0;
};

Measured run_sluice(const Options& options, Scratch& scratch, const std::string& text) {
  const std::string folder = scratch.fresh();
  write(folder + "/pipeline.json", text);
  setenv("SLUICE_DURABILITY", options.durability.c_str(), 1);
  const Measured measured = run({options.sluice, "run", "pipeline.json", "--json", "--slots", "2"}, folder);
  if (measured.status != 0) {
    std::fprintf(stderr, "sluice run failed in %s (status %d)\n", folder.c_str(), measured.status);
    std::exit(1);
  }
  return measured;
}

void compare(const Options& options, Scratch& scratch, const char* what, bool chain) {
  std::vector<double> ratios, rates, floors;
  for (int round = 0; round < options.rounds; ++round) {
    const std::string folder = scratch.fresh();
    write(folder + "/build.ninja", ninja_file(options.tasks, chain));
    const Measured ninja = run({"ninja", "-j2", "--quiet"}, folder);
    const Measured ours = run_sluice(options, scratch, pipeline(options.tasks, chain));
    ratios.push_back(ours.seconds / ninja.seconds);
    rates.push_back(options.tasks / ours.seconds);
    floors.push_back(options.tasks / ninja.seconds);
    std::printf("%-12s round %d: sluice %.2f s, ninja -j2 %.2f s, ratio %.2f, peak %.0f MiB (%.1f KiB a task)\n", what, round + 1,
                ours.seconds, ninja.seconds, ratios.back(), ours.peak_mib, ours.peak_mib * 1024 / options.tasks);
    std::fflush(stdout);
  }
  std::printf("%-12s median: %.0f tasks/s, ninja %.0f tasks/s, ratio %.2f\n", what, median(rates), median(floors),
              median(ratios));
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--sluice")
      options.sluice = value;
    else if (flag == "--tasks")
      options.tasks = std::atoi(value.c_str());
    else if (flag == "--rounds")
      options.rounds = std::atoi(value.c_str());
    else if (flag == "--large")
      options.large = std::atoi(value.c_str());
    else if (flag == "--only")
      options.only = value;
    else if (flag == "--durability")
      options.durability = value;
  }
  options.sluice = std::filesystem::absolute(options.sluice);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Scratch scratch;
  if (options.only.empty() || options.only == "independent") compare(options, scratch, "independent", false);
  if (options.only.empty() || options.only == "chain") compare(options, scratch, "chain", true);
  if (options.only.empty() || options.only == "loop") {
    const Measured ours = run_sluice(options, scratch, loop_pipeline(options.large));
    std::printf("%-12s %d tasks: %.1f s, %.0f tasks/s, peak %.0f MiB (%.1f KiB a task)\n", "loop", options.large, ours.seconds,
                options.large / ours.seconds, ours.peak_mib, ours.peak_mib * 1024 / options.large);
  }
  return 0;
}
