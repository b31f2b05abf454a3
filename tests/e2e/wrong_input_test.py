"""What a new user gets wrong, and what they are told."""
import os
import pathlib
import subprocess
import unittest

from sluice import Case, pipeline, shell, simple

STRING_OUTPUT = {"outputDefinitions": {"parameters": {"Output": {"parameterType": "STRING"}}}}
OUTPUT_FILE = "{{$.outputs.parameters['Output'].output_file}}"


class WrongArguments(Case):
    def setUp(self):
        super().setUp()
        self.file = self.write("p.json", pipeline(
            tasks={"only": {"componentRef": {"name": "comp-only"}, "taskInfo": {"name": "only"},
                            "inputs": {"parameters": {"rows": {"componentInputParameter": "rows"}}}}},
            components={"comp-only": {"executorLabel": "e",
                                      "inputDefinitions": {"parameters": {"rows": {"parameterType": "NUMBER_INTEGER"}}}}},
            executors={"e": shell('echo "$0"', args=["{{$.inputs.parameters['rows']}}"])},
            inputs={"rows": {"parameterType": "NUMBER_INTEGER"}}))

    def refused(self, *words):
        code, document = self.sluice_json("run", self.file, *words)
        self.assertEqual(code, 2, document)
        self.assertFalse((self.data / "sluice.db").exists(), "a refusal must not make a data directory")
        return document["errors"][0]["message"]

    def test_a_missing_parameter_is_named(self):
        self.assertIn("parameter rows is not optional", self.refused())

    def test_a_wrong_type_is_named(self):
        self.assertIn("rows", self.refused("-p", "rows=many"))

    def test_an_unknown_parameter_gets_a_suggestion(self):
        message = self.refused("-p", "rows=3", "-p", "row=3")
        self.assertIn("row", message)
        self.assertIn("did you mean 'rows'", message)

    def test_a_parameter_without_equals_is_explained(self):
        self.assertIn("not NAME=VALUE", self.refused("-p", "rows"))

    def test_an_unknown_flag_and_an_unknown_verb_exit_with_2(self):
        code, _, err = self.sluice("run", self.file, "--frobnicate")
        self.assertEqual(code, 2)
        self.assertIn("--frobnicate", err)
        child = self.start("rnu", self.file)
        _, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 2)
        self.assertIn("did you mean 'run'", err)

    def test_a_file_that_is_not_there(self):
        code, _, err = self.sluice("run", "nowhere.yaml")
        self.assertEqual(code, 2)
        self.assertIn("nowhere.yaml: No such file", err)

    def test_a_good_number_runs(self):
        code, document = self.sluice_json("run", self.file, "-p", "rows=3")
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)


class WrongPipelines(Case):
    def test_an_unknown_component_and_a_cycle_are_both_said_with_their_lines(self):
        file = self.write("p.yaml", """\
pipelineInfo: {name: test}
schemaVersion: 2.1.0
components:
  comp-a: {executorLabel: exec-a}
deploymentSpec:
  executors:
    exec-a:
      container: {image: alpine, command: ["true"]}
root:
  dag:
    tasks:
      a:
        componentRef: {name: comp-a}
        dependentTasks: [b]
      b:
        componentRef: {name: comp-a}
        dependentTasks: [a]
      c:
        componentRef: {name: comp-x}
""")
        code, document = self.sluice_json("check", file)
        self.assertEqual(code, 2)
        text = "\n".join(f"{e['line']}: {e['message']}" for e in document["errors"])
        self.assertRegex(text, r"a -> b -> a|b -> a -> b")
        self.assertRegex(text, r"19: .*comp-x")

    def test_an_image_that_needs_an_engine_is_refused_before_the_run(self):
        bad = simple("true")
        bad["deploymentSpec"]["executors"]["exec-only"]["container"]["image"] = "example/tool:1"
        code, document = self.sluice_json("run", self.write("p.json", bad))
        self.assertEqual(code, 2)
        self.assertIn("example/tool:1", document["errors"][0]["message"])
        self.assertIn("[images]", document["errors"][0]["hint"])
        self.write("sluice.toml", '[images]\n"example/*" = "host"\n')
        code, document = self.sluice_json("run", self.folder / "p.json")
        self.assertEqual(code, 0, document)

    def test_a_mistake_in_the_settings_has_its_place(self):
        self.write("sluice.toml", 'slots = 2\nslot = 3\n')
        code, document = self.sluice_json("run", self.write("p.json", simple("true")))
        self.assertEqual(code, 2)
        self.assertEqual((document["errors"][0]["file"], document["errors"][0]["line"]), ("sluice.toml", 2))


