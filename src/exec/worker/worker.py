"""A warm worker: an interpreter that has imported what steps of its environment import, and forks processes that wait for one.

It runs in the environment's own Python (3.9 and newer), with nothing but the standard library. Descriptor 0 is a SEQPACKET socket
to the supervisor; packets are words with NUL between them. The supervisor says: fork, learn NAME..., reap PID. We say: ready
PACKAGE..., failed WHY, again (start another: this process imported something it should not have), learned, reaped PID STATUS
USER_US SYSTEM_US RSS_KB. A process that waits for a step says `spare PID` on the same socket, with its end of a socket of its own;
on that one it is given the step and says `modules NAME...` and `done CODE CPU_US RSS_KB`. `spoilt PID`: it never will (0: there is none).

This text is run by exec() in a namespace of its own, so that __main__ is as empty as that of a fresh interpreter.
"""
import _io
import _thread
import atexit
import builtins
import ctypes
import fcntl
import gc
import importlib
import json
import os
import re
import resource
import runpy
import shutil
import signal
import socket
import stat
import sys
import sysconfig
import tempfile
import threading
import time
import types

RECORD = os.path.join(sys.prefix, "sluice-modules.json")
TRIES_MAX = 5
NAMES_MAX = 5000
PACKET_MAX = 60_000
PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
# Threads of libraries that make them anew in a forked process: of jemalloc (in Arrow).
FORK_SAFE_THREADS = {"jemalloc_bg_thd"}
# What the SDK writes before every component, and a component that goes through the stock executor once.
DUMMY = """
import kfp
from kfp import dsl
from kfp.dsl import *
from typing import *

def dummy(text: str, out: Output[Dataset]) -> str:
    return text
"""
DUMMY_INPUT = {
    "inputs": {"parameterValues": {"text": "x"}},
    "outputs": {
        "parameters": {"Output": {"outputFile": "%/Output"}},
        "artifacts": {"out": {"artifacts": [{"name": "out", "uri": "%/out", "metadata": {}, "type": {"schemaTitle": "system.Dataset"}}]}},
        "outputFile": "%/executor_output.json",
    },
}

libc = ctypes.CDLL(None, use_errno=True)


# --- What is imported ahead -------------------------------------------------------------------------------------------

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


# --- The stock executor -----------------------------------------------------------------------------------------------

def run_main(arguments):
    """What `python3 -m kfp.dsl.executor_main ARGUMENTS` runs. Returns the exit code, or -N to die by signal N."""
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    sys.argv = ["-m", *arguments]
    try:
        runpy._run_module_as_main("kfp.dsl.executor_main", alter_argv=True)
        return 0
    except SystemExit as error:
        return exit_code_of(error)
    except BaseException as error:
        return report(error)


def exit_code_of(error):
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    flush(sys.stdout)
    try:
        print(code, file=sys.stderr)
        flush(sys.stderr)
    except BaseException:
        pass
    return 1


