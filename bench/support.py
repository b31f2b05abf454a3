"""What the benchmarks in Python share: a server under test, a run from submit to end, peers in environments of their own.

Only the standard library. Nothing here runs with PYTHONDONTWRITEBYTECODE: with it every import compiles its module again.
"""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

BENCH = pathlib.Path(__file__).resolve().parent
TREE = BENCH.parent
SLUICE = os.path.abspath(os.environ.get("SLUICE", str(TREE / "build/release/sluice")))
PIPELINES = BENCH / "pipelines"
PEERS = TREE / "build" / "bench-peers"
FINAL = ("SUCCEEDED", "FAILED", "CANCELED")


def environment(**more):
    """This process's environment without what would change a measurement."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE" and not k.startswith("SLUICE_")}
    return {**kept, "NO_COLOR": "1", **more}


def python():
    """The interpreter itself: a `python3` on the PATH may be a script that takes longer than what it starts."""
    return os.path.realpath(sys.executable)


def bare_python(folder):
    """An interpreter in an environment where nothing is installed, so that it imports only what is its own at its start."""
    place = folder / "bare-python"
    subprocess.run([python(), "-m", "venv", "--without-pip", place], check=True, env=environment())
    return place / "bin" / "python3"


def percentile(values, share):
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values, unit="s", digits=3):
    """The median, and between which values it lies."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f} {unit}"
    lowest, median, highest = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{median} {unit} ({lowest}-{highest}, {len(values)} rounds)"


def say(what, figure):
    print(f"{what:<58} {figure}", flush=True)


def give_up(why):
    sys.exit(f"error: {why}")


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="sluice-bench-", dir="/var/tmp") as folder:
        yield pathlib.Path(folder)


class Run:
    """A run that has ended. `seconds`: from before the request that submitted it until its end was read from the event stream.
    `processes`: how its Python steps were run, `warm` or `cold: <why>` -> how many; empty where the server does not tell.
    """

    def __init__(self, seconds, notices, document, processes):
        self.seconds, self.notices, self.document, self.processes = seconds, notices, document, processes

    def leaves(self):
        """The tasks that had a process or could have had one, as the server told of their ends, in that order."""
        return [n for n in self.notices if n["kind"] == "task" and n["leaf"] and n["state"] in ("SUCCEEDED", "CACHED")]

    def build_seconds(self):
        """How long this run's environments took to build, one after the other."""
        return sum(n["seconds"] for n in self.notices if n["kind"] == "build" and n["finished"])


class Server:
    """`sluice up` on a folder, on a free port; it has ended, and so have its tasks, when the with statement is left."""

    def __init__(self, folder, *flags, **variables):
        self.folder, self.data = folder, folder / "data"
        self._ready = folder / "ready.json"
        self._ready.unlink(missing_ok=True)
        argv = [SLUICE, "up", "--port", "0", "--data-dir", self.data, "--ready-file", self._ready, *flags]
        with open(folder / "server.log", "ab") as log:
            self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                           env=environment(**variables))
        self.pid = self._child.pid
        self._calls = self._events = self._stream = None

    def __enter__(self):
        pause, end = threading.Event(), time.monotonic() + 60
        while not self._ready.exists():
            if self._child.poll() is not None or time.monotonic() > end:
                give_up("the server does not start: " + (self.folder / "server.log").read_text()[-2000:])
            pause.wait(0.01)
        self.url = json.loads(self._ready.read_text())["url"]
        address = urllib.parse.urlsplit(self.url)
        self._calls = http.client.HTTPConnection(address.hostname, address.port, timeout=600)
        self._events = http.client.HTTPConnection(address.hostname, address.port, timeout=600)
        self._events.request("GET", "/api/v1/events")
        self._stream = self._events.getresponse()
        self.next_event()  # hello
        return self

    def __exit__(self, *failure):
        self._calls.close()
        self._events.close()
        subprocess.run([SLUICE, "down", "--stop-tasks", "--data-dir", self.data], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=60)
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()

    def call(self, method, path, body=None):
        self._calls.request(method, path, body=None if body is None else json.dumps(body),
                            headers={"Content-Type": "application/json"} if body is not None else {})
        reply = self._calls.getresponse()
        text = reply.read()
        if reply.status >= 300:
            give_up(f"{method} {path}: {reply.status} {text[:600]!r}")
        return json.loads(text)

    def next_event(self):
        """The data of the next event; waits for it."""
        while True:
            line = self._stream.readline()
            if not line:
                give_up("the event stream has ended: " + (self.folder / "server.log").read_text()[-2000:])
            if line.startswith(b"data:"):
                return json.loads(line[5:])

    def run(self, spec, cache=False, **parameters):
        begin = time.monotonic()
        run_id = self.call("POST", "/api/v1/runs", {"spec": spec, "cache": cache, "parameters": parameters})["run_id"]
        notices = []
        while True:
            notice = self.next_event()
            if notice.get("run") != run_id and run_id not in notice.get("runs", ()):
                continue
            notices.append(notice)
            if notice["kind"] == "run" and notice["state"] in FINAL:
                break
        seconds = time.monotonic() - begin
        document = self.call("GET", f"/api/v1/runs/{run_id}")
        if document["state"] != "SUCCEEDED":
            give_up(f"run {run_id} is {document['state']}: {document['error']}")
        return Run(seconds, notices, document, self.processes(run_id))

    def processes(self, run_id):
        """As the store has it: facts of the tasks that had a process."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/sluice.db?mode=ro", uri=True, timeout=30)) as database:
            rows = database.execute("SELECT facts FROM tasks JOIN runs ON runs.id = tasks.run WHERE uuid = ? AND facts != ''",
                                    [uuid.UUID(run_id).bytes]).fetchall()
        told = (json.loads(facts).get("process") for (facts,) in rows)
        return dict(collections.Counter(process for process in told if process))

    def warm_up(self, spec, rounds_max=8):
        """Runs the pipeline until every step of it is warm and it gets no faster; where there are no warm workers, twice."""
        before = self.run(spec)
        for _ in range(rounds_max):
            after = self.run(spec)
            if set(after.processes) <= {"warm"} and after.seconds > 0.8 * before.seconds:
                break
            before = after


# --- Peers ------------------------------------------------------------------------------------------------------------------

def uv():
    """The uv on the PATH, or one of its own below build/bench-peers."""
    found = shutil.which("uv")
    if found:
        return found
    tools = PEERS / "tools"
    if not (tools / "bin" / "uv").exists():
        subprocess.run([python(), "-m", "venv", tools], check=True)
        subprocess.run([tools / "bin" / "python", "-m", "pip", "install", "-q", "uv"], check=True)
    return str(tools / "bin" / "uv")


def end_all_with(folder):
    """Kills what has this scratch folder in its environment: servers of peers that went into sessions of their own."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.fsencode(folder) in pathlib.Path("/proc", pid, "environ").read_bytes():
                os.kill(int(pid), signal.SIGKILL)


