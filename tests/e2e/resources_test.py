"""What tasks may use of the machine: memory limits and what a retry learns, pools, large tasks, accounting, budgets."""
import json
import sys
import unittest

from sluice import Case, pipeline, shell

HOG = f"{sys.executable} -c 'x = bytearray(300 << 20); print(len(x))'"


def task(name, component=None, after=()):
    return {"componentRef": {"name": "comp-" + (component or name)}, "taskInfo": {"name": name}, "dependentTasks": list(after)}


def steps(scripts, resources=None, annotations=None, after=None):
    """A pipeline of a task for each script; `resources`, `annotations` and `after` by the task's name."""
    document = pipeline("steps", {name: task(name, after=(after or {}).get(name, ())) for name in scripts},
                        {f"comp-{name}": {"executorLabel": f"exec-{name}"} for name in scripts},
                        {f"exec-{name}": shell(script) for name, script in scripts.items()})
    for name, asked in (resources or {}).items():
        document["deploymentSpec"]["executors"][f"exec-{name}"]["container"]["resources"] = asked
    if not annotations:
        return document
    marks = {f"exec-{name}": {"podMetadata": {"annotations": mark}} for name, mark in annotations.items()}
    return [document, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": marks}}}}]


class Resources(Case):
    def write(self, name, content):
        if not isinstance(content, list):
            return super().write(name, content)
        return super().write(name, "\n---\n".join(json.dumps(one) for one in content))

    def run_json(self, content, *flags, **options):
        return self.sluice_json("run", self.write("steps.yaml", content), *flags, **options)


class Memory(Resources):
    def test_a_step_that_runs_out_of_memory_gets_more_and_the_next_run_begins_with_that(self):
        hog = steps({"hog": HOG}, {"hog": {"resourceMemoryLimit": "200M"}})
        code, first = self.run_json(hog)
        self.assertEqual((code, first["state"]), (0, "SUCCEEDED"), first)
        self.assertEqual(first["tasks"]["root/hog"]["attempts"], 2)
        self.assertGreater(first["tasks"]["root/hog"]["usage"]["peak_memory_bytes"], 300 << 20)
        code, second = self.run_json(hog)
        self.assertEqual((code, second["tasks"]["root/hog"]["attempts"]), (0, 1), second)

    def test_what_does_not_fit_in_the_end_says_what_was_used_and_what_may_be(self):
        code, document = self.run_json(steps({"hog": HOG}, {"hog": {"resourceMemoryLimit": "20M"}}))
        failed = document["tasks"]["root/hog"]
        self.assertEqual((code, failed["state"], failed["attempts"]), (1, "FAILED", 3), document)
        self.assertRegex(failed["error"], r"out of memory: used [0-9.]+ MiB, the limit is 76\.3 MiB")


class Admission(Resources):
    def overlap(self, document):
        """Each task says when it begins and ends; the most that were between the two at once."""
        lines = (self.folder / "order").read_text().split()
        running, most = 0, 0
        for line in lines:
            running += 1 if line == "begin" else -1
            most = max(most, running)
        return most

    def script(self):
        # Long enough that two which may overlap do: each waits until the other could have begun.
        return f'echo begin >> "{self.folder}/order"; sleep 0.2; echo end >> "{self.folder}/order"'

    def test_a_pool_of_one_is_used_by_one_at_a_time(self):
        (self.folder / "sluice.toml").write_text("[pools]\ndb = 1\n")
        names = ["a", "b", "c"]
        code, document = self.run_json(steps(dict.fromkeys(names, self.script()),
                                             annotations=dict.fromkeys(names, {"sluice.dev/pool": "db"})), "--slots", "3")
        self.assertEqual(code, 0, document)
        self.assertEqual(self.overlap(document), 1)

    def test_a_pool_that_is_not_configured_is_no_limit_and_a_note(self):
        code, document = self.run_json(steps({"a": "true"}, annotations={"a": {"sluice.dev/pool": "db"}}))
        self.assertEqual(code, 0, document)
        self.assertIn("pool 'db' is not configured", " ".join(document["tasks"]["root/a"]["notes"]))

    def test_tasks_that_ask_for_more_than_there_is_run_one_by_one(self):
        code, document = self.run_json(steps({"a": self.script(), "b": self.script()},
                                             dict.fromkeys(["a", "b"], {"resourceCpuRequest": "1000"})), "--slots", "2")
        self.assertEqual(code, 0, document)
        self.assertEqual(self.overlap(document), 1)
        self.assertIn("asks for 1000 cpus", " ".join(document["tasks"]["root/a"]["notes"]))

    def test_a_large_task_is_not_starved_by_small_ones(self):
        note = f'echo {{}} >> "{self.folder}/order"'
        before = {f"a{i:02}": note.format("small") for i in range(10)}
        after = {f"z{i:02}": note.format("small") for i in range(60)}
        code, document = self.run_json(steps({**before, "m": note.format("large"), **after},
                                             {"m": {"resourceCpuRequest": "1000"}}), "--slots", "2")
        self.assertEqual(code, 0, document)
        place = (self.folder / "order").read_text().split().index("large")
        self.assertLessEqual(place, 10 + 8 + 2, "it may be passed eight times")

    def test_without_a_gpu_a_task_that_asks_for_one_runs_and_sees_none(self):
        (self.folder / "sluice.toml").write_text("[resources]\ngpus = 0\n")
        gpu = {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"}}
        code, document = self.run_json(steps({"a": 'test "${CUDA_VISIBLE_DEVICES-unset}" = ""'}, {"a": gpu}))
        self.assertEqual(code, 0, document)
        self.assertIn("this machine has none", " ".join(document["tasks"]["root/a"]["notes"]))

    def test_gpus_are_handed_out_by_index(self):
        (self.folder / "sluice.toml").write_text("[resources]\ngpus = 2\n")
        gpu = {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"}}
        seen = self.folder / "gpus"
        script = f'echo "$CUDA_VISIBLE_DEVICES" >> "{seen}"; while [ "$(wc -l < "{seen}")" != 2 ]; do sleep 0.01; done'
        code, document = self.run_json(steps({"a": script, "b": script}, {"a": gpu, "b": gpu}), "--slots", "2")
        self.assertEqual(code, 0, document)
        self.assertEqual(sorted(seen.read_text().split()), ["0", "1"])
        self.assertGreater(document["usage"]["gpu_seconds"], 0)


class Accounting(Resources):
    def test_tasks_and_runs_say_what_they_used(self):
        burn = f"{sys.executable} -c 'sum(range(3_000_000))'"
        code, document = self.run_json(steps({"a": burn, "b": burn}))
        self.assertEqual(code, 0, document)
        used = [document["tasks"][f"root/{name}"]["usage"] for name in "ab"]
        for usage in used:
            self.assertEqual(sorted(usage), ["cpu_seconds", "gpu_seconds", "peak_memory_bytes", "wall_seconds"])
            self.assertGreater(usage["cpu_seconds"], 0)
            self.assertGreater(usage["peak_memory_bytes"], 1 << 20)
        self.assertAlmostEqual(document["usage"]["cpu_seconds"], sum(usage["cpu_seconds"] for usage in used), places=4)
        self.assertEqual(document["usage"]["peak_memory_bytes"], max(usage["peak_memory_bytes"] for usage in used))
        _, shown = self.sluice_json("get", "run", document["run_id"])
        self.assertEqual(shown["usage"], document["usage"])
        _, table, _ = self.sluice("get", "run", document["run_id"])
        self.assertRegex(table, r"CPU +PEAK")


class Budgets(Resources):
    CHAIN = {"a": "sleep 0.1", "b": "true", "c": "true"}
    AFTER = {"b": ["a"], "c": ["b"]}

    def test_a_run_that_has_used_up_its_budget_is_cancelled_with_the_reason(self):
        code, document = self.run_json(steps(self.CHAIN, after=self.AFTER), "--budget", "wall=50ms")
        self.assertEqual((code, document["state"]), (1, "CANCELED"), document)
        self.assertRegex(document["error"], r"budget of the run is used up: [0-9.]+ s of 0\.05 s wall")
        self.assertEqual(document["tasks"]["root/a"]["state"], "SUCCEEDED")
        self.assertEqual(document["tasks"]["root/c"]["state"], "CANCELED")

    def test_the_budget_of_an_experiment_is_that_of_all_its_runs(self):
        (self.folder / "sluice.toml").write_text('[budgets.wine]\nwall = "50ms"\n')
        code, document = self.run_json(steps({"a": "sleep 0.1"}), "--experiment", "wine")
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)
        code, document = self.run_json(steps({"a": "true"}), "--experiment", "wine")
        self.assertEqual((code, document["state"]), (1, "CANCELED"), document)
        self.assertIn("budget of experiment 'wine' is used up", document["error"])
        code, document = self.run_json(steps({"a": "true"}), "--experiment", "beer")
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)

    def test_a_run_on_a_server_is_paused_if_the_experiment_says_so(self):
        config = self.write("server.toml", '[budgets.wine]\nwall = "50ms"\non_budget = "pause"\n')
        server = self.up("--config", config)
        body = {"spec": self.write("steps.yaml", steps(self.CHAIN, after=self.AFTER)).read_text(), "experiment": "wine"}
        status, _, answer = server.request("POST", "/api/v1/runs", body)
        self.assertEqual(status, 201, answer)
        run = json.loads(answer)["run_id"]
        def paused_run():
            shown = server.get(f"/api/v1/runs/{run}")[1]
            return shown if shown["state"] == "PAUSED" else None
        paused = self.until(paused_run, "a paused run")
        self.assertIn("budget of experiment 'wine' is used up", paused["paused_reason"])
        self.assertEqual(paused["tasks"]["root/c"]["state"], "PENDING")
        status, _, metrics = server.request("GET", "/metrics")
        self.assertIn(b'sluice_slots{of="machine"}', metrics)

    def test_a_budget_that_is_none_is_refused(self):
        code, document = self.run_json(steps({"a": "true"}), "--budget", "memory=2G")
        self.assertEqual(code, 2, document)
        self.assertIn("a budget has no 'memory'", document["errors"][0]["message"])


if __name__ == "__main__":
    unittest.main()
