#include "exec/wire.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/json.h"
#include "base/match.h"

namespace sluice {
namespace {

constexpr std::size_t kLengthBytes = 4;
// The longest grace that a peer can ask for, 30 days: sums with an Instant stay far from overflow.
constexpr double kGraceMaxUs = 30.0 * 86400e6;

// Writes the members of one JSON object in order, without an intermediate value: a start is encoded ten thousand times in a run.
class Fields {
 public:
  Fields(std::string& out, std::string_view type) : out_(out) {
    out_ += "{\"type\":";
    append_json_string(out_, type);
  }
  ~Fields() { out_ += '}'; }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  Fields& text(std::string_view key, std::string_view value) {
    name(key);
    append_json_string(out_, value);
    return *this;
  }
  Fields& number(std::string_view key, std::int64_t value) {
    name(key);
    out_ += std::to_string(value);
    return *this;
  }
  Fields& flag(std::string_view key, bool value) {
    name(key);
    out_ += value ? "true" : "false";
    return *this;
  }
  Fields& texts(std::string_view key, const std::vector<std::string>& values) {
    name(key);
    out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += ',';
      append_json_string(out_, values[i]);
    }
    out_ += ']';
    return *this;
  }
  // As a list [name, value, name, value]: the order is kept, and reading it makes no map.
  Fields& pairs(std::string_view key, const std::vector<std::pair<std::string, std::string>>& values) {
    name(key);
    out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += ',';
      append_json_string(out_, values[i].first);
      out_ += ',';
      append_json_string(out_, values[i].second);
    }
    out_ += ']';
    return *this;
  }

 private:
  void name(std::string_view key) { out_.append(",\"").append(key).append("\":"); }

  std::string& out_;
};

// Three words each: source, target, "ro" or "rw".
std::vector<std::string> mount_words(const std::vector<AttemptMount>& mounts) {
  std::vector<std::string> words;
  for (const AttemptMount& mount : mounts) {
    words.push_back(mount.source);
    words.push_back(mount.target);
    words.emplace_back(mount.read_only ? "ro" : "rw");
  }
  return words;
}

void append_json(std::string& out, const AttemptSpec& spec) {
  Fields fields(out, "start");
  fields.text("id", spec.id)
      .texts("argv", spec.argv)
      .pairs("env", spec.env)
      .text("directory", spec.directory)
      .text("log_path", spec.log_path)
      .number("log_bytes_max", spec.log_bytes_max)
      .texts("writable", spec.writable)
      .flag("private_tmp", spec.private_tmp);
  if (spec.warm)
    fields.text("warm_environment", spec.warm->environment)
        .text("warm_source", spec.warm->source)
        .texts("warm_args", spec.warm->args);
  if (!spec.cold_because.empty()) fields.text("cold_because", spec.cold_because);
  if (!spec.mounts.empty()) fields.texts("mounts", mount_words(spec.mounts));
  if (!spec.redact.empty()) fields.texts("redact", spec.redact);
  if (spec.memory_bytes != 0) fields.number("memory_bytes", spec.memory_bytes);
  if (spec.cpu_milli != 0) fields.number("cpu_milli", spec.cpu_milli);
}

void append_json(std::string& out, const AttemptExit& exit) {
  Fields fields(out, "exited");
  fields.text("id", exit.id)
      .number("exit_code", exit.exit_code)
      .number("signal", exit.signal)
      .text("error", exit.error)
      .text("note", exit.note)
      .number("began_us", to_micros(exit.began))
      .number("ended_us", to_micros(exit.ended))
      .number("cpu_us", exit.cpu.count())
      .number("max_rss_bytes", exit.max_rss_bytes);
  if (exit.unavailable) fields.flag("unavailable", true);
  if (exit.out_of_memory) fields.flag("out_of_memory", true);
  if (!exit.process.empty()) fields.text("process", exit.process);
  if (exit.lost) fields.flag("lost", true);
}

