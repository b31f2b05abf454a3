#include "exec/exit_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sluice {
namespace {

// 1 MiB: the ends of some five thousand attempts, read back in a few milliseconds.
constexpr std::int64_t kLargeBytes = 1 << 20;

}  // namespace

ExitFile::~ExitFile() {
  if (fd_ >= 0) ::close(fd_);
}

void ExitFile::append(const WireMessage& message) {
  if (!keeps_) return;
  append_frame(unwritten_, message);
  const auto written = ::write(fd_, unwritten_.data(), unwritten_.size());
  if (written == static_cast<ssize_t>(unwritten_.size())) {
    size_ += written;
    unwritten_.clear();
  } else if (written > 0 && ::ftruncate(fd_, size_) != 0) {
    // Half a frame stays at the end and hides what follows. Nothing better can be done for a file that can neither grow nor
    // shrink; the peer is told of the ends all the same.
    unwritten_.clear();
  }
}

void ExitFile::all_acknowledged() {
  unwritten_.clear();
  if (!keeps_ || size_ < kLargeBytes || ::ftruncate(fd_, 0) != 0) return;
  size_ = 0;
}

Result<ExitFileContent> read_exit_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno("open " + path, errno);
  FrameReader reader;
  std::array<char, 65536> buffer{};
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.data(), buffer.size())) > 0 || (got < 0 && errno == EINTR))
    if (got > 0) reader.append({buffer.data(), static_cast<std::size_t>(got)});
  const int error = errno;
  ::close(fd);
  if (got < 0) return fail_errno("read " + path, error);

  ExitFileContent content;
  std::unordered_map<std::string, std::size_t> places;
  while (true) {
    auto message = reader.next();
    if (!message || !*message) return content;
    content.ended_well = std::holds_alternative<WireEnded>(**message);
    auto* exit = std::get_if<AttemptExit>(&**message);
    if (exit == nullptr) continue;
    if (const auto [place, is_new] = places.try_emplace(exit->id, content.exits.size()); is_new)
      content.exits.push_back(std::move(*exit));
    else
      content.exits[place->second] = std::move(*exit);
  }
}

}  // namespace sluice
