// Private to net: bytes from a peer to requests. No socket, so that a test or a fuzzer can feed it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace sluice {

class RequestReader {
 public:
  explicit RequestReader(std::size_t header_bytes_max);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  enum class Step {
    kMore,  // needs bytes that have not come yet
    kHead,  // the header is there: look at it, set limit and sink, go on
    kDone,  // the whole request is there
    kBad,   // status() and why(); the connection has lost its place
  };
  // Takes `used` bytes from the front of `bytes`; the rest is to be given again, with what has come since.
  Step feed(std::string_view bytes, std::size_t& used);

  void limit_body(std::uint64_t bytes_max);
  void set_sink(std::shared_ptr<BodySink> sink);
  HttpRequest& request();
  const std::shared_ptr<BodySink>& sink() const;
  // Of the request that has been read.
  bool keeps_alive() const;
  bool is_http_1_1() const;
  bool expects_continue() const;
  bool has_body() const;

  int status() const;
  const std::string& why() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
