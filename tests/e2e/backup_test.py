"""`sluice backup`: what it leaves can be opened, also when runs were under way while it was made."""
import os
import pathlib
import shutil
import stat
import unittest

from sluice import Case, pipeline, shell, simple

DATASET = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}


def makes_data(content):
    """A pipeline of one task whose output artifact `data` has that content."""
    outputs = {"outputDefinitions": {"artifacts": {"data": DATASET}}}
    return simple('echo "$1" > "$0"; echo made', args=["{{$.outputs.artifacts['data'].path}}", content], component=outputs)


class Backup(Case):
    def backup(self, name="copy", *flags):
        destination = self.folder / name
        code, document = self.sluice_json("backup", destination, *flags)
        self.assertEqual(code, 0, document)
        return destination, document

    def test_an_idle_directory_comes_back_whole(self):
        code, document = self.sluice_json("run", self.write("p.json", makes_data("precious")))
        self.assertEqual(code, 0, document)
        run = document["run_id"]
        (self.data / "secrets" / "db").mkdir()
        (self.data / "secrets" / "db" / "password").write_text("s3cret")
        before = {words: self.sluice(*words) for words in (("list", "runs"), ("get", "run", run, "--json"), ("logs", run))}
        copy, facts = self.backup()
        self.assertGreater(facts["linked"], 0, "objects are shared, not copied")
        self.assertFalse((copy / "secrets" / "db").exists(), "secrets are not copied unasked")
        self.assertEqual({words: self.sluice(*words, data=copy) for words in before}, before)
        # Put back to where it was: everything is there again, also under the paths that artifacts were given.
        uri = pathlib.Path(document["tasks"]["root/only"]["output_artifacts"]["data"][0]["uri"])
        shutil.rmtree(self.data)
        os.rename(copy, self.data)
        self.assertEqual({words: self.sluice(*words) for words in before}, before)
        self.assertEqual(uri.read_text(), "precious\n")
        self.assertEqual(self.sluice_json("run", self.write("p.json", makes_data("more")))[0], 0, "and it can be used")

    def sluice(self, *words, data=None, **options):
        own, self.data = self.data, data or self.data
        try:
            return super().sluice(*words, **options)
        finally:
            self.data = own

    def test_secrets_come_along_if_asked_for_with_their_modes(self):
        self.assertEqual(self.sluice("run", self.write("p.json", simple("true")))[0], 0)
        secret = self.data / "secrets" / "db" / "password"
        secret.parent.mkdir()
        secret.write_text("s3cret")
        secret.chmod(0o600)
        copy, _ = self.backup("copy", "--with-secrets")
        copied = copy / "secrets" / "db" / "password"
        self.assertEqual((copied.read_text(), stat.S_IMODE(copied.stat().st_mode)), ("s3cret", 0o600))

    def test_a_directory_in_use_is_copied_as_it_was_at_one_moment(self):
        server = self.up()
        self.assertEqual(self.sluice_json("run", self.write("p.json", makes_data("precious")))[0], 0)
        started, gate = self.folder / "started", self.folder / "gate"
        os.mkfifo(started)
        os.mkfifo(gate)
        file = self.write("live.json", pipeline(
            tasks={"first": {"componentRef": {"name": "comp-first"}},
                   "then": {"componentRef": {"name": "comp-then"}, "dependentTasks": ["first"]}},
            components={"comp-first": {"executorLabel": "first"}, "comp-then": {"executorLabel": "then"}},
            executors={"first": shell(f'echo before; if test -p "{started}"; then echo > "{started}"; read x < "{gate}"; fi; '
                                      'echo after'), "then": shell("true")}))
        run = self.sluice_json("run", file, "--detach")[1]["run_id"]
        started.read_text()
        copy, _ = self.backup()
        gate.write_text("go\n")
        self.until(lambda: self.sluice_json("get", "run", run)[1]["state"] == "SUCCEEDED", "the end of the run")
        self.assertEqual(self.sluice("logs", run, "first")[1], "before\nafter\n")
        self.assertEqual(self.sluice("logs", run, "first", data=copy)[1], "before\n", "the log is not shared with the live one")
        self.assertEqual(server.stop(), 0)
        document = self.sluice("get", "run", run, data=copy)[1]
        self.assertIn("INTERRUPTED", document)
        # A server on the copy goes on with the run: its attempt is gone, so the task runs again.
        started.unlink()
        other = self.up(data=copy)
        self.until(lambda: "SUCCEEDED" in self.sluice("get", "run", run, data=copy)[1].split("\n")[0], "the end of the run")
        self.assertEqual(self.sluice("logs", run, "first", data=copy)[1], "before\nafter\n")
        self.assertEqual(other.stop(), 0)

    def test_a_place_that_is_not_empty_is_refused_and_one_inside_too(self):
        code, document = self.sluice_json("backup", self.folder / "copy")
        self.assertEqual((code, document["errors"][0]["code"]), (6, "not_found"), "there is no data yet")
        self.assertEqual(self.sluice("run", self.write("p.json", simple("true")))[0], 0)
        full = self.folder / "full"
        full.mkdir()
        (full / "file").touch()
        self.assertEqual(self.sluice("backup", full)[0], 6)
        self.assertEqual(os.listdir(full), ["file"])
        self.assertEqual(self.sluice("backup", self.data / "copy")[0], 2)
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertEqual(self.sluice("backup", empty)[0], 0)


if __name__ == "__main__":
    unittest.main()
