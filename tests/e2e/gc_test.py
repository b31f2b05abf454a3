"""sluice gc, and what tells others that a run has ended: from the outside."""
import http.server
import json
import os
import pathlib
import signal
import threading
import unittest

from sluice import Case, pipeline, shell, simple


def maker(script="echo hello > $1", name="made"):
    """A pipeline whose task `only` leaves an artifact."""
    component = {"outputDefinitions": {"artifacts": {"out": {"artifactType": {"schemaTitle": "system.Dataset"}}}}}
    return simple(f'mkdir -p "$(dirname "$1")"; {script}', name=name,
                  args=("sh", "{{$.outputs.artifacts['out'].path}}"), component=component)


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.end_headers()
        self.server.notices.append(json.loads(body))

    def log_message(self, *_):
        pass


class GarbageCase(Case):
    """With Python environments of its own: those of the machine are nobody's to collect here."""

    def setUp(self):
        super().setUp()
        self.caches = {"XDG_CACHE_HOME": str(self.folder / "cache")}

    def start(self, *words, **options):
        return super().start(*words, **{**options, "env": {**self.caches, **options.get("env", {})}})

    def objects(self):
        return sorted(p for p in (self.data / "objects/sha256").rglob("*") if p.is_file())

    def run_pipeline(self, document, *words):
        code, out = self.sluice_json("run", self.write("p.json", document), *words)
        self.assertEqual(code, 0, out)
        return out

    def numbers(self, document):
        return {kind["kind"]: kind["number"] for kind in document["kinds"] if kind["number"]}

    def hook(self, *statuses):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        server.statuses, server.notices = list(statuses), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, f"http://127.0.0.1:{server.server_port}/hook"


