"""A training step of ten epochs is killed with -9 at epoch five: by itself, with its supervisor, with its server. The next
attempt goes on from its checkpoint, and makes the same model as one that nobody disturbed.
"""
import json
import os
import signal
import unittest

from sluice import Case, pipeline

MODEL = {"artifactType": {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}}
STRING = {"parameterType": "STRING"}

# argv: the checkpoint directory, the model's path, what happens at epoch 5 of the first attempt: "die", "wait", "nothing".
TRAIN = r"""
import hashlib, os, signal, sys
folder, model, luck = sys.argv[1:4]
path = os.path.join(folder, "checkpoint.txt")
epoch, state = 0, "seed"
if os.path.exists(path):
    print(f"Resuming from checkpoint: {path}", flush=True)
    done, state = open(path).read().split()
    epoch = int(done)
while epoch < 10:
    epoch += 1
    print(f"epoch {epoch}", flush=True)
    state = hashlib.sha256(f"{state} {epoch}".encode()).hexdigest()
    with open(path + ".new", "w") as file:
        file.write(f"{epoch} {state}")
    os.replace(path + ".new", path)
    if epoch == 5 and os.environ["KFP_RETRY_INDEX"] == "0":
        if luck == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        while luck == "wait":
            signal.pause()
os.makedirs(os.path.dirname(model), exist_ok=True)
with open(model, "w") as file:
    file.write(state)
"""


def training(luck, retries=2, how="given", annotations=None):
    """`how`: the parameter's value is given by the pipeline, is the component's default, or the variable is read."""
    declared = {"checkpoint_dir": dict(STRING), "luck": STRING}
    if how == "default":
        declared["checkpoint_dir"].update(defaultValue="sluice://checkpoint", isOptional=True)
    folder = "{{$.inputs.parameters['checkpoint_dir']}}"
    command = ["python3", "-c", TRAIN, folder, "{{$.outputs.artifacts['model'].path}}", "{{$.inputs.parameters['luck']}}"]
    if how == "variable":
        del declared["checkpoint_dir"]
        command = ["sh", "-c", 'exec python3 -c "$0" "$SLUICE_CHECKPOINT_DIR" "$1" "$2"', TRAIN, *command[-2:]]
    values = {"luck": {"runtimeValue": {"constant": luck}}}
    if how == "given":
        values["checkpoint_dir"] = {"runtimeValue": {"constant": "sluice://checkpoint"}}
    task = {"componentRef": {"name": "comp-train"}, "inputs": {"parameters": values}, "taskInfo": {"name": "train"},
            "retryPolicy": {"maxRetryCount": retries, "backoffDuration": "0s"}}
    spec = pipeline("training", {"train": task},
                    {"comp-train": {"executorLabel": "exec-train", "inputDefinitions": {"parameters": declared},
                                    "outputDefinitions": {"artifacts": {"model": MODEL}}}},
                    {"exec-train": {"container": {"image": "alpine", "command": command}}})
    if annotations:
        platform = {"deploymentSpec": {"executors": {"exec-train": {"podMetadata": {"annotations": annotations}}}}}
        return json.dumps(spec, indent=1) + "\n---\n" + json.dumps({"platforms": {"kubernetes": platform}})
    return spec


