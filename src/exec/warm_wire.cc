#include "exec/warm_wire.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace sluice {
namespace {

// Numbers of ours fit; of others anything may come.
std::optional<std::int64_t> number_of(std::string_view word) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::optional<std::vector<std::int64_t>> numbers_of(std::span<const std::string_view> words) {
  std::vector<std::int64_t> numbers;
  for (const std::string_view word : words) {
    const auto number = number_of(word);
    if (!number || *number < 0) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

constexpr std::int64_t kPidMax = 1 << 22;  // of the kernel
constexpr std::int64_t kMicrosMax = 1'000'000LL * 3600 * 24 * 365;
constexpr std::int64_t kKibibytesMax = std::int64_t{1} << 40;

std::vector<std::string> texts_of(std::span<const std::string_view> words) { return {words.begin(), words.end()}; }

std::optional<WorkerNews> reaped_of(std::span<const std::string_view> words) {
  const auto numbers = numbers_of(words);
  if (!numbers || numbers->size() != 5 || numbers->at(0) > kPidMax || numbers->at(1) > 0xFFFF) return std::nullopt;
  return StepReaped{.pid = static_cast<pid_t>(numbers->at(0)),
                    .wait_status = static_cast<int>(numbers->at(1)),
                    .cpu = Duration{std::min(numbers->at(2), kMicrosMax) + std::min(numbers->at(3), kMicrosMax)},
                    .max_rss_bytes = std::min(numbers->at(4), kKibibytesMax) * 1024};
}

}  // namespace

std::optional<WorkerNews> read_worker_news(std::string_view packet) {
  if (packet.size() > kWarmPacketMax) return std::nullopt;
  const auto words = split(packet, '\0');
  const std::string_view kind = words.front();
  const auto rest = std::span(words).subspan(1);
  if (kind == "ready") return WorkerReady{texts_of(rest)};
  if (kind == "failed") return WorkerFailed{std::string(rest.empty() ? "it does not say why" : rest.front())};
  if (kind == "again") return WorkerAgain{};
  if (kind == "learned") return WorkerLearned{};
  if (kind == "reaped") return reaped_of(rest);
  if (kind != "spare" && kind != "spoilt") return std::nullopt;
  const auto numbers = numbers_of(rest);
  if (!numbers || numbers->size() != 1 || numbers->front() > kPidMax) return std::nullopt;
  const auto pid = static_cast<pid_t>(numbers->front());
  if (kind == "spoilt") return SpareSpoilt{pid};
  return pid > 0 ? std::optional<WorkerNews>(SpareReady{pid}) : std::nullopt;
}

std::optional<StepNews> read_step_news(std::string_view packet) {
  if (packet.size() > kWarmPacketMax) return std::nullopt;
  const auto words = split(packet, '\0');
  const auto rest = std::span(words).subspan(1);
  if (words.front() == "modules") return StepModules{texts_of(rest)};
  if (words.front() != "done") return std::nullopt;
  const auto numbers = numbers_of(rest);
  if (!numbers || numbers->size() != 3 || numbers->front() > 255) return std::nullopt;
  return StepDone{.exit_code = static_cast<int>(numbers->front()),
                  .cpu = Duration{std::min(numbers->at(1), kMicrosMax)},
                  .max_rss_bytes = std::min(numbers->at(2), kKibibytesMax) * 1024};
}

std::string warm_packet(std::span<const std::string> words) {
  std::string packet;
  for (const std::string& word : words) {
    if (&word != &words.front()) packet += '\0';
    packet += word;
  }
  return packet;
}

std::string warm_request(const AttemptSpec& spec, std::span<char* const> envp) {
  std::string request =
      spec.id + '\0' + spec.directory + '\0' + spec.warm->source + '\0' + std::to_string(spec.warm->args.size());
  for (const std::string& argument : spec.warm->args) (request += '\0') += argument;
  for (const char* variable : envp)
    if (variable != nullptr) (request += '\0') += variable;
  return request;
}

}  // namespace sluice
