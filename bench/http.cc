// The HTTP server alone: no-op GETs over 1 and 8 keep-alive connections. The floor, in the same run and through the same client:
// a bare epoll loop of as many threads as the server has, which answers each read with the same bytes. Prints requests/s and
// ratios; medians of the rounds at the end.
//
//   bench_http [--requests N] [--rounds N]
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <string_view>
#include <thread>

#include "net/http_server.h"
#include "support.h"

namespace {
using namespace sluice;
using namespace sluice::bench;

constexpr std::string_view kRequest = "GET /noop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
constexpr int kThreads = 2;

class NoOp final : public HttpHandler {
 public:
  Admission admit(const HttpRequest&) override { return {}; }
  void serve(HttpRequest, std::shared_ptr<BodySink>, Responder responder) override { responder.send({.body = "{}"}); }
};

int tcp_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

sockaddr_in loopback(int port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return name;
}

// The floor. Connections stay with the thread that accepts them.
class EpollLoop {
 public:
  explicit EpollLoop(std::string answer) : answer_(std::move(answer)), listener_(tcp_socket()), stop_(::eventfd(0, EFD_CLOEXEC)) {
    sockaddr_in name = loopback(0);
    socklen_t size = sizeof name;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 || ::listen(listener_, 64) != 0)
      give_up("cannot listen");
    ::fcntl(listener_, F_SETFL, O_NONBLOCK);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~EpollLoop() {
    ::eventfd_write(stop_, 1);
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
    ::close(stop_);
  }
  EpollLoop(const EpollLoop&) = delete;
  EpollLoop& operator=(const EpollLoop&) = delete;
  int port() const { return port_; }

 private:
  static void watch(int epoll, int fd, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  void run() const {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener_, EPOLLIN | EPOLLEXCLUSIVE);
    watch(epoll, stop_, EPOLLIN);
    std::array<epoll_event, 16> events{};
    std::array<char, 4096> bytes{};
    while (true) {
      const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == stop_) {
          ::close(epoll);
          return;
        }
        if (fd == listener_) {
          const int made = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
          if (made >= 0) watch(epoll, made, EPOLLIN);
        } else if (::recv(fd, bytes.data(), bytes.size(), 0) <= 0) {
          ::close(fd);
        } else {
          ::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        }
      }
    }
  }

  const std::string answer_;
  const int listener_, stop_;
  int port_ = 0;
  std::vector<std::thread> threads_;
};

// One request on each connection at a time, all from one thread: what this side costs is the same for both.
class Connections {
 public:
  Connections(int port, int count) {
    for (int i = 0; i < count; ++i) {
      const sockaddr_in name = loopback(port);
      fds_.push_back(tcp_socket());
      if (::connect(fds_.back(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) give_up("cannot connect");
    }
  }
  ~Connections() {
    for (const int fd : fds_) ::close(fd);
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  std::string first_answer() const {
    std::array<char, 4096> bytes{};
    send(fds_.front());
    const auto got = ::recv(fds_.front(), bytes.data(), bytes.size(), 0);
    if (got <= 0) give_up("the server has closed");
    return {bytes.data(), static_cast<std::size_t>(got)};
  }

  double requests_per_second(int requests, std::size_t answer_size) const {
    std::array<char, 4096> bytes{};
    const Time begin = now();
    for (const int fd : fds_) send(fd);
    for (int left = requests; left > 0;) {
      for (const int fd : fds_) {
        std::size_t got = 0;
        while (got < answer_size) {
          const auto size = ::recv(fd, bytes.data(), bytes.size(), 0);
          if (size <= 0) give_up("the server has closed");
          got += static_cast<std::size_t>(size);
        }
        --left;
        send(fd);
      }
    }
    const double rate = requests / seconds_since(begin);
    for (const int fd : fds_) (void)::recv(fd, bytes.data(), bytes.size(), 0);
    return rate;
  }

 private:
  static void send(int fd) {
    if (::send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) give_up("the server has closed");
  }
  std::vector<int> fds_;
};

}  // namespace

int main(int argc, char** argv) {
  int requests = 50'000, rounds = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--requests") requests = std::atoi(argv[i + 1]);
    if (flag == "--rounds") rounds = std::atoi(argv[i + 1]);
  }
  NoOp handler;
  HttpServerOptions options;
  options.threads = kThreads;
  const auto server = HttpServer::start(options, handler);
  if (!server) give_up(server.error().message);
  const std::string answer = Connections((*server)->port(), 1).first_answer();
  const EpollLoop floor(answer);
  for (const int count : {1, 8}) {
    std::vector<double> ours, floors, ratios;
    for (int round = 0; round < rounds; ++round) {
      floors.push_back(Connections(floor.port(), count).requests_per_second(requests, answer.size()));
      ours.push_back(Connections((*server)->port(), count).requests_per_second(requests, answer.size()));
      ratios.push_back(ours.back() / floors.back());
      std::printf("%d connections, round %d: %.0f requests/s, epoll %.0f requests/s, ratio %.2f\n", count, round + 1, ours.back(),
                  floors.back(), ratios.back());
    }
    std::printf("%d connections, median: %.0f requests/s, epoll %.0f requests/s, ratio %.2f\n", count, percentile(ours, 0.5),
                percentile(floors, 0.5), percentile(ratios, 0.5));
  }
  return 0;
}
