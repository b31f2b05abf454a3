#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "exec/log.h"
#include "exec/log_frame.h"

namespace sluice {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kLineBytesMax = 2000;

class FileReader {
 public:
  explicit FileReader(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), error_(fd_ < 0 ? errno : 0) {}
  ~FileReader() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  bool is_missing() const { return error_ == ENOENT; }

  // Frames from `offset` on, which moves behind each frame that was visited; a torn last frame is left for the next time.
  Status frames(std::int64_t& offset, const std::function<bool(const LogFrameHeader&, std::string_view)>& visit) {
    if (error_ != 0) return fail_errno("open log " + path_, error_);
    std::string buffer;
    std::int64_t read_to = offset;
    while (true) {
      SLUICE_TRY(const std::size_t got, read_more(buffer, read_to));
      if (got == 0) return {};
      read_to += static_cast<std::int64_t>(got);
      std::size_t used = 0;
      while (buffer.size() - used >= kLogHeaderBytes) {
        const auto header = LogFrameHeader::decode(buffer.data() + used);
        if (header.stream > static_cast<std::uint8_t>(Stream::kNote) || header.length > kLogFrameBytesMax)
          return fail(Code::kCorrupt, "log " + path_ + ": no frame at byte " + std::to_string(offset));
        const std::size_t whole = kLogHeaderBytes + header.length;
        if (buffer.size() - used < whole) break;
        offset += static_cast<std::int64_t>(whole);
        if (!visit(header, std::string_view(buffer).substr(used + kLogHeaderBytes, header.length))) return {};
        used += whole;
      }
      buffer.erase(0, used);
    }
  }

 private:
  Result<std::size_t> read_more(std::string& buffer, std::int64_t from) {
    const std::size_t before = buffer.size();
    buffer.resize(before + kReadBytes);
    ssize_t got = 0;
    do {
      got = ::pread(fd_, buffer.data() + before, kReadBytes, from);
    } while (got < 0 && errno == EINTR);
    buffer.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return fail_errno("read log " + path_, errno);
    return static_cast<std::size_t>(got);
  }

  const std::string& path_;
  int fd_;
  int error_;
};

struct Tail {
  std::int64_t number = 0;
  std::int64_t output_before = 0;
};

std::optional<Tail> read_tail_header(FileReader& file) {
  std::optional<Tail> tail;
  std::int64_t offset = 0;
  (void)file.frames(offset, [&](const LogFrameHeader& header, std::string_view bytes) {
    const char* const at = bytes.data();
    if (header.stream == kLogTailStream && bytes.size() == kLogTailBytes)
      tail = Tail{get_little_endian<std::int64_t>(at), get_little_endian<std::int64_t>(at + 8)};
    return false;
  });
  return tail;
}

}  // namespace

Status LogFollower::poll(const std::function<void(const LogChunk&)>& visit) {
  return poll_until([&](const LogChunk& chunk) {
    visit(chunk);
    return true;
  });
}

// The tail files are opened before the file at hand is read to its end: one that follows exists only when that one is complete.
Status LogFollower::poll_until(const std::function<bool(const LogChunk&)>& visit) {
  const std::array<std::string, 2> paths{log_tail_path(path_, 0), log_tail_path(path_, 1)};
  std::array<FileReader, 2> files{FileReader(paths[0]), FileReader(paths[1])};
  std::vector<std::pair<Tail, FileReader*>> tails;
  for (FileReader& file : files)
    if (const auto tail = read_tail_header(file); tail && tail->number >= tail_) tails.emplace_back(*tail, &file);
  std::sort(tails.begin(), tails.end(), [](const auto& a, const auto& b) { return a.first.number < b.first.number; });

  bool go_on = true;
  const auto pass_on = [&](const LogFrameHeader& header, std::string_view bytes) {
    if (header.stream == kLogTailStream) return true;
    output_ += static_cast<std::int64_t>(bytes.size());
    go_on = visit({static_cast<Stream>(header.stream), from_micros(header.at_us), bytes});
    return go_on;
  };
  if (tail_ < 0) {
    FileReader head(path_);
    if (head.is_missing()) return {};
    SLUICE_TRY_STATUS(head.frames(offset_, pass_on));
  }
  for (const auto& [tail, file] : tails) {
    if (!go_on) return {};
    if (tail.number > tail_) {
      tail_ = tail.number;
      offset_ = 0;
      if (tail.output_before > output_) {
        const std::string note = "… " + format_bytes(static_cast<double>(tail.output_before - output_)) + " cut …\n";
        go_on = visit({Stream::kNote, Instant{}, note});
        if (!go_on) return {};
      }
      output_ = tail.output_before;
    }
    SLUICE_TRY_STATUS(file->frames(offset_, pass_on));
  }
  return {};
}

Status read_log(const std::string& path, const std::function<bool(const LogChunk&)>& visit) {
  return LogFollower(path).poll_until(visit);
}

namespace {

// Puts chunks of two streams together to lines, in the order in which the lines were finished, and keeps the last ones.
class LineTail {
 public:
  explicit LineTail(int lines) : lines_max_(static_cast<std::size_t>(std::max(lines, 0))) {}

  void add(std::string& open_line, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      extend(open_line, bytes.substr(0, end));
      if (end == std::string_view::npos) return;
      finish(open_line);
      bytes.remove_prefix(end + 1);
    }
  }
  void finish(std::string& open_line) {
    lines_.push_back(std::move(open_line));
    open_line.clear();
    if (lines_.size() > lines_max_) lines_.pop_front();
  }
  std::string text() const {
    std::string all;
    for (const std::string& line : lines_) all += shown(line) + "\n";
    return all;
  }

 private:
  // A few bytes over the limit are kept, so that shown() sees that the line was longer.
  static void extend(std::string& line, std::string_view bytes) {
    const bool ends_line = bytes.ends_with('\r');
    const auto drawn_over = (ends_line ? bytes.substr(0, bytes.size() - 1) : bytes).rfind('\r');
    if (line.ends_with('\r') && !bytes.empty()) line.clear();
    if (drawn_over != std::string_view::npos) {
      line.clear();
      bytes.remove_prefix(drawn_over + 1);
    }
    if (line.size() < kLineBytesMax + 1) line.append(bytes.substr(0, kLineBytesMax + 1 - line.size()));
    if (ends_line && !line.ends_with('\r')) line += '\r';
  }

  static std::string shown(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool is_long = line.size() > kLineBytesMax;
    std::size_t end = std::min(line.size(), kLineBytesMax);
    // Not in the middle of a character.
    while (is_long && end > kLineBytesMax - 4 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
    // Through JSON and back: the writer replaces what is not UTF-8.
    std::string json;
    append_json_string(json, line.substr(0, end));
    const auto value = parse_json(json);
    return (value && value->is_string() ? value->as_string() : std::string()) + (is_long ? "…" : "");
  }

  std::size_t lines_max_;
  std::deque<std::string> lines_;
};

}  // namespace

Result<std::string> last_log_lines(const std::string& path, int lines) {
  LineTail tail(lines);
  std::string out_line;
  std::string err_line;
  SLUICE_TRY_STATUS(read_log(path, [&](const LogChunk& chunk) {
    if (chunk.stream == Stream::kStdout) tail.add(out_line, chunk.bytes);
    if (chunk.stream == Stream::kStderr) tail.add(err_line, chunk.bytes);
    return true;
  }));
  for (std::string* line : {&out_line, &err_line})
    if (!line->empty()) tail.finish(*line);
  return tail.text();
}

}  // namespace sluice