// Room for the length, which is known when the body is written.
std::size_t open_frame(std::string& out) {
  out.append(kLengthBytes, '\0');
  return out.size();
}
void close_frame(std::string& out, std::size_t body) {
  const auto length = static_cast<std::uint32_t>(out.size() - body);
  for (std::size_t i = 0; i < kLengthBytes; ++i) out[body - kLengthBytes + i] = static_cast<char>(length >> (8 * i));
}

bool read_texts(const Value& object, std::string_view key, std::vector<std::string>& out) {
  const Value* list = object.find(key);
  if (list == nullptr || !list->is_list()) return false;
  out.reserve(list->as_list().size());
  for (const Value& item : list->as_list()) {
    if (!item.is_string()) return false;
    out.push_back(item.as_string());
  }
  return true;
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// Numbers of a peer are doubles; what does not fit becomes the nearest that does, and NaN 0.
std::int64_t read_number(const Value& object, std::string_view key) {
  const double number = object.number_or(key, 0);
  return std::isnan(number) ? 0 : static_cast<std::int64_t>(std::clamp(number, -9e15, 9e15));
}
int read_int(const Value& object, std::string_view key) {
  return static_cast<int>(std::clamp<std::int64_t>(read_number(object, key), INT32_MIN, INT32_MAX));
}

// What execve and the file system ask for; used by both ends.
Status check_fields(const AttemptSpec& spec) {
  const auto refuse = [&](const std::string& what) { return fail(Code::kInvalid, "attempt '" + spec.id + "': " + what); };
  if (spec.id.empty() || has_nul(spec.id)) return refuse("this is no id");
  if (spec.argv.empty()) return refuse("the command is empty");
  for (std::size_t i = 0; i < spec.argv.size(); ++i)
    if (has_nul(spec.argv[i])) return refuse("argument " + std::to_string(i) + " holds a NUL byte");
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      return refuse("'" + name + "' is no name for an environment variable");
    if (has_nul(value)) return refuse("environment variable " + name + " holds a NUL byte");
  }
  const auto is_absolute = [](const std::string& path) { return !path.empty() && path.front() == '/' && !has_nul(path); };
  for (const std::string* path : {&spec.directory, &spec.log_path})
    if (!is_absolute(*path)) return refuse("'" + *path + "' is no absolute path");
  for (const std::string& path : spec.writable)
    if (!is_absolute(path)) return refuse("'" + path + "' is no absolute path");
  for (const AttemptMount& mount : spec.mounts)
    for (const std::string* path : {&mount.source, &mount.target})
      if (!is_absolute(*path)) return refuse("mount of '" + *path + "': no absolute path");
  if (spec.warm && (has_nul(spec.warm->source) || std::any_of(spec.warm->args.begin(), spec.warm->args.end(), has_nul)))
    return refuse("its source or an argument has a NUL byte");
  if (spec.warm && !is_absolute(spec.warm->environment)) return refuse("'" + spec.warm->environment + "' is no absolute path");
  return {};
}

// What most attempts have not.
Status read_extras(const Value& object, AttemptSpec& spec) {
  if (object.find("warm_environment") != nullptr) {
    WarmStep warm{.environment = std::string(object.string_or("warm_environment", "")),
                  .source = std::string(object.string_or("warm_source", ""))};
    if (!read_texts(object, "warm_args", warm.args)) return fail(Code::kCorrupt, "a warm start without its list warm_args");
    spec.warm = std::move(warm);
  }
  if (object.find("redact") != nullptr && !read_texts(object, "redact", spec.redact))
    return fail(Code::kCorrupt, "a start whose redact is no list of texts");
  std::vector<std::string> words;
  if (object.find("mounts") == nullptr) return {};
  if (!read_texts(object, "mounts", words) || words.size() % 3 != 0)
    return fail(Code::kCorrupt, "a start whose mounts are no list of source, target and ro or rw");
  for (std::size_t i = 0; i < words.size(); i += 3)
    spec.mounts.push_back({.source = std::move(words[i]), .target = std::move(words[i + 1]), .read_only = words[i + 2] == "ro"});
  return {};
}

