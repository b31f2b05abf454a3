// Processes of attempts, started by a small process of their own (`sluice supervise`), so that a task never is a child of the
// server and a start never copies a big process.
//
// There are two sorts. One that ends with its engine (`sluice run`) has a socket pair. One that outlives it (`sluice up`) listens
// on DATA/supervisors/NAME.sock, serves one peer at a time and goes on while there is none; the next server finds it there.
//
// Wire: a unix SEQPACKET socket; a stream of messages, each a 4-byte little-endian length and compact JSON; packets are at most
// 64 KiB and do not line up with messages. First `hello{min,max,program}` both ways; one that outlives its engine then says what
// it has: `began` for each attempt that runs, `exited` for each end that is not acknowledged, and `listed`.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

// A lightweight Python component that a warm worker of its environment can run: `python3 -m kfp.dsl.executor_main
// --component_module_path FILE ARGS` with SOURCE in FILE, in a fork of an interpreter that has imported what such steps import.
// The attempt's argv is the cold way to the same result.
struct WarmStep {
  std::string environment;  // folder of the environment
  std::string source;
  std::vector<std::string> args;
};

// A place of the host that an attempt sees at a path of its own choosing.
struct AttemptMount {
  std::string source;  // absolute path of a file or directory that exists
  std::string target;  // absolute path; what is there already is hidden
  bool read_only = false;
};

struct AttemptSpec {
  std::string id;  // unique for ever; every process of the attempt carries SLUICE_ATTEMPT=<id>
  std::vector<std::string> argv;  // argv[0] is looked up on the PATH of the attempt
  std::vector<std::pair<std::string, std::string>> env;  // set on top of the submitter's environment; PATH may be among them
  std::string directory;  // its working directory: must exist. Beside it: directory + ".tmp", TMPDIR or what a failed attempt
                          // left in /tmp
  std::string log_path;  // framed log (log.h); made with the first output
  std::int64_t log_bytes_max = 256LL << 20U;  // head and tail are kept, the cut is noted in the log
  std::vector<std::string> writable;  // besides the attempt's own directory: host paths that must show through the private /tmp
  bool private_tmp = true;
  std::optional<WarmStep> warm;  // none: cold
  std::string cold_because;  // why there is none, for a Python component; else empty
  std::vector<AttemptMount> mounts;  // need a mount namespace: where there is none the attempt is not started
  std::vector<std::string> redact;  // texts (secrets) that the log shows as ***; those under 4 bytes are left as they are
  std::int64_t memory_bytes = 0;  // of all its processes together; 0: no limit
  int cpu_milli = 0;  // thousandths of a core, where a cgroup can hold it to that; 0: no limit
};

struct AttemptBegan {
  std::string id;
  pid_t pid = 0;
  Instant at;
};
struct AttemptExit {
  std::string id;
  int exit_code = 0;  // 128 + N for signal N; 127 command not found, 126 not executable
  int signal = 0;  // that ended it, 0 if none
  std::string error;  // why it could not be started: "no-such-program: not found on PATH"; empty if it ran
  std::string note;  // a warning for the task: "/tmp is not private: ..."
  bool unavailable = false;  // it could not be started for want of memory, descriptors or disk space: it may work later
  Instant began, ended;
  Duration cpu{0};
  std::int64_t max_rss_bytes = 0;  // of its biggest process, or of all together where that is known
  bool out_of_memory = false;  // it was killed because it used more than memory_bytes, or the machine had no more
  std::string process;  // of a Python component: "warm", or "cold: <why>"; else empty
  bool lost = false;  // it was killed because the worker that it was forked from has died
};
// Its supervisor died and has left no word of how it ended. Processes of it may still be alive: see end_leftovers().
struct AttemptLost {
  std::string id;
  std::string why;
};
// The answer to withdraw(): these have not begun and never will. Those that are missing had begun before.
struct AttemptsWithdrawn {
  std::vector<std::string> ids;
};
using SupervisorEvent = std::variant<AttemptBegan, AttemptExit, AttemptLost, AttemptsWithdrawn>;

