// How KFP says that something went wrong: google.rpc.Status bodies, and the two fields of the upload paths.
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "base/result.h"
#include "net/http.h"

namespace sluice {

// Codes of google.rpc that this API answers with.
enum class RpcCode {
  kCancelled = 1,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kFailedPrecondition = 9,  // HTTP 400
  kAborted = 10,            // what KFP calls a bad request: HTTP 409
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};
int http_status(RpcCode code);
// invalid 3, not_found 5, conflict 6, unavailable 14, ...
RpcCode rpc_code(Code code);

// {"code", "message", "error", "details": [{"@type": ..., "code", "message"}]}
HttpResponse kfp_status(RpcCode code, std::string_view message);
HttpResponse kfp_error(const Error& error);
// {"error_message", "error_details"}
HttpResponse kfp_upload_error(const Error& error);

// "context: " and every diagnostic on a line of its own.
Error error_of(const Diagnostics& errors, std::string_view context);

}  // namespace sluice
