"""`sluice up`, its supervisor, or both are killed with -9 at random moments while 20 pipelines run, again and again. No run
that was acknowledged is lost, no attempt is committed twice, no two attempts of a task are alive at once, no output is half.

SLUICE_ROUNDS (default 20) kills; SLUICE_SEED replays one sequence of victims and moments. `./dev bench crash` runs 1,000.
"""
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from sluice import BINARY, Case, pipeline, shell  # noqa: E402  (the path above)

ROUNDS = int(os.environ.get("SLUICE_ROUNDS", "20"))
SEED = int(os.environ.get("SLUICE_SEED", random.randrange(1 << 30)))
IN_FLIGHT = 20
CHAIN, WIDE = 4, 4
LOST_MAX = 4  # attempts of one task that may be lost before the run fails: a budget of 3 retries
ARTIFACT = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}
FILL = 50_000
PAUSE = threading.Event()  # never set

# $0: where tasks of this run leave their marks, $1: the task, $2: its output, $3: its input if it has one. The lock shows whether
# another attempt of the same task is alive. The output is written slowly, so that some are killed in the middle.
SCRIPT = """mkdir -p "$0"; exec 9> "$0/$1.lock"
flock -n 9 || { echo "$1" >> "$0/overlap"; exit 9; }
{ echo "$1"; if [ -n "$3" ]; then cat "$3"; else head -c %d /dev/zero; fi; } > "$2"
sleep 0.0$(( $$ %% 4 ))
echo "$1" >> "$0/done"
""" % FILL


def crash_pipeline():
    """A chain of artifacts, each with one line more on top, and a loop beside it."""
    place = {"inputDefinitions": {"parameters": {"place": {"parameterType": "STRING"}}}}
    tasks, components, executors = {}, {}, {}
    for i in range(CHAIN):
        inputs = {"parameters": {"place": {"componentInputParameter": "place"}}}
        definitions = {"parameters": {"place": {"parameterType": "STRING"}}}
        args = ["{{$.inputs.parameters['place']}}", f"t{i}", "{{$.outputs.artifacts['data'].path}}", ""]
        if i:
            source = {"producerTask": f"t{i - 1}", "outputArtifactKey": "data"}
            inputs["artifacts"] = {"data": {"taskOutputArtifact": source}}
            definitions["artifacts"] = {"data": ARTIFACT}
            args[3] = "{{$.inputs.artifacts['data'].path}}"
        components[f"comp-{i}"] = {"executorLabel": f"exec-{i}", "inputDefinitions": definitions,
                                   "outputDefinitions": {"artifacts": {"data": ARTIFACT}}}
        executors[f"exec-{i}"] = shell(SCRIPT, args=args)
        tasks[f"t{i}"] = {"componentRef": {"name": f"comp-{i}"}, "inputs": inputs}
    item = {"place": {"parameterType": "STRING"}, "item": {"parameterType": "NUMBER_INTEGER"}}
    components["comp-item"] = {"executorLabel": "exec-item", "inputDefinitions": {"parameters": item}}
    args = ["{{$.inputs.parameters['place']}}", "w{{$.inputs.parameters['item']}}", "/dev/null", ""]
    executors["exec-item"] = shell(SCRIPT, args=args)
    tasks["wide"] = {"componentRef": {"name": "comp-item"},
                     "inputs": {"parameters": {"place": {"componentInputParameter": "place"}}},
                     "parameterIterator": {"itemInput": "item", "items": {"raw": str(list(range(WIDE)))}}}
    document = pipeline("crash", tasks, components, executors)
    document["root"].update(place)
    return json.dumps(document)


