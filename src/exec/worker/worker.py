"""A warm worker: an interpreter that has imported what steps of its environment import, and forks processes that wait for one.

It runs in the environment's own Python (3.9 and newer), with nothing but the standard library. Descriptor 0 is a SEQPACKET
socket to the supervisor; packets are words with NUL between them. The supervisor says: fork, learn NAME..., reap PID. We say:
ready PACKAGE..., failed WHY, again (start another: this process imported something it should not have), learned, reaped PID
STATUS USER_US SYSTEM_US RSS_KB. A process that waits for a step says `spare PID` on the same socket, with its end of a socket of
its own; on that one it is given the step and says `modules NAME...` and `done CODE CPU_US RSS_KB`. `spoilt PID` is one that will
never wait for a step, `spoilt 0` one that could not be forked.

preload.py, executor.py, step.py and this file are run as one text by exec(), in a namespace of their own, so that __main__ is as
empty as that of a fresh interpreter.
"""
import ctypes
import gc
import importlib
import os
import socket
import sys


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
