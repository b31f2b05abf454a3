"""Python steps in forks of warm workers: the same to the step, and to whoever reads what it printed, as a process of its own.

Needs an environment with kfp, which is built from a package index once per machine: without one these tests are skipped.
"""
import re
import unittest

from sluice import Case, pipeline

INSTALL = """
if ! [ -x "$(command -v pip)" ]; then
    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip
fi

PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location 'kfp==2.17.0' '--no-deps' \
'typing-extensions>=3.7.4,<5; python_version<"3.9"' && "$0" "$@"
"""
RUN = """program_path=$(mktemp -d)

printf "%s" "$0" > "$program_path/ephemeral_component.py"
_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main                         --component_module_path \
                        "$program_path/ephemeral_component.py"                         "$@"
"""
HEADER = "\nimport kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\n"

# What a step can do to the process that it runs in, and how that ends.
WILD = {
    "environ": "import os; os.environ['LEAK'] = '1'; os.environ.pop('HOME', None); print(sorted(os.environ)[:3])",
    "cwd": "import os; os.chdir('/'); os.umask(0o077); print(os.getcwd())",
    "locale": "import locale; locale.setlocale(locale.LC_ALL, 'C'); print(locale.getlocale())",
    "modules": "import sys, json; json.loads = None; sys.modules['json'] = None; sys.path.insert(0, '/leak')",
    "seeds": "import random; random.seed(7); print(random.random())",
    "threads": "import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
    "children": "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "memory": "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); bytearray(4 << 30)",
    "segfault": "import os; os.kill(os.getpid(), 11)",
    "descriptors": "import os; os.closerange(3, 1024); os.close(0); print('closed')",
    "tmp": "import os, tempfile; open('/tmp/leak-of-warm-test', 'w').write('x'); print(sorted(os.listdir('/tmp')) != [])",
    "unflushed": "global kept; kept = open('kept', 'w'); kept.write('x'); print('no newline', end='')",
    "raises": "x = {}\n    try:\n        x['a']\n    except KeyError as e:\n        raise ValueError('boom') from e",
    "exit-three": "import sys; sys.exit(3)",
    "exit-text": "import sys; sys.exit('no such thing')",
    "os-exit": "import os; os._exit(4)",
    "interrupt": "raise KeyboardInterrupt",
    "stdin": "import sys; print(repr(sys.stdin.read()))",
    "signals": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.alarm(1000)",
    "atexit": "import atexit, sys; atexit.register(print, 'at exit'); print('to stderr', file=sys.stderr)",
    "hook": "import sys; sys.excepthook = lambda *a: print('hook', a[0].__name__); raise OSError('x')",
    "forks": "import os, sys\n    pid = os.fork()\n    if pid == 0:\n        sys.exit(5)\n"
             "    print(os.waitpid(pid, 0)[1], os.path.exists(__file__))",
    "multiprocess": "import multiprocessing as m; c = m.get_context('fork'); p = c.Process(target=print, args=('child',)); "
                    "p.start(); p.join(); print(p.exitcode)",
}
# What must be the same after each of them.
PROBE = ("import json, locale, os, signal, sys, threading; "
         "print('LEAK' in os.environ, os.environ.get('HOME') is None, os.umask(0o22), "
         "locale.getlocale(), '/leak' in sys.path, threading.active_count(), signal.getsignal(signal.SIGTERM), "
         "signal.alarm(0), os.path.exists('/tmp/leak-of-warm-test'), sorted(map(int, os.listdir('/proc/self/fd')))[:3], "
         "json.loads('1'), os.getsid(0) == os.getpgid(0), sys.argv[1], len(sys.path), __name__, "
         "sorted(k for k in os.environ if k.startswith(('SLUICE', 'PYTHON', '_KFP'))))")


def python(body):
    source = HEADER + f"def step():\n    {body}\n"
    return {"container": {"image": "python:3.11", "args": ["--executor_input", "{{$}}", "--function_to_execute", "step"],
                          "command": ["sh", "-c", INSTALL, "sh", "-ec", RUN, source]}}


def of_bodies(bodies):
    tasks = {name: {"componentRef": {"name": f"comp-{name}"}, "taskInfo": {"name": name}} for name in bodies}
    return pipeline("warm", tasks, {f"comp-{name}": {"executorLabel": f"exec-{name}"} for name in bodies},
                    {f"exec-{name}": python(body) for name, body in bodies.items()})


def same_everywhere(text):
    """Less what differs between two runs of the same: times, folders of the run and of the program, process numbers."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+", "TIME", text)
    text = re.sub(r"/tmp/tmp\.\w+", "/tmp/PROGRAM", text)
    text = re.sub(r"/[^\s\"']*/runs/[^/]+/", "RUNS/", text)
    return re.sub(r"(-|/)\d+(-probe|-\w+)?\.1\b", r"\1N\2.1", text)


class WarmTest(Case):
    def run_bodies(self, bodies, warm):
        path = self.write("p.json", of_bodies(bodies))
        code, out, err = self.sluice("run", path, "--slots", "1", "--json", timeout=600, env={"SLUICE_WARM": warm})
        if '"run_id"' not in out and "install" in err:
            self.skipTest(f"no environment with kfp here: {err[-300:]}")
        run = re.search(r'"run_id": "([^"]+)"', out).group(1)
        tasks = {}
        _, document = self.sluice_json("get", "run", run)
        for path, task in document["tasks"].items():
            _, log = self.sluice_json("logs", run, path)
            streams = {"stdout": "", "stderr": ""}
            for chunk in log["logs"]:
                streams[chunk["stream"]] += chunk["text"]
            tasks[path.removeprefix("root/")] = {
                "state": task["state"], "exit_code": task["exit_code"], **{k: same_everywhere(v) for k, v in streams.items()}}
        return tasks

    def test_a_step_in_a_fork_is_what_a_process_of_its_own_is(self):
        bodies = {}
        for index, (name, body) in enumerate(WILD.items()):
            bodies[f"t{index:02}-{name}"] = body
            bodies[f"t{index:02}-probe"] = PROBE
        warm, cold = self.run_bodies(bodies, "1"), self.run_bodies(bodies, "0")
        self.assertEqual(sorted(warm), sorted(cold))
        for name in bodies:
            with self.subTest(step=name):
                self.assertEqual(warm[name], cold[name])

    def test_a_step_is_in_a_fork_unless_that_is_switched_off(self):
        body = {"only": "print('sluice worker' in open('/proc/self/cmdline').read())"}
        self.assertIn("\nTrue\n", "\n" + self.run_bodies(body, "1")["only"]["stdout"])
        self.assertIn("\nFalse\n", "\n" + self.run_bodies(body, "0")["only"]["stdout"])

    def test_what_a_warm_step_leaves_is_gone_with_its_run(self):
        path = self.write("p.json", of_bodies({"one": WILD["children"], "two": WILD["threads"]}))
        code, out, err = self.sluice("run", path, "--json", timeout=600)
        self.assertEqual(code, 0, err)
        self.assertEqual(self.processes_of(re.search(r'"run_id": "([^"]+)"', out).group(1)), [])


if __name__ == "__main__":
    unittest.main()
