"""The cache: what is known is not made again, whatever became of the run that made it."""
import json
import shutil
import unittest

from sluice import Case, pipeline, shell, simple

CACHED = {"cachingOptions": {"enableCache": True}}
TEXT = {"parameterType": "STRING"}
DATASET = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}


def load_and_count(load='echo "$1" > "$0"', count='wc -w < "$1" | tr -d "\\n" > "$0"; echo counted', caching=CACHED):
    """`load` writes the words that it is given, `count` says how many they are."""
    return pipeline(
        name="words",
        tasks={"load": {"componentRef": {"name": "comp-load"}, "taskInfo": {"name": "load"}, **caching,
                        "inputs": {"parameters": {"words": {"componentInputParameter": "words"}}}},
               "count": {"componentRef": {"name": "comp-count"}, "taskInfo": {"name": "count"}, **caching,
                         "dependentTasks": ["load"],
                         "inputs": {"artifacts": {"data": {"taskOutputArtifact": {
                             "producerTask": "load", "outputArtifactKey": "data"}}}}}},
        components={"comp-load": {"executorLabel": "exec-load", "inputDefinitions": {"parameters": {"words": TEXT}},
                                  "outputDefinitions": {"artifacts": {"data": DATASET}}},
                    "comp-count": {"executorLabel": "exec-count", "inputDefinitions": {"artifacts": {"data": DATASET}},
                                   "outputDefinitions": {"parameters": {"n": TEXT}}}},
        executors={"exec-load": shell(load, args=["{{$.outputs.artifacts['data'].path}}",
                                                  "{{$.inputs.parameters['words']}}"]),
                   "exec-count": shell(count, args=["{{$.outputs.parameters['n'].output_file}}",
                                                    "{{$.inputs.artifacts['data'].path}}"])},
        inputs={"words": TEXT})


