#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/test_peer.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

// A certificate that vouches for itself, of the names in `names` ("DNS:localhost").
Certificate certificate_for(EVP_PKEY* key, const char* names) {
  Certificate out(X509_new());
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"),
                             -1, -1, 0);
  X509_set_issuer_name(out.get(), X509_get_subject_name(out.get()));
  X509_set_pubkey(out.get(), key);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
  X509_add_ext(out.get(), extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(out.get(), key, EVP_sha256());
  return out;
}

class TlsClient : public testing::Test {
 protected:
  TlsClient() {
    folder_ = (fs::temp_directory_path() / "sluice_net_XXXXXX").string();
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    key_.reset(EVP_EC_gen("P-256"));
    // For the server in here, which writes to clients that have hung up on it.
    ::signal(SIGPIPE, SIG_IGN);
  }
  ~TlsClient() override {
    ::unsetenv("SSL_CERT_FILE");
    ::signal(SIGPIPE, SIG_DFL);
    fs::remove_all(folder_);
  }

  // A server with a certificate for `names`, which this process trusts if `is_trusted`. Each connection answers `answers`
  // requests.
  TestPeer::Script serving(const char* names, bool is_trusted, int answers) {
    certificate_ = certificate_for(key_.get(), names);
    const std::string file = folder_ + "/trusted.pem";
    std::FILE* out = std::fopen(file.c_str(), "w");
    if (is_trusted) PEM_write_X509(out, certificate_.get());
    std::fclose(out);
    ::setenv("SSL_CERT_FILE", file.c_str(), 1);
    return [this, answers](TestConnection& connection) {
      const std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
      SSL_CTX_use_certificate(context.get(), certificate_.get());
      SSL_CTX_use_PrivateKey(context.get(), key_.get());
      const std::unique_ptr<SSL, Freed<SSL_free>> session(SSL_new(context.get()));
      SSL_set_fd(session.get(), connection.fd());
      if (SSL_accept(session.get()) != 1) return;
      const char* name = SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name);
      const std::string body = name == nullptr ? "no name" : name;
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      for (int i = 0; i < answers; ++i) {
        std::string request;
        std::array<char, 4096> bytes{};
        while (request.find("\r\n\r\n") == std::string::npos) {
          const int got = SSL_read(session.get(), bytes.data(), bytes.size());
          if (got <= 0) return;
          request.append(bytes.data(), static_cast<std::size_t>(got));
        }
        SSL_write(session.get(), answer.data(), static_cast<int>(answer.size()));
      }
    };
  }

  static std::string ask(const TestPeer& peer, const std::string& host, int times = 1) {
    const auto client = HttpClient::to("https://" + host + ":" + std::to_string(peer.port()));
    std::string out;
    for (int i = 0; i < times; ++i) {
      const auto reply = (*client)->call({});
      out += reply ? reply->body : reply.error().message;
      code_ = reply ? std::nullopt : std::optional(reply.error().code);
    }
    return out;
  }

  std::string folder_;
  Key key_;
  Certificate certificate_;
  static inline std::optional<Code> code_;
};

TEST_F(TlsClient, SpeaksToAServerWhoseCertificateIsTrusted) {
  const auto script = serving("DNS:localhost,IP:127.0.0.1", true, 2);
  const TestPeer peer({script, script});
  EXPECT_EQ(ask(peer, "localhost", 2), "localhostlocalhost");
  EXPECT_EQ(peer.connections(), 1U);
  EXPECT_EQ(ask(peer, "127.0.0.1"), "no name");
}

TEST_F(TlsClient, RefusesACertificateThatNobodyTrusts) {
  const TestPeer peer({serving("DNS:localhost", false, 1)});
  EXPECT_NE(ask(peer, "localhost").find("certificate is refused: self-signed certificate"), std::string::npos);
  EXPECT_EQ(code_, Code::kInvalid);
}

TEST_F(TlsClient, RefusesACertificateForAnotherHost) {
  const auto script = serving("DNS:example.com,IP:127.0.0.2", true, 1);
  const TestPeer peer({script, script});
  EXPECT_NE(ask(peer, "localhost").find("certificate is refused: hostname mismatch"), std::string::npos);
  EXPECT_NE(ask(peer, "127.0.0.1").find("certificate is refused: IP address mismatch"), std::string::npos);
  EXPECT_EQ(code_, Code::kInvalid);
}

TEST_F(TlsClient, TellsAServerThatSpeaksNoTls) {
  const TestPeer peer({[](TestConnection& connection) { connection.write("HTTP/1.1 400 Bad Request\r\n\r\n"); }});
  EXPECT_NE(ask(peer, "127.0.0.1").find("connect to https://127.0.0.1:"), std::string::npos);
  EXPECT_EQ(code_, Code::kUnavailable);
}

// The server closes between two requests, without the farewell of TLS.
TEST_F(TlsClient, MakesALostConnectionAgain) {
  const auto script = serving("DNS:localhost", true, 1);
  const TestPeer peer({script, script});
  EXPECT_EQ(ask(peer, "localhost", 2), "localhostlocalhost");
  EXPECT_EQ(peer.connections(), 2U);
}

// Answers with what it got, or streams it.
class Echo final : public HttpHandler {
 public:
  Admission admit(const HttpRequest&) override { return {}; }
  void serve(HttpRequest request, std::shared_ptr<BodySink>, Responder responder) override {
    if (request.path() != "/stream") return responder.send({.status = request.is_tls ? 200 : 500, .body = request.body});
    const HttpStream stream = responder.stream({});
    for (int i = 0; i < 100; ++i) stream.write(std::string(10'000, 'x'));
    stream.close();
  }
};

TEST_F(TlsClient, OurServerSpeaksTlsWithIt) {
  serving("DNS:localhost", true, 0);
  HttpServerOptions options{.tls_certificate = folder_ + "/trusted.pem", .tls_key = folder_ + "/key.pem"};
  std::FILE* out = std::fopen(options.tls_key.c_str(), "w");
  PEM_write_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
  Echo handler;
  const auto server = HttpServer::start(options, handler);
  ASSERT_TRUE(server) << server.error().message;
  const auto client = HttpClient::to("https://localhost:" + std::to_string((*server)->port()));
  const std::string body(5'000'000, 'y');
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, body.size()}) {
    const auto reply = (*client)->call({.method = "POST", .body = body.substr(0, size)});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, body.substr(0, size));
  }
  auto stream = (*client)->stream({.target = "/stream"});
  ASSERT_TRUE(stream) << stream.error().message;
  std::string all;
  while (true) {
    const auto next = (*stream)->next(std::chrono::seconds(30));
    ASSERT_TRUE(next && *next);
    if ((*next)->empty()) break;
    all += **next;
  }
  EXPECT_EQ(all, std::string(1'000'000, 'x'));
  const auto plain = HttpClient::to("http://localhost:" + std::to_string((*server)->port()));
  EXPECT_FALSE((*plain)->call({}));
}

}  // namespace
}  // namespace sluice
