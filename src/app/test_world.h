// What the tests of this module share: scratch folders, variables set for a while, descriptors that lead somewhere else.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace sluice {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-app-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  // A file with this content, its folders made; its path.
  std::string write(const std::string& name, const std::string& content) const {
    const std::filesystem::path path = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }

 private:
  std::string path_;
};

inline std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

// Sets a variable, or removes it, until the end of the scope.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, std::optional<std::string> value) : name_(std::move(name)) {
    if (const char* before = std::getenv(name_.c_str())) before_ = before;
    set(value);
  }
  ~ScopedVariable() { set(before_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void set(const std::optional<std::string>& value) const {
    if (value)
      setenv(name_.c_str(), value->c_str(), 1);
    else
      unsetenv(name_.c_str());
  }
  std::string name_;
  std::optional<std::string> before_;
};

// The working directory, until the end of the scope.
class ScopedDirectory {
 public:
  explicit ScopedDirectory(const std::string& path) : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(path);
  }
  ~ScopedDirectory() { std::filesystem::current_path(before_); }
  ScopedDirectory(const ScopedDirectory&) = delete;
  ScopedDirectory& operator=(const ScopedDirectory&) = delete;

 private:
  std::filesystem::path before_;
};

// Descriptor `fd` leads to a pipe until the end of the scope. Holds what fits a pipe: 64 KiB.
class CapturedPipe {
 public:
  explicit CapturedPipe(int fd) : fd_(fd), before_(dup(fd)) {
    EXPECT_EQ(pipe2(ends_.data(), O_NONBLOCK | O_CLOEXEC), 0);
    dup2(ends_[1], fd_);
  }
  ~CapturedPipe() {
    dup2(before_, fd_);
    for (const int end : {before_, ends_[0], ends_[1]}) close(end);
  }
  CapturedPipe(const CapturedPipe&) = delete;
  CapturedPipe& operator=(const CapturedPipe&) = delete;

  // What has been written since the last call.
  std::string text() const {
    std::string out;
    std::array<char, 65536> buffer{};
    for (ssize_t size = 0; (size = read(ends_[0], buffer.data(), buffer.size())) > 0;)
      out.append(buffer.data(), static_cast<std::size_t>(size));
    return out;
  }

 private:
  int fd_, before_;
  std::array<int, 2> ends_{};
};

// Descriptor `fd` leads to a terminal of this size until the end of the scope.
class CapturedTerminal {
 public:
  CapturedTerminal(int fd, int columns, int rows)
      : fd_(fd), before_(dup(fd)), master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    EXPECT_EQ(grantpt(master_), 0);
    EXPECT_EQ(unlockpt(master_), 0);
    std::array<char, 100> name{};
    EXPECT_EQ(ptsname_r(master_, name.data(), name.size()), 0);
    slave_ = open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    const winsize size{.ws_row = static_cast<unsigned short>(rows), .ws_col = static_cast<unsigned short>(columns)};
    EXPECT_EQ(ioctl(slave_, TIOCSWINSZ, &size), 0);
    fcntl(master_, F_SETFL, O_NONBLOCK);
    dup2(slave_, fd_);
  }
  ~CapturedTerminal() {
    dup2(before_, fd_);
    for (const int end : {before_, master_, slave_}) close(end);
  }
  CapturedTerminal(const CapturedTerminal&) = delete;
  CapturedTerminal& operator=(const CapturedTerminal&) = delete;

  // What has been written since the last call, up to and with `last`, which must come; line ends as the terminal makes them,
  // \r\n.
  std::string text_until(const std::string& last) const {
    std::string out;
    std::array<char, 4096> buffer{};
    while (out.find(last) == std::string::npos) {
      pollfd wait{.fd = master_, .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, 10000) != 1) {
        ADD_FAILURE() << "'" << last << "' did not come after: " << out;
        break;
      }
      const auto size = read(master_, buffer.data(), buffer.size());
      if (size > 0) out.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return out;
  }

 private:
  int fd_, before_, master_, slave_ = -1;
};

}  // namespace sluice