class SocketConnection(http.client.HTTPConnection):
    """HTTP over the unix socket of a data directory."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Crash(Case):
    def setUp(self):
        super().setUp()
        self.moments, self.server = random.Random(SEED), None
        self.spec = crash_pipeline()
        self.wanted, self.acknowledged = [], {}  # keys whose answer is not known; key -> run id
        self.killed, self.given_up, self.number = collections.Counter(), 0, 0
        self.addCleanup(self.end_all)

    def test_kill_9_of_server_and_supervisor_loses_nothing(self):
        for _ in range(ROUNDS):
            self.up()
            self.fill()
            PAUSE.wait(self.moments.uniform(0.0, 0.5))  # the moment of the kill
            self.kill(self.moments.choice(["server", "supervisor", "both"]))
            self.check_store()
        self.up()
        self.fill(until=0)
        self.wait_for_all()
        self.check_end()
        kills = ", ".join(f"{n} x {who}" for who, n in sorted(self.killed.items()))
        print(f"{ROUNDS} rounds ({kills}), {len(self.acknowledged)} runs, none lost; {self.given_up} of them failed "
              f"because one task was lost {LOST_MAX} times; seed {SEED}")

    # ---- what is done to it

    def up(self):
        if self.server is not None and self.server.poll() is None:
            return  # only its supervisor was killed
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        with open(self.folder / "log", "ab") as log:
            self.server = subprocess.Popen(
                [BINARY, "up", "--port", "0", "--slots", "4", "--data-dir", self.data, "--ready-file", ready],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        self.until(lambda: ready.exists() or self.server.poll() is not None, "the server does not start")
        self.assertIsNone(self.server.poll(), self.log())

    def fill(self, until=IN_FLIGHT):
        """Runs whose creation a kill has left open are asked for again with the same key; then new ones, as many as fit."""
        try:
            for key in list(self.wanted):
                self.create(key)
            for _ in range(until - self.in_flight() if until else 0):
                self.number += 1
                self.create(f"key-{self.number}")
        except (OSError, http.client.HTTPException):
            self.assertIsNone(self.server.poll(), self.log())
            raise

    def create(self, key):
        if key not in self.wanted:
            self.wanted.append(key)
        body = {"spec": self.spec, "name": key, "parameters": {"place": str(self.folder / "marks" / key)}}
        answer = self.call("POST", "/api/v1/runs", body, {"Idempotency-Key": key})
        self.acknowledged[key] = answer["run_id"]
        self.wanted.remove(key)

    def in_flight(self):
        return sum(self.call("GET", f"/api/v1/runs?state={state}&limit=1")["total"] for state in ("PENDING", "RUNNING"))

    def call(self, method, path, body=None, headers=None):
        connection = SocketConnection(self.data / "engine.sock")
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            text = response.read()
            self.assertLess(response.status, 300, f"{method} {path}: {response.status} {text[:500]}")
            return json.loads(text)
        finally:
            connection.close()

    def kill(self, whom):
        self.killed[whom] += 1
        pids = [self.server.pid] if whom in ("server", "both") else []
        if whom in ("supervisor", "both"):
            pids += self.supervisors()
            self.moments.shuffle(pids)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if whom != "supervisor":
            self.server.wait(60)

    def supervisors(self):
        """Not their children: before its execve a task still has the command line of its supervisor."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if b"supervise" in words[:3] and str(self.data).encode() in words:
                found[int(entry.name)] = parent
        return [pid for pid, parent in found.items() if parent not in found]

    def end_all(self):
        if self.server is not None:
            self.kill("both")

    # ---- what must hold

    def check_store(self):
        """At every moment: what is visible is whole, and nothing was committed twice."""
        with sqlite3.connect(f"file:{self.data}/sluice.db?mode=ro", uri=True, timeout=30) as database:
            committed = database.execute("SELECT run, payload FROM journal WHERE kind = 'attempt_succeeded'").fetchall()
            tasks = [(run, json.loads(payload)["task"]) for run, payload in committed]
            twice = [task for task, n in collections.Counter(tasks).items() if n > 1]
            self.assertEqual(twice, [], f"seed {SEED}: committed twice")
            for uri, digest in database.execute("SELECT uri, digest FROM artifacts ORDER BY run DESC LIMIT 40").fetchall():
                content = pathlib.Path(uri).read_bytes()
                lines = content[: len(content) - FILL].decode().split("\n")[:-1]
                self.assertEqual(lines, [f"t{i}" for i in reversed(range(len(lines)))], f"seed {SEED}: {uri} is not whole")
                self.assertTrue(digest)

    def wait_for_all(self):
        open_runs = dict(self.acknowledged)

        def all_ended():
            for key, run in list(open_runs.items()):
                if self.call("GET", f"/api/v1/runs/{run}")["state"] not in ("SUCCEEDED", "FAILED"):
                    return False
                del open_runs[key]
            return True
        self.until(all_ended, "runs do not end", seconds=600)

    def check_end(self):
        for key, run in self.acknowledged.items():
            document = self.call("GET", f"/api/v1/runs/{run}")
            marks = self.folder / "marks" / key
            self.assertFalse((marks / "overlap").exists(), f"seed {SEED}: two attempts of a task at once in run {key}")
            if document["state"] == "FAILED":
                failed = [task for task in document["tasks"].values()
                          if task["state"] == "FAILED" and "supervisor" in (task["error"] or "")]
                self.assertTrue(failed and all(task["attempts"] >= LOST_MAX for task in failed if task["attempts"]),
                                f"seed {SEED}: {json.dumps(document)[:1500]}")
                self.given_up += 1
                continue
            self.assertEqual(document["state"], "SUCCEEDED", f"seed {SEED}: run {key}: {json.dumps(document)[:1500]}")
            self.assertEqual(document["name"], key)
            self.assertEqual({task["state"] for task in document["tasks"].values()}, {"SUCCEEDED"})
            done = collections.Counter((marks / "done").read_text().split())
            self.assertEqual(set(done), {f"t{i}" for i in range(CHAIN)} | {f"w{i}" for i in range(WIDE)})
        total = self.call("GET", "/api/v1/runs?limit=1")["total"]
        self.assertEqual(total, len(self.acknowledged), f"seed {SEED}: as many runs as were acknowledged, none twice")
        self.check_store()

    def until(self, done, what, seconds=60):
        end = time.monotonic() + seconds
        while not done():
            self.assertLess(time.monotonic(), end, f"seed {SEED}: {what}\n{self.log()}")
            PAUSE.wait(0.005)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-2000:]


if __name__ == "__main__":
    unittest.main()