def report(error):
    """As the interpreter does for an exception that nobody has caught, without our own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    flush(sys.stdout)
    try:
        sys.excepthook(type(error), error, trace)
    except SystemExit as wanted:
        return exit_code_of(wanted)
    except BaseException as second:
        print("Error in sys.excepthook:", file=sys.stderr)
        sys.__excepthook__(type(second), second, second.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)
        sys.__excepthook__(type(error), error, trace)
    flush(sys.stderr)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def flush(file):
    try:
        file.flush()
        return True
    except BaseException:
        return file is None


def rehearse():
    """One run of a component that does nothing: the imports, caches and pages of a run are then there."""
    folder = tempfile.mkdtemp(prefix="sluice-rehearsal-")
    path, argv, main = list(sys.path), sys.argv, sys.modules["__main__"]
    logging = sys.modules["logging"]
    level, handlers = logging.root.level, list(logging.root.handlers)
    try:
        program = os.path.join(folder, "ephemeral_component.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(DUMMY)
        given = json.dumps(DUMMY_INPUT).replace("%", folder)
        code = run_main(["--component_module_path", program, "--executor_input", given, "--function_to_execute", "dummy"])
        if code != 0:
            raise RuntimeError(f"the stock executor ends with code {code}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sys.path[:], sys.argv, sys.modules["__main__"] = path, argv, main
        sys.modules.pop("ephemeral_component", None)
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            if hasattr(sys, name):
                delattr(sys, name)
        for handler in list(logging.root.handlers):
            if handler not in handlers:
                logging.root.removeHandler(handler)
                handler.close()
        logging.root.setLevel(level)
        sys.path_importer_cache.pop(folder, None)
        sys.modules.get("linecache", types.SimpleNamespace(clearcache=int)).clearcache()


# --- One step ---------------------------------------------------------------------------------------------------------

class Step:
    """The process of one step, from the fork on."""

    def __init__(self, channel, known, worker):
        self.channel = channel
        self.known = known
        self.worker = worker
        self.identity = None
        self.pid = os.getpid()
        self.cpu_before = 0.0
        self.folder = None

    def wait(self):
        """For a step; the process ends if there is none to come."""
        packet, fds, _, _ = socket.recv_fds(self.channel, 64, 16)
        if not packet:
            os._exit(0)
        kinds = packet.decode("ascii")
        return dict(zip(kinds, fds)), fds

    def begin(self):
        given, fds = self.wait()
        self.cpu_before = cpu_of(resource.RUSAGE_SELF)
        with open(given["j"], "rb", closefd=False) as file:
            file.seek(0)
            parts = file.read().split(b"\0")
        identity, directory, source, count = parts[0], parts[1], parts[2], int(parts[3])
        arguments, environment = parts[4:4 + count], parts[4 + count:]
        self.take_place(given, directory)
        for fd in fds:
            os.close(fd)
        self.take_name(identity)
        set_environment(environment, directory)
        time.tzset()
        tempfile.tempdir = None
        return self.write_program(source, [os.fsdecode(argument) for argument in arguments])

    def take_place(self, given, directory):
        """As the supervisor's own spawn() does: private /tmp, working directory, standard descriptors."""
        if "u" in given:
            check(libc.setns(given["u"], CLONE_NEWUSER), "setns")
        if "m" in given:
            check(libc.setns(given["m"], CLONE_NEWNS), "setns")
        if "r" in given:
            os.fchdir(given["r"])
            os.chroot(".")
        if "u" in given or "m" in given:
            die_with_parent(self.worker.pid)  # setns() has cleared it
        os.chdir(directory)
        for number, kind in enumerate("ioe"):
            os.dup2(given[kind], number, inheritable=True)

    def take_name(self, identity):
        """/proc/PID/environ shows SLUICE_ATTEMPT first, as for any process of an attempt."""
        text = b"SLUICE_ATTEMPT=" + identity
        ctypes.memset(self.worker.name_at, 0, self.worker.name_room)
        ctypes.memmove(self.worker.name_at, text, len(text))

    def write_program(self, source, arguments):
        """What the component's shell script does: mktemp, printf."""
        parent = os.environ.get("TMPDIR") or "/tmp"
        names = tempfile._RandomNameSequence()
        for _ in range(100):
            folder = os.path.join(parent, "tmp." + next(names) + "00")
            try:
                os.mkdir(folder, 0o700)
                break
            except FileExistsError:
                continue
            except OSError as error:
                template = os.path.join(parent, "tmp.XXXXXXXXXX")
                os.write(2, os.fsencode(f"mktemp: failed to create directory via template ‘{template}’: {error.strerror}\n"))
                os._exit(1)
        self.folder = folder
        program = folder + "/ephemeral_component.py"
        try:
            with open(program, "wb") as file:
                file.write(source)
        except OSError as error:
            os.write(2, os.fsencode(f"sh: 3: cannot create {program}: {error.strerror}\n"))
            os._exit(2)
        return ["--component_module_path", program, *arguments]

    def run(self):
        arguments = self.begin()
        info = os.fstat(self.channel.fileno())
        self.identity = (info.st_dev, info.st_ino)
        sys.orig_argv = [sys.executable, "-m", "kfp.dsl.executor_main", *arguments]
        if not getattr(sys.flags, "safe_path", False):
            sys.path.insert(0, os.getcwd())
        code = self.close(run_main(arguments))
        if code < 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        self.tell_end(code)
        os._exit(code)

    def close(self, code):
        """What the end of an interpreter does that anybody can see."""
        modules = self.new_modules()
        try:
            threading._shutdown()
        except BaseException as error:
            sys.__excepthook__(type(error), error, error.__traceback__)
        atexit._run_exitfuncs()
        is_flushed = flush(sys.stdout)
        flush(sys.stderr)
        self.tell(b"modules", modules)
        clear_modules()
        flush_open_files()
        if not flush(sys.stdout) or not is_flushed:
            code = 120 if code >= 0 else code
        flush(sys.stderr)
        libc.fflush(None)
        return code

    def new_modules(self):
        # The newest are last. To look at the others would count references to them, and so copy a thousand pages.
        new = []
        for name in reversed(sys.modules):
            if name in self.known:
                break
            new.append(name)
        new.reverse()
        folders = self.worker.folders
        return [name for name in new if isinstance(name, str) and learnable(name, sys.modules.get(name), folders)]

    def tell(self, kind, names):
        packet = kind
        for name in names:
            word = b"\0" + name.encode()
            if len(packet) + len(word) > PACKET_MAX:
                self.send(packet)
                packet = kind
            packet += word
        if packet != kind:
            self.send(packet)

    def tell_end(self, code):
        """Before the process is taken apart, which takes longer than most steps; unless there is something to wait for."""
        if os.getpid() != self.pid or _thread._count() > 0 or has_children():
            return
        cpu = cpu_of(resource.RUSAGE_SELF) + cpu_of(resource.RUSAGE_CHILDREN) - self.cpu_before
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        if code == 0:
            self.remove_program()
        self.send(b"done\0%d\0%d\0%d" % (code, max(0, int(cpu * 1e6)), peak))

    def remove_program(self):
        """An empty /tmp is used again, which is faster than a new one."""
        try:
            os.unlink(self.folder + "/ephemeral_component.py")
            os.rmdir(self.folder)
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, packet):
        """Nothing if the step has closed our socket, whatever its number is now; or if this is a fork of the step's own."""
        try:
            if os.getpid() != self.pid:
                return
            info = os.fstat(self.channel.fileno())
            if (info.st_dev, info.st_ino) == self.identity:
                self.channel.send(packet)
        except (OSError, ValueError):
            pass


