#include "exec/tmp_slots.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "exec/attempt_mounts.h"
#include "exec/tmp_namespace.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

// Tidying up starts after a second without an attempt; above this many leftovers it does not wait for that, or a busy day fills
// the disk.
constexpr std::size_t kTrashMax = 16;
constexpr int kPauseMs = 1000;

bool is_below_tmp(std::string_view path) { return path.starts_with("/tmp/"); }

std::string real_path(const std::string& path) {
  std::error_code error;
  const auto real = fs::weakly_canonical(path, error);
  return error ? path : real.string();
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

void close_all_but(const std::vector<int>& sorted) {
  unsigned from = 0;
  for (const int fd : sorted) {
    if (static_cast<unsigned>(fd) > from) ::close_range(from, static_cast<unsigned>(fd) - 1, 0);
    from = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(from, ~0U, 0);
}

// The kernel takes a mount namespace apart when its last descriptor is closed, and who closes that waits for it: 30 ms were
// measured. So a child holds copies, and when we have closed ours it closes the last ones, then deletes `folders`. It is in our
// session, which no process of an attempt is. Returns at once; without a child (no memory) the work is done here.
void tidy_up(const std::vector<int>& namespaces, const std::vector<std::string>& folders) {
  std::array<int, 2> go{};
  const bool has_pipe = ::pipe2(go.data(), O_CLOEXEC) == 0;
  std::vector<int> kept = namespaces;
  kept.push_back(go[0]);
  std::sort(kept.begin(), kept.end());
  const pid_t child = has_pipe ? ::fork() : -1;
  if (child == 0) {
    close_all_but(kept);
    char end = 0;
    while (::read(go[0], &end, 1) < 0 && errno == EINTR) {}
  }
  if (child <= 0) {
    std::error_code ignored;
    for (const std::string& folder : folders) fs::remove_all(folder, ignored);
  }
  if (child == 0) ::_exit(0);
  for (int fd : namespaces) close_fd(fd);
  if (!has_pipe) return;
  ::close(go[0]);
  ::close(go[1]);
}

}  // namespace

struct TmpSlots::State {
  struct Slot {
    std::string root;  // holds upper and work
    TmpNamespace names;
    DIR* upper = nullptr;
    std::vector<std::string> shown;  // only attempts with the same may use it
    bool in_use = false;
    bool is_own = false;  // of one attempt, with its mounts
    TmpKind kind = TmpKind::kOverlay;
  };

  explicit State(const SupervisorOptions& given) : options(given), data_dir(real_path(given.data_dir)) {}
  ~State();

  void prepare();
  Status make_base(const std::string& parent);
  Status make_locked(const std::string& parent);
  void collect_stale(const std::string& parent);
  Result<Slot> make_slot(TmpKind slot_kind, const std::vector<std::string>& shown, const std::vector<AttemptMount>& mounts = {});
  Lease lease_of(int at);
  Lease take_own(const AttemptSpec& spec);
  std::vector<std::string> shown_of(const AttemptSpec& spec) const;
  void retire(Slot& slot);
  int count_ready() const;
  bool is_clean(const Slot& slot) const;
  void keep(const Slot& slot, const std::string& keep_as);
  int place_for(Slot slot);

  SupervisorOptions options;
  std::string data_dir;
  bool is_prepared = false;
  std::optional<TmpKind> kind;  // nothing: no private /tmp here
  std::string reason;           // why not better
  std::string base;             // our folder of slots; its lock file says that we live
  int lock = -1;
  int next_slot = 0;
  std::deque<std::optional<Slot>> slots;
  std::vector<std::string> shown_last;
  std::vector<std::string> trash;   // folders to delete
  std::vector<int> namespaces_old;  // descriptors to close
};

TmpSlots::State::~State() {
  for (auto& slot : slots)
    if (slot) retire(*slot);
  // The folders now, so that none is left when we are gone; a namespace does without them until it is gone too.
  std::error_code ignored;
  for (const std::string& path : trash) fs::remove_all(path, ignored);
  if (!base.empty()) {
    fs::remove_all(base, ignored);
    fs::remove(fs::path(base).parent_path(), ignored);  // succeeds for the last one
    close_fd(lock);
  }
  if (!namespaces_old.empty()) tidy_up(namespaces_old, {});
}

// Finds out what works here, best first, and keeps what the try has made as the first slot.
void TmpSlots::State::prepare() {
  if (std::exchange(is_prepared, true)) return;
  // An overlay's upper must not lie in its lower: with the data directory in /tmp, the slots are elsewhere.
  // So are they when there is no data directory yet (a question of `doctor`).
  const bool is_elsewhere = is_below_tmp(data_dir) || ::access(data_dir.c_str(), F_OK) != 0;
  const std::string parent = is_elsewhere ? "/var/tmp/sluice-" + std::to_string(::geteuid()) : data_dir + "/slots";
  if (Status made = make_base(parent); !made) {
    reason = made.error().message;
    return;
  }
  if (is_below_tmp(data_dir)) shown_last = {data_dir};
  for (const TmpKind candidate : {TmpKind::kOverlay, TmpKind::kBind}) {
    auto slot = make_slot(candidate, shown_last);
    if (slot) {
      kind = candidate;
      place_for(std::move(*slot));
      return;
    }
    reason += (reason.empty() ? "" : "; ") + slot.error().message;
  }
}

Status TmpSlots::State::make_base(const std::string& parent) {
  if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno("make " + parent, errno);
  struct stat status{};
  // /var/tmp is everybody's: the folder must be ours and no link.
  if (::lstat(parent.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid())
    return fail(Code::kUnavailable, parent + " belongs to somebody else");
  if (is_below_tmp(real_path(parent))) return fail(Code::kUnavailable, parent + " is below /tmp");
  // One at a time: a folder whose lock is not taken yet must not look stale to another supervisor.
  int turn = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ::flock(turn, LOCK_EX);
  collect_stale(parent);
  Status made = make_locked(parent);
  close_fd(turn);
  return made;
}

Status TmpSlots::State::make_locked(const std::string& parent) {
  std::string path = parent + "/XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return fail_errno("make a folder in " + parent, errno);
  base = path;
  lock = ::open((base + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) != 0) return fail_errno("lock " + base, errno);
  return {};
}

// Folders whose supervisor was killed before it could tidy up.
void TmpSlots::State::collect_stale(const std::string& parent) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    int other = ::open((entry.path() / "lock").c_str(), O_RDWR | O_CLOEXEC);
    if (other >= 0 && ::flock(other, LOCK_EX | LOCK_NB) == 0) trash.push_back(entry.path());
    close_fd(other);
  }
}

