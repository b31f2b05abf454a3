// Which Python environment a component needs, as a value with a key; `exec` builds it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/pipeline.h"

namespace sluice {

struct EnvironmentRequest {
  std::string interpreter;                 // path of a real interpreter
  std::string interpreter_version;         // "3.11.7"
  std::vector<std::string> requirements;   // sorted, without doubles
  std::vector<std::string> no_deps;        // sorted subset of requirements
  std::vector<std::string> index_options;  // in order: it decides where a package comes from
  // 64 hex digits over all of the above (design: interpreter, sorted requirements, index options).
  std::string key() const;
};

// The component's requirements; where kfp is not among them, the executor of the SDK that compiled it is added without its
// dependencies ("kfp-2.17.0" -> kfp==2.17.0, an SDK that we do not know -> kfp). An executor that the SDK pinned for itself
// (--no-deps) is lifted to 2.17.0 if it is an older 2.x and the interpreter is 3.9 or newer (ADR 0004); one that the author asked
// for is left alone.
EnvironmentRequest environment_request(const PythonInstall& install, std::string_view sdk_version, std::string interpreter,
                                       std::string interpreter_version);

// What to do for an image without a container (details of the design, 3.7).
enum class ImageKind { kPython, kHost, kOther };
ImageKind image_kind(std::string_view image);
// "3.10" of python:3.10-slim or ubi9/python-311; empty if the image does not say.
std::string image_python_version(std::string_view image);

}  // namespace sluice
