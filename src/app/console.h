// Where output goes and how it looks: results to stdout, progress and errors to stderr, colours only for people.
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "base/result.h"

namespace sluice {

enum class Ink { kPlain, kBold, kDim, kGreen, kRed, kYellow, kBlue };

class Console {
 public:
  // `json`: stdout carries one JSON document and nothing else.
  explicit Console(bool json);

  bool json() const { return json_; }
  bool live() const { return live_; }           // stderr is a terminal that can be drawn on
  int width() const;                            // columns of the terminal, 80 if unknown
  int height() const;

  void out(std::string_view text) const;        // to stdout, as it is
  void err(std::string_view text) const;        // to stderr
  std::string ink(Ink ink, std::string_view text) const;      // coloured if stdout is for people
  std::string ink_err(Ink ink, std::string_view text) const;  // likewise for stderr

  // Prints the error for people, or as {"errors": [...]} with --json, and returns its exit code.
  int fail(const Error& error) const;
  int fail(const Diagnostics& errors) const;
  void warn(const Diagnostic& warning) const;

 private:
  bool json_, live_, color_out_, color_err_;
};

}  // namespace sluice
