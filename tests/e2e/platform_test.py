"""What a cluster gives a task and one machine stands in for: secrets, config maps, volumes, init containers, containers."""
import json
import os
import pathlib
import stat
import sys
import unittest

from sluice import Case, pipeline, shell

NAME = {"outputDefinitions": {"parameters": {"name": {"parameterType": "STRING"}}}}
PVC = {"inputDefinitions": {"parameters": {k: {"parameterType": "STRING", "isOptional": True}
                                           for k in ("pvc_name", "pvc_name_suffix")}}}
# Says what it was called with, and runs the command where it was called.
FAKE_ENGINE = f"""#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
if words[0] == "info":
    sys.exit(0)
record = {{"verb": words[0], "mounts": [], "env": [], "flags": []}}
while len(words) > 1 and words[1].startswith("-"):
    if words[1] == "--rm" or "=" in words[1]:
        record["flags"].append(words.pop(1))
        continue
    flag, value = words.pop(1), words.pop(1)
    if flag == "-v":
        record["mounts"].append(value)
    elif flag == "-e":
        record["env"].append(value)
    else:
        record[flag] = value
record["image"], record["args"] = words[1], words[2:]
with open(os.environ["FAKE_ENGINE_LOG"], "a") as log:
    print(json.dumps(record), file=log)
if record["verb"] == "run":
    for pair in record["env"]:
        if "=" in pair:
            os.environ[pair.split("=", 1)[0]] = pair.split("=", 1)[1]
    os.chdir(record["--workdir"])
    os.execvp(record["--entrypoint"], [record["--entrypoint"], *record["args"]])
"""


def constant(text):
    return {"runtimeValue": {"constant": text}}


