"""What a worker imports ahead: what earlier steps of its environment have imported, less what would not survive a fork."""
import _thread
import fcntl
import importlib
import json
import os
import signal
import sys
import sysconfig
import time

RECORD = os.path.join(sys.prefix, "sluice-modules.json")
TRIES_MAX = 5
NAMES_MAX = 5000
# Threads of libraries that make them anew in a forked process: of jemalloc (in Arrow).
FORK_SAFE_THREADS = {"jemalloc_bg_thd"}


def own_folders():
    """Where modules lie that do not change under an environment: its own and its interpreter's, no source trees."""
    import site
    variables = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [sysconfig.get_path(name, vars=variables) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += site.getsitepackages()
    return tuple(os.path.realpath(path) + os.sep for path in paths if path)


def origin_of(module):
    """The file of a module; None: it has none (built in, a namespace, made by a program)."""
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return origin if isinstance(origin, str) and origin.startswith(os.sep) else None


def is_own(origin, folders):
    return os.path.realpath(origin).startswith(folders)


def learnable(name, module, folders):
    spec = getattr(module, "__spec__", None)
    origin = origin_of(module)
    return (origin is not None and spec.name == name and is_own(origin, folders)
            and all(part.isidentifier() for part in name.split(".")))


class State:
    """What an import may leave behind in a process besides modules."""

    def __init__(self):
        self.threads = _thread._count()
        self.natives = count_natives()
        self.descriptors = {}
        for number in os.listdir("/proc/self/fd"):
            try:
                self.descriptors[number] = os.readlink("/proc/self/fd/" + number)
            except OSError:
                pass
        self.signals = [signal.getsignal(number) for number in range(1, signal.NSIG)]

    def difference(self, before, folders, names):
        """Why a process that is forked from this one would not be like a fresh one; empty: it would."""
        if self.threads > before.threads:
            return "its import starts a thread"
        if self.natives > before.natives and not ends_threads_at_fork(before.natives):
            return "its import starts threads that do not end before a fork"
        if has_children():
            return "its import starts a process"
        for number, target in self.descriptors.items():
            if before.descriptors.get(number) != target and os.path.exists("/proc/self/fd/" + number) \
                    and target not in ("/dev/null", "/dev/urandom"):
                return "its import opens " + target
        if self.signals != before.signals:
            return "its import sets a signal handler"
        for name in names:
            origin = origin_of(sys.modules.get(name))
            if origin is not None and not is_own(origin, folders):
                return "it imports " + origin + ", which is not in the environment"
        return ""


def count_natives():
    """Threads that Python knows nothing of, and ourselves."""
    count = -_thread._count()
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm") as file:
                count += file.read().strip() not in FORK_SAFE_THREADS
        except OSError:
            pass  # it has ended
    return count


def ends_threads_at_fork(before):
    """Whether the library that has started threads has them end before a fork (OpenBLAS does): then nothing is lost by one."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    for _ in range(50):  # a thread that was joined may still be listed for a moment
        if count_natives() <= before:
            return True
        time.sleep(0.001)
    return False


def has_children():
    try:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children", "rb") as file:
                if file.read().strip():
                    return True
        return False
    except OSError:
        return True  # a kernel that does not tell


class Record:
    """ENV/sluice-modules.json: what steps have imported, in that order; for each whether it is imported ahead, or why not."""

    def __init__(self):
        self.modules = {}
        try:
            with open(RECORD, encoding="utf-8") as file:
                modules = json.load(file)["modules"]
            self.modules = {str(name): dict(entry) for name, entry in modules.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass

    @staticmethod
    def lock():
        """Held until it is closed; None: somebody else has it, or the environment cannot be written to."""
        try:
            lock = os.open(RECORD + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except OSError:
            os.close(lock)
            return None

    def write(self):
        part = f"{RECORD}.{os.getpid()}"
        try:
            with open(part, "w", encoding="utf-8") as file:
                json.dump({"version": 1, "modules": self.modules}, file, indent=0)
            os.replace(part, RECORD)
        except OSError:
            return False
        return True


def learn(names):
    """Notes modules that a step has imported, for the workers after us. Whether one of those would have them."""
    lock = Record.lock()
    if lock is None:
        return False
    try:
        record = Record()
        new = [name for name in names if name not in record.modules][:max(0, NAMES_MAX - len(record.modules))]
        for name in new:
            record.modules[name] = {}
        if new and not record.write():
            return False
        return any(name in record.modules and not is_left_out(name, record) for name in names)
    finally:
        os.close(lock)


def is_left_out(name, record):
    """It, or a package that it lies in."""
    while name:
        if "left_out" in record.modules.get(name, {}):
            return True
        name = name.rpartition(".")[0]
    return False


def import_one(name, record, folders):
    """Why it is left out; empty: it is there. Raises Tainted where this process must not be forked from any more."""
    before_names = set(sys.modules)
    before = State()
    try:
        importlib.import_module(name)
    except BaseException as error:
        why = f"its import fails here: {type(error).__name__}: {error}"[:300]
    else:
        why = "" if name in sys.modules else "it does not stay imported"
    new = [other for other in list(sys.modules) if other not in before_names]
    state = State().difference(before, folders, new)
    for other in new:
        if not state and is_left_out(other, record):
            state = f"it imports {other}, which is left out"
    record.modules[name] = {"left_out": why or state} if why or state else {"good": True}
    return bool(state) or (bool(why) and bool(new))


def preload(folders):
    """Imports what is known to be harmless, and tries what is new. False: something was not, and this process is spoilt."""
    record = Record()
    if not record.modules:
        return True
    lock = Record.lock()
    trying = [name for name, entry in record.modules.items() if not entry.get("good") and not is_left_out(name, record)]
    if lock is not None and trying:
        for name in trying:
            tries = record.modules[name].get("tries", 0) + 1
            why = f"a process that imported it ahead has died {TRIES_MAX} times"
            record.modules[name] = {"tries": tries} if tries <= TRIES_MAX else {"left_out": why}
        record.write()
    try:
        for name, entry in list(record.modules.items()):
            if name in sys.modules or is_left_out(name, record):
                if "tries" in entry:
                    record.modules[name] = {"good": True}
                continue
            if not entry.get("good") and lock is None:
                continue
            if import_one(name, record, folders):
                return False
        return True
    finally:
        if lock is not None:
            for entry in record.modules.values():
                entry.pop("tries", None)
            record.write()
            os.close(lock)
