"""Two terminals at one data directory: a run is live in one, the other runs, looks, reads logs and cancels."""
import os
import signal
import unittest

from sluice import Case, shell, pipeline, simple


class TwoTerminals(Case):
    def live_run(self, script):
        """A `sluice run` that has begun, and the id of its run."""
        started = self.folder / "started"
        os.mkfifo(started)
        file = self.write("live.json", simple(f'echo begun; echo > "{started}"; {script}'))
        child = self.start("run", file, "--json", "--data-dir", self.data)
        self.addCleanup(self.end, child)
        with open(started, encoding="utf-8") as pipe:
            pipe.read()  # comes when the task has begun
        code, document = self.sluice_json("list", "runs", "--filter", "state=RUNNING")
        self.assertEqual(code, 0)
        self.assertEqual(len(document["runs"]), 1, document)
        return child, document["runs"][0]["run_id"]

    def end(self, child):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()

    def test_a_run_is_cancelled_from_the_other_terminal(self):
        child, run = self.live_run("sleep 1000")
        code, out, err = self.sluice("cancel", run)
        self.assertEqual(code, 0, err)
        out, _ = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 1, out)
        self.assertIn('"CANCELED"', out)
        code, _, err = self.sluice("cancel", run)
        self.assertEqual(code, 6, err)

    def test_logs_of_a_live_run_can_be_followed_to_their_end(self):
        gate = self.folder / "gate"
        os.mkfifo(gate)
        child, run = self.live_run(f'read line < "{gate}"; echo "got $line"')
        logs = self.start("logs", run, "only", "--follow", "--data-dir", self.data)
        self.addCleanup(self.end, logs)
        self.assertEqual(logs.stdout.readline(), "begun\n")
        gate.write_text("through\n")
        self.assertEqual(logs.stdout.readline(), "got through\n")
        self.assertEqual(logs.wait(timeout=60), 0)
        self.assertEqual(child.wait(timeout=60), 0)

    def test_a_second_run_uses_the_first_ones_engine(self):
        gate = self.folder / "gate"
        os.mkfifo(gate)
        child, _ = self.live_run(f'read line < "{gate}"')
        code, document = self.sluice_json("run", self.write("second.json", simple("echo hello")), "--name", "second")
        self.assertEqual((code, document["state"], document["name"]), (0, "SUCCEEDED", "second"), document)
        gate.write_text("go\n")
        self.assertEqual(child.wait(timeout=60), 0)
        code, document = self.sluice_json("list", "runs")
        self.assertEqual([run["state"] for run in document["runs"]], ["SUCCEEDED", "SUCCEEDED"])

    def test_control_c_cancels_cleanly_and_leaves_no_process(self):
        child, run = self.live_run("sleep 1000")
        os.kill(child.pid, signal.SIGINT)
        out, _ = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, out)
        self.assertIn('"CANCELED"', out)
        self.assertEqual(self.processes_of(run), [])


class Retry(Case):
    def test_only_what_failed_runs_again(self):
        counts, flag = self.folder / "counts", self.folder / "flag"
        file = self.write("p.json", pipeline(
            tasks={"first": {"componentRef": {"name": "comp-first"}},
                   "second": {"componentRef": {"name": "comp-second"}, "dependentTasks": ["first"]},
                   "third": {"componentRef": {"name": "comp-third"}, "dependentTasks": ["second"]}},
            components={f"comp-{n}": {"executorLabel": f"exec-{n}"} for n in ("first", "second", "third")},
            executors={"exec-first": shell(f'echo first >> "{counts}"'),
                       "exec-second": shell(f'echo second >> "{counts}"; test -e "{flag}"'),
                       "exec-third": shell(f'echo third >> "{counts}"')}))
        code, document = self.sluice_json("run", file)
        self.assertEqual(code, 1)
        self.assertEqual({k: t["state"] for k, t in document["tasks"].items()},
                         {"root/first": "SUCCEEDED", "root/second": "FAILED", "root/third": "OMITTED"})
        flag.touch()
        code, document = self.sluice_json("retry", document["run_id"][:8])
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)
        self.assertEqual(counts.read_text().split(), ["first", "second", "second", "third"])
        self.assertEqual(document["tasks"]["root/second"]["attempts"], 2)
        code, document = self.sluice_json("retry", document["run_id"])
        self.assertEqual(code, 6, document)


if __name__ == "__main__":
    unittest.main()