class Platform(Case):
    def file(self, spec, **configs):
        """`configs`: executor -> its Kubernetes configuration."""
        executors = {"exec-" + name: config for name, config in configs.items()}
        platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
        return self.write("p.yaml", json.dumps(spec, indent=1) + "\n---\n" + json.dumps(platform, indent=1) + "\n")

    def one(self, script, config, image="alpine"):
        """-> (exit code, the document of the run) of one task `only`"""
        spec = pipeline(tasks={"only": {"componentRef": {"name": "comp-only"}}},
                        components={"comp-only": {"executorLabel": "exec-only"}},
                        executors={"exec-only": shell(script, image=image)})
        return self.sluice_json("run", self.file(spec, only=config))

    def put(self, path, text):
        path = self.data / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def log(self, document, task="only"):
        code, out, err = self.sluice("logs", document["run_id"], task)
        self.assertEqual(code, 0, err)
        return out

    def leftovers(self, text):
        """Files below the runs that hold `text`."""
        return [path for path in (self.data / "runs").rglob("*") if path.is_file() and text in path.read_bytes()]

    def assert_succeeded(self, code, document):
        self.assertEqual((code, document.get("state")), (0, "SUCCEEDED"), document)

    def test_a_secret_is_a_file_and_a_variable_and_is_in_no_log(self):
        self.put("secrets/db/password", "open-sesame")
        code, document = self.one(
            'test "$(cat /run-secrets/db/password)" = "$PASSWORD"; stat -c %a /run-secrets/db/password;'
            'echo "the password is $PASSWORD"; printf "open-"; printf "sesame\n" >&2; printf "sesame\n"; echo "$MODE"',
            {"secretAsVolume": [{"secretName": "db", "mountPath": "/run-secrets/db"}],
             "secretAsEnv": [{"secretName": "db", "keyToEnv": [{"secretKey": "password", "envVar": "PASSWORD"}]}],
             "configMapAsEnv": [{"configMapName": "settings", "optional": True,
                                 "keyToEnv": [{"configMapKey": "mode", "envVar": "MODE"}]}]})
        self.assert_succeeded(code, document)
        log = self.log(document)
        self.assertIn("400", log)
        self.assertIn("the password is ***", log)
        self.assertNotIn("open-sesame", log)
        self.assertFalse(os.path.exists("/run-secrets"))
        self.assertEqual(self.leftovers(b"open-sesame"), [])

    def test_the_error_of_a_failed_task_does_not_tell_a_secret(self):
        self.put("secrets/db/password", "open-sesame")
        code, document = self.one('echo "no such user: $PASSWORD" >&2; exit 3', {
            "secretAsEnv": [{"secretName": "db", "keyToEnv": [{"secretKey": "password", "envVar": "PASSWORD"}]}]})
        self.assertEqual(code, 1)
        self.assertIn("no such user: ***", document["tasks"]["root/only"]["error"])
        self.assertNotIn("open-sesame", json.dumps(document))

    def test_config_maps_have_their_own_place_and_their_own_rules(self):
        self.write("sluice.toml", '[config_maps.settings]\nmode = {env = "TEST_MODE"}\n')
        self.put("config_maps/files/a.conf", "x=1")
        spec = pipeline(tasks={"only": {"componentRef": {"name": "comp-only"}}},
                        components={"comp-only": {"executorLabel": "exec-only"}},
                        executors={"exec-only": shell('cat /etc/no-such-folder/a.conf; echo " $MODE"')})
        file = self.file(spec, only={
            "configMapAsVolume": [{"configMapName": "files", "mountPath": "/etc/no-such-folder"}],
            "configMapAsEnv": [{"configMapName": "settings", "keyToEnv": [{"configMapKey": "mode", "envVar": "MODE"}]}]})
        code, document = self.sluice_json("run", file, env={"TEST_MODE": "fast"})
        self.assert_succeeded(code, document)
        self.assertIn("x=1 fast", self.log(document))

    def test_what_is_missing_fails_before_the_start_and_says_where_it_was_looked_for(self):
        code, document = self.one("echo started", {"secretAsVolume": [{"secretName": "gone", "mountPath": "/gone"}]})
        self.assertEqual(code, 1)
        error = document["tasks"]["root/only"]["error"]
        self.assertIn("secret 'gone': not found", error)
        self.assertIn(str(self.data / "secrets/gone/KEY"), error)

    def volume_pipeline(self, suffix=None, name=None):
        """Makes a volume, writes to it, reads from it, removes it."""
        volume = {"taskOutputParameter": {"producerTask": "make", "outputParameterKey": "name"}}
        given = {"pvc_name": constant(name)} if name else {"pvc_name_suffix": constant(suffix)}
        spec = pipeline(
            tasks={"make": {"componentRef": {"name": "comp-make"}, "inputs": {"parameters": given}},
                   "fill": {"componentRef": {"name": "comp-fill"}, "dependentTasks": ["make"]},
                   "look": {"componentRef": {"name": "comp-look"}, "dependentTasks": ["fill"]},
                   "drop": {"componentRef": {"name": "comp-drop"}, "inputs": {"parameters": {"pvc_name": volume}},
                            "dependentTasks": ["look"]}},
            components={"comp-make": {"executorLabel": "exec-make", **PVC, **NAME}, "comp-fill": {"executorLabel": "exec-fill"},
                        "comp-look": {"executorLabel": "exec-look"}, "comp-drop": {"executorLabel": "exec-drop", **PVC}},
            executors={"exec-make": {"container": {"image": "argostub/createpvc"}},
                       "exec-drop": {"container": {"image": "argostub/deletepvc"}},
                       "exec-fill": shell("mkdir -p /data-of-it/models; echo hello > /data-of-it/models/file"),
                       "exec-look": shell("cat /elsewhere/deep/file")})
        return self.file(spec, fill={"pvcMount": [{"pvcNameParameter": volume, "mountPath": "/data-of-it"}]},
                         look={"pvcMount": [{"pvcNameParameter": volume, "mountPath": "/elsewhere/deep", "subPath": "models"}]})

    def test_a_volume_is_made_shared_and_removed(self):
        code, document = self.sluice_json("run", self.volume_pipeline(suffix="-mine"))
        self.assert_succeeded(code, document)
        name = document["tasks"]["root/make"]["output_parameters"]["name"]
        self.assertTrue(name.endswith("-mine") and name.startswith(document["run_id"]), name)
        self.assertIn("hello", self.log(document, "look"))
        self.assertEqual(list((self.data / "volumes").iterdir()), [])
        self.assertFalse(os.path.exists("/data-of-it") or os.path.exists("/elsewhere"))

    def test_a_volume_of_a_name_is_kept_between_runs(self):
        config = {"pvcMount": [{"constant": "cache", "mountPath": "/cache-of-it"}]}
        code, document = self.one("cat /cache-of-it/n 2>/dev/null || true; echo more >> /cache-of-it/n", config)
        self.assert_succeeded(code, document)
        self.assertIn("volume 'cache' was not there and has been made", json.dumps(document["tasks"]["root/only"]["notes"]))
        code, document = self.one("cat /cache-of-it/n", config)
        self.assert_succeeded(code, document)
        self.assertIn("more", self.log(document))
        self.assertEqual((self.data / "volumes/cache/n").read_text(), "more\n")

    def test_a_volume_that_others_have_mounted_is_not_removed(self):
        for name in ("began", "go"):
            os.mkfifo(self.folder / name)
        spec = pipeline(
            tasks={"user": {"componentRef": {"name": "comp-user"}}, "ready": {"componentRef": {"name": "comp-ready"}},
                   "drop": {"componentRef": {"name": "comp-drop"}, "inputs": {"parameters": {"pvc_name": constant("cache")}},
                            "dependentTasks": ["ready"]},
                   "after": {"componentRef": {"name": "comp-after"}, "dependentTasks": ["drop"],
                             "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}},
            components={**{f"comp-{name}": {"executorLabel": f"exec-{name}"} for name in ("user", "ready", "after")},
                        "comp-drop": {"executorLabel": "exec-drop", **PVC}},
            executors={"exec-user": shell(f"cd {self.folder}; echo x > began; read x < go; touch /cache-of-it/kept"),
                       "exec-ready": shell(f"read x < {self.folder}/began"), "exec-after": shell(f"echo x > {self.folder}/go"),
                       "exec-drop": {"container": {"image": "argostub/deletepvc"}}})
        code, document = self.sluice_json("run", self.file(
            spec, user={"pvcMount": [{"constant": "cache", "mountPath": "/cache-of-it"}]}), "--slots", "2")
        self.assertEqual(code, 1)
        self.assertEqual(document["tasks"]["root/drop"]["error"], "volume 'cache' is in use by task 'user'")
        self.assertEqual(document["tasks"]["root/user"]["state"], "SUCCEEDED")
        self.assertTrue((self.data / "volumes/cache/kept").exists())

    def test_an_init_container_fills_an_empty_volume(self):
        config = {"emptyDirMounts": [{"volumeName": "v", "mountPath": "/shared-data"}],
                  "initContainers": [{"name": "prepare", "image": "busybox:1.36", "command": ["sh", "-c"],
                                     "args": ['echo "$WORD" > /shared-data/marker'], "env": [{"name": "WORD", "value": "it's"}],
                                      "volumeMounts": [{"volumeName": "v", "mountPath": "/shared-data"}]}]}
        code, document = self.one('cat /shared-data/marker; echo "word=$WORD"', config)
        self.assert_succeeded(code, document)
        log = self.log(document)
        self.assertIn("init container prepare", log)
        self.assertIn("it's\nword=\n", log)
        self.assertFalse(os.path.exists("/shared-data"))
        config["initContainers"][0]["args"] = ["exit 9"]
        code, document = self.one("echo never", config)
        self.assertEqual((code, document["tasks"]["root/only"]["exit_code"]), (1, 9))
        self.assertNotIn("never", self.log(document))

    def test_a_field_without_effect_is_told_with_its_line(self):
        config = {"nodeSelector": {"labels": {"gpu": "x"}}}
        code, document = self.one("true", config)
        self.assert_succeeded(code, document)
        lines = (self.folder / "p.yaml").read_text().splitlines()
        line = next(n for n, text in enumerate(lines, 1) if "nodeSelector" in text)
        told = f"p.yaml:{line}:"
        self.assertTrue(any(told in note and "one machine" in note for note in document["tasks"]["root/only"]["notes"]), document)
        code, _, err = self.sluice("check", "p.yaml")
        self.assertEqual(code, 0)
        self.assertIn(told, err)
        code, out, _ = self.sluice("get", "run", document["run_id"])
        self.assertEqual(code, 0)
        self.assertIn(told, out)

    def engine(self):
        """A podman that is none, first on the PATH -> (environment, function for what it was asked)"""
        script = self.folder / "bin/podman"
        script.parent.mkdir()
        script.write_text(FAKE_ENGINE)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        log = self.folder / "engine.log"
        env = {"PATH": f"{script.parent}:{os.environ['PATH']}", "FAKE_ENGINE_LOG": str(log)}
        return env, lambda: [json.loads(line) for line in log.read_text().splitlines()]

    def test_an_image_runs_in_a_container_where_there_is_an_engine(self):
        env, asked = self.engine()
        self.put("secrets/db/password", "open-sesame")
        executor = {"container": {"image": "ghcr.io/me/trainer:1", "env": [{"name": "A", "value": "b"}],
                                  "command": ["sh", "-ec"],
                                  "args": ['echo "$A $PASSWORD"; printf done > "$0"',
                                           "{{$.outputs.parameters['x'].output_file}}"]}}
        spec = pipeline(tasks={"only": {"componentRef": {"name": "comp-only"}}},
                        components={"comp-only": {"executorLabel": "exec-only", "outputDefinitions": {
                            "parameters": {"x": {"parameterType": "STRING"}}}}}, executors={"exec-only": executor})
        file = self.file(spec, only={
            "secretAsEnv": [{"secretName": "db", "keyToEnv": [{"secretKey": "password", "envVar": "PASSWORD"}]}],
            "secretAsVolume": [{"secretName": "db", "mountPath": "/run-secrets"}],
            "pvcMount": [{"constant": "cache", "mountPath": "/cache-of-it"}]})
        code, document = self.sluice_json("run", file, env=env)
        self.assert_succeeded(code, document)
        self.assertEqual(document["tasks"]["root/only"]["output_parameters"], {"x": "done"})
        self.assertIn("b ***", self.log(document))
        [record] = asked()
        self.assertEqual((record["verb"], record["image"], record["--entrypoint"]), ("run", "ghcr.io/me/trainer:1", "sh"))
        self.assertEqual(record["--network"], "host")
        self.assertTrue(record["--name"].startswith("sluice-" + document["run_id"]), record)
        self.assertIn(f"{record['--workdir']}:{record['--workdir']}", record["mounts"])
        self.assertIn(f"{record['--workdir']}.params:{record['--workdir']}.params", record["mounts"])
        self.assertIn(f"{self.data}/volumes/cache:/cache-of-it", record["mounts"])
        self.assertTrue(any(mount.endswith(":/run-secrets:ro") for mount in record["mounts"]), record)
        self.assertIn("A=b", record["env"])
        self.assertIn("PASSWORD", record["env"])
        self.assertNotIn("open-sesame", json.dumps(record))

    def test_without_an_engine_both_ways_out_are_named(self):
        code, _, err = self.sluice("run", self.file(
            pipeline(tasks={"only": {"componentRef": {"name": "comp-only"}}},
                     components={"comp-only": {"executorLabel": "exec-only"}},
                     executors={"exec-only": shell("true", image="ghcr.io/me/trainer:1")})),
            env={"PATH": str(pathlib.Path(self.folder / "bin"))})
        self.assertEqual(code, 2, err)
        self.assertIn('[images] "ghcr.io/me/trainer:1" = "host"', err)
        self.assertIn("install podman or docker", err)


if __name__ == "__main__":
    unittest.main()
