"""What the end-to-end tests share: the binary, a scratch folder, pipelines made of shell commands. Standard library only."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

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

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return path


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
