#include "app/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/json.h"

namespace sluice {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads it any more
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string colored(bool color, Ink ink, std::string_view text) {
  if (!color || ink == Ink::kPlain || text.empty()) return std::string(text);
  const char* code = "0";
  switch (ink) {
    case Ink::kPlain: break;
    case Ink::kBold: code = "1"; break;
    case Ink::kDim: code = "2"; break;
    case Ink::kGreen: code = "32"; break;
    case Ink::kRed: code = "31"; break;
    case Ink::kYellow: code = "33"; break;
    case Ink::kBlue: code = "36"; break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

bool wants_color(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && (no_color == nullptr || *no_color == '\0') && (term == nullptr || std::string_view(term) != "dumb");
}

winsize terminal_size() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

std::string indented(std::string_view text) {
  std::string out = "  ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

}  // namespace

Console::Console(bool json) : json_(json), color_out_(wants_color(STDOUT_FILENO)), color_err_(wants_color(STDERR_FILENO)) {
  const char* term = std::getenv("TERM");
  live_ = isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

int Console::width() const {
  const auto columns = terminal_size().ws_col;
  return columns > 0 ? columns : 80;
}
int Console::height() const {
  const auto rows = terminal_size().ws_row;
  return rows > 0 ? rows : 24;
}

void Console::out(std::string_view text) const { write_all(STDOUT_FILENO, text); }
void Console::err(std::string_view text) const { write_all(STDERR_FILENO, text); }
std::string Console::ink(Ink ink, std::string_view text) const { return colored(color_out_, ink, text); }
std::string Console::ink_err(Ink ink, std::string_view text) const { return colored(color_err_, ink, text); }

int Console::fail(const Error& error) const {
  return fail(Diagnostics{{.code = error.code, .message = error.message, .hint = error.hint}});
}

int Console::fail(const Diagnostics& errors) const {
  if (json_) {
    out(diagnostics_json(errors));
  } else {
    for (const Diagnostic& error : errors) {
      err(ink_err(Ink::kRed, "error: ") + error.text() + "\n");
      if (!error.hint.empty()) err(ink_err(Ink::kDim, indented(error.hint)) + "\n");
    }
  }
  return errors.empty() ? 70 : exit_code(errors.front().code);
}

void Console::warn(const Diagnostic& warning) const {
  err(ink_err(Ink::kYellow, "warning: ") + warning.text() + "\n");
  if (!warning.hint.empty()) err(ink_err(Ink::kDim, indented(warning.hint)) + "\n");
}

}  // namespace sluice