class Gc(GarbageCase):
    def settings(self, text):
        self.write("sluice.toml", text)

    def test_without_data_says_so(self):
        code, _, err = self.sluice("gc")
        self.assertEqual(code, 6)
        self.assertIn("no data in", err)

    def test_keeps_what_runs_name_and_removes_the_rest(self):
        kept = self.run_pipeline(maker("echo kept > $1"))
        stray = self.data / "objects/sha256/ab" / ("c" * 62)
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("stray")
        before = self.objects()
        code, dry = self.sluice_json("gc", "--dry-run", "--grace", "0s")
        self.assertEqual(code, 0)
        # Objects of the last second stay: the clock of files is late.
        self.until(lambda: self.sluice_json("gc", "--dry-run", "--grace", "0s")[1]["kinds"][2]["number"] == 1, "age")
        self.assertEqual(self.objects(), before)
        code, done = self.sluice_json("gc", "--grace", "0s")
        self.assertEqual(code, 0)
        self.assertFalse(done["dry_run"])
        self.assertEqual(self.numbers(done), {"objects": 1})
        self.assertFalse(stray.exists())
        digest = kept["tasks"]["root/only"]["output_artifacts"]["out"][0]["digest"]
        self.assertTrue((self.data / "objects/sha256" / digest[7:9] / digest[9:]).exists())
        code, out, _ = self.sluice("gc")
        self.assertEqual(code, 0)
        self.assertIn("freed 0", out)

    def test_a_dry_run_makes_no_file(self):
        self.run_pipeline(maker())
        before = sorted(str(p) for p in self.data.rglob("*"))
        self.assertEqual(self.sluice("gc", "--dry-run")[0], 0)
        after = [p for p in sorted(str(p) for p in self.data.rglob("*")) if not p.endswith(("-shm", "-wal"))]
        self.assertEqual(after, [p for p in before if not p.endswith(("-shm", "-wal"))])

    def test_runs_older_than_the_settings_say_go(self):
        self.settings('[retention]\nruns = "0s"\ncache = "0s"\n')
        old = self.run_pipeline(maker())
        self.until(lambda: self.sluice_json("gc", "--dry-run", "--grace", "0s")[1]["size_bytes"] > 0, "age")
        code, done = self.sluice_json("gc", "--grace", "0s")
        self.assertEqual(code, 0)
        self.assertEqual(self.numbers(done)["runs"], 1)
        self.assertEqual(self.numbers(done)["folders"], 1)
        self.assertEqual(self.objects(), [])
        self.assertFalse((self.data / "runs" / old["run_id"]).exists())
        self.assertEqual(self.sluice("get", "run", old["run_id"])[0], 6)

    def test_beside_running_tasks_nothing_that_they_need_goes(self):
        """Eight tasks in a chain hand on what they were given while garbage is collected all the time."""
        executors, components, tasks = {}, {}, {}
        artifact = {"artifactType": {"schemaTitle": "system.Dataset"}}
        for i in range(8):
            component = {"executorLabel": f"exec-{i}", "outputDefinitions": {"artifacts": {"out": artifact}}}
            task = {"componentRef": {"name": f"comp-{i}"}, "taskInfo": {"name": f"t{i}"}}
            args = ["sh", "{{$.outputs.artifacts['out'].path}}"]
            script = 'mkdir -p "$(dirname "$1")"; '
            if i:
                component["inputDefinitions"] = {"artifacts": {"in": artifact}}
                source = {"taskOutputArtifact": {"producerTask": f"t{i-1}", "outputArtifactKey": "out"}}
                task["inputs"] = {"artifacts": {"in": source}}
                task["dependentTasks"] = [f"t{i-1}"]
                args.append("{{$.inputs.artifacts['in'].path}}")
                script += 'cat "$2" > "$1"; '
            executors[f"exec-{i}"] = shell(script + f"echo line {i} >> $1", args=args)
            components[f"comp-{i}"], tasks[f"t{i}"] = component, task
        server = self.up(env=self.caches)
        self.write("chain.json", pipeline("chain", tasks, components, executors))
        runs = [self.sluice_json("run", self.folder / "chain.json", "--no-cache", "--detach")[1]["run_id"] for _ in range(4)]

        def states():
            return {server.get(f"/api/v1/runs/{run}")[1]["state"] for run in runs}

        collections = 0
        while states() & {"PENDING", "RUNNING"}:
            status, _, _ = server.request("POST", "/api/v1/gc", {"grace": "0s"})
            self.assertIn(status, (202, 409))
            collections += status == 202
        self.assertEqual(states(), {"SUCCEEDED"})
        self.assertGreater(collections, 0)
        self.until(lambda: not server.get("/api/v1/gc")[1]["running"], "its end")
        self.assertIsNone(server.get("/api/v1/gc")[1]["error"])
        for run in runs:
            tasks = self.sluice_json("get", "run", run)[1]["tasks"]
            artifact = tasks["root/t7"]["output_artifacts"]["out"][0]
            kept = self.data / "objects/sha256" / artifact["digest"][7:9] / artifact["digest"][9:]
            self.assertEqual(kept.read_text(), "".join(f"line {i}\n" for i in range(8)))

    def test_kill_in_the_middle_leaves_a_store_that_is_whole(self):
        kept = self.run_pipeline(maker("echo kept > $1"))
        for round_ in range(3):
            for i in range(3000):
                name = f"{round_:x}{i:061x}"
                folder = self.data / "objects/sha256" / f"{i % 256:02x}"
                folder.mkdir(exist_ok=True)
                (folder / name).touch()
            self.until(lambda: self.sluice_json("gc", "--dry-run", "--grace", "0s")[1]["kinds"][2]["number"] >= 3000, "age")
            before = len(self.objects())
            child = self.start("gc", "--grace", "0s", "--data-dir", self.data)
            self.until(lambda: child.poll() is not None or len(self.objects()) < before, "a removal")
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            code, document = self.sluice_json("get", "run", kept["run_id"])
            self.assertEqual((code, document["state"]), (0, "SUCCEEDED"))
        self.assertEqual(self.sluice("gc", "--grace", "0s")[0], 0)
        self.assertEqual(len(self.objects()), 1)

    def test_odd_files_in_a_folder_never_lead_outside(self):
        self.run_pipeline(maker())
        outside = self.folder / "outside"
        outside.mkdir()
        (outside / "precious").write_text("mine")
        gone = self.data / "runs" / "01234567-89ab-cdef-0123-456789abcdef"
        (gone / "deep").mkdir(parents=True)
        (gone / "link").symlink_to(outside)
        (gone / "deep" / "up").symlink_to("../../..")
        os.mkfifo(gone / "deep" / "pipe")
        (gone / "deep" / "odd\nname \udcff").write_text("x")
        (gone / "deep").chmod(0o000)
        code, done = self.sluice_json("gc")
        self.assertEqual((code, done["problems"]), (0, []))
        self.assertFalse(gone.exists())
        self.assertEqual((outside / "precious").read_text(), "mine")

    def test_an_environment_goes_when_it_was_not_used_for_long(self):
        cache = self.folder / "cache"
        envs = cache / "sluice/envs"
        for key in ("a" * 64, "b" * 64):
            (envs / key / "bin").mkdir(parents=True)
            (envs / key / "bin/python3").symlink_to("/bin/sh")
            (envs / key / "sluice-env.json").write_text(json.dumps(
                {"key": key, "interpreter_version": "3.11.7", "tool": "uv", "requirements": ["six"], "installed": ["six==1.0"],
                 "built_at": "2020-01-01T00:00:00Z"}))
        (envs / ("b" * 64 + ".use")).touch()  # used just now
        self.run_pipeline(maker())
        code, doctor = self.sluice_json("doctor")
        self.assertEqual({e["key"][0] for e in doctor["environments"]}, {"a", "b"})
        self.assertEqual(doctor["environments"][0]["installed"], ["six==1.0"])
        code, done = self.sluice_json("gc")
        self.assertEqual(self.numbers(done), {"environments": 1})
        self.assertFalse((envs / ("a" * 64)).exists())
        self.assertTrue((envs / ("b" * 64)).exists())

    def test_a_bad_setting_is_told_with_its_place(self):
        self.settings('[retention]\nruns = "soon"\n')
        code, _, err = self.sluice("gc")
        self.assertEqual(code, 2)
        self.assertIn("sluice.toml:2", err)
        self.assertEqual(self.sluice("gc", "--grace", "often", env={"HOME": "/"})[0], 2)


