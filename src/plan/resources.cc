#include "plan/resources.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "plan/launch_values.h"
#include "plan/placeholders.h"

namespace sluice {
namespace {

// A million cores, 4 EiB, a thousand GPUs: what is more is a mistake, and would overflow in sums.
constexpr double kCpuMilliMax = 1e9;
constexpr double kBytesMax = 4.0 * 1024 * 1024 * 1024 * 1024 * 1024 * 1024;
constexpr std::int64_t kGpusMax = 1000;
constexpr std::int64_t kPriorityMax = 1'000'000'000;

constexpr const char* kPriority = "sluice.dev/priority";
constexpr const char* kPools = "sluice.dev/pool";

struct Unit {
  std::string_view name;
  double factor = 1;
};
constexpr std::array<Unit, 15> kUnits{{{"", 1},
                                       {"n", 1e-9},
                                       {"u", 1e-6},
                                       {"m", 1e-3},
                                       {"k", 1e3},
                                       {"M", 1e6},
                                       {"G", 1e9},
                                       {"T", 1e12},
                                       {"P", 1e15},
                                       {"E", 1e18},
                                       {"Ki", 1024},
                                       {"Mi", 1048576},
                                       {"Gi", 1073741824},
                                       {"Ti", 1099511627776},
                                       {"Pi", 1125899906842624}}};

// The number and the unit or exponent behind it. Nothing: it is no quantity.
std::optional<double> quantity(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto end = std::min(text.find_first_not_of("0123456789."), text.size());
  if (text.substr(0, end).find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
  // "1e9" and "1E9" are exponents, "1E" is a unit: from_chars takes an exponent only where digits follow.
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  if (unit == "Ei") return number * 1152921504606846976.0;
  const auto* known = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) { return one.name == unit; });
  if (known == kUnits.end()) return std::nullopt;
  return number * known->factor;
}

// Rounded up, so that what is asked for is given in full; what binary fractions add (0.1 is a little more than a tenth) is not.
std::int64_t rounded_up(double number) {
  const double nearest = std::round(number);
  return static_cast<std::int64_t>(std::abs(number - nearest) <= number * 1e-12 ? nearest : std::ceil(number));
}

tl::unexpected<Error> bad_quantity(std::string_view what, std::string_view text, std::string hint) {
  return fail(Code::kInvalid, "'" + std::string(text) + "' is no amount of " + std::string(what), std::move(hint));
}

// A quantity may be one placeholder of a parameter; one that is not given leaves the field empty, as in KFP. What stays a
// placeholder is shown as what it is: no quantity.
std::string resolved(const PlanComponent& component, const TaskData& inputs, const std::string& text) {
  if (text.find("{{") == std::string::npos) return text;
  const Struct given = parameters_with_defaults(*component.spec, inputs.parameters);
  return expand_placeholders(text, [&](const Placeholder& placeholder) -> std::optional<std::string> {
    if (placeholder.shape != ".inputs.parameters[]" || placeholder.names.size() != 1) return std::nullopt;
    const auto found = given.find(placeholder.names.front());
    if (found == given.end()) {
      const bool is_declared = component.spec->input_parameters.contains(placeholder.names.front());
      return is_declared ? std::optional<std::string>("") : std::nullopt;
    }
    return value_text(found->second);
  });
}

template <class Number, class Read>
Status read_field(std::string_view name, const PlanComponent& component, const TaskData& inputs, const std::string& written,
                  Number& out, const Read& read) {
  if (written.empty()) return {};
  const std::string text = resolved(component, inputs, written);
  if (trim(text).empty()) return {};
  auto number = read(text);
  if (!number) return fail(std::move(number).error().with_context(std::string(name) + ": "));
  out = *number;
  return {};
}

Result<int> gpu_count(std::string_view text) {
  const auto number = quantity(text);
  if (!number || *number > static_cast<double>(kGpusMax) || std::floor(*number) != *number)
    return fail(Code::kInvalid, "'" + std::string(text) + "' is no number of accelerators", "a whole number from 0 to 1000");
  return static_cast<int>(*number);
}

Status read_annotations(const NameMap<std::string>& annotations, Need& need) {
  if (const auto priority = annotations.find(kPriority); priority != annotations.end()) {
    const auto number = parse_integer(trim(priority->second));
    if (!number || *number > kPriorityMax || *number < -kPriorityMax)
      return fail(Code::kInvalid, std::string(kPriority) + ": '" + priority->second + "' is no whole number",
                  "a higher number goes first; without one it is 0");
    need.priority = static_cast<int>(*number);
  }
  if (const auto pools = annotations.find(kPools); pools != annotations.end())
    for (const std::string_view name : split(pools->second, ','))
      if (!trim(name).empty()) need.pools.emplace_back(trim(name));
  std::sort(need.pools.begin(), need.pools.end());
  need.pools.erase(std::unique(need.pools.begin(), need.pools.end()), need.pools.end());
  return {};
}

}  // namespace

