// One function per verb of the command line. Each returns the exit code (cli.md, section 1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/console.h"

namespace sluice {

// What the command line said, for whichever verb.
struct Words {
  std::string verb;
  std::string noun;                  // of list, get, completion
  std::string pipeline;              // file, for run, check, plan
  std::string run;                   // id or a prefix of it
  std::string task;
  std::vector<std::string> params;   // name=value
  std::string params_file;
  std::string name;
  std::string experiment = "Default";
  std::string filter;
  std::string data_dir;
  int limit = 50;
  int attempt = 0;                   // 0: the newest
  std::string from;                  // of retry: a task's path
  std::vector<std::string> operands; // of diff
  std::vector<std::string> command;  // of shell
  bool run_step = false;             // of shell
  bool keep = false;                 // of shell: its folder
  bool keep_checkpoints = false;
  bool verify = false;               // of run: twice, and compare
  bool no_cache = false;
  bool follow = false;
  bool stdout_only = false;
  bool json = false;
  int fd = -1, exits_fd = -1;        // of supervise
  std::string supervisor;            // its name
  std::int64_t warm_memory = 0;      // bytes; 0: as it likes
  int warm_idle_s = 600;
  bool outlives = false;             // it outlives its engine
  int slots = 0;                     // flag; 0: not given
  bool private_tmp = true;
  bool detach = false;
  std::string key;                   // idempotency key of run
  int priority = 0;
  std::string budget;                // "cpu=2h,wall=1h"
  std::string server;                // URL
  std::string token_file;            // for the server that is called, or of the one that is started
  // up
  std::string config_file, host, ready_file, log_format, tls_certificate, tls_key;
  std::string database, artifacts, executor;
  std::vector<std::string> allow_hosts;
  int port = -1;                     // -1: not given
  bool wait = false;
  bool anybody = false;
  // down, backup
  bool stop_tasks = false;
  std::string timeout;               // a duration; empty: for ever
  std::string destination;
  bool with_secrets = false;
  // gc, run
  bool dry_run = false;
  std::string grace;                 // a duration; empty: the usual
  std::string notify;                // URL
};

struct Context {
  const Words& words;
  const Config& config;
  const Console& console;
};

int run_verb(const Context& context);
int check_verb(const Context& context);
int plan_verb(const Context& context);
int list_verb(const Context& context);
int get_verb(const Context& context);
int logs_verb(const Context& context);
int why_verb(const Context& context);
int cancel_verb(const Context& context);
int retry_verb(const Context& context);
int pause_verb(const Context& context);
int resume_verb(const Context& context);
int shell_verb(const Context& context);
int diff_verb(const Context& context);
int up_verb(const Context& context);
int down_verb(const Context& context);
int backup_verb(const Context& context);
int gc_verb(const Context& context);
int doctor_verb(const Context& context);
int version_verb(const Context& context);

}  // namespace sluice
