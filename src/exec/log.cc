#include "exec/log.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "exec/log_frame.h"
#include "exec/redact.h"

namespace sluice {

struct LogWriter::Redaction {
  explicit Redaction(const std::vector<std::string>& hidden) : texts(hidden) {}
  Redaction(const Redaction&) = delete;  // the redactors point into it
  Redaction& operator=(const Redaction&) = delete;
  Redactor& of(Stream stream) { return stream == Stream::kStdout ? out : err; }

  const HiddenTexts texts;
  Redactor out{texts}, err{texts};
};

LogWriter::LogWriter(std::string path, std::int64_t bytes_max) : path_(std::move(path)), bytes_max_(bytes_max) {}

LogWriter::~LogWriter() {
  if (fd_ >= 0) ::close(fd_);
}

LogWriter::LogWriter(LogWriter&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_max_(other.bytes_max_),
      fd_(std::exchange(other.fd_, -1)),
      tail_(other.tail_),
      written_(other.written_),
      output_(other.output_),
      dropped_(other.dropped_),
      error_(other.error_),
      redaction_(std::move(other.redaction_)) {}

void LogWriter::hide(const std::vector<std::string>& texts) {
  redaction_ = std::make_unique<Redaction>(texts);
  if (redaction_->texts.empty()) redaction_.reset();
}

void LogWriter::write(Stream stream, std::string_view bytes, Instant at) {
  if (redaction_ == nullptr || stream == Stream::kNote) return write_shown(stream, bytes, at);
  std::string shown;
  redaction_->of(stream).feed(bytes, shown);
  write_shown(stream, shown, at);
}

void LogWriter::finish(Instant at) {
  if (redaction_ == nullptr) return;
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    std::string shown;
    redaction_->of(stream).finish(shown);
    write_shown(stream, shown, at);
  }
}

void LogWriter::write_shown(Stream stream, std::string_view bytes, Instant at) {
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, kLogFrameBytesMax);
    bytes.remove_prefix(part.size());
    const auto frame_bytes = static_cast<std::int64_t>(kLogHeaderBytes + part.size());
    if (error_ != 0 || !make_room(frame_bytes, at) || !put(static_cast<std::uint8_t>(stream), part, at))
      dropped_ += static_cast<std::int64_t>(part.size());
    output_ += static_cast<std::int64_t>(part.size());
  }
}

// Opens the head, or the next tail file when the one that is open is full. A frame is never split over two files.
bool LogWriter::make_room(std::int64_t frame_bytes, Instant at) {
  if (fd_ < 0) {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) error_ = errno;
    return fd_ >= 0;
  }
  const std::int64_t room = tail_ < 0 ? bytes_max_ / 2 : bytes_max_ / 4;
  if (written_ == 0 || written_ + frame_bytes <= room) return true;
  return open_tail(at);
}

// The older tail file makes way. It is unlinked, not truncated: a reader that has it open still sees all of it.
bool LogWriter::open_tail(Instant at) {
  ::close(std::exchange(fd_, -1));
  ++tail_;
  const std::string path = log_tail_path(path_, tail_);
  ::unlink(path.c_str());
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    error_ = errno;
    return false;
  }
  std::array<char, kLogTailBytes> place{};
  put_little_endian(place.data(), tail_);
  put_little_endian(place.data() + 8, output_);
  const bool good = put(kLogTailStream, {place.data(), place.size()}, at);
  written_ = 0;
  return good;
}

bool LogWriter::put(std::uint8_t stream, std::string_view bytes, Instant at) {
  auto header = LogFrameHeader{stream, static_cast<std::uint32_t>(bytes.size()), to_micros(at)}.encode();
  std::size_t done = 0;
  const std::size_t whole = header.size() + bytes.size();
  while (done < whole) {
    const std::size_t of_header = std::min(done, header.size());
    const std::size_t of_bytes = done - of_header;
    std::array<iovec, 2> parts{{{header.data() + of_header, header.size() - of_header},
                                {const_cast<char*>(bytes.data()) + of_bytes, bytes.size() - of_bytes}}};
    const auto written = ::writev(fd_, parts.data(), static_cast<int>(parts.size()));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      // The torn frame stays the last one of the file: nothing is written after it.
      error_ = errno;
      return false;
    }
    done += static_cast<std::size_t>(written);
  }
  written_ += static_cast<std::int64_t>(whole);
  return true;
}

}  // namespace sluice
