#include "exec/limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

constexpr int kCpuPeriodUs = 100'000;
// The kernel refuses a quota below a millisecond.
constexpr std::int64_t kCpuQuotaMinUs = 1000;
constexpr std::string_view kPrefix = "sluice-";

// False: it is not there, or may not be written.
bool write_text(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

std::optional<std::int64_t> number_in(const std::string& path) {
  const auto text = small_file_text(path);
  return text ? parse_integer(trim(*text)) : std::nullopt;
}

// "oom_kill 3" of a file of such lines.
std::optional<std::int64_t> field_in(const std::string& path, std::string_view name) {
  const auto text = small_file_text(path);
  if (!text) return std::nullopt;
  for (const std::string_view line : split(*text, '\n'))
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ')
      return parse_integer(trim(line.substr(name.size())));
  return std::nullopt;
}

std::string own_memory_field(const std::string& group, bool v2) {
  return group + (v2 ? "/memory.events.local" : "/memory.oom_control");
}

// A supervisor that was killed leaves its groups behind; empty ones can be removed by anybody who may write there.
void remove_stale(const std::string& place) {
  for (const auto& entry : folder_entries(place)) {
    const std::string name = entry.filename();
    if (!name.starts_with(kPrefix)) continue;
    const auto pid = parse_integer(std::string_view(name).substr(kPrefix.size(), name.find('.') - kPrefix.size()));
    if (!pid || *pid <= 0) continue;
    if (::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH) ::rmdir(entry.c_str());
  }
}

// In v2 a group whose processes live in it cannot hand memory on to groups below: then, where it is not limited itself, the one
// above it is taken, if that does so already: it belongs to somebody else (systemd), who decides what it does.
std::string v2_place(std::string own) {
  for (int up = 0; up < 2 && !own.empty(); ++up) {
    for (const char* controller : {"+memory", "+cpu"})
      if (up == 0) write_text(own + "/cgroup.subtree_control", controller);
    const auto handed_on = small_file_text(own + "/cgroup.subtree_control");
    if (handed_on && handed_on->find("memory") != std::string::npos && ::access(own.c_str(), W_OK) == 0) return own;
    const auto limit = small_file_text(own + "/memory.max");
    if (limit && trim(*limit) != "max") return "";
    const auto slash = own.rfind('/');
    own = slash == std::string::npos ? "" : own.substr(0, slash);
  }
  return "";
}

std::string new_group(const std::string& place) {
  static int count = 0;
  std::string path = place + "/" + std::string(kPrefix) + std::to_string(::getpid()) + "." + std::to_string(++count);
  return !place.empty() && ::mkdir(path.c_str(), 0755) == 0 ? path : "";
}

struct Mount {
  std::string_view root, point, type, options;
};
std::optional<Mount> mount_from(std::string_view line) {
  const auto dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  const auto front = split(line.substr(0, dash), ' ');
  const auto back = split(line.substr(dash + 3), ' ');
  if (front.size() < 6 || back.size() < 3) return std::nullopt;
  return Mount{.root = front[3], .point = front[4], .type = back[0], .options = back[2]};
}

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The group `path` as seen through a mount that shows what lies below `root`. Empty: it does not show it.
std::string seen_through(const Mount& mount, std::string_view path) {
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return "";
    path.remove_prefix(mount.root.size());
  }
  if (path == "/") path = "";
  if (path.starts_with("/..")) return "";
  return std::string(mount.point) + std::string(path);
}

}  // namespace

CgroupPlaces cgroup_places(const std::string& own_groups, const std::string& mounts) {
  CgroupPlaces places;
  std::string_view unified, memory, cpu;
  for (const std::string_view line : split(own_groups, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 3) continue;
    const std::string_view path = line.substr(fields[0].size() + fields[1].size() + 2);
    if (fields[0] == "0" && fields[1].empty()) unified = path;
    if (has_word(fields[1], "memory")) memory = path;
    if (has_word(fields[1], "cpu")) cpu = path;
  }
  std::string v2;
  for (const std::string_view line : split(mounts, '\n')) {
    const auto mount = mount_from(line);
    if (!mount) continue;
    if (mount->type == "cgroup2" && !unified.empty()) v2 = seen_through(*mount, unified);
    if (mount->type != "cgroup") continue;
    if (has_word(mount->options, "memory") && !memory.empty()) places.memory = seen_through(*mount, memory);
    if (has_word(mount->options, "cpu") && !cpu.empty()) places.cpu = seen_through(*mount, cpu);
  }
  if (!places.memory.empty() || !places.cpu.empty() || v2.empty()) return places;
  return {.memory = v2, .cpu = v2, .v2 = true};
}

CgroupPlaces own_cgroups() {
  return cgroup_places(small_file_text("/proc/self/cgroup").value_or(""), small_file_text("/proc/self/mountinfo").value_or(""));
}

const CgroupPlaces& usable_cgroups() {
  static const CgroupPlaces kPlaces = [] {
    CgroupPlaces found = own_cgroups();
    if (found.v2) found.memory = found.cpu = v2_place(found.memory);
    for (const std::string* place : {&found.memory, &found.cpu})
      if (!place->empty()) remove_stale(*place);
    return found;
  }();
  return kPlaces;
}