class Checkpoints(Case):
    def model_of(self, document):
        return document["tasks"]["root/train"]["output_artifacts"]["model"][0]["digest"]

    def unbroken(self):
        """The digest of the model of a run that nobody disturbed; in a data directory of its own."""
        data, self.data = self.data, self.folder / "unbroken"
        code, document = self.sluice_json("run", self.write("unbroken.json", training("nothing")))
        self.data = data
        self.assertEqual(code, 0, document)
        return self.model_of(document)

    def check_resumed(self, document, first_log=None):
        run, task = document["run_id"], document["tasks"]["root/train"]
        self.assertEqual(task["state"], "SUCCEEDED", document)
        _, log, _ = self.sluice("logs", run, "train", "--attempt", task["attempts"])
        lines = [line.split("| ")[-1] for line in log.splitlines()]
        self.assertIn("Resuming from checkpoint", lines[0])
        self.assertEqual([line for line in lines if "epoch" in line][0].split()[-1], "6", log)
        self.assertEqual(self.model_of(document), self.unbroken())
        self.until(lambda: not (self.data / "checkpoints" / run).exists(), "the end of the checkpoint")

    def test_a_step_that_dies_goes_on_in_its_next_attempt(self):
        for how in ("given", "default", "variable"):
            with self.subTest(how):
                self.data = self.folder / how
                code, document = self.sluice_json("run", self.write("p.json", training("die", how=how)))
                self.assertEqual(code, 0, document)
                self.assertEqual(document["tasks"]["root/train"]["attempts"], 2)
                self.check_resumed(document)

    def test_a_run_that_failed_goes_on_when_it_is_retried(self):
        code, document = self.sluice_json("run", self.write("p.json", training("die", retries=0)))
        self.assertEqual(code, 1, document)
        run = document["run_id"]
        self.assertEqual(os.listdir(self.data / "checkpoints" / run), ["train"])
        code, document = self.sluice_json("retry", run)
        self.assertEqual(code, 0, document)
        self.check_resumed(document)

    def kill_at_epoch_five(self, server, whom):
        """-> the run, of which the step waits at epoch 5 when `whom(run)` is killed."""
        _, out, _ = self.sluice("run", self.write("p.json", training("wait", retries=0)), "--detach")
        run = out.strip()
        self.until(lambda: "epoch 5" in self.sluice("logs", run, "train")[1], "epoch 5")
        path = self.data / "checkpoints" / run / "train" / "checkpoint.txt"
        self.until(lambda: path.exists() and path.read_text().startswith("5 "), "the checkpoint of epoch 5")
        for pid in whom(run):
            os.kill(pid, signal.SIGKILL)
        return run

    def supervisors(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if b"supervise" in words and str(self.data).encode() in words:
                found.append(int(pid))
        return found

    def ended(self, server, run):
        def look():
            status, document = server.get(f"/api/v1/runs/{run}")
            return document if status == 200 and document["state"] in ("SUCCEEDED", "FAILED", "CANCELED") else None
        return self.until(look, "the end of the run")

    def test_the_supervisor_is_killed(self):
        server = self.up()
        run = self.kill_at_epoch_five(server, lambda _: self.supervisors())
        self.check_resumed(self.ended(server, run))  # lost, which has a budget of its own

    def test_step_supervisor_and_server_are_killed_together(self):
        server = self.up()
        run = self.kill_at_epoch_five(server, lambda run: [server.pid, *self.supervisors(), *self.processes_of(run)])
        server.kill()
        self.check_resumed(self.ended(self.up(), run))

    def test_what_is_to_be_kept_stays(self):
        ways = {"flag": ["--keep-checkpoints"], "annotation": [], "setting": []}
        for way, flags in ways.items():
            with self.subTest(way):
                self.data = self.folder / way
                annotations = {"sluice.dev/keep-checkpoint": "true"} if way == "annotation" else None
                if way == "setting":
                    self.data.mkdir()
                    (self.data / "sluice.toml").write_text("keep_checkpoints = true\n")
                file = self.write("p.yaml", training("nothing", annotations=annotations))
                code, document = self.sluice_json("run", file, *flags)
                self.assertEqual(code, 0, document)
                self.assertEqual(os.listdir(self.data / "checkpoints" / document["run_id"] / "train"), ["checkpoint.txt"])

    def test_checkpoints_go_with_their_run(self):
        server = self.up()
        _, out, _ = self.sluice("run", self.write("p.json", training("nothing")), "--detach", "--keep-checkpoints")
        run = out.strip()
        self.ended(server, run)
        self.assertTrue((self.data / "checkpoints" / run / "train").exists())
        self.assertEqual(server.request("DELETE", f"/api/v1/runs/{run}")[0], 200)
        self.until(lambda: not (self.data / "checkpoints" / run).exists(), "the end of the checkpoints")


if __name__ == "__main__":
    unittest.main()