Result<TmpSlots::State::Slot> TmpSlots::State::make_slot(TmpKind slot_kind, const std::vector<std::string>& shown,
                                                         const std::vector<AttemptMount>& mounts) {
  Slot slot{.root = base + "/" + std::to_string(next_slot++), .shown = shown, .is_own = !mounts.empty(), .kind = slot_kind};
  const std::string upper = slot.root + "/upper";
  const std::string stage = slot.root + "/stage";
  for (const std::string& path : {slot.root, upper, slot.root + "/work", stage})
    if ((path != stage || slot.is_own) && ::mkdir(path.c_str(), 0700) != 0) return fail_errno("make " + path, errno);
  ::chmod(upper.c_str(), 01777);  // an overlay shows this mode as that of /tmp
  TmpNamespaceRequest request{.kind = slot_kind, .root = slot.root, .shown = shown};
  Status planned;
  if (slot.is_own) {
    auto plan = plan_attempt_mounts(mounts, {.stage = stage, .tmp = slot_kind != TmpKind::kHost, .shown = shown});
    if (plan) {
      request.mounts = std::move(plan->mounts);
      request.steps = std::move(plan->steps);
    } else {
      planned = fail(std::move(plan).error());
    }
  }
  auto names = planned ? make_tmp_namespace(request) : Result<TmpNamespace>(fail(std::move(planned).error()));
  if (!names) {
    trash.push_back(slot.root);
    return fail(std::move(names).error());
  }
  slot.names = *names;
  slot.upper = ::opendir(upper.c_str());
  return slot;
}