class Notices(GarbageCase):
    def test_the_end_of_a_run_is_told(self):
        server, url = self.hook()
        run = self.run_pipeline(simple("true"), "--notify", url)
        (notice,) = server.notices
        self.assertEqual(notice["specversion"], "1.0")
        self.assertEqual(notice["type"], "dev.sluice.run.ended")
        self.assertEqual(notice["data"]["run_id"], run["run_id"])
        self.assertEqual(notice["data"]["state"], "SUCCEEDED")

    def test_settings_say_who_is_told_and_of_what(self):
        server, url = self.hook()
        out = self.folder / "notice.json"
        self.write("sluice.toml", f'[notify]\nurl = "{url}"\ncommand = ["sh", "-c", "cat > {out}"]\non = ["FAILED"]\n')
        self.run_pipeline(simple("true"))
        self.assertEqual(server.notices, [])
        self.assertEqual(self.sluice("run", self.write("bad.json", simple("exit 3")))[0], 1)
        (notice,) = server.notices
        self.assertEqual(notice["data"]["state"], "FAILED")
        self.assertIn("exit code 3", notice["data"]["error"])
        self.assertEqual(json.loads(out.read_text()), notice)

    def test_an_annotation_of_a_task_asks_for_it_too(self):
        server, url = self.hook(500)
        document = simple("true")
        path = self.folder / "annotated.yaml"
        platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-only": {
            "podMetadata": {"annotations": {"sluice.dev/notify": url}}}}}}}}
        path.write_text(json.dumps(document) + "\n---\n" + json.dumps(platform) + "\n")
        self.assertEqual(self.sluice("run", path)[0], 0)
        self.assertEqual(len(server.notices), 2, "the first was answered with 500")
        self.assertEqual(server.notices[0]["id"], server.notices[1]["id"])

    def test_what_is_no_url_is_refused(self):
        code, _, err = self.sluice("run", self.write("p.json", simple("true")), "--notify", "somebody")
        self.assertEqual(code, 2)
        self.assertIn("somebody", err)

    def test_a_notice_survives_the_server(self):
        server, url = self.hook()
        gone = self.folder / "not-yet"
        self.write("sluice.toml", f'[notify]\ncommand = ["sh", "-c", "test -e {gone} && cat > {gone}.json"]\n')
        # It is killed while the command of the first one fails, and fails again.
        up = self.up()
        run = self.sluice_json("run", self.write("p.json", simple("true")), "--detach", "--notify", url)[1]["run_id"]
        self.until(lambda: server.notices, "a notice")
        up.kill()
        gone.touch()
        self.up()
        written = pathlib.Path(f"{gone}.json")
        notice = self.until(lambda: written.exists() and written.read_text(), "a notice")
        self.assertEqual(json.loads(notice)["data"]["run_id"], run)

    def test_who_does_not_answer_holds_up_nobody(self):
        server, url = self.hook(500, 500, 500)
        code, _, err = self.sluice("run", self.write("p.json", simple("true")), "--notify", url)
        self.assertEqual(code, 0)
        self.assertEqual(len(server.notices), 3)
        self.assertIn("could not be told", err)


if __name__ == "__main__":
    unittest.main()
