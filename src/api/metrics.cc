#include "api/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string number(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

using Labelled = std::vector<std::pair<std::string_view, double>>;

void family(std::string& out, std::string_view name, std::string_view type, std::string_view help, std::string_view label,
            const Labelled& values) {
  head(out, name, type, help);
  for (const auto& [value, figure] : values) {
    out.append(name);
    if (!label.empty()) out.append("{").append(label).append("=\"").append(label_value(value)).append("\"}");
    out.append(" ").append(number(figure)).append("\n");
  }
}

void add_engine(std::string& out, const Service& service, const EngineFigures& now) {
  const auto f = [](auto count) { return static_cast<double>(count); };
  family(out, "sluice_runs", "gauge", "Runs that are not at their end.", "state",
         {{"active", f(now.runs - std::min(now.paused, now.runs))}, {"paused", f(now.paused)}});
  family(out, "sluice_runs_begun_total", "counter", "Runs that began or went on since the start.", "", {{"", f(now.runs_begun)}});
  family(out, "sluice_runs_ended_total", "counter", "Runs that ended since the start, by how.", "state",
         {{"SUCCEEDED", f(now.runs_succeeded)}, {"FAILED", f(now.runs_failed)}, {"CANCELED", f(now.runs_canceled)}});
  family(out, "sluice_attempts_begun_total", "counter", "Attempts of tasks that were started.", "",
         {{"", f(now.attempts_begun)}});
  family(out, "sluice_attempts_total", "counter", "Attempts of tasks that ended, by how.", "result",
         {{"succeeded", f(now.attempts_succeeded)}, {"failed", f(now.attempts_failed)}, {"lost", f(now.attempts_lost)}});
  family(out, "sluice_cache_total", "counter", "Tasks that asked the cache, by what it knew.", "result",
         {{"hit", f(now.cache_hits)}, {"miss", f(now.cache_misses)}});
  family(out, "sluice_engine_events_total", "counter", "Events that the engine has taken.", "", {{"", f(now.events)}});
  family(out, "sluice_engine_commits_total", "counter", "Transactions that the engine has written.", "", {{"", f(now.commits)}});
  family(out, "sluice_trouble", "gauge", "1 while nothing goes on because the store cannot be written or nothing can be started.",
         "", {{"", service.trouble() ? 1.0 : 0.0}});
  family(out, "sluice_build_info", "gauge", "Version of the program.", "version", {{SLUICE_VERSION, 1.0}});
}

void add_machine(std::string& out, const HandsFigures& hands) {
  const auto f = [](auto count) { return static_cast<double>(count); };
  const Capacity& all = hands.capacity;
  const ResourceQueue::Figures& used = hands.used;
  family(out, "sluice_attempts_waiting", "gauge", "Attempts that could start if there were room for them.", "",
         {{"", f(used.waiting)}});
  family(out, "sluice_slots", "gauge", "Slots for attempts; more than there are may be used by those that were sent ahead.", "of",
         {{"machine", f(all.slots)}, {"used", f(used.slots)}});
  family(out, "sluice_cpus", "gauge", "Cores that attempts have been granted.", "of",
         {{"machine", f(all.cpu_milli) / 1000}, {"used", f(used.cpu_milli) / 1000}});
  family(out, "sluice_memory_bytes", "gauge", "Memory that attempts have asked for and been granted.", "of",
         {{"machine", f(all.memory_bytes)}, {"used", f(used.memory_bytes)}});
  family(out, "sluice_gpus", "gauge", "GPUs that attempts have been granted.", "of",
         {{"machine", f(all.gpus)}, {"used", f(used.gpus)}});
}

// Fields of /proc/self/stat behind the name in parentheses: [0] is the state.
std::vector<std::string> process_stat() {
  std::string text;
  std::getline(std::ifstream("/proc/self/stat"), text);
  const auto end = text.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  for (const std::string_view field : split(trim(std::string_view(text).substr(end + 1)), ' ')) fields.emplace_back(field);
  return fields;
}

double boot_time() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);)
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  return 0;
}

void add_process(std::string& out) {
  const auto fields = process_stat();
  // utime and stime are the 12th and 13th field behind the name, starttime the 20th, rss (pages) the 22nd.
  if (fields.size() < 22) return;
  const auto field = [&](std::size_t index) { return std::strtod(fields[index].c_str(), nullptr); };
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  family(out, "process_cpu_seconds_total", "counter", "User and system time of this process.", "",
         {{"", (field(11) + field(12)) / ticks}});
  family(out, "process_resident_memory_bytes", "gauge", "Resident memory of this process.", "", {{"", field(21) * page}});
  family(out, "process_start_time_seconds", "gauge", "When this process started, in seconds since 1970.", "",
         {{"", boot_time() + field(19) / ticks}});
}

}  // namespace

void Metrics::count(std::string_view method, std::string_view route, int status, Duration took) {
  // Methods come from the peer: those that no route has are one series.
  constexpr std::array<std::string_view, 7> kMethods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  const bool known = std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
  std::string key(known ? method : "other");
  key.append(" ").append(route);
  const double seconds = to_seconds(took);
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  const std::lock_guard lock(mutex_);
  Series& series = series_[std::move(key)];
  ++series.by_status[status];
  ++series.buckets.at(static_cast<std::size_t>(bucket));
  series.seconds += seconds;
}

std::string Metrics::requests() const {
  std::string counts, times;
  head(counts, "http_requests_total", "counter", "Requests that were answered.");
  head(times, "http_request_duration_seconds", "histogram", "From the arrival of a request to the begin of its answer.");
  const std::lock_guard lock(mutex_);
  for (const auto& [key, series] : series_) {
    const auto blank = key.find(' ');
    const std::string labels =
        "method=\"" + label_value(key.substr(0, blank)) + "\",route=\"" + label_value(key.substr(blank + 1)) + "\"";
    for (const auto& [status, count] : series.by_status)
      counts += "http_requests_total{" + labels + ",status=\"" + std::to_string(status) + "\"} " + std::to_string(count) + "\n";
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < series.buckets.size(); ++i) {
      sum += series.buckets.at(i);
      const std::string bound = i < kBounds.size() ? number(kBounds.at(i)) : "+Inf";
      times += "http_request_duration_seconds_bucket{" + labels + ",le=\"" + bound + "\"} " + std::to_string(sum) + "\n";
    }
    times += "http_request_duration_seconds_sum{" + labels + "} " + number(series.seconds) + "\n";
    times += "http_request_duration_seconds_count{" + labels + "} " + std::to_string(sum) + "\n";
  }
  return counts + times;
}

std::string Metrics::text(const Service& service) const {
  std::string out = requests();
  const EngineFigures figures = service.figures();
  add_engine(out, service, figures);
  add_machine(out, figures.hands);
  add_process(out);
  return out;
}

}  // namespace sluice
