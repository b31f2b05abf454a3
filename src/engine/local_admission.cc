// What attempts ask of the machine: who may start, with which GPUs, within which limits.
#include <string_view>
#include <utility>
#include <variant>

#include "base/text.h"
#include "engine/local_hands.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

constexpr std::string_view kGpuVariable = "CUDA_VISIBLE_DEVICES";

std::string gpus_text(const std::vector<int>& gpus) {
  std::vector<std::string> texts;
  texts.reserve(gpus.size());
  for (const int gpu : gpus) texts.push_back(std::to_string(gpu));
  return join(texts, ",");
}

// Which GPUs an owner before us has given to a process: its environment says so.
std::vector<int> gpus_of_process(pid_t pid) {
  std::vector<int> gpus;
  const std::string environment = small_file_text("/proc/" + std::to_string(pid) + "/environ").value_or("");
  for (const std::string_view variable : split(environment, '\0')) {
    if (!variable.starts_with(kGpuVariable) || variable.size() <= kGpuVariable.size() || variable[kGpuVariable.size()] != '=')
      continue;
    for (const std::string_view index : split(variable.substr(kGpuVariable.size() + 1), ','))
      if (const auto gpu = parse_integer(index); gpu && *gpu >= 0 && *gpu < 1000) gpus.push_back(static_cast<int>(*gpu));
    break;
  }
  return gpus;
}

}  // namespace

void LocalHands::ask(const JobPtr& job) {
  const Need& need = job->attempt.order.need;
  admission_.ask(job->number, need);
  if (admission_.is_plain(need) && need.gpus == 0 && need.pools.empty()) return;
  job->need_note = admission_.note_on(need);
  if (!admission_.is_plain(need)) asked_.push_back(job->number);
}

// An attempt of an owner before us, wherever it stands, holds what it needs until it has ended.
void LocalHands::hold_found(const JobPtr& job, const Found* what) {
  if (job->number == 0) job->number = ++numbers_;
  const Need& need = job->attempt.order.need;
  if (const auto* began = what == nullptr ? nullptr : std::get_if<AttemptBegan>(what); began != nullptr && need.gpus > 0)
    job->gpus = gpus_of_process(began->pid);
  admission_.hold(job->number, need, job->gpus);
}

// What is told of it besides what its process says.
Aside LocalHands::need_aside(const Job& job) { return {.note = job.need_note, .gpus = gpus_text(job.gpus)}; }

void LocalHands::apply_need(Job& job, AttemptSpec& spec) const {
  const Need& need = job.attempt.order.need;
  spec.memory_bytes = need.memory_limit;
  // A limit that the machine cannot reach is none.
  const int machine = admission_.capacity().cpu_milli;
  if (machine == 0 || need.cpu_limit_milli < machine) spec.cpu_milli = need.cpu_limit_milli;
  // Whoever asks for GPUs and gets none must not find those of others.
  if (need.gpus > 0) spec.env.emplace_back(kGpuVariable, gpus_text(job.gpus));
}

void LocalHands::tell_waiting() {
  for (const std::uint64_t number : std::exchange(asked_, {})) {
    const auto waiting = ready_.find(number);
    if (waiting == ready_.end() || !listener_.waiting) continue;
    // Not from within a call of the engine's.
    const AttemptOrder& order = waiting->second->attempt.order;
    loop_.post([this, run = order.run, task = order.task, what = admission_.wants(number), alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) listener_.waiting(run, task, what);
    });
  }
}

}  // namespace sluice
