"""`sluice run` is killed with -9 at random moments and resumed, again and again: the run ends SUCCEEDED, no attempt is committed
twice, no half artifact is visible.

SLUICE_KILLS (default 50) kills in all, over several runs; SLUICE_SEED replays one sequence of moments.
"""
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import unittest

from sluice import Case, pipeline, shell

KILLS = int(os.environ.get("SLUICE_KILLS", "50"))
ARTIFACT = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}
TASKS = 12  # a chain of artifacts beside a loop: about a second of work


class Crash(Case):
    def test_kill_9_at_random_moments_loses_nothing(self):
        seed = int(os.environ.get("SLUICE_SEED", random.randrange(1 << 30)))
        moments, kills, runs = random.Random(seed), 0, 0
        file = self.write("p.json", self.chain())
        while kills < KILLS:
            self.data = self.folder / f"data{runs}"
            kills += self.kill_until_it_ends(file, moments, KILLS - kills, f"SLUICE_SEED={seed}")
            runs += 1
        print(f"{kills} kills over {runs} runs, seed {seed}")

    def chain(self):
        """Each task reads 200 kB, and writes them again with its own line on top."""
        components, executors, tasks = {}, {}, {}
        for i in range(TASKS):
            inputs = {} if i == 0 else {"inputDefinitions": {"artifacts": {"data": ARTIFACT}}}
            components[f"comp-{i}"] = {"executorLabel": f"exec-{i}", **inputs,
                                       "outputDefinitions": {"artifacts": {"data": ARTIFACT}}}
            source = "head -c 200000 /dev/zero" if i == 0 else 'cat "$1"'
            args = ["{{$.outputs.artifacts['data'].path}}"] + ([] if i == 0 else ["{{$.inputs.artifacts['data'].path}}"])
            executors[f"exec-{i}"] = shell(f'{{ echo "task {i}"; {source}; }} > "$0"', args=args)
            tasks[f"t{i}"] = {"componentRef": {"name": f"comp-{i}"}}
            if i:
                source = {"taskOutputArtifact": {"producerTask": f"t{i - 1}", "outputArtifactKey": "data"}}
                tasks[f"t{i}"]["inputs"] = {"artifacts": {"data": source}}
        components["comp-loop"] = {"executorLabel": "exec-loop",
                                   "inputDefinitions": {"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}}}
        executors["exec-loop"] = shell("true")
        tasks["loop"] = {"componentRef": {"name": "comp-loop"},
                         "parameterIterator": {"itemInput": "item", "items": {"raw": str(list(range(30)))}}}
        return pipeline("crash", tasks, components, executors)

    def kill_until_it_ends(self, file, moments, most, seed):
        words, kills = ["run", file, "--json"], 0
        while True:
            child = self.start(*words, "--data-dir", self.data)
            if kills < most:
                try:
                    child.wait(timeout=moments.uniform(0.005, 0.15))
                except subprocess.TimeoutExpired:
                    os.kill(child.pid, signal.SIGKILL)
                    kills += 1
            out, err = child.communicate(timeout=120)
            self.check_store(seed)
            if child.returncode == 0:
                self.check_end(seed)
                return kills
            self.assertEqual(child.returncode, -signal.SIGKILL, f"{seed}: {out[-800:]} {err[-800:]}")
            run = self.only_run()
            words = ["run", "--resume", run, "--json"] if run else ["run", file, "--json"]

    def only_run(self):
        rows = self.rows("SELECT lower(hex(uuid)), uuid FROM runs")
        if not rows:
            return None
        self.assertEqual(len(rows), 1)
        hexed, uuid = rows[0]
        return uuid if isinstance(uuid, str) else hexed

    def rows(self, query):
        if not (self.data / "sluice.db").exists():
            return []
        with sqlite3.connect(f"file:{self.data}/sluice.db", uri=True) as database:
            try:
                return database.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # killed before the schema was made
                    return []
                raise

    def check_store(self, seed):
        """At every moment: what is visible is whole, and nothing was committed twice."""
        committed = self.rows("SELECT payload FROM journal WHERE kind = 'attempt_succeeded'")
        self.assertEqual(len(committed), len(set(committed)), f"{seed}: an attempt was committed twice")
        for task, uri, digest in self.rows("SELECT task, uri, digest FROM artifacts"):
            content = pathlib.Path(uri).read_bytes()
            lines = content[: len(content) - 200000].decode().split("\n")[:-1]
            self.assertEqual(lines, [f"task {i}" for i in reversed(range(len(lines)))], f"{seed}: {uri} is not whole")
            self.assertTrue(digest, f"{seed}: artifact of task {task} has no digest")

    def check_end(self, seed):
        states = self.rows("SELECT path, state FROM tasks")
        self.assertEqual(len(states), TASKS + 1 + 30, f"{seed}: {states}")
        code, document = self.sluice_json("get", "run", self.only_run())
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), f"{seed}: {document}")
        self.assertEqual({t["state"] for t in document["tasks"].values()}, {"SUCCEEDED"}, f"{seed}: {document}")
        self.assertEqual(len(self.rows("SELECT 1 FROM artifacts")), TASKS, seed)


if __name__ == "__main__":
    unittest.main()
