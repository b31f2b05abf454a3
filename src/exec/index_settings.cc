#include "exec/index_settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

#include "base/sha256.h"
#include "base/text.h"
#include "exec/pip_config.h"
#include "exec/small_files.h"

extern char** environ;

namespace sluice {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> out;
  for (std::string word; stream >> word;) out.push_back(std::move(word));
  return out;
}

bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

// The installer may run in another directory than ours.
std::string absolute_path(std::string path, const Variables& variables) {
  if (path.empty() || is_url(path)) return path;
  if (path.starts_with("~/")) return value_of(variables, "HOME") + path.substr(1);
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

std::vector<std::string> absolute_paths(std::string_view text, const Variables& variables) {
  std::vector<std::string> out = words(text);
  for (std::string& path : out) path = absolute_path(std::move(path), variables);
  return out;
}

// A flag in pip's configuration may be there and say no.
bool says_no(std::string_view value) {
  static constexpr std::array<std::string_view, 6> kNo{"0", "false", "no", "off", "n", "f"};
  return std::find(kNo.begin(), kNo.end(), lower(value)) != kNo.end();
}

// pip takes "host" and "host:port"; people also write the whole URL of their index.
std::string host_of(std::string_view text) {
  if (const auto at = text.find("://"); at != std::string_view::npos) text.remove_prefix(at + 3);
  text = text.substr(0, text.find_first_of("/?#"));
  if (const auto at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  return std::string(text);
}

std::vector<std::string> hosts_of(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  out.reserve(texts.size());
  for (const std::string& text : texts) out.push_back(host_of(text));
  return out;
}

// A folder of wheels that the machine's configuration names and that is not there: pip warns, uv gives up.
std::vector<std::string> existing_links(const std::vector<std::string>& links) {
  std::vector<std::string> out;
  for (const std::string& link : links)
    if (is_url(link) || ::access(link.c_str(), R_OK) == 0) out.push_back(link);
  return out;
}

// Options that uv spells or understands otherwise.
constexpr std::array<std::string_view, 9> kPipOnly{"pre",           "no-binary",          "only-binary",
                                                   "prefer-binary", "require-hashes",     "requirement",
                                                   "no-deps",       "no-build-isolation", "keyring-provider"};

// What changes uv's choice of packages, beside the variables that uv_variables() joins with pip's.
constexpr std::array<std::string_view, 11> kUvResolver{
    "UV_INDEX",     "UV_EXCLUDE_NEWER",     "UV_RESOLUTION", "UV_PRERELEASE",       "UV_INDEX_STRATEGY", "UV_FORK_STRATEGY",
    "UV_NO_BINARY", "UV_NO_BINARY_PACKAGE", "UV_NO_BUILD",   "UV_NO_BUILD_PACKAGE", "UV_TORCH_BACKEND"};
constexpr std::array<std::string_view, 2> kUvFileLists{"UV_OVERRIDE", "UV_BUILD_CONSTRAINT"};

void add_file(std::string& out, std::string_view kind, const std::string& path) {
  const auto text = small_file_text(path.starts_with("file://") ? path.substr(7) : path);
  // What cannot be read (a URL, a missing file) is told apart by its name.
  out += std::string(kind) + "=" + (text ? sha256_hex(*text) : without_credentials(path)) + "\n";
}

std::vector<std::string> separate_arguments(std::span<const std::string> options) {
  std::vector<std::string> out;
  for (const std::string& option : options) {
    const auto at = option.starts_with("--") ? option.find_first_of("= ") : std::string::npos;
    out.push_back(option.substr(0, at));
    if (at != std::string::npos) out.emplace_back(trim(std::string_view(option).substr(at + 1)));
  }
  return out;
}

}  // namespace

Variables own_variables() {
  Variables out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const auto at = text.find('='); at != std::string_view::npos) out.emplace(text.substr(0, at), text.substr(at + 1));
  }
  return out;
}

std::string value_of(const Variables& variables, std::string_view name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

IndexSettings pip_settings(const Variables& variables) {
  IndexSettings out;
  const PipOptions options = effective_pip_options(variables);
  const auto option = [&](std::string_view name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string() : found->second;
  };
  out.index_url = option("index-url");
  out.extra_index_urls = words(option("extra-index-url"));
  out.trusted_hosts = words(option("trusted-host"));
  out.find_links = absolute_paths(option("find-links"), variables);
  out.constraints = absolute_paths(option("constraint"), variables);
  out.no_index = !option("no-index").empty() && !says_no(option("no-index"));
  out.cert = absolute_path(option("cert"), variables);
  out.client_cert = absolute_path(option("client-cert"), variables);
  out.proxy = option("proxy");
  out.timeout = option("timeout").empty() ? option("default-timeout") : option("timeout");
  for (const std::string_view name : kPipOnly)
    if (const std::string value = option(name); !value.empty() && !says_no(value))
      out.pip_only.push_back(std::string(name) + "=" + value);
  return out;
}

Result<IndexSettings> component_settings(std::span<const std::string> options) {
  IndexSettings out;
  const std::vector<std::string> arguments = separate_arguments(options);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--no-index") {
      out.no_index = true;
      continue;
    }
    if (name != "--index-url" && name != "-i" && name != "--extra-index-url" && name != "--trusted-host" &&
        name != "--find-links" && name != "-f")
      return fail(Code::kInvalid, "index option '" + name + "' is not known",
                  "known are --index-url, --extra-index-url, --trusted-host, --find-links and --no-index");
    if (++i == arguments.size()) return fail(Code::kInvalid, "index option '" + name + "' has no value");
    const std::string& value = arguments[i];
    if (name == "--index-url" || name == "-i")
      out.index_url = value;
    else if (name == "--extra-index-url")
      out.extra_index_urls.push_back(value);
    else if (name == "--trusted-host")
      out.trusted_hosts.push_back(value);
    else
      out.find_links.push_back(absolute_path(value, {}));
  }
  return out;
}

