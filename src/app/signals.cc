#include "app/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/check.h"

namespace sluice {
namespace {

std::atomic<int> g_pipe{-1};  // the handler has no other way to both
std::atomic<bool> g_came{false};

void on_signal(int signal) {
  const int saved = errno;
  const char byte = static_cast<char>(signal);
  g_came = true;
  (void)!write(g_pipe.load(), &byte, 1);
  errno = saved;
}

void set_handler(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

}  // namespace

Signals::Signals() {
  std::array<int, 2> ends{};
  SLUICE_CHECK(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  read_ = ends[0];
  write_ = ends[1];
  g_pipe = write_;
  g_came = false;
  set_handler(on_signal);
  ::signal(SIGPIPE, SIG_IGN);
}

Signals::~Signals() {
  set_handler(SIG_DFL);
  ::signal(SIGPIPE, SIG_DFL);
  g_pipe = -1;
  close(read_);
  close(write_);
}

int Signals::take() {
  char byte = 0;
  return read(read_, &byte, 1) == 1 ? byte : 0;
}

const std::atomic<bool>& Signals::came() const { return g_came; }

}  // namespace sluice