class Peer:
    """A program of others in an environment of its own, build/bench-peers/NAME: the newest versions that pip would take today.

    What is installed is written into versions.txt in there; the modules are compiled when they are installed.
    """

    def __init__(self, name, *packages):
        self.name, self.packages, self.place = name, packages, PEERS / name
        self.python = self.place / "bin" / "python"

    def is_installed(self):
        return (self.place / "versions.txt").exists()

    def command(self):
        return f"uv venv --seed; uv pip install --compile-bytecode {' '.join(self.packages)}"

    def install(self):
        if self.is_installed():
            return
        print(f"installing {self.name}: {self.command()}", file=sys.stderr, flush=True)
        self.place.parent.mkdir(parents=True, exist_ok=True)
        run = {"check": True, "stdout": sys.stderr, "env": environment()}
        subprocess.run([uv(), "venv", "-q", "--clear", "--seed", "--python", python(), self.place], **run)
        subprocess.run([uv(), "pip", "install", "-q", "--compile-bytecode", "--python", self.python, *self.packages], **run)
        frozen = subprocess.run([uv(), "pip", "freeze", "--python", self.python], **{**run, "stdout": subprocess.PIPE}, text=True)
        (self.place / "versions.txt").write_text(frozen.stdout)

    def version(self):
        wanted = self.packages[0] + "=="
        lines = (self.place / "versions.txt").read_text().splitlines()
        return next((line.removeprefix(wanted) for line in lines if line.startswith(wanted)), "?")

    def seconds(self, program, *words, timeout=900, **variables):
        """What bench/peers/PROGRAM printed last: seconds. None, with a word about it, if it failed. Nothing of it runs on."""
        with scratch() as folder:
            (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
            homes = {"PREFECT_HOME": folder, "DAGSTER_HOME": folder, "AIRFLOW_HOME": folder}
            env = environment(**{**homes, **variables, "PATH": f"{self.place}/bin:{os.environ['PATH']}", "DO_NOT_TRACK": "1"})
            child = subprocess.Popen([self.python, BENCH / "peers" / program, *words], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=env,
                                     start_new_session=True)
            try:
                out, error = child.communicate(timeout=timeout)
                return float(out.split()[-1])
            except (subprocess.TimeoutExpired, IndexError, ValueError) as problem:
                end_all_with(folder)
                error = child.communicate()[1] if isinstance(problem, subprocess.TimeoutExpired) else error
                print(f"{program} {' '.join(words)} did not tell ({problem!r}):\n{error[-1500:]}", file=sys.stderr, flush=True)
                return None
            finally:
                end_all_with(folder)
