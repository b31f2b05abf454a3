#include "plan/environment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"

namespace sluice {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view after_last(std::string_view text, char separator) { return text.substr(text.rfind(separator) + 1); }

std::vector<std::string> normalised(const std::vector<std::string>& requirements) {
  std::vector<std::string> out;
  for (const std::string& requirement : requirements)
    if (const auto text = trim(requirement); !text.empty()) out.emplace_back(text);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// kfp by name ("kfp==2.9", "kfp[all] ; ...", "KFP @ git+..."), by a source address as the SDK's documentation writes it, or by a
// wheel or archive.
bool is_kfp(std::string_view requirement) {
  const auto end = std::find_if(requirement.begin(), requirement.end(),
                                [](char c) { return !is_digit(c) && !is_letter(c) && c != '.' && c != '-' && c != '_'; });
  const std::string_view name = requirement.substr(0, static_cast<std::size_t>(end - requirement.begin()));
  if (lower(name) == "kfp") return true;
  const auto fragment = requirement.find('#');
  if (fragment != std::string_view::npos) {
    for (const std::string_view part : split(requirement.substr(fragment + 1), '&'))
      if (part == "egg=kfp" || part == "subdirectory=sdk/python") return true;
  }
  const std::string_view file = after_last(requirement.substr(0, fragment), '/');
  return file.starts_with("kfp-") && file.size() > 4 && is_digit(file[4]) &&
         (file.ends_with(".whl") || file.ends_with(".tar.gz"));
}

// "kfp-2.17.0" -> "kfp==2.17.0". A pipeline that does not say so gets the newest.
std::string kfp_requirement(std::string_view sdk_version) {
  constexpr std::string_view kPrefix = "kfp-";
  if (!sdk_version.starts_with(kPrefix)) return "kfp";
  const std::string_view version = sdk_version.substr(kPrefix.size());
  const bool plain = std::all_of(version.begin(), version.end(), [](char c) {
    return is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '+' || c == '!' || c == '_';
  });
  return !version.empty() && is_digit(version.front()) && plain ? "kfp==" + std::string(version) : "kfp";
}

// "2.14.3" -> {2, 14, 3}; nothing for anything but three plain numbers.
std::optional<std::array<int, 3>> plain_version(std::string_view text) {
  std::array<int, 3> version{};
  const auto parts = split(text, '.');
  if (parts.size() != version.size()) return std::nullopt;
  for (std::size_t i = 0; i < version.size(); ++i) {
    const auto [end, error] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), version.at(i));
    if (error != std::errc{} || end != parts[i].data() + parts[i].size()) return std::nullopt;
  }
  return version;
}

// The executor that the SDK pins for itself is at least this one (ADR 0004): the corpus needs it, and pipelines of all older SDKs
// then share one environment. It starts on Python 3.9 and newer.
constexpr std::array<int, 3> kExecutorMin{2, 17, 0};
constexpr const char* kExecutorRequirement = "kfp==2.17.0";

std::string lifted_executor(std::string requirement) {
  constexpr std::string_view kPin = "kfp==2.";  // the executor of SDK 1 is another program
  if (!requirement.starts_with(kPin)) return requirement;
  const auto version = plain_version(std::string_view(requirement).substr(5));
  return version && *version < kExecutorMin ? kExecutorRequirement : requirement;
}

bool runs_newest_executor(std::string_view interpreter_version) {
  const auto version = plain_version(interpreter_version);
  return version && *version >= std::array{3, 9, 0};
}

struct ImageName {
  std::string path;  // without registry, tag and digest, in lower case
  std::string tag;
};

ImageName parse_image(std::string_view image) {
  image = image.substr(0, image.find('@'));
  ImageName out;
  const auto last_slash = image.rfind('/');
  const auto colon = image.rfind(':');
  if (colon != std::string_view::npos && (last_slash == std::string_view::npos || colon > last_slash)) {
    out.tag = image.substr(colon + 1);
    image = image.substr(0, colon);
  }
  // The first part is a registry if it looks like a host: that is how container engines tell.
  const auto slash = image.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view first = image.substr(0, slash);
    if (first.find_first_of(".:") != std::string_view::npos || first == "localhost") image.remove_prefix(slash + 1);
  }
  out.path = lower(image);
  return out;
}

