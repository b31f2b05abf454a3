#include "app/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "app/owner.h"
#include "base/json.h"

namespace sluice {
namespace {

constexpr std::size_t kLineMax = 128U << 20U;  // a request holds a whole pipeline
// What waits for a client that does not read, such as one that was stopped with ^Z: a run of a hundred thousand tasks. Then it is
// cut off, and reads from the store how the run ended.
constexpr std::size_t kBacklogMax = 64U << 20U;

// A socket's path has room for 107 characters: longer ones go through the directory's descriptor.
struct Address {
  sockaddr_un name{};
  int directory = -1;

  explicit Address(const std::string& path) {
    name.sun_family = AF_UNIX;
    std::string fits = path;
    if (path.size() >= sizeof name.sun_path) {
      directory = open(path.substr(0, path.rfind('/')).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      fits = "/proc/self/fd/" + std::to_string(directory) + path.substr(path.rfind('/'));
    }
    std::memcpy(name.sun_path, fits.data(), std::min(fits.size(), sizeof name.sun_path - 1));
  }
  ~Address() {
    if (directory >= 0) close(directory);
  }
  Address(const Address&) = delete;
  Address& operator=(const Address&) = delete;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

}  // namespace

Value to_value(const Error& error) {
  return Value::of({{"code", code_name(error.code)}, {"message", error.message}, {"hint", error.hint}});
}

Error error_from_value(const Value& value) {
  Error error{Code::kInternal, std::string(value.string_or("message", "unknown error")),
              std::string(value.string_or("hint", ""))};
  for (const Code code :
       {Code::kInvalid, Code::kNotFound, Code::kConflict, Code::kUnavailable, Code::kCancelled, Code::kTimeout, Code::kCorrupt})
    if (value.string_or("code", "") == code_name(code)) error.code = code;
  return error;
}

Result<std::unique_ptr<ControlServer>> ControlServer::listen(Loop& loop, const DataDir& dir, Owner& owner) {
  const std::string path = dir.socket();
  unlink(path.c_str());  // of an owner that died: we hold the lock
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno("make a socket", errno);
  const Address address(path);
  const mode_t mask = umask(0077);  // the socket is for its owner only
  const bool bound = bind(fd, address.get(), sizeof address.name) == 0 && ::listen(fd, 64) == 0;
  const int error = errno;
  umask(mask);
  if (!bound) {
    close(fd);
    return fail_errno("listen on " + path, error);
  }
  std::unique_ptr<ControlServer> server(new ControlServer(loop, path, fd, owner));
  loop.watch(fd, [raw = server.get()] { raw->on_connect(); });
  return server;
}

ControlServer::~ControlServer() {
  loop_.unwatch(fd_);
  close(fd_);
  unlink(path_.c_str());
  while (!clients_.empty()) {
    flush(clients_.begin()->second);
    drop(clients_.begin()->first);
  }
}

void ControlServer::on_connect() {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  clients_[fd].fd = fd;
  loop_.watch(fd, [this, fd] { on_client(fd); });
}

void ControlServer::on_client(int fd) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if (!client.out.empty()) flush(client);
  std::array<char, 65536> buffer{};
  bool ended = false;
  while (!ended) {
    const auto size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (client.in.size() > kLineMax) return drop(fd);
    ended = size <= 0;
    if (!ended) client.in.append(buffer.data(), static_cast<std::size_t>(size));
  }
  // A client that sends its request and closes at once is still served.
  std::size_t start = 0;
  for (std::size_t end = 0; (end = client.in.find('\n', std::max(start, client.searched))) != std::string::npos; start = end + 1)
    on_line(client, std::string_view(client.in).substr(start, end - start));
  client.in.erase(0, start);
  client.searched = client.in.size();
  if (ended) drop(fd);
}

void ControlServer::on_line(Client& client, std::string_view line) {
  const auto refuse = [&](const Error& error) { send(client, Value::of({{"error", to_value(error)}})); };
  const auto request = parse_json(line);
  if (!request) return refuse(request.error());
  const auto what = request->string_or("do", "");
  if (what == "run") {
    const Value* submission = request->find("submission");
    auto run = owner_.run(submission_from_value(submission != nullptr ? *submission : Value()));
    if (!run) return refuse(run.error());
    client.watches = *run;
    return send(client, Value::of({{"run", run->text()}}));
  }
  if (what != "cancel" && what != "retry")
    return refuse({Code::kInvalid, "unknown request '" + std::string(what) + "'", "this program is older than the client"});
  const auto run = Uuid::parse(request->string_or("run", ""));
  if (!run) return refuse({Code::kInvalid, "not a run id: '" + std::string(request->string_or("run", "")) + "'", ""});
  const Status done =
      what == "retry" ? owner_.retry(*run) : owner_.cancel(*run, std::string(request->string_or("reason", "cancelled")));
  if (!done) return refuse(done.error());
  if (what == "retry") client.watches = *run;
  send(client, Value::of({{"ok", true}}));
}

void ControlServer::tell(const Notice& notice) {
  if (clients_.empty()) return;
  const auto concerns = [&](const Uuid& run) {
    if (const auto* build = std::get_if<BuildNotice>(&notice))
      return std::find(build->runs.begin(), build->runs.end(), run) != build->runs.end();
    if (const auto* task = std::get_if<TaskNotice>(&notice)) return task->run == run;
    return std::get<RunNotice>(notice).run == run;
  };
  for (auto& [fd, client] : clients_)
    if (client.watches && concerns(*client.watches)) send(client, to_value(notice));
}

void ControlServer::send(Client& client, const Value& message) {
  if (client.out.size() > kBacklogMax) {
    client.out.clear();
    client.watches.reset();
    shutdown(client.fd, SHUT_RDWR);  // the next read says that it is gone
    return;
  }
  client.out += to_json(message) + "\n";
  flush(client);
}

void ControlServer::flush(Client& client) {
  while (!client.out.empty()) {
    const auto sent = ::send(client.fd, client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return loop_.watch_writable(client.fd, [this, fd = client.fd] { on_client(fd); });
    if (sent < 0) return client.out.clear();  // gone; the next read says so
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
  loop_.watch(client.fd, [this, fd = client.fd] { on_client(fd); });
}

void ControlServer::drop(int fd) {
  loop_.unwatch(fd);
  close(fd);
  clients_.erase(fd);
}

std::optional<ControlClient> ControlClient::connect(const DataDir& dir) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  const Address address(dir.socket());
  if (::connect(fd, address.get(), sizeof address.name) == 0) return ControlClient(fd);
  close(fd);
  return std::nullopt;
}

ControlClient::ControlClient(ControlClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)) {}
ControlClient::~ControlClient() {
  if (fd_ >= 0) close(fd_);
}

Result<Value> ControlClient::ask(const Value& request) {
  const std::string line = to_json(request) + "\n";
  for (std::string_view rest = line; !rest.empty();) {
    const auto sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail(Code::kUnavailable, "the owner of the data directory does not answer");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  for (;;) {
    SLUICE_TRY(auto answer, next(-1));
    if (!answer) continue;
    if (const Value* error = answer->find("error")) return fail(error_from_value(*error));
    return *answer;
  }
}

std::optional<Value> ControlClient::buffered() {
  const auto end = in_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  auto value = parse_json(std::string_view(in_).substr(0, end));
  in_.erase(0, end + 1);
  return value ? *value : Value();
}

Result<std::optional<Value>> ControlClient::next(int timeout_ms) {
  for (;;) {
    if (auto value = buffered()) return value;
    pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
    const int ready = poll(&wait, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) return std::optional<Value>();
    std::array<char, 65536> buffer{};
    const auto size = read(fd_, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0)
      return fail(Code::kUnavailable, "the owner of the data directory is gone",
                  "sluice run --resume RUN_ID goes on with the run");
    in_.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace sluice
