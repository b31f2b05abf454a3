"""A data directory as an earlier build left it (tests/golden/data-schema-N.sql) is opened, shown and carried on."""
import pathlib
import sqlite3
import unittest

from sluice import Case

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
GOOD, BAD, CUT = ("28d103b9-2768-44e9-bfd9-b41206dd1601", "bf91e028-7c41-451d-a1ec-fdfa1e651239",
                  "bab01076-937a-45d2-8d38-5b456f91372a")


class SchemaOne(Case):
    """Three runs: one that succeeded, one that failed, and one whose owner was killed in its second task."""

    def setUp(self):
        super().setUp()
        self.mark = self.folder / "mark"  # without it the second task of CUT does not end
        self.mark.touch()
        for folder in ("objects", "secrets", "volumes", *(f"runs/{run}" for run in (GOOD, BAD, CUT))):
            (self.data / folder).mkdir(parents=True)
        text = (GOLDEN / "data-schema-1.sql").read_text().replace("@DATA@", str(self.data)).replace("@MARK@", str(self.mark))
        database = sqlite3.connect(self.data / "sluice.db")
        database.executescript(text)
        database.execute("PRAGMA journal_mode = wal")
        database.close()

    def states(self):
        code, document = self.sluice_json("list", "runs")
        self.assertEqual(code, 0, document)
        return {run["run_id"]: run["state"] for run in document["runs"]}

    def test_it_is_shown(self):
        self.assertEqual(self.states(), {GOOD: "SUCCEEDED", BAD: "FAILED", CUT: "INTERRUPTED"})
        code, document = self.sluice_json("get", "run", GOOD)
        self.assertEqual((code, document["tasks"]["root/make"]["output_parameters"]), (0, {"n": 7}))
        self.assertEqual(self.sluice("logs", BAD)[0], 0)

    def test_a_backup_of_it_can_be_read(self):
        code, _, err = self.sluice("backup", self.folder / "copy")
        self.assertEqual(code, 0, err)
        self.data = self.folder / "copy"
        self.assertEqual(self.states(), {GOOD: "SUCCEEDED", BAD: "FAILED", CUT: "INTERRUPTED"})

    def test_a_server_brings_it_up_to_date_and_goes_on_with_what_was_cut(self):
        server = self.up()
        self.until(lambda: self.states()[CUT] in ("SUCCEEDED", "INTERRUPTED"), "an answer about the run that was cut")
        self.assertEqual(self.states(), {GOOD: "SUCCEEDED", BAD: "FAILED", CUT: "SUCCEEDED"})
        document = self.sluice_json("get", "run", GOOD)[1]
        self.assertEqual(document["tasks"]["root/make"]["output_parameters"], {"n": 7})
        self.assertEqual(document["experiment"], "golden")
        self.assertEqual({row["name"]: row["runs"] for row in self.sluice_json("list", "experiments")[1]["experiments"]},
                         {"Default": 2, "golden": 1})
        cut = self.sluice_json("get", "run", CUT)[1]["tasks"]
        self.assertEqual(cut["root/first"]["attempts"], 1, "what was done is not done again")
        self.assertEqual(server.stop(), 0)

    def test_what_failed_is_retried_and_what_was_cut_resumed_without_a_server(self):
        code, document = self.sluice_json("retry", BAD)  # it failed because the mark was not there
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)
        self.assertEqual(document["tasks"]["root/only"]["attempts"], 2)
        code, document = self.sluice_json("run", "--resume", CUT)
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)
        self.assertEqual(document["tasks"]["root/first"]["attempts"], 1)
        self.assertEqual(self.states()[GOOD], "SUCCEEDED")


if __name__ == "__main__":
    unittest.main()
