// Recognises how the KFP SDK embeds a lightweight Python component into a container command, and takes it apart.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "model/pipeline.h"

namespace sluice {

// ["sh","-c",INSTALL,"sh","-ec",RUN,SOURCE] or without the install stage ["sh","-ec",RUN,SOURCE], where RUN calls
// kfp.dsl.executor_main; any SDK version of the 2.x line, with and without use_venv. Nothing if the command is anything else: an
// install text with a line that we do not understand is left to run as it is.
std::optional<PythonInstall> recognise_python(std::span<const std::string> command);

}  // namespace sluice