class BadSteps(Case):
    def fails(self, script, **options):
        code, document = self.sluice_json("run", self.write("p.json", simple(script, **options)))
        self.assertEqual((code, document["state"]), (1, "FAILED"), document)
        return document, document["tasks"]["root/only"]

    def test_exit_code_137_is_reported_as_it_is(self):
        document, task = self.fails("echo out of memory >&2; exit 137")
        self.assertEqual(task["exit_code"], 137)
        self.assertIn("out of memory", task["error"])
        self.assertIn("root/only", document["error"])

    def test_death_by_a_signal_is_128_and_its_number(self):
        _, task = self.fails("kill -9 $$")
        self.assertEqual(task["exit_code"], 137)
        self.assertIn("signal 9", task["error"])

    def test_a_missing_output_says_which(self):
        _, task = self.fails("true", args=[OUTPUT_FILE], component=STRING_OUTPUT)
        self.assertIn("Output", task["error"])

    def test_a_command_that_is_not_there(self):
        bad = simple("true")
        bad["deploymentSpec"]["executors"]["exec-only"]["container"]["command"] = ["no-such-program"]
        code, document = self.sluice_json("run", self.write("p.json", bad))
        self.assertEqual(code, 1)
        self.assertIn("no-such-program", document["tasks"]["root/only"]["error"])

    def test_100_mb_of_output_are_kept_whole_and_in_order(self):
        code, document = self.sluice_json("run", self.write("p.json", simple("seq 1 13000000")))
        self.assertEqual(code, 0, document)
        child = self.start("logs", document["run_id"], "only", "--stdout", "--data-dir", self.data)
        lines = 0
        for lines, line in enumerate(child.stdout, 1):
            if lines % 100000 == 0:
                self.assertEqual(line, f"{lines}\n")
        child.wait(timeout=60)
        child.stderr.close()
        child.stdout.close()
        self.assertEqual(lines, 13000000)


class BadPlaces(Case):
    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_directory_without_permission(self):
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        code, _, err = self.sluice("run", self.write("p.json", simple("true")))
        self.assertEqual(code, 2)
        self.assertIn("--data-dir", err)

    def test_a_file_in_place_of_the_data_directory(self):
        self.data.write_text("I am a file")
        code, document = self.sluice_json("run", self.write("p.json", simple("true")))
        self.assertEqual(code, 2, document)
        self.assertIn(str(self.data), document["errors"][0]["message"])

    def test_a_database_that_is_none(self):
        self.data.mkdir()
        (self.data / "sluice.db").write_text("not a database, " * 100)
        code, document = self.sluice_json("run", self.write("p.json", simple("true")))
        self.assertEqual(code, 70, document)
        self.assertIn("sluice.db", document["errors"][0]["message"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small disk")
    def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(self):
        self.data.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.data], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data], check=False)
        big = {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}
        file = self.write("p.json", simple("head -c 4000000 /dev/zero > \"$0\"", args=["{{$.outputs.artifacts['big'].path}}"],
                                           component={"outputDefinitions": {"artifacts": {"big": big}}}))
        code, document = self.sluice_json("run", file)
        self.assertIn(code, (1, 3), document)
        self.assertRegex(str(document).lower(), r"no space|disk is full")
        subprocess.run(["mount", "-o", "remount,size=64m", self.data], check=True)
        code, runs = self.sluice_json("list", "runs")
        self.assertEqual(code, 0)
        if runs["runs"]:
            code, document = self.sluice_json("run", "--resume", runs["runs"][0]["run_id"])
            self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)


class Python(Case):
    def test_a_package_that_does_not_exist_fails_only_its_task_with_the_installers_words(self):
        wheels = pathlib.Path(self.folder / "wheels")
        wheels.mkdir()
        install = ("\nif ! [ -x \"$(command -v pip)\" ]; then\n"
                   "    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip\nfi\n\n"
                   "PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location "
                   "'no-such-package-of-ours'  &&  "
                   "python3 -m pip install --quiet --no-warn-script-location 'kfp==2.17.0' '--no-deps' "
                   "'typing-extensions>=3.7.4,<5; python_version<\"3.9\"' && \"$0\" \"$@\"\n")
        run = ('program_path=$(mktemp -d)\n\nprintf "%s" "$0" > "$program_path/ephemeral_component.py"\n'
               '_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main '
               '--component_module_path "$program_path/ephemeral_component.py" "$@"\n')
        bad = {"container": {"image": "python:3.11", "command": ["sh", "-c", install, "sh", "-ec", run, "def f(): pass\n"],
                             "args": ["--executor_input", "{{$}}", "--function_to_execute", "f"]}}
        names = ("bad", "good")
        file = self.write("p.json", pipeline(tasks={name: {"componentRef": {"name": f"comp-{name}"}} for name in names},
                                             components={f"comp-{name}": {"executorLabel": f"exec-{name}"} for name in names},
                                             executors={"exec-bad": bad, "exec-good": shell("true")}))
        env = {"XDG_CACHE_HOME": str(self.folder / "cache"), "UV_NO_INDEX": "1", "PIP_NO_INDEX": "1",
               "UV_FIND_LINKS": str(wheels), "PIP_FIND_LINKS": str(wheels)}
        code, document = self.sluice_json("run", file, env=env, timeout=300)
        self.assertEqual(code, 1, document)
        self.assertEqual(document["tasks"]["root/good"]["state"], "SUCCEEDED")
        self.assertEqual(document["tasks"]["root/bad"]["state"], "FAILED")
        self.assertIn("no-such-package-of-ours", document["tasks"]["root/bad"]["error"])


if __name__ == "__main__":
    unittest.main()
