"""`sluice up` and `down`, and the verbs as clients: of a server by URL, by its socket, and of the directory itself."""
import concurrent.futures
import json
import os
import re
import signal
import socket
import unittest

from sluice import Case, pipeline, shell, simple


class Served(Case):
    """Helpers for tests with a server."""

    def live_run(self, server, script="sleep 1000", name="live"):
        """A detached run whose task has begun; its id. The script finds `$GATE`, a pipe that `self.gate` names."""
        started, self.gate = self.folder / f"{name}.started", self.folder / f"{name}.gate"
        os.mkfifo(started)
        os.mkfifo(self.gate)
        file = self.write(f"{name}.json", simple(f'GATE="{self.gate}"; echo begun; echo > "{started}"; {script}', name=name))
        code, document = self.sluice_json("run", file, "--detach", "--server", server.url)
        self.assertEqual((code, set(document)), (0, {"run_id", "state"}), document)
        run = document["run_id"]
        self.addCleanup(self.end_tasks, run)
        with open(started, encoding="utf-8") as pipe:
            pipe.read()
        return run

    def end_tasks(self, run):
        for pid in self.processes_of(run):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass

    def state(self, run, *where):
        return self.sluice_json("get", "run", run, *where)[1]["state"]

    def ended(self, run, *where):
        """The run's document, once it has ended."""
        def look():
            document = self.sluice_json("get", "run", run, *where)[1]
            return document if document["state"] in ("SUCCEEDED", "FAILED", "CANCELED") else None
        return self.until(look, f"the end of run {run}")


