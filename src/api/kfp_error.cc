#include "api/kfp_error.h"

#include "base/json.h"

namespace sluice {
namespace {

std::string text_of(const Error& error) { return error.hint.empty() ? error.message : error.message + " (" + error.hint + ")"; }

}  // namespace

int http_status(RpcCode code) {
  switch (code) {
    case RpcCode::kInvalidArgument:
    case RpcCode::kFailedPrecondition: return 400;
    case RpcCode::kUnauthenticated: return 401;
    case RpcCode::kPermissionDenied: return 403;
    case RpcCode::kNotFound: return 404;
    case RpcCode::kAlreadyExists:
    case RpcCode::kAborted: return 409;
    case RpcCode::kCancelled: return 499;
    case RpcCode::kUnimplemented: return 501;
    case RpcCode::kUnavailable: return 503;
    case RpcCode::kDeadlineExceeded: return 504;
    case RpcCode::kInternal: break;
  }
  return 500;
}

RpcCode rpc_code(Code code) {
  switch (code) {
    case Code::kInvalid: return RpcCode::kInvalidArgument;
    case Code::kNotFound: return RpcCode::kNotFound;
    case Code::kConflict: return RpcCode::kAlreadyExists;
    case Code::kUnavailable: return RpcCode::kUnavailable;
    case Code::kCancelled: return RpcCode::kCancelled;
    case Code::kTimeout: return RpcCode::kDeadlineExceeded;
    case Code::kCorrupt:
    case Code::kInternal: break;
  }
  return RpcCode::kInternal;
}

HttpResponse kfp_status(RpcCode code, std::string_view message) {
  JsonWriter json;
  // "error" is what servers before 2.0 called the message; programs of that time still look for it.
  json.begin_object().field("error", message).field("code", static_cast<int>(code)).field("message", message);
  json.key("details").begin_array().begin_object();
  json.field("@type", "type.googleapis.com/google.rpc.Status").field("code", static_cast<int>(code)).field("message", message);
  json.end_object().end_array().end_object();
  return {.status = http_status(code), .body = json.take()};
}

HttpResponse kfp_error(const Error& error) { return kfp_status(rpc_code(error.code), text_of(error)); }

HttpResponse kfp_upload_error(const Error& error) {
  JsonWriter json;
  json.begin_object().field("error_message", error.message).field("error_details", text_of(error)).end_object();
  return {.status = http_status(rpc_code(error.code)), .body = json.take()};
}

Error error_of(const Diagnostics& errors, std::string_view context) {
  Error error{.code = errors.empty() ? Code::kInternal : errors.front().code, .message = std::string(context)};
  for (const Diagnostic& diagnostic : errors) {
    error.message += (errors.size() == 1 ? ": " : "\n") + diagnostic.text();
    if (!diagnostic.hint.empty()) error.message += " (" + diagnostic.hint + ")";
  }
  return error;
}

}  // namespace sluice