AttemptLimit::AttemptLimit(const AttemptSpec& spec, const CgroupPlaces& places)
    : memory_bytes_(spec.memory_bytes), cpu_milli_(spec.cpu_milli), v2_(places.v2) {
  if (memory_bytes_ > 0 || (v2_ && cpu_milli_ > 0)) make_memory_group(places.memory);
  if (cpu_milli_ > 0) make_cpu_group(places.cpu);
  for (const auto& [door, group] : {std::pair{&doors_[0], &memory_group_}, {&doors_[1], &cpu_group_}})
    if (!group->empty() && (door == &doors_[0] || *group != memory_group_))
      *door = ::open((*group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
  has_memory_group_ = memory_bytes_ > 0 && doors_[0] >= 0;
}

void AttemptLimit::make_memory_group(const std::string& place) {
  memory_group_ = new_group(place);
  if (memory_group_.empty() || memory_bytes_ == 0) return;
  const std::string bytes = std::to_string(memory_bytes_);
  bool is_limited = false;
  if (v2_) {
    is_limited = write_text(memory_group_ + "/memory.max", bytes);
    write_text(memory_group_ + "/memory.swap.max", "0");
    write_text(memory_group_ + "/memory.oom.group", "1");
  } else {
    is_limited = write_text(memory_group_ + "/memory.limit_in_bytes", bytes);
    write_text(memory_group_ + "/memory.memsw.limit_in_bytes", bytes);
  }
  if (is_limited) return;
  ::rmdir(memory_group_.c_str());
  memory_group_.clear();
}

void AttemptLimit::make_cpu_group(const std::string& place) {
  const std::int64_t quota = std::max(kCpuQuotaMinUs, std::int64_t{cpu_milli_} * kCpuPeriodUs / 1000);
  if (v2_) {
    cpu_group_ = memory_group_;
    if (!cpu_group_.empty()) write_text(cpu_group_ + "/cpu.max", std::to_string(quota) + " " + std::to_string(kCpuPeriodUs));
    return;
  }
  cpu_group_ = new_group(place);
  if (cpu_group_.empty()) return;
  write_text(cpu_group_ + "/cpu.cfs_period_us", std::to_string(kCpuPeriodUs));
  write_text(cpu_group_ + "/cpu.cfs_quota_us", std::to_string(quota));
}

AttemptLimit::~AttemptLimit() {
  for (const int door : doors_)
    if (door >= 0) ::close(door);
  for (const std::string& group : {memory_group_, cpu_group_ == memory_group_ ? std::string() : cpu_group_}) {
    if (group.empty() || ::rmdir(group.c_str()) == 0) continue;
    // Whoever is not ours and got in goes up, so that the group can go.
    const std::string left = small_file_text(group + "/cgroup.procs").value_or("");
    for (const std::string_view pid : split(left, '\n'))
      if (!pid.empty()) write_text(group.substr(0, group.rfind('/')) + "/cgroup.procs", std::string(pid));
    ::rmdir(group.c_str());
  }
}

void AttemptLimit::confirm(pid_t pid) {
  if (doors_[0] < 0) return;
  const std::string inside = small_file_text(memory_group_ + "/cgroup.procs").value_or("");
  for (const std::string_view one : split(inside, '\n'))
    if (one == std::to_string(pid)) return;
  add(pid);
}

void AttemptLimit::add(pid_t pid) {
  const std::string text = std::to_string(pid);
  for (const int door : doors_) {
    if (door < 0 || ::write(door, text.data(), text.size()) == static_cast<ssize_t>(text.size())) continue;
    // One that has ended already was inside.
    if (door == doors_[0] && errno != ESRCH) has_memory_group_ = false;
  }
}

bool AttemptLimit::look(pid_t pid) {
  if (memory_bytes_ == 0 || is_over_) return is_over_;
  if (has_memory_group_) {
    is_over_ = field_in(memory_group_ + (v2_ ? "/memory.events" : "/memory.oom_control"), "oom_kill").value_or(0) > 0;
    return is_over_;
  }
  const std::int64_t now = session_memory(pid);
  peak_ = std::max(peak_, now);
  is_over_ = now > memory_bytes_;
  return is_over_;
}

std::int64_t AttemptLimit::peak_bytes() {
  if (!has_memory_group_) return peak_;
  return number_in(memory_group_ + (v2_ ? "/memory.peak" : "/memory.max_usage_in_bytes")).value_or(0);
}

std::int64_t oom_kills() {
  const CgroupPlaces found = own_cgroups();
  if (!found.memory.empty())
    if (const auto kills = field_in(own_memory_field(found.memory, found.v2), "oom_kill")) return *kills;
  return field_in("/proc/vmstat", "oom_kill").value_or(-1);
}

std::int64_t session_memory(pid_t session) {
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return 0;
  static const std::int64_t kPage = ::sysconf(_SC_PAGESIZE);
  std::int64_t sum = 0;
  while (const dirent* entry = ::readdir(proc)) {
    const auto pid = parse_integer(entry->d_name);
    if (!pid || ::getsid(static_cast<pid_t>(*pid)) != session) continue;
    const auto text = small_file_text("/proc/" + std::to_string(*pid) + "/statm");
    if (!text) continue;
    const auto fields = split(trim(*text), ' ');  // size resident shared ...
    if (fields.size() < 3) continue;
    sum += (parse_integer(fields[1]).value_or(0) - parse_integer(fields[2]).value_or(0)) * kPage;
  }
  ::closedir(proc);
  return sum;
}

}  // namespace sluice
