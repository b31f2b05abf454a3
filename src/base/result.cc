#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "base/check.h"

namespace sluice {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid: return "invalid";
    case Code::kNotFound: return "not_found";
    case Code::kConflict: return "conflict";
    case Code::kUnavailable: return "unavailable";
    case Code::kCancelled: return "cancelled";
    case Code::kTimeout: return "timeout";
    case Code::kCorrupt: return "corrupt";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

int exit_code(Code code) {
  switch (code) {
    case Code::kInvalid: return 2;
    case Code::kNotFound:
    case Code::kConflict: return 6;
    case Code::kUnavailable: return 3;
    case Code::kCancelled: return 130;
    case Code::kTimeout: return 5;
    case Code::kCorrupt:
    case Code::kInternal: return 70;
  }
  return 70;
}

tl::unexpected<Error> fail_errno(std::string_view what, int error_number) {
  Code code = Code::kInternal;
  std::string hint;
  switch (error_number) {
    case ENOENT: code = Code::kNotFound; break;
    case EACCES:
    case EPERM:
      code = Code::kInvalid;
      hint = "check the owner and the permissions";
      break;
    case EROFS:
      code = Code::kInvalid;
      hint = "the file system is read-only";
      break;
    case ENOSPC:
    case EDQUOT:
      code = Code::kUnavailable;
      hint = "the disk is full: make room and try again";
      break;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM: code = Code::kUnavailable; break;
    default: break;
  }
  return fail(code, std::string(what) + ": " + std::generic_category().message(error_number), std::move(hint));
}

namespace detail {
void check_failed(std::string_view condition, std::string_view file, int line) {
  std::fprintf(stderr, "sluice: internal error: %.*s at %.*s:%d\n", static_cast<int>(condition.size()), condition.data(),
               static_cast<int>(file.size()), file.data(), line);
  std::abort();
}
}  // namespace detail

}  // namespace sluice