int TmpSlots::State::place_for(Slot slot) {
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (!slots[i]) {
      slots[i] = std::move(slot);
      return static_cast<int>(i);
    }
  slots.emplace_back(std::move(slot));
  return static_cast<int>(slots.size() - 1);
}

std::vector<std::string> TmpSlots::State::shown_of(const AttemptSpec& spec) const {
  std::vector<std::string> shown;
  if (is_below_tmp(data_dir)) shown.push_back(data_dir);
  const auto add = [&](const std::string& path) {
    const std::string real = fs::path(path).lexically_normal();
    if (is_below_tmp(real) && real != data_dir && !real.starts_with(data_dir + "/") && ::access(real.c_str(), F_OK) == 0)
      shown.push_back(real);
  };
  for (const std::string& path : spec.writable) add(path);
  add(spec.directory);
  std::sort(shown.begin(), shown.end());
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  return shown;
}

void TmpSlots::State::retire(Slot& slot) {
  if (slot.upper != nullptr) ::closedir(std::exchange(slot.upper, nullptr));
  for (int* fd : {&slot.names.user, &slot.names.root, &slot.names.mount})
    if (*fd >= 0) namespaces_old.push_back(std::exchange(*fd, -1));
  trash.push_back(slot.root);
}

int TmpSlots::State::count_ready() const {
  return static_cast<int>(std::count_if(slots.begin(), slots.end(),
                                        [&](const auto& slot) { return slot && !slot->is_own && slot->shown == shown_last; }));
}

// In an empty /tmp the mount points of what shows are entries too, and what lies beside them is not seen here: such a slot is
// used once.
bool TmpSlots::State::is_clean(const Slot& slot) const {
  if (slot.is_own || slot.upper == nullptr || (kind == TmpKind::kBind && !slot.shown.empty())) return false;
  ::rewinddir(slot.upper);
  while (const dirent* entry = ::readdir(slot.upper)) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") return false;
  }
  return true;
}

void TmpSlots::State::keep(const Slot& slot, const std::string& keep_as) {
  if (slot.kind == TmpKind::kHost) return;
  const std::string upper = slot.root + "/upper";
  if (::rename(upper.c_str(), keep_as.c_str()) == 0) {
    ::chmod(keep_as.c_str(), 0755);
    return;
  }
  if (errno != EXDEV) return;
  std::error_code error;  // best effort: what could not be copied (a socket, a full disk) is left out
  const auto options_of_copy = fs::copy_options::recursive | fs::copy_options::copy_symlinks | fs::copy_options::skip_existing;
  fs::copy(upper, keep_as, options_of_copy, error);
}

TmpSlots::TmpSlots(const SupervisorOptions& options) : state_(std::make_unique<State>(options)) {}
TmpSlots::~TmpSlots() = default;

TmpSlots::Lease TmpSlots::State::lease_of(int at) {
  Slot& slot = *slots[static_cast<std::size_t>(at)];
  slot.in_use = true;
  Lease lease{.slot = at, .user_namespace = slot.names.user, .mount_namespace = slot.names.mount, .root = slot.names.root};
  if (slot.kind == TmpKind::kBind) lease.note = "/tmp is private but does not show the host's files: " + reason;
  return lease;
}

