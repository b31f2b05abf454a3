"""The process of one step, from the fork on."""
import _io
import _thread
import atexit
import ctypes
import gc
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import types
import weakref

PACKET_MAX = 60_000
PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

libc = ctypes.CDLL(None, use_errno=True)


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
        flush_open_files()  # the collector may close a file before what is buffered above it is written
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
    modules = [sys.modules.pop(name, None) for name in ("ephemeral_component", "__main__")]
    modules = [weakref.ref(module) for module in modules if isinstance(module, types.ModuleType)]
    gc.collect()  # finalizers run while the names that they use are there
    for reference in modules:
        module = reference()
        if module is not None:
            names = module.__dict__
            for key in sorted(names, key=lambda key: not str(key).startswith("_")):
                if key != "__builtins__":
                    names[key] = None


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