def cpu_of(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def die_with_parent(parent):
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def be_killed_first():
    """When the machine is out of memory: before the worker, with which all its steps would go."""
    try:
        with open("/proc/self/oom_score_adj", "r+") as file:
            score = min(1000, int(file.read()) + 50)
            file.seek(0)
            file.write(str(score))
    except (OSError, ValueError):
        pass


def set_environment(entries, directory):
    wanted = {}
    for entry in entries:
        name, equals, value = entry.partition(b"=")
        if name and equals:
            wanted.setdefault(name, value)
    wanted.setdefault(b"PWD", directory)  # the shell's own
    wanted[b"PWD"] = directory
    wanted[b"_KFP_RUNTIME"] = b"true"
    have = os.environb
    for name in list(have):
        if name not in wanted:
            del have[name]
    for name, value in wanted.items():
        if have.get(name) != value:
            have[name] = value


def draw_seeds():
    """What a new interpreter has of its own, and a copy of another has not. Ahead: nothing draws from them before the step."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.current_process().authkey = os.urandom(32)


def clear_modules():
    """The modules of the component go, and with them its objects: their finalizers run, files are closed."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    for name in ("ephemeral_component", "__main__"):
        module = sys.modules.pop(name, None)
        if isinstance(module, types.ModuleType):
            names = module.__dict__
            del module
            for key in sorted(names, key=lambda key: not key.startswith("_")):
                if key != "__builtins__":
                    names[key] = None
    gc.collect()


def flush_open_files():
    # Those of before the fork are frozen, and are not listed.
    for found in gc.get_objects():
        kinds = type(found).__mro__  # io.IOBase would note down every type that it is asked for
        if _io._IOBase in kinds and _io._RawIOBase not in kinds:
            try:
                if not found.closed:
                    found.flush()
            except BaseException:
                pass


# --- The worker -------------------------------------------------------------------------------------------------------

class Worker:
    def __init__(self):
        self.control = socket.socket(fileno=os.dup(0))
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
        self.pid = os.getpid()
        self.folders = own_folders()
        self.umask = os.umask(0o022)
        os.umask(self.umask)
        # The supervisor has put a variable first that is long enough for the name of any attempt.
        address = ctypes.POINTER(ctypes.c_void_p).in_dll(libc, "environ")
        self.name_at = address[0]
        self.name_room = len(ctypes.string_at(self.name_at))
        if not ctypes.string_at(self.name_at).startswith(b"SLUICE_WORKER="):
            raise RuntimeError("its environment does not begin with SLUICE_WORKER")
        del os.environ["SLUICE_WORKER"]

    def say(self, *words):
        self.control.send(b"\0".join(str(word).encode("utf-8", "replace") for word in words)[:PACKET_MAX])

    def make_ready(self):
        """False: another process has to try."""
        os.environ["_KFP_RUNTIME"] = "true"
        if sys.path and sys.path[0] == "":
            del sys.path[0]
        # What kfp.dsl.executor_main imports; itself it must not be there, or runpy would warn of it.
        for name in ("argparse", "logging", "kfp", "kfp.dsl", "kfp.dsl.executor"):
            importlib.import_module(name)
        if not preload(self.folders):
            return False
        rehearse()
        gc.collect()
        gc.freeze()
        return True

    def serve(self):
        known = frozenset(sys.modules)
        packages = sorted({name.partition(".")[0] for name, module in sys.modules.items() if origin_of(module) is not None})
        self.say("ready", *packages)
        while True:
            words = self.control.recv(1 << 18).split(b"\0")
            if words == [b""]:
                return
            if words[0] == b"fork":
                self.fork(known)
            elif words[0] == b"learn":
                if learn([word.decode("utf-8", "replace") for word in words[1:]]):
                    self.say("learned")
            elif words[0] == b"reap":
                _, status, usage = os.wait4(int(words[1]), 0)
                self.say("reaped", int(words[1]), status, int(usage.ru_utime * 1e6), int(usage.ru_stime * 1e6), usage.ru_maxrss)

    def fork(self, known):
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            pid = os.fork()
        except OSError:  # no memory, no descriptors, too many processes
            self.say("spoilt", 0)
            return
        if pid != 0:
            ours.close()
            theirs.close()
            return
        is_ready = False
        try:
            die_with_parent(self.pid)
            be_killed_first()
            os.setsid()
            os.umask(self.umask)
            step = Step(ours, known, self)
            rehearse()
            draw_seeds()
            os.environ["SLUICE_ATTEMPT"] = ""  # copies the pages that the step's variables go to
            gc.freeze()
            socket.send_fds(self.control, [b"spare\0%d" % os.getpid()], [theirs.fileno()])
            is_ready = True
            theirs.close()
            self.control.close()
            step.run()
        except BaseException as error:
            os.write(2, f"sluice worker: {type(error).__name__}: {error}\n".encode("utf-8", "replace"))
            if not is_ready:
                self.say("spoilt", os.getpid())
        finally:
            os._exit(126)


def main():
    worker = Worker()
    try:
        is_ready = worker.make_ready()
    except BaseException as error:
        worker.say("failed", f"{type(error).__name__}: {error}"[:500])
        return
    if not is_ready:
        worker.say("again")
        return
    worker.serve()


main()
os._exit(0)
