#include "net/responder.h"

#include <cstdio>
#include <utility>

namespace sluice {

Responder::Impl::~Impl() {
  if (answered) return;
  HttpResponse response{.status = 500, .content_type = "text/plain", .body = "the request was dropped without an answer\n"};
  if (take)
    take(std::move(response));
  else if (const auto alive = connection.lock())
    alive->answer(request, std::move(response));
}

Responder Responder::to(std::function<void(HttpResponse)> take) {
  auto impl = std::make_shared<Impl>();
  impl->take = std::move(take);
  return Responder(std::move(impl));
}

void Responder::send(HttpResponse response) const {
  if (!impl_->claim()) return;
  if (impl_->take) return impl_->take(std::move(response));
  if (const auto alive = impl_->connection.lock()) alive->answer(impl_->request, std::move(response));
}

HttpStream Responder::stream(HttpResponse head) const {
  auto stream = std::make_shared<HttpStream::Impl>();
  if (!impl_->claim()) return HttpStream(std::move(stream));
  if (impl_->take) {
    impl_->take(std::move(head));
  } else if (const auto alive = impl_->connection.lock()) {
    stream->connection = alive;
    stream->gone = false;
    alive->begin_stream(impl_->request, std::move(head), stream);
  }
  return HttpStream(std::move(stream));
}

bool HttpStream::write(std::string bytes) const {
  std::shared_ptr<Connection> connection;
  bool overflows = false;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->gone || impl_->closed) return false;
    if (bytes.empty()) return true;  // an empty chunk would be the last one
    overflows = impl_->pending.size() + impl_->in_flight + bytes.size() > kStreamBacklogMax;
    if (!overflows) {
      if (impl_->chunked) {
        char size[20];
        impl_->pending.append(size, static_cast<std::size_t>(std::snprintf(size, sizeof size, "%zx\r\n", bytes.size())));
        impl_->pending.append(bytes).append("\r\n");
      } else {
        impl_->pending += bytes;
      }
      if (impl_->flush_posted) return true;
      impl_->flush_posted = true;
    }
    connection = impl_->connection.lock();
  }
  if (connection == nullptr) return false;
  if (overflows) {
    connection->cut();
    return false;
  }
  connection->flush_stream();
  return true;
}

void HttpStream::close() const {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->gone || std::exchange(impl_->closed, true)) return;
    if (impl_->chunked) impl_->pending += "0\r\n\r\n";
    impl_->flush_posted = true;
    connection = impl_->connection.lock();
  }
  if (connection != nullptr) connection->flush_stream();
}

bool HttpStream::is_gone() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->gone || impl_->connection.expired();
}

std::size_t HttpStream::backlog() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->pending.size() + impl_->in_flight;
}

void HttpStream::on_gone(std::function<void()> call) const {
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->gone) {
      impl_->on_gone = std::move(call);
      return;
    }
  }
  call();
}

void HttpStream::Impl::end() {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex);
    gone = true;
    pending.clear();
    call = std::exchange(on_gone, {});
  }
  if (call) call();
}

}  // namespace sluice
