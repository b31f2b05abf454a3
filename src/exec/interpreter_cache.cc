#include "exec/interpreter_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "base/sha256.h"
#include "exec/index_settings.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

// More candidates than any machine has; a file that grew beyond that is begun anew.
constexpr std::size_t kEntriesMax = 200;

std::string file_text(const std::string& path) { return small_file_text(path).value_or(""); }

// Empty if there is no such file.
std::string stamp(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

// A python that is an ELF file by that name is itself. A script, or a link to some other program, chooses an interpreter each
// time.
bool is_itself(const std::string& candidate) {
  std::error_code error;
  const auto real = std::filesystem::canonical(candidate, error);
  if (error || !real.filename().string().starts_with("python")) return false;
  std::ifstream file(real, std::ios::binary);
  std::array<char, 4> magic{};
  file.read(magic.data(), magic.size());
  return std::string_view(magic.data(), magic.size()) ==
         "\x7f"
         "ELF";
}

std::string pyenv_root(const Variables& variables) {
  const std::string named = value_of(variables, "PYENV_ROOT");
  return named.empty() ? value_of(variables, "HOME") + "/.pyenv" : named;
}

bool is_pyenv_shim(const std::string& candidate) {
  return std::filesystem::path(candidate).parent_path().string() == pyenv_root(own_variables()) + "/shims";
}

// What pyenv chooses by.
std::string pyenv_context() {
  const Variables variables = own_variables();
  std::string out;
  for (const std::string_view name : {"PATH", "PYENV_VERSION", "PYENV_DIR"})
    out += std::string(name) + "=" + value_of(variables, name) + "\n";
  std::error_code error;
  std::filesystem::path dir = std::filesystem::current_path(error);
  while (!error && !dir.empty()) {
    if (const std::string text = file_text((dir / ".python-version").string()); !text.empty())
      out += dir.string() + ": " + text + "\n";
    if (dir == dir.root_path()) break;
    dir = dir.parent_path();
  }
  return out + file_text(pyenv_root(variables) + "/version");
}

// Empty: not to be remembered.
std::string identity(const std::string& candidate) {
  if (is_itself(candidate)) return stamp(candidate);
  if (is_pyenv_shim(candidate)) return stamp(candidate) + " " + sha256_hex(pyenv_context());
  return {};
}

}  // namespace

std::optional<Interpreter> InterpreterCache::find(const std::string& candidate) const {
  const auto document = parse_json(file_text(path_));
  if (!document) return std::nullopt;
  const Value* entry = document->find(candidate);
  if (entry == nullptr) return std::nullopt;
  if (const std::string now = identity(candidate); now.empty() || now != entry->string_or("identity", "")) return std::nullopt;
  Interpreter out{.path = std::string(entry->string_or("interpreter", "")),
                  .version = std::string(entry->string_or("version", ""))};
  if (!out.path.empty() && (stamp(out.path).empty() || stamp(out.path) != entry->string_or("interpreter_stamp", "")))
    return std::nullopt;
  return out;
}

void InterpreterCache::remember(const std::string& candidate, const Interpreter& interpreter) {
  const std::string now = identity(candidate);
  if (now.empty() || (interpreter.path.empty() && !is_pyenv_shim(candidate))) return;
  const auto document = parse_json(file_text(path_));
  Struct entries = document && document->is_struct() ? document->as_struct() : Struct{};
  if (entries.size() >= kEntriesMax) entries.clear();
  entries[candidate] = Value::of({{"identity", now},
                                  {"interpreter", interpreter.path},
                                  {"interpreter_stamp", interpreter.path.empty() ? "" : stamp(interpreter.path)},
                                  {"version", interpreter.version}});
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  // Two processes that write at the same time lose one answer, which the next process then asks for again.
  const std::string fresh = path_ + "." + std::to_string(::getpid());
  std::ofstream file(fresh, std::ios::binary);
  file << to_json_pretty(Value(std::move(entries)));
  file.close();
  if (file) std::filesystem::rename(fresh, path_, error);
  if (!file || error) std::filesystem::remove(fresh, error);
}

}  // namespace sluice
