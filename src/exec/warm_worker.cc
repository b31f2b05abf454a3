#include "exec/warm_worker.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "exec/machine.h"
#include "exec/small_files.h"
#include "exec/warm_wire.h"

namespace sluice {
namespace {

// It reads its program from the socket, so that a list of processes shows one short line.
constexpr const char* kBoot =
    "import os; exec(compile(os.read(0, 1 << 20), '<sluice worker>', 'exec'), {'__name__': 'sluice_worker'})";
// Large blocks of malloc in huge pages: a fork then copies a smaller page table.
constexpr const char* kTunables = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
constexpr std::size_t kFdsMax = 16;

// The number after `label` in a text such as /proc/meminfo; 0 if there is none.
std::int64_t number_after(std::string_view text, std::string_view label) {
  const auto at = text.find(label);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + label.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string proc_text(pid_t pid, const char* name) {
  return small_file_text("/proc/" + std::to_string(pid) + "/" + name).value_or("");
}

}  // namespace

Result<WorkerProcess> start_worker(const std::string& environment, const BaseEnvironment& base, const Variables& variables,
                                   int devnull) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) return fail_errno("make a socket", errno);
  WorkerProcess worker{.control = OwnedFd(pair[0])};
  const OwnedFd its(pair[1]);
  AttemptSpec spec;
  spec.env.assign(variables.begin(), variables.end());
  auto block = base.with(spec, {});
  // Where the id of an attempt comes first, the worker has room for one.
  std::string name = "SLUICE_WORKER=" + std::string(kWarmIdMax + 16, '.');
  block.envp.front() = name.data();
  std::string tunables = kTunables;
  if (base.value(spec, "GLIBC_TUNABLES").empty()) block.envp.insert(block.envp.end() - 1, tunables.data());
  const std::string program = environment + "/bin/python3";
  std::array<std::string, 3> words{program, "-c", kBoot};
  std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
  const SpawnOutcome outcome = spawn({.program = program.c_str(),
                                      .argv = argv.data(),
                                      .envp = block.envp.data(),
                                      .directory = "/",
                                      .stdin_fd = its.get(),
                                      .stdout_fd = devnull,
                                      .stderr_fd = devnull,
                                      .own_session = false});
  if (outcome.failed_call != nullptr) return fail_errno(std::string(outcome.failed_call) + " " + program, outcome.error);
  worker.pid = outcome.pid;
  ::fcntl(worker.control.get(), F_SETFL, O_NONBLOCK);
  if (!send_packet(worker.control.get(), worker_program())) return fail_errno("hand a worker its program", errno);
  return worker;
}

bool send_packet(int socket, std::string_view packet, std::span<const int> fds) {
  iovec part{const_cast<char*>(packet.data()), packet.size()};  // sendmsg does not write to it
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFdsMax)> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = room.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(packet.size());
}

std::optional<ReceivedPacket> receive_packet(int socket) {
  static std::array<char, kWarmPacketMax + 1> buffer;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFdsMax)> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return std::nullopt;
  ReceivedPacket packet;
  if (got > 0) packet.bytes.assign(buffer.data(), static_cast<std::size_t>(got));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); got >= 0 && header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + CMSG_LEN(sizeof(int)) <= header->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + at, sizeof fd);
      OwnedFd owned(fd);
      if (packet.fd.get() < 0) packet.fd = std::move(owned);
    }
  }
  return packet;
}

std::int64_t resident_bytes(pid_t pid) { return number_after(proc_text(pid, "status"), "VmRSS:") * 1024; }

std::int64_t private_bytes(pid_t pid) {
  const std::string text = proc_text(pid, "smaps_rollup");
  return (number_after(text, "Private_Clean:") + number_after(text, "Private_Dirty:")) * 1024;
}

MachineMemory machine_memory() {
  const std::string text = small_file_text("/proc/meminfo").value_or("");
  return {.total_bytes = memory_total(text), .available_bytes = number_after(text, "MemAvailable:") * 1024};
}

}  // namespace sluice
