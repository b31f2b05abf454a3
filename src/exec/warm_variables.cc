#include "exec/warm_variables.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

using std::string_view_literals::operator""sv;

// Where modules come from, or what the interpreter itself is.
constexpr std::array kCold{"PYTHONPATH"sv,     "PYTHONHOME"sv,    "PYTHONPLATLIBDIR"sv,
                           "PYTHONUSERBASE"sv, "PYTHONSTARTUP"sv, "PYTHONINSPECT"sv};

// Their prefix says kAtStart, but the module reads them each time it needs them.
constexpr std::array kReadLate{"MLFLOW_TRACKING_URI"sv,
                               "MLFLOW_TRACKING_TOKEN"sv,
                               "MLFLOW_TRACKING_USERNAME"sv,
                               "MLFLOW_TRACKING_PASSWORD"sv,
                               "MLFLOW_REGISTRY_URI"sv,
                               "MLFLOW_EXPERIMENT_NAME"sv,
                               "MLFLOW_EXPERIMENT_ID"sv,
                               "MLFLOW_RUN_ID"sv,
                               "MLFLOW_RUN_CONTEXT"sv,
                               "CUDA_VISIBLE_DEVICES"sv,
                               "MKL_VERBOSE"sv};

constexpr std::array kStartNames{"HOME"sv, "LANG"sv, "LANGUAGE"sv, "TZDIR"sv, "GLIBC_TUNABLES"sv};

constexpr std::array kStartPrefixes{
    "PYTHON"sv, "LC_"sv,  "LD_"sv,     "MALLOC_"sv, "OMP_"sv,   "GOMP_"sv,    "KMP_"sv,   "OPENBLAS_"sv, "GOTO_"sv, "BLIS_"sv,
    "MKL_"sv,   "NPY_"sv, "VECLIB_"sv, "XDG_"sv,    "MPL"sv,    "NUMEXPR_"sv, "TORCH_"sv, "PYTORCH_"sv,  "TF_"sv,   "KERAS_"sv,
    "XLA_"sv,   "JAX_"sv, "CUDA_"sv,   "NVIDIA_"sv, "ARROW_"sv, "GRPC_"sv,    "HF_"sv,    "ONEDNN_"sv,   "DNNL_"sv};

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string_view value_in(const Variables& variables, std::string_view name, bool& is_set) {
  const auto found = variables.find(name);
  is_set = found != variables.end();
  return is_set ? std::string_view(found->second) : std::string_view();
}

}  // namespace

VariableEffect effect_of(std::string_view name, std::span<const std::string> packages) {
  if (contains(kCold, name)) return VariableEffect::kNever;
  if (contains(kReadLate, name)) return VariableEffect::kAnytime;
  if (contains(kStartNames, name)) return VariableEffect::kAtStart;
  for (const std::string_view prefix : kStartPrefixes)
    if (name.starts_with(prefix)) return VariableEffect::kAtStart;
  const auto underscore = name.find('_');
  // KFP_ is what every attempt has of its own (KFP_POD_NAME), and its executor reads it when it runs.
  if (underscore == std::string_view::npos || underscore == 0 || name.starts_with("KFP_")) return VariableEffect::kAnytime;
  return contains(packages, name.substr(0, underscore)) ? VariableEffect::kAtStart : VariableEffect::kAnytime;
}

Variables variables_of(std::span<const std::pair<std::string, std::string>> env) {
  Variables variables;
  for (const auto& [name, value] : env) variables.insert_or_assign(name, value);
  return variables;
}

bool can_serve(const Variables& started, const Variables& wanted, std::span<const std::string> packages) {
  const auto agrees = [&](const Variables& from) {
    return std::all_of(from.begin(), from.end(), [&](const auto& variable) {
      if (effect_of(variable.first, packages) == VariableEffect::kAnytime) return true;
      bool is_started = false;
      bool is_wanted = false;
      return value_in(started, variable.first, is_started) == value_in(wanted, variable.first, is_wanted) &&
             is_started == is_wanted;
    });
  };
  return agrees(started) && agrees(wanted);
}

std::string_view cold_variable(std::span<const std::pair<std::string, std::string>> env) {
  for (const auto& [name, value] : env)
    if (effect_of(name, {}) == VariableEffect::kNever) return name;
  return {};
}

}  // namespace sluice