class UpAndDown(Served):
    def test_one_line_a_ready_file_and_health(self):
        server = self.up()
        self.assertEqual(server.line, f"Sluice is up: {server.url}  (data in {self.data})\n")
        self.assertEqual(set(server.ready), {"url", "pid"})
        self.assertEqual(server.pid, server.child.pid)
        for path in ("/healthz", "/livez", "/readyz"):
            self.assertEqual(server.get(path), (200, {"status": "ok"}), path)
        self.assertEqual(server.request("GET", "/health")[2], b"OK")
        status, document = server.get("/api/v1/server")
        self.assertEqual((status, document["pid"], document["owner"]), (200, server.pid, "server"))
        self.assertEqual(server.stop(), 0)
        self.assertIn("stopping", server.log())

    def test_a_second_up_is_refused_and_names_pid_and_url(self):
        server = self.up()
        code, out, err = self.sluice("up", "--port", "0")
        self.assertEqual((code, out), (6, ""))
        self.assertIn(f"process {server.pid} at {server.url}", err)
        self.assertEqual(server.get("/healthz")[0], 200, "the first one goes on")

    def test_down_ends_it_and_says_when_there_is_nothing_to_end(self):
        server = self.up()
        code, out, err = self.sluice("down")
        self.assertEqual(code, 0, err)
        self.assertIn("Sluice is down", out)
        self.assertEqual(server.child.wait(timeout=60), 0)
        code, out, err = self.sluice("down")
        self.assertEqual((code, out), (6, ""))
        self.assertIn("nothing is up in", err)

    def test_a_port_in_use_is_named_and_the_directory_stays_free(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            code, out, err = self.sluice("up", "--port", port)
        self.assertEqual((code, out), (6, ""), err)
        self.assertIn(str(port), err)
        self.assertEqual(self.up().get("/healthz")[0], 200)

    def test_bad_settings_are_refused_before_anything_is_made(self):
        for words in (("--host", "0.0.0.0"), ("--db", "postgresql://x"), ("--executor", "slurm"), ("--artifacts", "s3://b"),
                      ("--tls-certificate", "c.pem"), ("--token-file", "nowhere"), ("--config", "nowhere.toml")):
            code, document = self.sluice_json("up", "--port", "0", *words)
            self.assertEqual((code, document["errors"][0]["code"]), (2, "invalid"), (words, document))
        self.assertFalse(self.data.exists())

    def test_settings_come_from_the_file_too(self):
        self.write("sluice.toml", '[server]\nhost = "localhost"\nlog_format = "json"\n')
        server = self.up()
        self.assertTrue(server.url.startswith("http://localhost:"), server.url)
        self.assertEqual(server.stop(), 0)
        messages = [json.loads(line)["message"] for line in server.log().splitlines()]
        self.assertEqual((messages[0], messages[-1]), ("up", "stopped"))

    def test_up_waits_for_a_run_to_end_if_told_to(self):
        gate, started = self.folder / "gate", self.folder / "started"
        os.mkfifo(gate)
        os.mkfifo(started)
        file = self.write("p.json", simple(f'echo > "{started}"; read x < "{gate}"'))
        child = self.start("run", file, "--json", "--data-dir", self.data)
        started.read_text()
        code, _, err = self.sluice("up", "--port", "0")
        self.assertEqual(code, 6)
        self.assertIn(f"a run of process {child.pid}", err)
        waiting = self.start("up", "--port", "0", "--wait", "--data-dir", self.data)
        self.assertIn("waiting", waiting.stderr.readline())
        gate.write_text("go\n")
        self.assertEqual(child.wait(timeout=60), 0)
        self.assertIn("Sluice is up", waiting.stdout.readline())
        os.kill(waiting.pid, signal.SIGTERM)
        self.assertEqual(waiting.wait(timeout=60), 0)
        for process in (child, waiting):
            process.communicate()

    def test_a_server_killed_in_its_sleep_leaves_a_free_directory(self):
        self.up().kill()
        self.assertEqual(self.sluice_json("list", "runs")[1], {"runs": []})
        self.assertEqual(self.up().stop(), 0)


class Tasks(Served):
    def test_a_task_goes_on_over_a_restart_and_is_taken_over(self):
        for stop in (lambda server: self.assertEqual(server.stop(), 0), lambda server: server.kill()):
            server = self.up()
            name = f"live{server.pid}"
            run = self.live_run(server, 'read line < "$GATE"; echo "got $line"', name=name)
            before = self.processes_of(run)
            self.assertTrue(before)
            stop(server)
            self.assertEqual(self.processes_of(run), before, "it goes on without a server")
            server = self.up()
            self.assertEqual(self.state(run), "RUNNING")
            self.gate.write_text("through\n")
            document = self.ended(run)
            self.assertEqual((document["state"], document["tasks"]["root/only"]["attempts"]), ("SUCCEEDED", 1), document)
            self.assertEqual(self.sluice("logs", run, "only")[1], "begun\ngot through\n")
            self.assertEqual(server.stop(), 0)

    def test_what_ended_without_a_server_is_not_lost(self):
        server = self.up()
        run = self.live_run(server, 'read line < "$GATE"')
        self.assertEqual(server.stop(), 0)
        self.gate.write_text("go\n")
        self.until(lambda: not self.processes_of(run), "the end of the task")
        self.up()
        document = self.ended(run)
        self.assertEqual((document["state"], document["tasks"]["root/only"]["attempts"]), ("SUCCEEDED", 1), document)

    def test_down_can_end_the_tasks_which_then_run_again(self):
        server = self.up()
        again = self.folder / "again"
        run = self.live_run(server, f'test -e "{again}" || {{ touch "{again}"; sleep 1000; }}')
        self.until(again.exists)
        code, _, err = self.sluice("down", "--stop-tasks")
        self.assertEqual(code, 0, err)
        self.assertEqual(server.child.wait(timeout=60), 0)
        self.until(lambda: not self.processes_of(run), "the end of the task")
        started = self.folder / "live.started"
        self.up()
        started.read_text()  # the second attempt says so too
        self.assertEqual(self.ended(run)["state"], "SUCCEEDED")


class Clients(Served):
    def test_server_socket_and_directory_give_the_same_answers(self):
        flaky = self.write("bad.json", simple("echo so it went >&2; exit 3", name="bad"))
        good = self.write("good.json", pipeline(
            "good", {"a": {"componentRef": {"name": "comp-a"}},
                     "b": {"componentRef": {"name": "comp-a"}, "dependentTasks": ["a"]}},
            {"comp-a": {"executorLabel": "a"}}, {"a": shell('echo "of $SLUICE_ATTEMPT" | sed "s/.*-//"; echo err >&2')}))
        server = self.up()
        code, document = self.sluice_json("run", good, "--server", server.url, "--experiment", "e1")
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)
        run = document["run_id"]
        code, document = self.sluice_json("run", flaky)
        self.assertEqual((code, document["state"]), (1, "FAILED"), document)
        bad = document["run_id"]
        looks = [("list", "runs"), ("list", "runs", "--filter", "state=FAILED"), ("list", "runs", "--limit", "1"),
                 ("list", "runs", "--filter", "name~goo"), ("list", "experiments"), ("list", "pipelines"),
                 ("get", "run", run[:8]),
                 ("get", "run", bad.replace("-", "")), ("get", "experiment", "e1"), ("get", "pipeline", "bad"), ("logs", run),
                 ("logs", run, "a"), ("logs", bad, "only", "--stdout"), ("get", "run", "nope"), ("get", "pipeline", "godo"),
                 ("logs", run, "c"), ("logs", run, "a", "--attempt", "7"), ("cancel", "nope"), ("retry", "nope")]
        ways = [self.answers(looks, "--server", server.url), self.answers(looks)]
        self.assertEqual(server.stop(), 0)
        ways.append(self.answers(looks))
        for look, by_server, by_socket, by_directory in zip(looks, *ways):
            self.assertEqual(by_server, by_directory, look)
            self.assertEqual(by_socket, by_directory, look)

    def answers(self, looks, *where):
        return [(self.sluice(*look, *where), self.sluice(*look, "--json", *where)) for look in looks]

    def test_a_run_by_a_client_shows_and_says_the_same_as_one_of_its_own(self):
        file = self.write("p.json", simple("echo so it went >&2; exit 3"))
        code, own_out, own_err = self.sluice("run", file)
        server = self.up()
        for where in ((), ("--server", server.url)):
            client_code, out, err = self.sluice("run", file, *where)
            self.assertEqual((client_code, self.masked(out), self.masked(err)),
                             (code, self.masked(own_out), self.masked(own_err)))
        code, document = self.sluice_json("run", self.write("bad.json", "{}"), "--server", server.url)
        self.assertEqual(code, 2, document)
        self.assertEqual(document["errors"][0]["file"], str(self.folder / "bad.json"))

    def masked(self, text):
        """Without what differs from run to run: ids, times, and whether the news of a start was overtaken by that of the end."""
        text = text.replace("RUNNING root/only\n", "")
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{8}\b|[0-9.]+s\b|[0-9-]{10}T[0-9:]{8}Z", "#", text)

    def test_cancel_pause_resume_and_retry(self):
        server = self.up()
        run = self.live_run(server)
        code, document = self.sluice_json("pause", run[:8])
        self.assertEqual((code, document), (0, {"run_id": run, "state": "PAUSED"}))
        self.assertEqual(self.state(run), "PAUSED")
        self.assertEqual(self.sluice("pause", run)[0], 6, "it is paused already")
        code, document = self.sluice_json("resume", run, "--server", server.url)
        self.assertEqual((code, document["state"]), (0, "RUNNING"))
        self.assertEqual(self.sluice("resume", run)[0], 6)
        code, out, err = self.sluice("cancel", run)
        self.assertEqual((code, out), (0, f"cancelling {run}\n"), err)
        self.assertEqual(self.ended(run)["state"], "CANCELED")
        self.assertEqual(self.processes_of(run), [])
        (self.folder / "live.started").unlink()
        code, document = self.sluice_json("retry", run, "--detach")
        self.assertEqual((code, document["run_id"]), (0, run))
        self.assertEqual(self.sluice("cancel", run)[0], 0)
        self.assertEqual(self.ended(run)["state"], "CANCELED")
        self.assertEqual(server.stop(), 0)
        for verb in ("cancel", "pause", "resume"):
            self.assertEqual(self.sluice(verb, run)[0], 6, verb)

    def test_a_paused_run_starts_nothing_new_also_after_a_restart(self):
        server = self.up()
        started, gate, second = (self.folder / name for name in ("started", "gate", "second"))
        os.mkfifo(started)
        os.mkfifo(gate)
        file = self.write("p.json", pipeline(
            tasks={"first": {"componentRef": {"name": "comp-first"}},
                   "then": {"componentRef": {"name": "comp-then"}, "dependentTasks": ["first"]}},
            components={"comp-first": {"executorLabel": "first"}, "comp-then": {"executorLabel": "then"}},
            executors={"first": shell(f'echo > "{started}"; read x < "{gate}"'), "then": shell(f'touch "{second}"')}))
        run = self.sluice_json("run", file, "--detach")[1]["run_id"]
        started.read_text()
        self.assertEqual(self.sluice("pause", run)[0], 0)
        gate.write_text("go\n")
        self.until(lambda: self.sluice_json("get", "run", run)[1]["tasks"]["root/first"]["state"] == "SUCCEEDED")
        self.assertEqual(server.stop(), 0)
        self.up()
        self.assertEqual((self.state(run), second.exists()), ("PAUSED", False))
        self.assertEqual(self.sluice("resume", run)[0], 0)
        self.assertEqual(self.ended(run)["state"], "SUCCEEDED")
        self.assertTrue(second.exists())

    def test_control_c_cancels_once_and_leaves_the_second_time(self):
        server = self.up()
        for signals, code, state in ((1, 130, "CANCELED"), (2, 130, "CANCELED")):
            started = self.folder / f"started{signals}"
            os.mkfifo(started)
            script = f'trap "" TERM; echo > "{started}"; sleep 1000' if signals == 2 else f'echo > "{started}"; sleep 1000'
            file = self.write("p.json", simple(script, name=f"n{signals}"))
            child = self.start("run", file, "--data-dir", self.data, "--server", server.url)
            started.read_text()
            run = self.sluice_json("list", "runs", "--limit", "1")[1]["runs"][0]["run_id"]
            self.addCleanup(self.end_tasks, run)
            for _ in range(signals):
                os.kill(child.pid, signal.SIGINT)
                self.assertIn("cancelling", child.stderr.readline() + child.stderr.readline()) if _ == 0 else None
            child.communicate(timeout=60)
            self.assertEqual(child.returncode, code)
            self.assertEqual(self.ended(run)["state"], state)

    def test_logs_are_followed_over_http_to_the_end(self):
        server = self.up()
        run = self.live_run(server, 'read line < "$GATE"; echo "got $line"')
        for where in (("--server", server.url), ()):
            self.assertEqual(self.sluice("logs", run, "only", *where)[1], "begun\n")
        followers = [self.start("logs", run, "only", "--follow", "--data-dir", self.data, *where)
                     for where in (("--server", server.url), ())]
        for child in followers:
            self.assertEqual(child.stdout.readline(), "begun\n")
        self.gate.write_text("through\n")
        for child in followers:
            out, err = child.communicate(timeout=60)
            self.assertEqual((child.returncode, out), (0, "got through\n"), err)

    def test_a_client_waits_for_a_server_that_is_restarted(self):
        server = self.up()
        started, gate = self.folder / "started", self.folder / "gate"
        os.mkfifo(started)
        os.mkfifo(gate)
        file = self.write("p.json", simple(f'echo > "{started}"; read x < "{gate}"'))
        child = self.start("run", file, "--json", "--data-dir", self.data)
        started.read_text()
        server.kill()
        for line in child.stderr:
            if "does not answer" in line:
                break
        self.up()
        gate.write_text("go\n")
        out, err = child.communicate(timeout=60)
        self.assertEqual((child.returncode, json.loads(out)["state"]), (0, "SUCCEEDED"), err)

    def test_without_a_server_nothing_can_be_detached_and_one_out_of_reach_is_3(self):
        file = self.write("p.json", simple("true"))
        code, document = self.sluice_json("run", file, "--detach")
        self.assertEqual((code, document["errors"][0]["code"]), (3, "unavailable"))
        self.assertIn("sluice up", document["errors"][0]["hint"])
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            for words in (("run", file), ("list", "runs"), ("logs", "abcd"), ("cancel", "abcd"), ("down",)):
                code, document = self.sluice_json(*words, "--server", url)
                self.assertEqual((code, document["errors"][0]["code"]), (3, "unavailable"), words)
                self.assertIn(url.removeprefix("http://"), document["errors"][0]["message"])
        self.assertFalse(self.data.exists())

    def test_a_key_makes_one_run_however_often_it_is_posted(self):
        server = self.up()
        body = {"spec": json.dumps(simple("true")), "spec_file": "p.json"}

        def post(_):
            return server.request("POST", "/api/v1/runs", body, {"Idempotency-Key": "only-once"})
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(post, range(100)))
        self.assertEqual({status for status, _, _ in answers} - {200, 201}, set(), answers[:2])
        self.assertEqual(len({json.loads(body)["run_id"] for _, _, body in answers}), 1)
        self.assertEqual(len(self.sluice_json("list", "runs")[1]["runs"]), 1)
        file = self.write("p.json", simple("true"))
        runs = {self.sluice_json("run", file, "--key", "k")[1]["run_id"] for _ in range(3)}
        self.assertEqual(len(runs), 1)


