#include "spec/install.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/text.h"

namespace sluice {
namespace {

// The text with each run of blanks and newlines made one blank.
std::string squeeze(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank)
      out += c;
    else if (out.back() != ' ')
      out += ' ';
  }
  return out;
}

bool is_run_stage(std::string_view text) {
  return squeeze(text) ==
         "program_path=$(mktemp -d) "
         "printf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\" "
         "_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main "
         "--component_module_path \"$program_path/ephemeral_component.py\" \"$@\"";
}

// Lines of the install stage that only prepare for pip: those before all else, then those of use_venv.
constexpr std::array<std::string_view, 7> kKnownLines{
    "if ! [ -x \"$(command -v pip)\" ]; then",
    "python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip",
    "fi",
    "export PIP_DISABLE_PIP_VERSION_CHECK=1",
    "tmp=$(mktemp -d)",
    "python3 -m venv \"$tmp/venv\" --system-site-packages",
    ". \"$tmp/venv/bin/activate\"",
};

// A command as the shell would split it. Nothing if the text needs more of a shell than words, quotes and &&.
using Words = std::vector<std::string>;
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  // The commands between the && signs; one at the very end may be empty (the next line goes on).
  std::optional<std::vector<Words>> split() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t') {
        end_word();
        ++at_;
      } else if (text_.substr(at_).starts_with("&&")) {
        end_word();
        if (commands_.back().empty()) return std::nullopt;
        commands_.emplace_back();
        at_ += 2;
      } else if (c == '\'' ? !single_quoted() : c == '"' ? !double_quoted() : !plain()) {
        return std::nullopt;
      }
    }
    end_word();
    return std::move(commands_);
  }

 private:
  void end_word() {
    if (in_word_) commands_.back().push_back(std::exchange(word_, {}));
    in_word_ = false;
  }
  bool single_quoted() {
    const auto end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return false;
    word_ += text_.substr(at_ + 1, end - at_ - 1);
    in_word_ = true;
    at_ = end + 1;
    return true;
  }
  bool double_quoted() {
    in_word_ = true;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '$' || c == '`') return false;
      if (c == '\\' && at_ + 1 < text_.size() && std::string_view("$`\"\\").find(text_[at_ + 1]) != std::string_view::npos) ++at_;
      word_ += text_[at_];
    }
    return false;
  }
  // Outside of quotes only what no shell gives a meaning to.
  bool plain() {
    const char c = text_[at_];
    constexpr std::string_view kHarmless = "-_./:=@%+,^";
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && kHarmless.find(c) == std::string_view::npos) return false;
    word_ += c;
    in_word_ = true;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Words> commands_{1};
  std::string word_;
  bool in_word_ = false;
};

void add_index_option(PythonInstall& install, std::string_view option, const std::string& value) {
  for (std::size_t i = 0; i + 1 < install.index_options.size(); i += 2)
    if (install.index_options[i] == option && install.index_options[i + 1] == value) return;
  install.index_options.emplace_back(option);
  install.index_options.push_back(value);
}

// python3 -m pip install ...; false if it has an option that we do not know.
bool read_pip(std::span<const std::string> words, PythonInstall& install) {
  if (!words.empty() && words.front() == "PIP_DISABLE_PIP_VERSION_CHECK=1") words = words.subspan(1);
  constexpr std::array<std::string_view, 4> kPip{"python3", "-m", "pip", "install"};
  if (words.size() < kPip.size() || !std::equal(kPip.begin(), kPip.end(), words.begin())) return false;
  words = words.subspan(kPip.size());
  constexpr std::array<std::string_view, 3> kIndexOptions{"--index-url", "--extra-index-url", "--trusted-host"};
  constexpr std::array<std::string_view, 3> kQuiet{"--quiet", "--no-warn-script-location", "--disable-pip-version-check"};
  const auto requirements_before = install.requirements.size();
  bool no_deps = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto equals = word.find('=');
    const std::string_view option = std::string_view(word).substr(0, equals);
    if (word == "--no-deps") {
      no_deps = true;
    } else if (std::find(kIndexOptions.begin(), kIndexOptions.end(), option) != kIndexOptions.end()) {
      if (equals == std::string::npos && i + 1 == words.size()) return false;
      add_index_option(install, option, equals == std::string::npos ? words[++i] : word.substr(equals + 1));
    } else if (word.empty() || (word.front() == '-' && std::find(kQuiet.begin(), kQuiet.end(), word) == kQuiet.end())) {
      return false;
    } else if (word.front() != '-') {
      install.requirements.push_back(word);
    }
  }
  if (no_deps)
    install.no_deps.insert(install.no_deps.end(), install.requirements.begin() + static_cast<std::ptrdiff_t>(requirements_before),
                           install.requirements.end());
  return install.requirements.size() > requirements_before;
}

bool read_install_stage(std::string_view text, PythonInstall& install) {
  text = trim(text);
  constexpr std::string_view kThenRun = "&& \"$0\" \"$@\"";
  if (!text.ends_with(kThenRun)) return false;
  text.remove_suffix(kThenRun.size());
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.empty() || std::find(kKnownLines.begin(), kKnownLines.end(), line) != kKnownLines.end()) continue;
    auto commands = Splitter(line).split();
    if (!commands) return false;
    if (commands->back().empty()) commands->pop_back();
    for (const Words& words : *commands)
      if (!read_pip(words, install)) return false;
  }
  return !install.requirements.empty();
}

}  // namespace

std::optional<PythonInstall> recognise_python(std::span<const std::string> command) {
  constexpr std::size_t kInstallWords = 3;  // sh -c INSTALL
  constexpr std::size_t kRunWords = 4;      // sh -ec RUN SOURCE
  PythonInstall install;
  if (command.size() == kInstallWords + kRunWords) {
    if (command[0] != "sh" || command[1] != "-c" || !read_install_stage(command[2], install)) return std::nullopt;
    install.argv_skip = kInstallWords;
    command = command.subspan(kInstallWords);
  }
  if (command.size() != kRunWords || command[0] != "sh" || command[1] != "-ec" || !is_run_stage(command[2])) return std::nullopt;
  return install;
}

}  // namespace sluice
