#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "net/client_socket.h"

namespace sluice {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;

// OpenSSL's own socket BIO writes with write(), and a peer that has gone would end the process with SIGPIPE.
int descriptor_of(BIO* bio) { return *static_cast<const int*>(BIO_get_data(bio)); }

int write_bio(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const auto gone = ::send(descriptor_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (gone < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(gone);
}

int read_bio(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(descriptor_of(bio), into, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long control_bio(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;  // nothing is kept back
}

const BIO_METHOD* bio_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    BIO_meth_set_write(made, write_bio);
    BIO_meth_set_read(made, read_bio);
    BIO_meth_set_ctrl(made, control_bio);
    return made;
  }();
  return method;
}

// The oldest error of the queue, which the later ones only comment on.
std::string openssl_text() {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "TLS failed" : reason;
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Whom the certificate has to be for.
bool name_host(SSL* session, std::string host) {
  if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) == 1;
  // SSL_set_tlsext_host_name, without the C cast of that macro.
  return SSL_set1_host(session, host.c_str()) == 1 &&
         SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
}

class TlsSocket final : public ClientSocket {
 public:
  TlsSocket(OwnedFd fd, Context context, Session session)
      : fd_(std::move(fd)), context_(std::move(context)), session_(std::move(session)) {
    BIO* bio = BIO_new(bio_method());
    BIO_set_data(bio, &fd_);
    BIO_set_init(bio, 1);
    SSL_set_bio(session_.get(), bio, bio);
  }
  ~TlsSocket() override {
    // A farewell, if it can be said at once; after an error it must not be.
    if (!is_broken_) SSL_shutdown(session_.get());
  }
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  Status handshake(const Origin& origin, Deadline deadline) {
    const auto done = turn(deadline, [&] { return SSL_connect(session_.get()); });
    if (done && *done && **done > 0) return {};
    is_broken_ = true;
    const std::string where = "connect to " + origin.text() + ": ";
    if (const long verdict = SSL_get_verify_result(session_.get()); !done && verdict != X509_V_OK)
      return fail(Code::kInvalid, where + "the server's certificate is refused: " + X509_verify_cert_error_string(verdict),
                  "SSL_CERT_FILE names the certificates that are trusted");
    if (!done) return fail(Code::kUnavailable, where + done.error().message, "does the server speak TLS there?");
    return fail(Code::kUnavailable, where + (*done ? "the server hung up" : "nobody answers in time"));
  }

  Result<std::optional<std::size_t>> read(std::span<char> into, Deadline deadline) override {
    const int size = static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX));
    return turn(deadline, [&] { return SSL_read(session_.get(), into.data(), size); });
  }

  Result<std::optional<std::size_t>> write(std::string_view bytes, Deadline deadline) override {
    const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
    return turn(deadline, [&] { return SSL_write(session_.get(), bytes.data(), size); });
  }

  bool is_stale() const override { return SSL_pending(session_.get()) > 0 || wait_for(fd_.get(), POLLIN, Deadline::min()) != 0; }

 private:
  // Repeats `step` whenever the socket is ready for what it asked for.
  template <class Step>
  Result<std::optional<std::size_t>> turn(Deadline deadline, Step step) {
    while (true) {
      ERR_clear_error();
      errno = 0;
      const int count = step();
      const int error_number = errno;
      if (count > 0) return static_cast<std::size_t>(count);
      const int kind = SSL_get_error(session_.get(), count);
      if (kind == SSL_ERROR_ZERO_RETURN) return 0;
      if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        if (wait_for(fd_.get(), kind == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline) == 0) return std::nullopt;
        continue;
      }
      is_broken_ = true;
      const bool is_system = kind == SSL_ERROR_SYSCALL && error_number != 0;
      return fail(Code::kUnavailable,
                  "the connection broke: " + (is_system ? std::generic_category().message(error_number) : openssl_text()));
    }
  }

  OwnedFd fd_;
  Context context_;
  Session session_;
  bool is_broken_ = false;
};

}  // namespace

Result<std::unique_ptr<ClientSocket>> start_tls(OwnedFd fd, const Origin& origin, Deadline deadline) {
  Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_default_verify_paths(context.get()) != 1)
    return fail(Code::kInternal, "set up TLS: " + openssl_text());
  // What did not go is tried again from wherever it then lies, and as much as fits goes.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  Session session(SSL_new(context.get()), &SSL_free);
  if (session == nullptr || !name_host(session.get(), origin.host))
    return fail(Code::kInternal, "set up TLS for " + origin.text() + ": " + openssl_text());
  auto socket = std::make_unique<TlsSocket>(std::move(fd), std::move(context), std::move(session));
  SLUICE_TRY_STATUS(socket->handshake(origin, deadline));
  return socket;
}

}  // namespace sluice