std::vector<std::string> pip_arguments(std::span<const std::string> options) { return separate_arguments(options); }

VariableChanges uv_variables(const IndexSettings& machine, const IndexSettings& component, const Variables& variables) {
  VariableChanges out;
  // Variables and not flags: an index url may hold a password, and command lines can be read by everybody.
  const bool own_index = !value_of(variables, "UV_DEFAULT_INDEX").empty() || !value_of(variables, "UV_INDEX_URL").empty();
  if (!component.index_url.empty())
    out.emplace_back("UV_DEFAULT_INDEX", component.index_url);
  else if (!own_index && !machine.index_url.empty())
    out.emplace_back("UV_DEFAULT_INDEX", machine.index_url);

  const auto add_list = [&](const char* name, std::string_view separator, const std::vector<std::string>& of_machine,
                            const std::vector<std::string>& of_component) {
    std::vector<std::string> list = of_machine;
    if (const std::string users = value_of(variables, name); !users.empty()) list = {users};
    list.insert(list.end(), of_component.begin(), of_component.end());
    if (!list.empty()) out.emplace_back(name, join(list, separator));
  };
  add_list("UV_EXTRA_INDEX_URL", " ", machine.extra_index_urls, component.extra_index_urls);
  add_list("UV_FIND_LINKS", ",", existing_links(machine.find_links), component.find_links);
  add_list("UV_INSECURE_HOST", " ", hosts_of(machine.trusted_hosts), hosts_of(component.trusted_hosts));
  add_list("UV_CONSTRAINT", " ", machine.constraints, {});

  const auto add_default = [&](const char* name, const std::string& value) {
    if (!value.empty() && value_of(variables, name).empty()) out.emplace_back(name, value);
  };
  std::error_code error;
  add_default(std::filesystem::is_directory(machine.cert, error) ? "SSL_CERT_DIR" : "SSL_CERT_FILE", machine.cert);
  add_default("SSL_CLIENT_CERT", machine.client_cert);
  add_default("HTTP_PROXY", machine.proxy);
  add_default("HTTPS_PROXY", machine.proxy);
  add_default("UV_HTTP_TIMEOUT", machine.timeout);
  // Of several indexes pip takes the best version that any of them has; uv would stop at the first that knows the name.
  add_default("UV_INDEX_STRATEGY", "unsafe-best-match");
  return out;
}

std::string settings_fingerprint(const IndexSettings& machine, const Variables& variables) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) text += std::string(name) + "=" + without_credentials(value) + "\n";
  };
  std::string index = value_of(variables, "UV_DEFAULT_INDEX");
  if (index.empty()) index = value_of(variables, "UV_INDEX_URL");
  add("index", index.empty() ? machine.index_url : index);
  const auto add_list = [&](const char* name, std::string_view separator, const std::vector<std::string>& list) {
    const std::string users = value_of(variables, name);
    add(name, users.empty() ? join(list, separator) : users);
  };
  add_list("UV_EXTRA_INDEX_URL", " ", machine.extra_index_urls);
  add_list("UV_FIND_LINKS", ",", existing_links(machine.find_links));
  if (machine.no_index) add("no-index", "1");
  for (const std::string& option : machine.pip_only) add("pip", option);
  for (const std::string_view name : kUvResolver) add(name, value_of(variables, name));

  const std::string users = value_of(variables, "UV_CONSTRAINT");
  for (const std::string& path : users.empty() ? machine.constraints : absolute_paths(users, variables))
    add_file(text, "constraint", path);
  for (const std::string_view name : kUvFileLists)
    for (const std::string& path : absolute_paths(value_of(variables, name), variables)) add_file(text, name, path);
  std::string config_home = value_of(variables, "XDG_CONFIG_HOME");
  if (config_home.empty()) config_home = value_of(variables, "HOME") + "/.config";
  for (const std::string& path :
       {value_of(variables, "UV_CONFIG_FILE"), config_home + "/uv/uv.toml", std::string("/etc/uv/uv.toml")})
    if (const auto content = small_file_text(path)) text += "uv.toml=" + sha256_hex(*content) + "\n";
  return text.empty() ? "" : sha256_hex(text);
}

std::string without_credentials(std::string_view text) {
  std::string out;
  for (;;) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, scheme + 3));
    text.remove_prefix(scheme + 3);
    const std::string_view authority = text.substr(0, text.find_first_of("/?# \t\n,'\"`)"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  }
}

}  // namespace sluice
