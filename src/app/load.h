// What the verbs read: pipelines from files, parameters from flags, runs from the store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/verbs.h"
#include "engine/engine.h"
#include "store/run_store.h"

namespace sluice {

// A file of text; errors name the path.
Result<std::string> read_text_file(const std::string& path);

// The pipeline of the words (a Python file is compiled) with -p and --params.
struct LoadedSubmission {
  Submission submission;
  Diagnostics errors;
  int signal = 0;  // that came while a Python file was compiled; errors says so too

  // Prints the errors; the exit code of them, or of the signal.
  int fail(const Console& console) const;
};
LoadedSubmission load_submission(const Context& context, bool with_parameters);

// kNotFound if there is no data there yet.
Status check_for_data(const DataDir& dir);
Result<std::unique_ptr<RunStore>> open_for_reading(const DataDir& dir);
// A database that an earlier version has left can only be read when its schema is brought up to date, which takes the directory
// for a moment. False: somebody else has it, or it cannot be written.
bool bring_up_to_date(const DataDir& dir);

}  // namespace sluice
