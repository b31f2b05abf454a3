"""Run after run of 20 Python steps on one `sluice up`: no process, descriptor, namespace or folder is left over, and memory does
not grow.

SLUICE_SOAK_RUNS (default 20) runs; `./dev bench soak` does 500. Needs an environment with kfp: built on first need, which takes a
package index; where that fails the test is skipped and says why. Prints the figures after a tenth of the runs and at the end.
"""
import collections
import json
import os
import pathlib
import statistics
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from sluice import Case, pipeline  # noqa: E402  (the path above)

RUNS = max(20, int(os.environ.get("SLUICE_SOAK_RUNS", "20")))
TENTH = RUNS // 10
STEPS, ABREAST = 20, 2
GROWTH_MAX, SLACK_MIB = 1.10, 2.0
MARK = f"soak-{uuid.uuid4().hex}"  # in each step's source: what a step leaves in /tmp is told from what others do there

# What the stock compiler makes of a lightweight Python component, word for word: it is recognised by its text.
INSTALL = """
if ! [ -x "$(command -v pip)" ]; then
    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip
fi

PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location 'kfp==2.17.0' '--no-deps' \
'typing-extensions>=3.7.4,<5; python_version<"3.9"' && "$0" "$@"
"""
START = """program_path=$(mktemp -d)

printf "%s" "$0" > "$program_path/ephemeral_component.py"
_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main                         --component_module_path                         \
"$program_path/ephemeral_component.py"                         "$@"
"""
SOURCE = f"""
import kfp
from kfp import dsl
from kfp.dsl import *
from typing import *

def step(before: str = "") -> str:
    "{MARK}"
    import os, tempfile
    with tempfile.NamedTemporaryFile(delete=False, dir="/tmp") as left:
        left.write(b"{MARK}")
    return str(os.getpid())

"""


def soak_pipeline():
    """Two chains of ten beside each other; each step leaves a file in /tmp."""
    text = {"parameterType": "STRING"}
    executor = {"container": {"image": "python:3.11", "command": ["sh", "-c", INSTALL, "sh", "-ec", START, SOURCE],
                              "args": ["--executor_input", "{{$}}", "--function_to_execute", "step"]}}
    component = {"executorLabel": "exec-step", "outputDefinitions": {"parameters": {"Output": text}},
                 "inputDefinitions": {"parameters": {"before": {**text, "isOptional": True, "defaultValue": ""}}}}
    tasks = {}
    for i in range(STEPS):
        tasks[f"step-{i}"] = {"componentRef": {"name": "comp-step"}, "taskInfo": {"name": f"step-{i}"}}
        if i >= ABREAST:
            source = {"producerTask": f"step-{i - ABREAST}", "outputParameterKey": "Output"}
            tasks[f"step-{i}"]["inputs"] = {"parameters": {"before": {"taskOutputParameter": source}}}
            tasks[f"step-{i}"]["dependentTasks"] = [f"step-{i - ABREAST}"]
    return json.dumps(pipeline("soak", tasks, {"comp-step": component}, {"exec-step": executor}))


def read(path):
    """A file of /proc; nothing if the process is gone."""
    try:
        return pathlib.Path(path).read_bytes()
    except OSError:
        return b""


