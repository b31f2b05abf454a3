#include "exec/installer_output.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "base/text.h"
#include "exec/index_settings.h"

namespace sluice {
namespace {

constexpr std::size_t kWordsLinesMax = 15;

// "Resolved 10 packages in 275ms" -> 10.
int number_after(std::string_view text, std::string_view word) {
  text.remove_prefix(word.size());
  text = trim(text);
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::max(number, 0);
}

// What stands in the last pair of parentheses.
std::string_view in_parentheses(std::string_view text) {
  const auto open = text.rfind('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  return text.substr(open + 1, close - open - 1);
}

// "pandas>=2 (from x)" -> "pandas".
std::string_view distribution_name(std::string_view text) { return text.substr(0, text.find_first_of(" <>=!~;[(@")); }

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return text.starts_with(part); });
}

bool is_noise(std::string_view line) {
  return line.empty() ||
         starts_with_any(line, {"Using Python ", "Using CPython ", "Using cached ", "Looking in ", "Collecting ", "Downloading ",
                                "Downloaded ", "Resolved ", "Prepared ", "Requirement already satisfied", "[notice]",
                                "WARNING: Retrying", "Creating virtual environment", "Activate with", "Preparing metadata",
                                "Installing build dependencies", "Getting requirements to build", "\xE2\x94\x81"});
}

}  // namespace

std::int64_t parse_size(std::string_view text) {
  text = trim(text);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number > 1e15) return 0;
  const std::string unit = lower(trim(text.substr(static_cast<std::size_t>(end - text.data()))));
  static constexpr std::array<std::pair<std::string_view, double>, 9> kUnits{{{"bytes", 1},
                                                                              {"b", 1},
                                                                              {"kb", 1e3},
                                                                              {"mb", 1e6},
                                                                              {"gb", 1e9},
                                                                              {"kib", 1024.0},
                                                                              {"mib", 1048576.0},
                                                                              {"gib", 1073741824.0},
                                                                              {"byte", 1}}};
  for (const auto& [name, bytes] : kUnits)
    if (unit == name) return static_cast<std::int64_t>(number * bytes);
  return 0;
}

void InstallProgress::phase(std::string_view name) {
  now_.phase = name;
  report();
}

void InstallProgress::line(std::string_view text) {
  text = trim(text);
  if (uv_line(text) || pip_line(text)) report();
}

void InstallProgress::end_call() {
  settle_download();
  packages_before_ = now_.packages_done;
  sizes_.clear();
  collected_.clear();
}

bool InstallProgress::uv_line(std::string_view text) {
  if (text.starts_with("Resolved ")) {
    now_.phase = "downloading";
    now_.packages_total = packages_before_ + number_after(text, "Resolved ");
  } else if (text.starts_with("Downloading ") && text.ends_with("iB)")) {
    now_.phase = "downloading";
    sizes_[std::string(distribution_name(text.substr(12)))] = parse_size(in_parentheses(text));
  } else if (text.starts_with("Downloaded ")) {
    if (const auto found = sizes_.find(distribution_name(text.substr(11))); found != sizes_.end()) {
      now_.bytes_done += std::exchange(found->second, 0);
      ++now_.packages_done;
    }
  } else if (text.starts_with("Building ")) {
    now_.phase = "building";
  } else if (text.starts_with("Prepared ")) {
    now_.phase = "installing";
  } else if (text.starts_with("Installed ")) {
    now_.phase = "installing";
    now_.packages_done = packages_before_ + number_after(text, "Installed ");
  } else {
    return false;
  }
  return true;
}

bool InstallProgress::pip_line(std::string_view text) {
  if (text.starts_with("Collecting ")) {
    settle_download();
    if (now_.phase != "downloading") now_.phase = "resolving";
    if (collected_.emplace(distribution_name(text.substr(11))).second)
      now_.packages_total = std::max(now_.packages_total, packages_before_ + static_cast<int>(collected_.size()));
  } else if (text.starts_with("Downloading ")) {
    settle_download();
    now_.phase = "downloading";
    open_bytes_ = parse_size(in_parentheses(text));
  } else if (text.starts_with("Building wheel")) {
    now_.phase = "building";
  } else if (text.starts_with("Installing collected packages: ")) {
    settle_download();
    now_.phase = "installing";
    now_.packages_total = packages_before_ + static_cast<int>(std::count(text.begin(), text.end(), ',')) + 1;
  } else if (text.starts_with("Successfully installed ")) {
    now_.packages_done = packages_before_ + static_cast<int>(split(trim(text.substr(23)), ' ').size());
  } else {
    return false;
  }
  return true;
}

// pip says when a download begins; when its next line comes, it has ended.
void InstallProgress::settle_download() { now_.bytes_done += std::exchange(open_bytes_, 0); }

void InstallProgress::report() {
  now_.packages_total = std::max(now_.packages_total, now_.packages_done);
  if (tell_) tell_(now_);
}

std::string meaningful_words(std::span<const std::string> lines) {
  std::vector<std::string> kept;
  for (const std::string& line : lines)
    if (!is_noise(trim(line))) kept.push_back(line);
  if (kept.size() > kWordsLinesMax) kept.erase(kept.begin(), kept.end() - kWordsLinesMax);
  return without_credentials(join(kept, "\n"));
}

Error explain_failure(std::string_view what, int exit_code, std::span<const std::string> lines) {
  std::string all;
  for (const std::string& line : lines) all += lower(line) + "\n";
  Error error{Code::kInvalid, std::string(what) + " failed (exit code " + std::to_string(exit_code) + ")", {}};
  if (const std::string own_words = meaningful_words(lines); !own_words.empty()) error.message += ":\n" + own_words;
  const auto because = [&](Code code, std::string hint) {
    error.code = code;
    error.hint = std::move(hint);
  };
  if (contains_any(all, {"no space left on device", "disk quota exceeded"}))
    because(Code::kUnavailable, "the disk is full: make room and try again");
  else if (exit_code == 128 + 9)
    because(Code::kUnavailable, "it was killed: the machine may be short of memory");
  else if (contains_any(all, {"ensurepip is not available", "no module named venv", "no module named ensurepip",
                              "no module named 'ensurepip'"}))
    because(Code::kUnavailable, "this Python cannot make environments: apt install python3-venv");
  else if (contains_any(all, {"name resolution", "failed to establish a new connection", "error sending request",
                              "connection refused", "dns error", "network is unreachable", "read timed out", "connect timeout",
                              "operation timed out", "max retries exceeded", "connection reset"}))
    because(Code::kUnavailable,
            "the package index does not answer: check the network, the proxy and pip's index-url (PIP_INDEX_URL, pip.conf)");
  else if (contains_any(all, {"certificate verify failed", "invalid peer certificate", "certificate_verify_failed"}))
    because(Code::kUnavailable, "the index's certificate is not trusted: set PIP_CERT, or trusted hosts on the component");
  else if (contains_any(all,
                        {"401 unauthorized", "403 forbidden", "401 client error", "403 client error", "could not authenticate"}))
    because(Code::kInvalid, "the package index refuses us: check the credentials in its url");
  else if (contains_any(all, {"failed to build", "subprocess-exited-with-error", "failed building wheel"}))
    because(Code::kInvalid,
            "there is no ready-made wheel for this Python: take a version that has one, or install what its build asks for");
  else if (contains_any(all, {"no matching distribution", "no solution found", "conflicting dependencies"}))
    because(Code::kInvalid, "check the package's name and version, and that it supports this Python version");
  return error;
}

}  // namespace sluice