std::string_view leading_digits(std::string_view text) {
  return text.substr(0, static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin()));
}

// The "3.10" at the start of "3.10.4-slim". Python has had no other major version than 2 and 3 since 2000.
std::optional<std::string> dotted_version(std::string_view text) {
  if (!text.starts_with("2.") && !text.starts_with("3.")) return std::nullopt;
  const std::string_view minor = leading_digits(text.substr(2));
  if (minor.empty() || minor.size() > 2) return std::nullopt;
  return std::string(text.substr(0, 2 + minor.size()));
}

// What follows "python" in a name: "-311", "39", "-3.9".
std::optional<std::string> version_in_name(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '_')) text.remove_prefix(1);
  if (auto version = dotted_version(text)) return version;
  const std::string_view digits = leading_digits(text);
  if (digits.size() < 2 || digits.size() > 3 || (digits.front() != '2' && digits.front() != '3')) return std::nullopt;
  return std::string(digits.substr(0, 1)) + "." + std::string(digits.substr(1));
}

}  // namespace

std::string EnvironmentRequest::key() const {
  JsonWriter json;
  const auto list = [&](std::string_view name, const std::vector<std::string>& texts) {
    json.key(name).begin_array();
    for (const std::string& text : texts) json.value(text);
    json.end_array();
  };
  json.begin_object().field("interpreter", interpreter).field("interpreter_version", interpreter_version);
  list("requirements", requirements);
  list("no_deps", no_deps);
  list("index_options", index_options);
  json.end_object();
  return sha256_hex(json.text());
}

EnvironmentRequest environment_request(const PythonInstall& install, std::string_view sdk_version, std::string interpreter,
                                       std::string interpreter_version) {
  std::vector<std::string> requirements = install.requirements;
  std::vector<std::string> no_deps = install.no_deps;
  if (std::none_of(requirements.begin(), requirements.end(), [](const std::string& text) { return is_kfp(trim(text)); })) {
    // Without its dependencies, as the SDK's own install stage does it: the executor needs none of them.
    requirements.push_back(kfp_requirement(sdk_version));
    no_deps.push_back(requirements.back());
  }
  if (runs_newest_executor(interpreter_version))
    for (std::string& pinned : no_deps) {
      const std::string lifted = lifted_executor(std::string(trim(pinned)));
      for (std::string& requirement : requirements)
        if (trim(requirement) == trim(pinned)) requirement = lifted;
      pinned = lifted;
    }
  EnvironmentRequest out;
  out.interpreter = std::move(interpreter);
  out.interpreter_version = std::move(interpreter_version);
  out.requirements = normalised(requirements);
  no_deps = normalised(no_deps);
  std::set_intersection(no_deps.begin(), no_deps.end(), out.requirements.begin(), out.requirements.end(),
                        std::back_inserter(out.no_deps));
  out.index_options = install.index_options;
  return out;
}

ImageKind image_kind(std::string_view image) {
  // A placeholder that nobody has replaced says nothing, whatever its name.
  if (image.find("{{") != std::string_view::npos) return ImageKind::kOther;
  const ImageName name = parse_image(image);
  if (name.path.find("python") != std::string::npos) return ImageKind::kPython;
  const std::string_view last = after_last(name.path, '/');
  for (const std::string_view host : {"alpine", "busybox", "debian", "ubuntu", "bash"})
    if (last == host) return ImageKind::kHost;
  return ImageKind::kOther;
}

std::string image_python_version(std::string_view image) {
  if (image_kind(image) != ImageKind::kPython) return "";
  constexpr std::string_view kPython = "python";
  const ImageName name = parse_image(image);
  const auto at = name.path.rfind(kPython);
  if (const auto version = version_in_name(std::string_view(name.path).substr(at + kPython.size()))) return *version;
  return dotted_version(name.tag).value_or("");
}

}  // namespace sluice