def entries(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def resident_mib(pid):
    pages = read(f"/proc/{pid}/statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGESIZE") / 2**20 if pages else 0.0


class Look(collections.namedtuple("Look", "counts memory")):
    """counts: name -> how many; memory: role -> MiB of its biggest process."""

    def __str__(self):
        parts = [f"{n} {what}" for what, n in sorted(self.counts.items())]
        return ", ".join(parts + [f"{who} {mib:.1f} MiB" for who, mib in sorted(self.memory.items())])


class Soak(Case):
    def test_run_after_run_leaves_nothing_behind(self):
        self.server = self.up("--slots", str(ABREAST))
        self.spec = soak_pipeline()
        first = self.run_once(is_first=True)
        memory, base, base_entries = [], None, 0
        for number in range(1, RUNS):
            run = self.run_once()
            memory.append(self.look().memory)
            if number == TENTH:
                base, base_entries = self.look(), len(entries(self.data / "runs" / run))
        self.until(lambda: not self.grown(base), f"as little as after {TENTH} runs ({base}; now {self.look()})")
        end = self.look()
        self.assertEqual(len(entries(self.data / "runs" / run)), base_entries, "entries of a run's folder")
        self.assertNotEqual(first, run)
        print(f"after {TENTH} runs: {base}\nafter {RUNS} runs: {end}")
        self.check_memory(memory)

    def run_once(self, is_first=False):
        """-> the id of a run that has succeeded"""
        status, _, body = self.server.request("POST", "/api/v1/runs", {"spec": self.spec, "cache": False})
        self.assertEqual(status, 201, body)
        run = json.loads(body)["run_id"]
        # A stream that ends with the run: nobody asks again and again while memory and processes are counted.
        status, _, text = self.server.request("GET", f"/api/v1/runs/{run}/logs?follow=true")
        self.assertEqual(status, 200, text)
        _, document = self.server.get(f"/api/v1/runs/{run}")
        if is_first and document["state"] == "FAILED" and "environment" in (document["error"] or ""):
            self.skipTest(f"no environment with kfp can be built here: {document['error']}")
        self.assertEqual(document["state"], "SUCCEEDED", document["error"])
        return run

    # ---- what is there

    def family(self):
        """pid -> role, of the server, its supervisors and whatever descends from them."""
        parents, roles = {}, {}
        for pid in map(int, filter(str.isdigit, entries("/proc"))):
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            stat = read(f"/proc/{pid}/stat")
            if not stat:
                continue
            parents[pid] = int(stat[stat.rindex(b")") + 2:].split()[1])
            if os.fsencode(self.data) in words and len(words) > 1 and words[1] in (b"up", b"supervise"):
                roles[pid] = {b"up": "server", b"supervise": "supervisor"}[words[1]]
        found = True
        while found:
            found = [pid for pid, parent in parents.items() if pid not in roles and parent in roles]
            roles.update((pid, "worker") for pid in found)
        return roles

    def look(self):
        counts, memory, namespaces = collections.Counter(), {}, set()
        for pid, role in self.family().items():
            counts[f"{role} processes"] += 1
            counts[f"{role} descriptors"] += len(entries(f"/proc/{pid}/fd"))
            memory[role] = max(memory.get(role, 0.0), resident_mib(pid))
            for name in ("mnt", "user", "pid"):
                try:
                    namespaces.add(os.readlink(f"/proc/{pid}/ns/{name}"))
                except OSError:
                    pass  # gone
        counts["namespaces"] = len(namespaces)
        counts["mounts of DATA"] = read("/proc/self/mountinfo").count(os.fsencode(self.data))
        counts["files in DATA/supervisors"] = len(entries(self.data / "supervisors"))
        counts["private /tmp folders"] = len(entries(self.data / "slots"))
        counts["left in /tmp"] = sum(MARK.encode() in read(path) for path in self.suspects())
        return Look(counts, memory)

    def suspects(self):
        for name in entries("/tmp"):
            path = pathlib.Path("/tmp", name)
            if name.startswith("tmp"):
                yield path / "ephemeral_component.py" if path.is_dir() else path

    def grown(self, base):
        """What there is more of than there was."""
        return {what: n for what, n in self.look().counts.items() if n > base.counts[what]}

    def check_memory(self, looks):
        for role in ("server", "supervisor", "worker"):
            values = [look.get(role, 0.0) for look in looks]
            begin, end = statistics.median(values[1:TENTH + 1]), statistics.median(values[-TENTH:])
            print(f"{role}: {begin:.1f} MiB in the first tenth, {end:.1f} MiB in the last")
            self.assertLessEqual(end, begin * GROWTH_MAX + SLACK_MIB, f"{role}'s memory grows")


if __name__ == "__main__":
    unittest.main()