// What supervisors have of attempts that an engine before us has sent them.
struct SupervisorInventory {
  std::vector<AttemptBegan> running;
  std::vector<std::string> held;  // wait for a free slot
  std::vector<AttemptExit> ended;  // and not acknowledged
  // False: a supervisor died, and what is listed nowhere may have begun under it. True: that never began.
  bool is_complete = true;
};

class Supervisor {
 public:
  virtual ~Supervisor() = default;
  // Becomes readable when receive() has something. -1: poll is not needed (fakes).
  virtual int fd() const = 0;
  // As it was when we came.
  virtual SupervisorInventory inventory() const { return {}; }
  // Whether start() can be called now. kUnavailable: it may work later.
  virtual Status make_ready() { return {}; }
  // More attempts than there are slots may be sent ahead: a slot that becomes free then never waits for us.
  virtual Status start(std::span<const AttemptSpec> attempts) = 0;
  // SIGTERM to the attempt's process group; SIGKILL to everything that carries its id after `grace`. Its exit comes as an event.
  virtual Status stop(const std::string& id, Duration grace) = 0;
  // Those that have not begun come back as AttemptsWithdrawn; the others go on.
  virtual Status withdraw(std::span<const std::string> ids) = 0;
  // The engine has committed these ends, lost ones too; the supervisor may forget them.
  virtual Status ack(std::span<const std::string> ids) = 0;
  // What has arrived, without waiting; call again until there is nothing. kUnavailable: the supervisor is gone; every attempt
  // that has not been reported is lost.
  virtual Result<std::vector<SupervisorEvent>> receive() = 0;
  // No new starts; waits until it has ended everything and itself (or was gone already). The destructor does that too where the
  // supervisor does not outlive us.
  virtual Status shut_down() = 0;
};

// How much of the machine interpreters may take that wait for steps.
struct WarmOptions {
  std::int64_t memory_bytes = 0;  // of workers and of what they have forked ahead; 0: a quarter of the machine's
  Duration idle = std::chrono::minutes(10);  // a worker with nothing to do for so long ends
};

struct SupervisorOptions {
  std::string program;  // path of the sluice binary; it is started as `sluice supervise`
  std::string data_dir;  // absolute
  int slots = 2;  // attempts at a time: more of them are held and start as others end; also private /tmp namespaces to keep ready
  bool private_tmp = true;
  // Of its files DATA/supervisors/NAME.sock and NAME.exits; given by the launcher.
  std::string name{};
  WarmOptions warm{};
  bool outlives = false;  // attempts go on when the peer is gone; else they end with it
  // What it is made of: two supervisors with the same may take each other's starts. Empty: build_identity() of this process.
  std::string program_identity{};
};
// One that ends with us. Several of them, and of those that outlive us, may be at work in a data directory.
Result<std::unique_ptr<Supervisor>> launch_supervisor(const SupervisorOptions& options);

// The supervisor's own main(). `fd`: the socket to its peer, of one that outlives its peers the socket to listen on. `exits_fd`:
// NAME.exits, open and locked (the lock says that we live), or -1 for one that ends with its peer. Returns 0 when everything has
// ended: with the peer, or 2 s after the last attempt and the last peer.
int supervise_main(int fd, int exits_fd, const SupervisorOptions& options);

// Kills every live process that carries SLUICE_ATTEMPT=<id> and waits until none is left. Returns how many there were. A new
// attempt of a task may start only after this.
Result<int> end_leftovers(const std::string& id);
// The same for all ids that start with `prefix` (a run), in one walk over /proc.
Result<int> end_leftovers_of(const std::string& prefix);

// The ids (SLUICE_ATTEMPT) of all live processes that this user may look at, each once.
std::vector<std::string> live_attempts();

// Can this machine give each attempt a /tmp of its own: "overlay", "bind" or "none" (with the reason).
struct PrivateTmp {
  std::string kind;
  std::string reason;
};
PrivateTmp probe_private_tmp(const std::string& data_dir);

}  // namespace sluice
