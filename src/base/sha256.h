// SHA-256, the name of everything that is stored by content.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace sluice {

// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

// Whether two secrets are equal. Their digests are compared, in a time that tells neither their bytes nor their lengths.
bool same_secret(std::string_view a, std::string_view b);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  // Call once, last.
  std::string hex();

 private:
  struct Impl;  // keeps OpenSSL's headers out of ours
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