Result<int> cpu_quantity(std::string_view text) {
  const auto number = quantity(text);
  if (!number || *number * 1000 > kCpuMilliMax) return bad_quantity("cpu", text, "as Kubernetes writes it: 500m, 2, 0.5");
  return static_cast<int>(rounded_up(*number * 1000));
}

Result<std::int64_t> memory_quantity(std::string_view text) {
  const auto number = quantity(text);
  if (!number || *number > kBytesMax) return bad_quantity("memory", text, "as Kubernetes writes it: 200M, 1.5Gi, 128974848");
  return rounded_up(*number);
}

Result<Need> resources_of(const PlanComponent& component, const TaskData& inputs) {
  Need need;
  SLUICE_TRY_STATUS(read_annotations(component.executor->kubernetes.annotations, need));
  const auto* container = std::get_if<ContainerSpec>(&component.executor->what);
  if (container == nullptr) return need;
  const auto read = [&](std::string_view name, const std::string& written, auto& out, const auto& how) {
    return read_field(name, component, inputs, written, out, how);
  };
  SLUICE_TRY_STATUS(read("resourceCpuLimit", container->cpu_limit, need.cpu_limit_milli, cpu_quantity));
  SLUICE_TRY_STATUS(read("resourceCpuRequest", container->cpu_request, need.cpu_milli, cpu_quantity));
  SLUICE_TRY_STATUS(read("resourceMemoryLimit", container->memory_limit, need.memory_limit, memory_quantity));
  SLUICE_TRY_STATUS(read("resourceMemoryRequest", container->memory_request, need.memory_bytes, memory_quantity));
  SLUICE_TRY_STATUS(read("accelerator.resourceCount", container->accelerator_count, need.gpus, gpu_count));
  if (need.cpu_milli == 0) need.cpu_milli = need.cpu_limit_milli;
  if (need.memory_bytes == 0) need.memory_bytes = need.memory_limit;
  if (!container->accelerator_type.empty()) {
    need.gpu_type = resolved(component, inputs, container->accelerator_type);
    // A type without a count is one of it.
    if (!need.gpu_type.empty() && container->accelerator_count.empty()) need.gpus = 1;
  }
  return need;
}

void grow_memory(Need& need, const MemoryPast& past, std::int64_t machine_bytes) {
  const std::int64_t most = machine_bytes > 0 ? machine_bytes / 10 * 8 : std::numeric_limits<std::int64_t>::max();
  if (need.memory_limit == 0) {
    const std::int64_t used = std::max(past.learned, past.shortages > 0 ? past.peak : 0);
    need.memory_bytes = std::max(need.memory_bytes, std::min(used, most));
    return;
  }
  if (past.learned <= need.memory_limit && past.shortages == 0) return;
  const std::int64_t most_here = std::max(most, need.memory_limit);
  std::int64_t limit = std::max(need.memory_limit, past.learned);
  for (int i = 0; i < past.shortages && limit < most_here; ++i) limit = limit > most_here / 2 ? most_here : limit * 2;
  need.memory_limit = std::min(limit, most_here);
  need.memory_bytes = std::max(need.memory_bytes, need.memory_limit);
}

std::string component_key(const PlanComponent& component) {
  Sha256 digest;
  // With its length in front, so that no two lists read the same.
  const auto add = [&](const std::string& text) { digest.update(std::to_string(text.size()) + ":" + text); };
  const auto add_all = [&](const std::vector<std::string>& list) {
    digest.update(std::to_string(list.size()) + ";");
    for (const std::string& text : list) add(text);
  };
  if (const auto* container = std::get_if<ContainerSpec>(&component.executor->what)) {
    add(container->image);
    add_all(container->command);
    add_all(container->args);
    if (container->python) add_all(container->python->requirements);
  }
  return digest.hex();
}

}  // namespace sluice