Result<WireMessage> read_start(const Value& object) {
  AttemptSpec spec;
  spec.id = object.string_or("id", "");
  std::vector<std::string> env;
  if (!read_texts(object, "argv", spec.argv) || !read_texts(object, "env", env) || env.size() % 2 != 0 ||
      !read_texts(object, "writable", spec.writable))
    return fail(Code::kCorrupt, "a start without its lists argv, env and writable");
  spec.env.reserve(env.size() / 2);
  for (std::size_t i = 0; i < env.size(); i += 2) spec.env.emplace_back(std::move(env[i]), std::move(env[i + 1]));
  spec.directory = object.string_or("directory", "");
  spec.log_path = object.string_or("log_path", "");
  spec.log_bytes_max = read_number(object, "log_bytes_max");
  spec.private_tmp = object.bool_or("private_tmp", true);
  spec.cold_because = object.string_or("cold_because", "");
  spec.memory_bytes = std::max<std::int64_t>(0, read_number(object, "memory_bytes"));
  spec.cpu_milli = std::max(0, read_int(object, "cpu_milli"));
  SLUICE_TRY_STATUS(read_extras(object, spec));
  SLUICE_TRY_STATUS(check_fields(spec));
  return WireStart{std::move(spec)};
}

AttemptExit read_exit(const Value& object) {
  AttemptExit exit;
  exit.id = object.string_or("id", "");
  exit.exit_code = read_int(object, "exit_code");
  exit.signal = read_int(object, "signal");
  exit.error = object.string_or("error", "");
  exit.note = object.string_or("note", "");
  exit.unavailable = object.bool_or("unavailable", false);
  exit.began = from_micros(read_number(object, "began_us"));
  exit.ended = from_micros(read_number(object, "ended_us"));
  exit.cpu = Duration{read_number(object, "cpu_us")};
  exit.max_rss_bytes = read_number(object, "max_rss_bytes");
  exit.out_of_memory = object.bool_or("out_of_memory", false);
  exit.process = object.string_or("process", "");
  exit.lost = object.bool_or("lost", false);
  return exit;
}

template <class Message>
Result<WireMessage> read_list(const Value& object, std::string_view key, std::vector<std::string> Message::* list) {
  Message message;
  if (!read_texts(object, key, message.*list)) return fail(Code::kCorrupt, "a message without its list of " + std::string(key));
  return message;
}

Result<WireMessage> read_message(std::string_view json) {
  SLUICE_TRY(const Value object, parse_json(json));
  const std::string type(object.string_or("type", ""));
  if (type.empty()) return fail(Code::kCorrupt, "a message without a type");
  const std::string id(object.string_or("id", ""));
  if (type == "hello")
    return Hello{read_int(object, "min"), read_int(object, "max"), std::string(object.string_or("program", "")),
                 static_cast<pid_t>(read_int(object, "pid"))};
  if (type == "start") return read_start(object);
  if (type == "stop") return WireStop{id, Duration{std::llround(std::clamp(object.number_or("grace_us", 0), 0.0, kGraceMaxUs))}};
  if (type == "ack") return read_list(object, "ids", &WireAck::ids);
  if (type == "listed") return read_list(object, "held", &WireListed::held);
  if (type == "withdraw") return read_list(object, "ids", &WireWithdraw::ids);
  if (type == "withdrawn") return read_list(object, "ids", &AttemptsWithdrawn::ids);
  if (type == "slots") return WireSlots{std::max(read_int(object, "slots"), 0)};
  if (type == "ended") return WireEnded{};
  if (type == "shutdown") return WireShutDown{};
  if (type == "began")
    return AttemptBegan{id, static_cast<pid_t>(read_int(object, "pid")), from_micros(read_number(object, "at_us"))};
  if (type == "exited") return read_exit(object);
  return UnknownMessage{type};
}

}  // namespace

void append_frame(std::string& out, const AttemptSpec& start) {
  const auto body = open_frame(out);
  append_json(out, start);
  close_frame(out, body);
}

