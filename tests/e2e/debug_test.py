"""What helps when a run is not as it should be: retry from a task, an edited pipeline, a shell where the step ran, two runs of
each step compared, two runs compared."""
import json
import os
import pathlib
import unittest

from sluice import Case, pipeline, shell

STRING = {"parameterType": "STRING"}
DATA = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}


def three(first="echo one", second='cat "$1"; echo two', third='cat "$1"; echo three', **more):
    """load -> train -> publish, each with an artifact `data`; all count their attempts in the folder of the test."""
    scripts = {"load": first, "train": second, "publish": third}
    tasks, components, executors, before = {}, {}, {}, None
    for name, script in scripts.items():
        args = ["{{$.outputs.artifacts['data'].path}}"]
        component = {"executorLabel": f"exec-{name}", "outputDefinitions": {"artifacts": {"data": DATA}},
                     "inputDefinitions": {"parameters": {"word": STRING}}}
        task = {"componentRef": {"name": f"comp-{name}"},
                "inputs": {"parameters": {"word": {"componentInputParameter": "word"}}} if name == "load" else {}}
        if name != "load":
            del component["inputDefinitions"]
        if before:
            component["inputDefinitions"] = {"artifacts": {"data": DATA}}
            source = {"taskOutputArtifact": {"producerTask": before, "outputArtifactKey": "data"}}
            task["inputs"] = {"artifacts": {"data": source}}
            args.append("{{$.inputs.artifacts['data'].path}}")
        else:
            args.append("{{$.inputs.parameters['word']}}")
        executors[f"exec-{name}"] = shell('mkdir -p "$(dirname "$0")"; exec 1>"$0"; ' + script, args=args)
        tasks[name], components[f"comp-{name}"], before = task, component, name
    return pipeline("three", tasks, components, executors, inputs={"word": {**STRING, "defaultValue": "x", "isOptional": True}},
                    **more)