class Cache(Case):
    def run_words(self, words, *flags, **how):
        file = self.write("words.json", load_and_count(**how))
        code, document = self.sluice_json("run", file, "-p", f"words={words}", *flags)
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)
        return document

    def states(self, document):
        return [document["tasks"][f"root/{name}"]["state"] for name in ("load", "count")]

    def why(self, document, task):
        code, why = self.sluice_json("why", document["run_id"], task)
        self.assertEqual(code, 0, why)
        return why

    def test_the_second_run_makes_nothing_and_has_everything(self):
        first = self.run_words("one two three")
        self.assertEqual(self.states(first), ["SUCCEEDED", "SUCCEEDED"])
        self.assertEqual(self.why(first, "load")["reason"], "it has never run before, as far as results are kept")
        shutil.rmtree(self.data / "runs" / first["run_id"])
        second = self.run_words("one two three")
        self.assertEqual(self.states(second), ["CACHED", "CACHED"])
        for name in ("load", "count"):
            then, now = first["tasks"][f"root/{name}"], second["tasks"][f"root/{name}"]
            self.assertEqual(now["output_parameters"], then["output_parameters"])
            self.assertTrue(now["cached"])
        data = second["tasks"]["root/load"]["output_artifacts"]["data"][0]
        self.assertIn(second["run_id"], data["uri"])
        with open(data["uri"], encoding="utf-8") as file:
            self.assertEqual(file.read(), "one two three\n")
        self.assertEqual(data["digest"], first["tasks"]["root/load"]["output_artifacts"]["data"][0]["digest"])
        why = self.why(second, "root/count")
        self.assertEqual((why["cache"], why["cached"], why["result"]["run_id"]), ("hit", True, first["run_id"]))
        code, text, _ = self.sluice("why", second["run_id"], "count")
        self.assertEqual(code, 0)
        self.assertIn(f"count of run {first['run_id'][:8]}", text)

    def test_a_changed_parameter_is_named_with_both_values(self):
        first = self.run_words("one two")
        second = self.run_words("three four five")
        self.assertEqual(self.states(second), ["SUCCEEDED", "SUCCEEDED"])
        why = self.why(second, "load")
        self.assertEqual(why["result"]["run_id"], first["run_id"])
        self.assertEqual(why["differences"], [{"what": "parameter 'words'", "before": '"one two"', "now": '"three four five"'}])
        why = self.why(second, "count")
        self.assertEqual([why["differences"][0][key] for key in ("what", "producer")], ["artifact 'data'", "root/load"])

    def test_code_that_makes_the_same_bytes_cuts_off_what_follows(self):
        self.run_words("a b")
        second = self.run_words("a b", load='printf "%s\\n" "$1" > "$0"')
        self.assertEqual(self.states(second), ["SUCCEEDED", "CACHED"])
        why = self.why(second, "load")
        self.assertEqual(why["differences"][0], {"what": "command[2]", "before": 'echo "$1" > "$0"',
                                                 "now": 'printf "%s\\n" "$1" > "$0"'})

    def test_nothing_is_taken_from_the_cache_where_it_is_off(self):
        self.run_words("a")
        run = self.run_words("a", "--no-cache")
        self.assertEqual(self.states(run), ["SUCCEEDED", "SUCCEEDED"])
        self.assertIn("--no-cache", self.why(run, "load")["reason"])
        run = self.run_words("a", caching={})
        self.assertEqual(self.states(run), ["SUCCEEDED", "SUCCEEDED"])
        self.assertEqual(self.why(run, "load")["reason"], "caching is off for this task")

    def test_what_failed_is_no_result(self):
        marker = self.folder / "works"
        file = self.write("fails.json", simple(f"test -e {marker}", **CACHED))
        code, document = self.sluice_json("run", file)
        self.assertEqual((code, document["state"]), (1, "FAILED"))
        marker.touch()
        code, document = self.sluice_json("run", file)
        self.assertEqual(document["tasks"]["root/only"]["state"], "SUCCEEDED")
        marker.unlink()
        code, document = self.sluice_json("run", file)
        self.assertEqual(document["tasks"]["root/only"]["state"], "CACHED")

    def test_content_that_is_gone_is_made_again(self):
        first = self.run_words("gone")
        digest = first["tasks"]["root/load"]["output_artifacts"]["data"][0]["digest"].removeprefix("sha256:")
        (self.data / "objects" / "sha256" / digest[:2] / digest[2:]).unlink()
        second = self.run_words("gone")
        self.assertEqual(self.states(second), ["SUCCEEDED", "CACHED"])
        self.assertEqual(self.states(self.run_words("gone")), ["CACHED", "CACHED"])

    def test_plan_says_what_would_be_cached(self):
        file = self.write("words.json", load_and_count())
        code, plan = self.sluice_json("plan", file, "-p", "words=x")
        self.assertEqual((code, [task["cached"] for task in plan["tasks"]]), (0, [False, False]))
        self.run_words("x")
        code, plan = self.sluice_json("plan", file, "-p", "words=x")
        self.assertEqual([task["cached"] for task in plan["tasks"]], [True, True])
        code, plan = self.sluice_json("plan", file, "-p", "words=y")
        tasks = {task["path"]: task for task in plan["tasks"]}
        self.assertEqual(tasks["root/load"]["reason"], "parameter 'words' has changed")
        self.assertEqual(tasks["root/count"]["reason"], "it depends on what is made before it")

    def test_equal_tasks_of_runs_at_the_same_time_run_once(self):
        server = self.up("--slots", "4")
        gate, log = self.folder / "gate", self.folder / "log"
        spec = json.dumps(simple(f"echo x >> {log}; while ! test -e {gate}; do sleep 0.05; done", **CACHED))
        runs = []
        for _ in range(4):
            status, _, body = server.request("POST", "/api/v1/runs", {"spec": spec})
            self.assertEqual(status, 201, body)
            runs.append(json.loads(body)["run_id"])
        self.until(log.exists, "the first task")

        def state(run):
            return server.get(f"/api/v1/runs/{run}/tasks")[1]["tasks"][0]["state"]

        self.until(lambda: sorted(map(state, runs)) == ["QUEUED", "QUEUED", "QUEUED", "RUNNING"], "one that runs")
        gate.touch()
        self.until(lambda: sorted(map(state, runs)) == ["CACHED", "CACHED", "CACHED", "SUCCEEDED"], "the end of all")
        self.assertEqual(log.read_text(), "x\n")
        status, _, body = server.request("GET", "/metrics")
        self.assertIn('sluice_cache_total{result="hit"} 3', body.decode())
        cached = next(run for run in runs if state(run) == "CACHED")
        run = server.get(f"/apis/v2beta1/runs/{cached}")[1]
        task = next(task for task in run["run_details"]["task_details"] if task["display_name"] == "only")
        self.assertEqual((task["state"], task["executor_detail"]["cached"]), ("SUCCEEDED", True))


if __name__ == "__main__":
    unittest.main()
