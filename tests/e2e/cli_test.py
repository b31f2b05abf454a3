"""Exit codes, answers and manners of each verb, as a script and as a person meet them."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from sluice import BINARY, Case, pipeline, shell, simple

TYPES = {"int": "NUMBER_INTEGER", "double": "NUMBER_DOUBLE", "text": "STRING", "flag": "BOOLEAN", "list": "LIST",
         "struct": "STRUCT"}


def typed():
    """A pipeline that prints its parameters, one of each type."""
    inputs = {name: {"parameterType": kind, "isOptional": True} for name, kind in TYPES.items()}
    args = [x for name in TYPES for x in (name, "{{$.inputs.parameters['%s']}}" % name)]
    bindings = {name: {"componentInputParameter": name} for name in TYPES}
    return pipeline("typed", {"only": {"componentRef": {"name": "comp-only"}, "inputs": {"parameters": bindings}}},
                    {"comp-only": {"executorLabel": "e", "inputDefinitions": {"parameters": inputs}}},
                    {"e": shell('while [ $# -gt 1 ]; do echo "$1=$2"; shift 2; done', args=["sh", *args])}, inputs=inputs)


class Runs(Case):
    """Verbs that look at runs which have ended."""

    def ended_run(self, script="true", **options):
        code, document = self.sluice_json("run", self.write("p.json", simple(script, **options)))
        return code, document["run_id"]

    def test_a_prefix_names_a_run_and_one_that_fits_two_is_refused(self):
        runs = set()
        for _ in range(2):
            runs.add(self.ended_run()[1])
        for run in runs:
            for spelling in (run, run.replace("-", ""), run[:12]):
                code, document = self.sluice_json("get", "run", spelling)
                self.assertEqual((code, document["run_id"]), (0, run))
        for words in (("get", "run"), ("logs",), ("cancel",), ("retry",)):
            code, document = self.sluice_json(*words, "nope")
            self.assertEqual((code, document["errors"][0]["code"]), (6, "not_found"), words)
            self.assertIn("'nope'", document["errors"][0]["message"])

    def test_verbs_without_any_data_say_so(self):
        for words in (("list", "runs"), ("get", "run", "abcd"), ("logs", "abcd"), ("cancel", "abcd"), ("retry", "abcd")):
            code, document = self.sluice_json(*words)
            self.assertEqual(code, 6, words)
            self.assertIn("no data in", document["errors"][0]["message"])
        self.assertFalse(self.data.exists(), "to look makes nothing")

    def test_logs_of_attempts_dags_and_tasks_that_never_ran(self):
        flaky = {"retryPolicy": {"maxRetryCount": 1, "backoffDuration": "0s"}}
        comps = {"comp-a": {"executorLabel": "a"}, "comp-dag": {"dag": {"tasks": {
            "b": {"componentRef": {"name": "comp-a"}, **flaky},
            "c": {"componentRef": {"name": "comp-a"}, "dependentTasks": ["b"]}}}}}
        code, document = self.sluice_json("run", self.write("p.json", pipeline(
            tasks={"a": {"componentRef": {"name": "comp-dag"}}}, components=comps,
            executors={"a": shell('echo "attempt of $SLUICE_ATTEMPT"; echo trouble >&2; exit 1')})))
        self.assertEqual(code, 1)
        run = document["run_id"]
        code, out, _ = self.sluice("logs", run, "root/a/b", "--attempt", "2")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^attempt of .*/2\ntrouble\n$")
        self.assertEqual(self.sluice("logs", run, "root/a/b")[1], out, "the newest attempt is what is shown")
        code, first, _ = self.sluice("logs", run, "b", "--attempt", "1", "--stdout")
        self.assertRegex(first, r"^attempt of .*/1\n$")
        code, out, err = self.sluice("logs", run, "root/a/b", "--attempt", "3")
        self.assertEqual((code, out), (6, ""))
        self.assertIn("there is no attempt 3, the newest is 2", err)
        code, out, _ = self.sluice("logs", run, "root/a")
        self.assertRegex(out, r"^attempt of .*\ntrouble\n$")
        code, out, _ = self.sluice("logs", run)
        self.assertRegex(out, r"^\[root/a/b\] attempt of .*\n\[root/a/b\] trouble\n$")
        code, out, err = self.sluice("logs", run, "root/a/c")
        self.assertEqual((code, out), (0, ""))
        self.assertIn("no logs", err)
        code, out, err = self.sluice("logs", run, "root/a/d")
        self.assertEqual(code, 6)
        self.assertIn("did you mean", err)
        code, document = self.sluice_json("logs", run)
        self.assertEqual([(c["task"], c["attempt"], c["stream"]) for c in document["logs"]],
                         [("root/a/b", 2, "stdout"), ("root/a/b", 2, "stderr")])
        self.assertEqual(document["logs"][1]["text"], "trouble\n")

    def test_logs_of_a_run_in_which_nothing_ran(self):
        never = simple("true")
        never["root"]["dag"]["tasks"]["only"]["triggerPolicy"] = {"condition": "1 == 2"}
        code, document = self.sluice_json("run", self.write("p.json", never))
        self.assertEqual((code, document["tasks"]["root/only"]["state"]), (0, "SKIPPED"), document)
        code, out, err = self.sluice("logs", document["run_id"])
        self.assertEqual((code, out), (0, ""))
        self.assertIn("no logs", err)
        self.assertEqual(self.sluice_json("logs", document["run_id"])[1]["logs"], [])

    def test_lists_filter_and_are_cut(self):
        self.ended_run()
        self.ended_run("exit 1", name="other")
        code, document = self.sluice_json("list", "runs", "--filter", "state=FAILED")
        self.assertEqual([run["pipeline"] for run in document["runs"]], ["other"])
        code, document = self.sluice_json("list", "runs", "--limit", "1")
        self.assertEqual([run["pipeline"] for run in document["runs"]], ["other"], "newest first")
        code, out, _ = self.sluice("list", "runs")
        self.assertRegex(out, r"^RUN +STATE +CREATED +TIME +PIPELINE +NAME\n[0-9a-f]{8}  FAILED ")
        self.assertEqual([line for line in out.splitlines() if line != line.rstrip()], [])
        for bad in ("state=GREAT", "color=red", "state"):
            self.assertEqual(self.sluice_json("list", "runs", "--filter", bad)[0], 2, bad)
        code, document = self.sluice_json("list", "pipelines")
        self.assertEqual({row["name"]: row["runs"] for row in document["pipelines"]}, {"test": 1, "other": 1})
        self.assertEqual(self.sluice_json("get", "pipeline", "other")[1]["runs"][0]["state"], "FAILED")
        code, document = self.sluice_json("get", "pipeline", "ohter")
        self.assertEqual(code, 6)
        self.assertIn("did you mean 'other'", document["errors"][0]["message"])

    def test_a_reader_that_leaves_early_causes_no_storm_of_errors(self):
        self.ended_run("seq 1 200000")
        run = self.sluice_json("list", "runs")[1]["runs"][0]["run_id"]
        for words in (["list", "runs"], ["logs", run]):
            child = self.start(*words, "--data-dir", self.data)
            child.stdout.read(4)
            child.stdout.close()
            self.assertEqual(child.stderr.read(), "", words)
            child.stderr.close()
            self.assertIn(child.wait(timeout=60), (0, -signal.SIGPIPE), words)

    def test_a_run_goes_on_when_nobody_reads_its_progress(self):
        tasks = {f"t{i}": {"componentRef": {"name": "comp-a"}} for i in range(20)}
        file = self.write("p.json", pipeline(tasks=tasks, components={"comp-a": {"executorLabel": "a"}},
                                             executors={"a": shell("true")}))
        child = self.start("run", file, "--data-dir", self.data)
        child.stderr.readline()
        child.stderr.close()
        out = child.stdout.read()
        child.stdout.close()
        self.assertEqual(child.wait(timeout=60), 0, out)
        self.assertIn("SUCCEEDED", out)


class Parameters(Case):
    def printed(self, *words):
        code, document = self.sluice_json("run", self.write("typed.json", typed()), *words)
        self.assertEqual(code, 0, document)
        _, out, _ = self.sluice("logs", document["run_id"], "only", "--stdout")
        return dict(line.split("=", 1) for line in out.splitlines())

    def test_each_type_arrives_as_it_should(self):
        self.assertEqual(
            self.printed("-p", "int=-3", "-p", "double=0.25", "-p", "text=3", "-p", "flag=true", "-p", 'list=[1, "a"]',
                         "-p", 'struct={"k": [1]}'),
            {"int": "-3", "double": "0.25", "text": "3", "flag": "true", "list": '[1,"a"]', "struct": '{"k":[1]}'})

    def test_a_file_of_json_or_yaml_with_flags_on_top(self):
        values = {"int": 1, "double": 2.5, "text": "from file", "flag": False, "list": [], "struct": {}}
        out = self.printed("--params", self.write("a.json", values), "-p", "text=from flag")
        self.assertEqual((out["int"], out["text"], out["flag"], out["struct"]), ("1", "from flag", "false", "{}"))
        yaml = "int: 7\ndouble: 1.5\ntext: plain words\nflag: true\nlist: [x]\nstruct: {a: b}\n"
        out = self.printed("--params", self.write("a.yaml", yaml))
        self.assertEqual((out["int"], out["text"], out["list"]), ("7", "plain words", '["x"]'))

    def test_values_of_the_wrong_type_are_refused(self):
        file = self.write("typed.json", typed())
        for bad in ("int=many", "int=1.5", "flag=yes", "list={}", "struct=[]", "double=x"):
            code, document = self.sluice_json("run", file, "-p", bad)
            self.assertEqual(code, 2, (bad, document))
            self.assertIn(bad.split("=", maxsplit=1)[0], document["errors"][0]["message"])


class CommandLine(Case):
    def test_mistakes_are_one_json_document_where_json_was_asked_for(self):
        for words in (["run"], ["run", "p.json", "--frobnicate"], ["list", "run"], ["rnu"], ["run", "nowhere.json"],
                      ["get", "run"], ["check", "nowhere.json"], ["plan", "nowhere.json"], ["logs"], ["completion", "tcsh"]):
            child = self.start(*words, "--json")
            out, err = child.communicate(timeout=60)
            self.assertEqual((child.returncode, err), (2, ""), words)
            fields = {"file", "line", "column", "path", "code", "message", "hint"}
            self.assertEqual(set(json.loads(out)["errors"][0]), fields, words)

    def test_the_version_has_two_spellings(self):
        outs = [self.start(word).communicate(timeout=60)[0] for word in ("version", "--version")]
        self.assertRegex(outs[0], r"^sluice \d+\.\d+\.\d+\n$")
        self.assertEqual(*outs)

    def test_check_tells_good_from_bad(self):
        code, out, _ = self.sluice("check", self.write("good.json", simple("true")))
        self.assertEqual(code, 0)
        self.assertIn("no errors", out)
        code, document = self.sluice_json("check", self.write("bad.yaml", "pipelineInfo: [\n"))
        self.assertEqual(code, 2)
        self.assertEqual(document["errors"][0]["file"], str(self.folder / "bad.yaml"))
        self.assertIsInstance(document["errors"][0]["line"], int)

    def test_plan_shows_what_would_run(self):
        file = self.write("p.json", simple("true"))
        code, document = self.sluice_json("plan", file)
        self.assertEqual((code, [task["path"] for task in document["tasks"]]), (0, ["root/only"]))
        self.assertFalse(self.data.exists())


FAKE_KFP = {
    "kfp/__init__.py": "",
    "kfp/compiler.py": "import json\nclass Compiler:\n    def compile(self, chosen, out):\n"
                       "        json.dump(chosen.pipeline_func(), open(out, 'w'))\n",
    "kfp/dsl/base_component.py": "class BaseComponent: pass\n",
    "kfp/dsl/graph_component.py": "from .base_component import BaseComponent\nclass GraphComponent(BaseComponent):\n"
                                  "    def __init__(self, f): self.pipeline_func = f\n",
    "kfp/dsl/__init__.py": "from .graph_component import GraphComponent\ndef pipeline(f): return GraphComponent(f)\n",
}


class PythonFiles(Case):
    """With a kfp of our own, whose compiled pipeline is what the function returns: nothing is installed."""

    def setUp(self):
        super().setUp()
        for name, content in FAKE_KFP.items():
            path = self.folder / "lib" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.env = {"PYTHONPATH": str(self.folder / "lib"), "XDG_CACHE_HOME": str(self.folder / "cache")}

    def two_pipelines(self):
        return self.write("two.py", "from kfp import dsl\n" + "".join(
            f"@dsl.pipeline\ndef {name}():\n    return {simple(f'echo {name}', name=name)!r}\n" for name in ("first", "second")))

    def test_a_pipeline_of_a_file_is_chosen_by_its_name(self):
        file = self.two_pipelines()
        code, document = self.sluice_json("run", f"{file}:second", env=self.env)
        self.assertEqual((code, document["pipeline"]), (0, "second"), document)
        code, document = self.sluice_json("run", file, env=self.env)
        self.assertEqual(code, 2)
        self.assertIn("name one: ", document["errors"][0]["message"])
        self.assertEqual(document["errors"][0]["file"], str(file))
        code, document = self.sluice_json("check", f"{file}:third", env=self.env)
        self.assertEqual(code, 2)
        self.assertIn("it has: first, second", document["errors"][0]["message"])

    def test_a_syntax_error_is_told_in_pythons_words(self):
        code, out, err = self.sluice("run", self.write("bad.py", "x = 1\ndef broken(:\n    pass\n"), env=self.env)
        self.assertEqual((code, out), (2, ""))
        self.assertIn('bad.py", line 2', err)
        self.assertIn("SyntaxError", err)
        self.assertFalse(self.data.exists())

    def interrupted_while_compiling(self, number):
        fifo = self.folder / "started"
        os.mkfifo(fifo)
        file = self.write("slow.py", f"import os, signal\nopen({str(fifo)!r}, 'w').write(str(os.getpid()))\nsignal.pause()\n")
        child = self.start("run", file, "--json", "--data-dir", self.data, env=self.env)
        python = int(fifo.read_text())
        os.kill(child.pid, number)
        out, err = child.communicate(timeout=60)
        self.assertEqual(json.loads(out)["errors"][0]["code"], "cancelled", err)
        self.assertFalse(os.path.exists(f"/proc/{python}"), "the compiler is gone too")
        return child.returncode

    def test_control_c_ends_the_compiler_too(self):
        self.assertEqual(self.interrupted_while_compiling(signal.SIGINT), 130)

    def test_sigterm_while_compiling(self):
        self.assertEqual(self.interrupted_while_compiling(signal.SIGTERM), 143)


class Terminal:
    """A `sluice` whose stdout and stderr are a terminal of 80 x 24."""

    def __init__(self, case, *words, env=None):
        self.master, slave = pty.openpty()
        subprocess.run(["stty", "rows", "24", "cols", "80"], stdin=slave, check=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_") and k != "NO_COLOR"}
        self.child = subprocess.Popen([BINARY, *map(str, words), "--data-dir", str(case.data)], cwd=case.folder,
                                      stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                      env={**clean, "TERM": "xterm-256color", **(env or {})})
        os.close(slave)
        case.addCleanup(self.kill)
        self.text = ""

    def kill(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def read_until(self, pattern=None):
        """Reads to what matches, or to the end."""
        until = time.monotonic() + 60
        while pattern is None or not re.search(pattern, self.text):
            if time.monotonic() > until or not select.select([self.master], [], [], 60)[0]:
                raise AssertionError(f"{pattern} did not come: {self.text[-500:]!r}")
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other side has closed
                data = b""
            if not data:
                break
            self.text += data.decode()
        return self.text

    def end(self):
        self.read_until()
        os.close(self.master)
        return self.child.wait(timeout=60)


class People(Case):
    def test_a_terminal_gets_a_tree_and_its_cursor_back(self):
        terminal = Terminal(self, "run", self.write("p.json", simple("echo so it went >&2; exit 3")))
        self.assertEqual(terminal.end(), 1)
        self.assertEqual(terminal.text.count("\x1b[?25l"), terminal.text.count("\x1b[?25h"))
        end = terminal.text[terminal.text.rindex("\x1b[?25h"):]
        self.assertIn("so it went", end)
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.text)
        self.assertRegex(plain, r"✗ only +[0-9.]+s  exit code 3: so it went\r\nFAILED test")

    def test_control_c_gives_the_cursor_back(self):
        terminal = Terminal(self, "run", self.write("p.json", simple("echo; sleep 1000")))
        terminal.read_until("●.* only")
        os.kill(terminal.child.pid, signal.SIGINT)
        self.assertEqual(terminal.end(), 130)
        self.assertIn("cancelling", terminal.text)
        self.assertGreater(terminal.text.rindex("\x1b[?25h"), terminal.text.rindex("\x1b[?25l"))

    def test_sigterm_is_143(self):
        terminal = Terminal(self, "run", self.write("p.json", simple("sleep 1000")), env={"TERM": "dumb"})
        terminal.read_until("RUNNING root/only")
        os.kill(terminal.child.pid, signal.SIGTERM)
        self.assertEqual(terminal.end(), 143)

    def test_a_dumb_terminal_and_no_color_get_plain_text(self):
        terminal = Terminal(self, "run", self.write("p.json", simple("true")), env={"TERM": "dumb"})
        self.assertEqual(terminal.end(), 0)
        self.assertNotIn("\x1b", terminal.text)
        self.assertIn("SUCCEEDED root/only", terminal.text)
        terminal = Terminal(self, "run", self.write("p.json", simple("true")), env={"NO_COLOR": "1"})
        self.assertEqual(terminal.end(), 0)
        self.assertNotRegex(terminal.text, r"\x1b\[[0-9;]*m")

    def test_json_on_a_terminal_is_nothing_but_the_document_on_stdout(self):
        child = self.start("run", self.write("p.json", simple("echo hello")), "--json", "--data-dir", self.data)
        out, _ = child.communicate(timeout=60)
        self.assertEqual(json.loads(out)["state"], "SUCCEEDED")


if __name__ == "__main__":
    unittest.main()