class Debug(Case):
    def states(self, document):
        return {path.removeprefix("root/"): (task["state"], task["attempts"]) for path, task in document["tasks"].items()}

    def text_of(self, document, task):
        return pathlib.Path(document["tasks"][f"root/{task}"]["output_artifacts"]["data"][0]["uri"]).read_text()

    def in_shell(self, run, task, *command):
        """-> (exit code, stdout, stderr) of a command where the step ran"""
        child = self.start("shell", run, task, "--data-dir", self.data, "--", *command)
        out, err = child.communicate(timeout=120)
        return child.returncode, out, err

    def run_of(self, spec, *flags, code=0):
        got, document = self.sluice_json("run", self.write("p.json", spec), *flags)
        self.assertEqual(got, code, document)
        return document

    def test_a_success_is_run_again_from_a_task_on(self):
        run = self.run_of(three())["run_id"]
        code, document = self.sluice_json("retry", run, "--from", "train")
        self.assertEqual(code, 0, document)
        self.assertEqual(self.states(document),
                         {"load": ("SUCCEEDED", 1), "train": ("SUCCEEDED", 2), "publish": ("SUCCEEDED", 2)})
        self.assertEqual(self.text_of(document, "publish"), "one\ntwo\nthree\n")
        code, document = self.sluice_json("retry", run, "--from", "root/publish")
        self.assertEqual(self.states(document)["publish"], ("SUCCEEDED", 3))
        code, out, err = self.sluice("retry", run, "--from", "trian")
        self.assertEqual(code, 6, out)
        self.assertIn("did you mean 'root/train'?", err)
        code, _, err = self.sluice("retry", run)
        self.assertEqual(code, 6)
        self.assertIn("--from", err)

    def test_a_server_runs_from_a_task_on(self):
        server = self.up()
        run = self.run_of(three())["run_id"]
        status, _, body = server.request("POST", f"/api/v1/runs/{run}/retry", {"from": "publish"})
        self.assertEqual(status, 200, body)

        def again():
            task = server.get(f"/api/v1/runs/{run}")[1]["tasks"]["root/publish"]
            return task["attempts"] == 2 and task["state"] == "SUCCEEDED"
        self.until(again, "the second attempt")
        server.kill()  # and what a server left is run again from a task on, too
        server = self.up()
        code, document = self.sluice_json("retry", run, "--from", "load")
        self.assertEqual(code, 0, document)
        self.assertEqual(self.states(document)["publish"], ("SUCCEEDED", 3))

    def test_an_edited_pipeline_keeps_what_is_as_it_was(self):
        failed = self.run_of(three(third="exit 3"), code=1)
        run = failed["run_id"]
        fixed = self.write("fixed.json", three(third='cat "$1"; echo fixed'))
        code, document = self.sluice_json("run", "--resume", run, fixed)
        self.assertEqual(code, 0, document)
        self.assertEqual(document["run_id"], run)
        self.assertEqual(self.states(document), {"load": ("CACHED", 1), "train": ("CACHED", 1), "publish": ("SUCCEEDED", 1)})
        self.assertEqual(self.text_of(document, "publish"), "one\ntwo\nfixed\n")
        # A task in the middle: what follows runs if it is given something else, also in a run that has succeeded.
        same = self.write("same.json", three(second='cat "$1"; echo two; true', third='cat "$1"; echo fixed'))
        code, document = self.sluice_json("run", "--resume", run, same)
        self.assertEqual(self.states(document), {"load": ("CACHED", 1), "train": ("SUCCEEDED", 1), "publish": ("CACHED", 1)})
        # Parameters of before stay unless they are given.
        code, document = self.sluice_json("run", "--resume", run, same, "-p", "word=y")
        self.assertEqual(document["parameters"], {"word": "y"})
        self.assertEqual(self.states(document), {"load": ("SUCCEEDED", 1), "train": ("CACHED", 1), "publish": ("CACHED", 1)})
        # As it is: there is nothing to do.
        code, document = self.sluice_json("run", "--resume", run, same)
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"))

    def test_an_edited_pipeline_that_is_wrong_changes_nothing(self):
        run = self.run_of(three(third="exit 3"), code=1)["run_id"]
        wrong = three()
        wrong["root"]["dag"]["tasks"]["train"]["componentRef"]["name"] = "comp-trian"
        code, _, err = self.sluice("run", "--resume", run, self.write("wrong.json", wrong))
        self.assertEqual(code, 2, err)
        _, document = self.sluice_json("get", "run", run)
        self.assertEqual(self.states(document)["publish"], ("FAILED", 1))

    def test_a_server_goes_on_with_an_edited_pipeline(self):
        server = self.up()
        run = self.run_of(three(third="exit 3"), code=1)["run_id"]
        code, document = self.sluice_json("run", "--resume", run, self.write("fixed.json", three()))
        self.assertEqual(code, 0, document)
        self.assertEqual(self.states(document), {"load": ("CACHED", 1), "train": ("CACHED", 1), "publish": ("SUCCEEDED", 1)})
        self.assertEqual(server.get(f"/api/v1/runs/{run}")[1]["state"], "SUCCEEDED")

    def test_a_step_is_run_alone_to_the_same_failure(self):
        failed = self.run_of(three(third='cat "$1"; touch here; exit 3'), code=1)
        run = failed["run_id"]
        before = sorted(os.listdir(self.data / "runs" / run))
        code, document = self.sluice_json("shell", run, "publish", "--run")
        self.assertEqual((code, document["exit_code"], document["task"]), (1, 3, "root/publish"))
        code, _, err = self.sluice("shell", run, "root/publish", "--run")
        self.assertEqual(code, 1)
        self.assertIn("exit code 3, as in its run", err)
        self.assertEqual(sorted(os.listdir(self.data / "runs" / run)), before)
        self.assertEqual(self.sluice("shell", run, "train", "--run")[0], 0)

    def test_a_command_runs_where_the_step_ran(self):
        run = self.run_of(three(third='cat "$1"; exit 3'), code=1)["run_id"]
        script = 'cat "$PWD.in/data/data"; echo changed >> "$PWD.in/data/data"; echo "$KFP_RETRY_INDEX"; exit 7'
        code, out, err = self.in_shell(run, "publish", "sh", "-c", script)
        self.assertEqual((code, out), (7, "one\ntwo\n0\n"), err)
        # What was changed was a copy.
        self.assertEqual(self.in_shell(run, "publish", "sh", "-c", 'cat "$PWD.in/data/data"')[1], "one\ntwo\n")
        code, out, err = self.sluice("shell", run, "publish", env={"SHELL": "/bin/true"})
        self.assertEqual(code, 0, err)
        self.assertIn("root/publish, attempt 1: FAILED with exit code 3", err)
        self.assertIn("sluice-step", err)
        code, _, err = self.sluice("shell", run, "pubish")
        self.assertEqual(code, 6)
        self.assertIn("did you mean", err)
        self.assertEqual(self.sluice("shell", run, "publish", "--attempt", "2")[0], 6)

    def test_steps_that_are_not_repeatable_are_named(self):
        spec = three(second='cat "$1"; head -c 8 /dev/urandom | od -An -tx1')
        file = self.write("p.json", spec)
        code, out, _ = self.sluice("run", file, "--verify")
        self.assertEqual(code, 1, out)
        self.assertIn("root/train: output 'data' differs between two runs of the step: sha256:", out)
        self.assertIn("an unset seed?", out)
        self.assertNotIn("root/publish: output", out)  # it follows
        code, document = self.sluice_json("run", file, "--verify")
        self.assertEqual(code, 1)
        self.assertFalse(document["verify"]["same"])
        culprits = [d["task"] for d in document["verify"]["differences"] if not d["follows"]]
        self.assertEqual(culprits, ["root/train"])
        code, document = self.sluice_json("run", self.write("good.json", three()), "--verify")
        self.assertEqual((code, document["verify"]["same"]), (0, True))
        self.assertEqual(self.sluice("run", file, "--verify", "--detach")[0], 2)

    def test_two_runs_are_compared(self):
        a = self.run_of(three())["run_id"]
        b = self.run_of(three(), "-p", "word=y")["run_id"]
        c = self.run_of(three(second='cat "$1"; echo TWO'))["run_id"]
        code, document = self.sluice_json("diff", "run", a, b)
        self.assertEqual(code, 0)
        self.assertEqual((document["first"]["what"], document["first"]["name"]), ("parameter", "word"))
        self.assertEqual([document["first"]["a"], document["first"]["b"]], [json.dumps("x"), json.dumps("y")])
        code, document = self.sluice_json("diff", a, c)
        self.assertEqual((document["first"]["task"], document["first"]["what"]), ("root/train", "code"))
        self.assertTrue(any(d["task"] == "root/publish" and d["what"] == "input" for d in document["differences"]))
        code, out, _ = self.sluice("diff", "run", a, c)
        self.assertIn("first difference  root/train: code", out)
        self.assertEqual(self.sluice("diff", "run", a, self.run_of(three())["run_id"])[1], "the runs do not differ\n")
        self.assertEqual(self.sluice("diff", "run", a, "ffff0000")[0], 6)


if __name__ == "__main__":
    unittest.main()