class Guard(Served):
    def test_web_pages_cannot_drive_it(self):
        server = self.up()
        port = server.url.rsplit(":", 1)[1]
        self.assertEqual(server.request("GET", "/api/v1/runs", host=f"evil.example:{port}")[0], 400)
        self.assertEqual(server.request("GET", "/api/v1/runs", host=f"localhost:{port}")[0], 200)
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{int(port) ^ 1}"):
            status, _, body = server.request("POST", "/api/v1/runs", {"spec": "{}"}, {"Origin": origin})
            self.assertEqual(status, 403, (origin, body))
        self.assertEqual(server.request("GET", "/api/v1/runs", headers={"Origin": f"http://127.0.0.1:{port}"})[0], 200)
        self.assertEqual(server.request("GET", "/api/v1/runs", headers={"Sec-Fetch-Site": "cross-site"})[0], 403)
        self.assertEqual(self.sluice_json("list", "runs")[1]["runs"], [])

    def test_another_name_can_be_allowed(self):
        server = self.up("--allow-host", "ml.example")
        self.assertEqual(server.request("GET", "/api/v1/runs", host="ml.example")[0], 200)
        self.assertEqual(server.request("GET", "/api/v1/runs", host="other.example")[0], 400)

    def test_tokens(self):
        tokens = self.write("tokens", "# ours\nfirst-token\n\nsecond-token\n")
        tokens.chmod(0o644)
        self.assertEqual(self.sluice("up", "--port", "0", "--token-file", tokens)[0], 2, "others can read it")
        tokens.chmod(0o600)
        server = self.up("--host", "0.0.0.0", "--token-file", tokens)
        status, headers, _ = server.request("GET", "/api/v1/runs")
        self.assertEqual((status, headers.get("WWW-Authenticate")), (401, "Bearer"))
        self.assertEqual(server.request("GET", "/api/v1/runs", headers={"Authorization": "Bearer wrong"})[0], 401)
        for token in ("first-token", "second-token"):
            self.assertEqual(server.request("GET", "/api/v1/runs", headers={"Authorization": f"Bearer {token}"})[0], 200)
        self.assertEqual(server.get("/healthz")[0], 200, "health needs none")
        self.assertEqual(self.sluice("list", "runs", "--server", server.url)[0], 6)
        self.assertEqual(self.sluice("list", "runs", "--server", server.url, "--token-file", tokens)[0], 0)
        self.assertEqual(self.sluice("list", "runs", "--server", server.url, env={"SLUICE_TOKEN": "second-token"})[0], 0)
        self.assertEqual(self.sluice("list", "runs")[0], 0, "the directory's own socket is its user's")
        self.assertEqual(self.sluice("down", "--server", server.url, "--token-file", tokens)[0], 0)
        self.assertEqual(server.child.wait(timeout=60), 0)

    def test_an_open_address_has_to_be_asked_for_by_its_full_name(self):
        server = self.up("--host", "0.0.0.0", "--without-tokens-anybody-who-reaches-this-address-may-run-commands-here")
        self.assertEqual(server.get("/healthz")[0], 200)
        code, _, err = self.sluice("up", "--host", "0.0.0.0", "--port", "0")
        self.assertEqual(code, 2)
        self.assertIn("--token-file", err)


if __name__ == "__main__":
    unittest.main()