void append_frame(std::string& out, const WireMessage& message) {
  const auto body = open_frame(out);
  std::visit(Match{
                 [&](const Hello& m) {
                   Fields(out, "hello")
                       .number("min", m.version_min)
                       .number("max", m.version_max)
                       .text("program", m.program)
                       .number("pid", m.pid);
                 },
                 [&](const WireStart& m) { append_json(out, m.spec); },
                 [&](const WireStop& m) { Fields(out, "stop").text("id", m.id).number("grace_us", m.grace.count()); },
                 [&](const WireAck& m) { Fields(out, "ack").texts("ids", m.ids); },
                 [&](const WireShutDown&) { Fields(out, "shutdown"); },
                 [&](const WireListed& m) { Fields(out, "listed").texts("held", m.held); },
                 [&](const WireWithdraw& m) { Fields(out, "withdraw").texts("ids", m.ids); },
                 [&](const AttemptsWithdrawn& m) { Fields(out, "withdrawn").texts("ids", m.ids); },
                 [&](const WireSlots& m) { Fields(out, "slots").number("slots", m.slots); },
                 [&](const WireEnded&) { Fields(out, "ended"); },
                 [&](const AttemptBegan& m) {
                   Fields(out, "began").text("id", m.id).number("pid", m.pid).number("at_us", to_micros(m.at));
                 },
                 [&](const AttemptExit& m) { append_json(out, m); },
                 [&](const UnknownMessage& m) { Fields(out, m.type); },
             },
             message);
  close_frame(out, body);
}

Status check_spec(const AttemptSpec& spec, std::string_view frame) {
  SLUICE_TRY_STATUS(check_fields(spec));
  if (frame.size() > kMessageBytesMax)
    return fail(Code::kInvalid, "attempt '" + spec.id + "': its command and environment are larger than 64 MiB");
  // The encoder writes U+FFFD for a byte that is not UTF-8, so only a frame that holds one needs a closer look.
  if (frame.find("\xEF\xBF\xBD") == std::string_view::npos) return {};
  FrameReader reader;
  reader.append(frame);
  SLUICE_TRY(const auto message, reader.next());
  const auto* start = message ? std::get_if<WireStart>(&*message) : nullptr;
  if (start == nullptr || start->spec.argv != spec.argv || start->spec.env != spec.env || start->spec.id != spec.id ||
      start->spec.directory != spec.directory || start->spec.log_path != spec.log_path || start->spec.writable != spec.writable)
    return fail(Code::kInvalid, "attempt '" + spec.id + "': a path, an argument or a variable is not valid UTF-8");
  return {};
}

Status check_hello(const Hello& peer) {
  if (peer.version_min <= kWireVersionMax && peer.version_max >= kWireVersionMin) return {};
  const std::string who = peer.program.empty() ? "its peer" : "its peer, sluice " + peer.program + ",";
  return fail(Code::kUnavailable,
              "engine and supervisor do not understand each other: " + who + " speaks versions " +
                  std::to_string(peer.version_min) + " to " + std::to_string(peer.version_max) + ", this build (sluice " +
                  SLUICE_VERSION + ") " + std::to_string(kWireVersionMin) + " to " + std::to_string(kWireVersionMax),
              "stop the other one and start it again from this build");
}

Result<std::optional<WireMessage>> FrameReader::next() {
  const auto waiting = std::string_view(buffer_).substr(used_);
  if (waiting.size() < kLengthBytes) {
    buffer_.erase(0, used_);
    used_ = 0;
    return std::nullopt;
  }
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::uint32_t{static_cast<unsigned char>(waiting[i])} << (8 * i);
  if (length > kMessageBytesMax) return fail(Code::kCorrupt, "a frame of " + std::to_string(length) + " bytes");
  if (waiting.size() < kLengthBytes + length) {
    buffer_.erase(0, used_);
    used_ = 0;
    return std::nullopt;
  }
  auto message = read_message(waiting.substr(kLengthBytes, length));
  if (!message) {
    Error error = std::move(message).error();
    error.code = Code::kCorrupt;
    return fail(std::move(error).with_context("supervisor message: "));
  }
  used_ += kLengthBytes + length;
  return std::move(*message);
}

}  // namespace sluice
