"""What the end-to-end tests share: the binary, a scratch folder, pipelines made of shell commands. Standard library only."""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

BINARY = os.path.abspath(os.environ.get("SLUICE", str(pathlib.Path(__file__).parents[2] / "build/release/sluice")))


class Case(unittest.TestCase):
    """A test with a scratch folder of its own, `self.folder`, and a data directory in it, `self.data`."""

    def setUp(self):
        base = "/var/tmp" if os.path.isdir("/var/tmp") else None
        scratch = tempfile.TemporaryDirectory(prefix="sluice-e2e-", dir=base)
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.data = self.folder / "data"

    def start(self, *words, **options):
        env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        env = {**env, "NO_COLOR": "1", **options.pop("env", {})}
        return subprocess.Popen([BINARY, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, cwd=self.folder, env=env, start_new_session=True, **options)

    def sluice(self, *words, timeout=120, **options):
        """-> (exit code, stdout, stderr); the data directory is given."""
        child = self.start(*words, "--data-dir", self.data, **options)
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            self.fail(f"no end after {timeout} s: sluice {' '.join(map(str, words))}")
        return child.returncode, out, err

    def sluice_json(self, *words, **options):
        """-> (exit code, the JSON document)"""
        code, out, err = self.sluice(*words, "--json", **options)
        try:
            return code, json.loads(out)
        except ValueError:
            self.fail(f"stdout is no JSON (exit {code}): {out[:300]!r}\n{err[-600:]}")

    def up(self, *flags, data=None, **options):
        """A running server; it is killed at the end of the test if it is still there."""
        return Server(self, data or self.data, flags, options)

    def until(self, look, what="it"):
        """Looks again and again until `look` returns something; that."""
        for _ in range(1200):
            found = look()
            if found:
                return found
            threading.Event().wait(0.05)
        raise AssertionError(f"{what} did not come to be within a minute")

    def processes_of(self, run):
        """Pids of what carries the run's attempts."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if f"SLUICE_ATTEMPT={run}".encode() in file.read():
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return path


class Server:
    """`sluice up` on a free port, ready when this returns."""

    def __init__(self, case, data, flags, options):
        self.case, self.data = case, data
        self.log_path = case.folder / f"up-{time.monotonic_ns()}.log"
        ready = self.log_path.with_suffix(".json")
        with open(self.log_path, "w", encoding="utf-8") as log:
            env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
            self.child = subprocess.Popen(
                [BINARY, "up", "--data-dir", str(data), "--port", "0", "--ready-file", str(ready), *map(str, flags)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, cwd=case.folder,
                env={**env, "NO_COLOR": "1", **options.get("env", {})}, start_new_session=True)
        case.addCleanup(self.kill)
        self.line = self.child.stdout.readline()
        if not self.line:
            raise AssertionError(f"sluice up ended with {self.child.wait(timeout=60)}: {self.log()}")
        self.ready = json.loads(ready.read_text())
        self.url, self.pid = self.ready["url"], self.ready["pid"]

    def log(self):
        return self.log_path.read_text()

    def kill(self, number=signal.SIGKILL):
        """Ends the server; what its tasks and supervisors are is looked after by the test's folder going."""
        if self.child.poll() is None:
            os.kill(self.child.pid, number)
            self.child.wait(timeout=60)
        self.child.stdout.close()

    def stop(self):
        """-> the exit code after SIGTERM"""
        os.kill(self.child.pid, signal.SIGTERM)
        code = self.child.wait(timeout=60)
        self.child.stdout.close()
        return code

    def request(self, method, path, body=None, headers=None, host=None):
        """-> (status, headers, body); as bytes on the wire say, whatever a client library would do."""
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            content = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", host or address.netloc)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if content is not None:
                data = content.encode() if isinstance(content, str) else content
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(data)))
                connection.endheaders(data)
            else:
                connection.endheaders()
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def get(self, path, **options):
        """-> (status, document)"""
        status, _, body = self.request("GET", path, **options)
        return status, json.loads(body)


def pipeline(name="test", tasks=None, components=None, executors=None, inputs=None, outputs=None):
    """A pipeline as a dict; see `shell` and `task`."""
    root = {"dag": {"tasks": tasks}}
    if inputs:
        root["inputDefinitions"] = {"parameters": inputs}
    if outputs:
        root["dag"]["outputs"] = {"parameters": outputs}
        root["outputDefinitions"] = {"parameters": {k: {"parameterType": "STRING"} for k in outputs}}
    return {"pipelineInfo": {"name": name}, "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.0", "root": root,
            "components": components, "deploymentSpec": {"executors": executors}}


def shell(script, image="alpine", args=()):
    """An executor that runs `script` in sh; args are $0, $1, ..."""
    return {"container": {"image": image, "command": ["sh", "-ec", script, *args]}}


def simple(script, name="test", args=(), component=None, **task):
    """A pipeline of one task `only` that runs a shell script."""
    return pipeline(name, {"only": {"componentRef": {"name": "comp-only"}, "taskInfo": {"name": "only"}, **task}},
                    {"comp-only": {"executorLabel": "exec-only", **(component or {})}}, {"exec-only": shell(script, args=args)})