TmpSlots::Lease TmpSlots::State::take_own(const AttemptSpec& spec) {
  const bool wants_tmp = options.private_tmp && spec.private_tmp;
  prepare();
  const TmpKind own_kind = wants_tmp && kind ? *kind : TmpKind::kHost;
  auto slot = make_slot(own_kind, own_kind == TmpKind::kHost ? std::vector<std::string>() : shown_of(spec), spec.mounts);
  if (!slot) {
    std::string paths;
    for (const AttemptMount& mount : spec.mounts) paths += (paths.empty() ? "" : ", ") + mount.target;
    return {.refusal = "what it needs at " + paths + " cannot be mounted: " + slot.error().message};
  }
  Lease lease = lease_of(place_for(std::move(*slot)));
  if (wants_tmp && own_kind == TmpKind::kHost) {
    lease.use_tmpdir = true;
    lease.note = "/tmp is not private: " + reason;
  }
  return lease;
}

TmpSlots::Lease TmpSlots::take(const AttemptSpec& spec) {
  State& state = *state_;
  if (!spec.mounts.empty()) return state.take_own(spec);
  if (!state.options.private_tmp || !spec.private_tmp) return {};
  state.prepare();
  if (!state.kind) return {.use_tmpdir = true, .note = "/tmp is not private: " + state.reason};
  state.shown_last = state.shown_of(spec);
  int at = -1;
  for (std::size_t i = 0; i < state.slots.size() && at < 0; ++i)
    if (const auto& slot = state.slots[i]; slot && !slot->in_use && !slot->is_own && slot->shown == state.shown_last)
      at = static_cast<int>(i);
  if (at < 0) {
    auto slot = state.make_slot(*state.kind, state.shown_last);
    if (!slot) return {.use_tmpdir = true, .note = "/tmp is not private: " + slot.error().message};
    at = state.place_for(std::move(*slot));
  }
  return state.lease_of(at);
}

void TmpSlots::give_back(const Lease& lease, const std::string& keep_as) {
  if (lease.slot < 0) return;
  State& state = *state_;
  auto& place = state.slots[static_cast<std::size_t>(lease.slot)];
  place->in_use = false;
  const bool is_clean = state.is_clean(*place);
  const auto idle = std::count_if(state.slots.begin(), state.slots.end(), [](const auto& slot) { return slot && !slot->in_use; });
  if (is_clean && idle <= std::max(state.options.slots, 1)) return;
  if (!is_clean && !keep_as.empty()) state.keep(*place, keep_as);
  state.retire(*place);
  place.reset();
}

int TmpSlots::idle_work_after_ms(bool is_busy) const {
  const State& state = *state_;
  if (!state.options.private_tmp) return -1;
  if (!state.is_prepared || (state.kind && state.count_ready() < state.options.slots)) return 0;
  if (state.trash.empty()) return -1;
  if (!is_busy) return kPauseMs;
  return state.trash.size() > kTrashMax ? 0 : -1;
}

void TmpSlots::do_idle_work() {
  State& state = *state_;
  if (!state.options.private_tmp) return;
  if (!state.is_prepared) {
    state.prepare();
  } else if (const int ready = state.count_ready(); state.kind && ready < state.options.slots) {
    auto slot = state.make_slot(*state.kind, state.shown_last);
    if (slot)
      state.place_for(std::move(*slot));
    else
      state.options.slots = ready;  // no room for more; take() still tries when it must
  } else if (!state.trash.empty()) {
    tidy_up(std::exchange(state.namespaces_old, {}), std::exchange(state.trash, {}));
  }
}

PrivateTmp probe_private_tmp(const std::string& data_dir) {
  TmpSlots slots({.program = "", .data_dir = data_dir, .slots = 1, .private_tmp = true});
  return slots.probe();
}

PrivateTmp TmpSlots::probe() {
  State& state = *state_;
  state.prepare();
  // Closed here, where waiting does not matter and a child would be left for the caller to reap.
  for (auto& slot : state.slots) state.retire(*slot);
  state.slots.clear();
  for (int& fd : state.namespaces_old) close_fd(fd);
  state.namespaces_old.clear();
  if (!state.kind) return {"none", state.reason};
  return {*state.kind == TmpKind::kOverlay ? "overlay" : "bind", state.reason};
}

}  // namespace sluice
