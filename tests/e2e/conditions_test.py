"""Conditions in conditions, whose coins fall as the test says."""
import unittest

from sluice import Case, pipeline, shell

OUTPUT = {"outputDefinitions": {"parameters": {"Output": {"parameterType": "STRING"}}}}
SIDE = {"inputDefinitions": {"parameters": {"side": {"parameterType": "STRING"}}}}
FILE = "{{$.outputs.parameters['Output'].output_file}}"


def coin(side):
    """A task that says `side`, where `side` is an input of its DAG."""
    return {"componentRef": {"name": "comp-coin"}, "inputs": {"parameters": {"side": {"componentInputParameter": side}}}}


def when(component, condition, **inputs):
    return {"componentRef": {"name": component}, "inputs": {"parameters": inputs}, "triggerPolicy": {"condition": condition}}


def of(task):
    return {"taskOutputParameter": {"producerTask": task, "outputParameterKey": "Output"}}


def two_coins():
    """The second coin is thrown if the first is heads; `both` runs if they are equal."""
    inner = {"dag": {"tasks": {"both": {"componentRef": {"name": "comp-say"}}}},
             "inputDefinitions": {"parameters": {k: {"parameterType": "STRING"} for k in ("one", "two")}}}
    outer = {"dag": {"tasks": {
        "second": coin("two_falls"),
        "equal": when("comp-equal", "inputs.parameter_values['one'] == inputs.parameter_values['two']",
                      one={"componentInputParameter": "one"}, two=of("second"))}},
        "inputDefinitions": {"parameters": {k: {"parameterType": "STRING"} for k in ("one", "two_falls")}}}
    return pipeline(
        tasks={"first": coin("one_falls"),
               "heads": when("comp-heads", "inputs.parameter_values['one'] == 'heads'", one=of("first"),
                             two_falls={"componentInputParameter": "two_falls"})},
        components={"comp-coin": {"executorLabel": "exec-coin", **OUTPUT, **SIDE}, "comp-say": {"executorLabel": "exec-say"},
                    "comp-heads": outer, "comp-equal": inner},
        executors={"exec-coin": shell('printf %s "$1" > "$0"', args=[FILE, "{{$.inputs.parameters['side']}}"]),
                   "exec-say": shell("echo both")},
        inputs={k: {"parameterType": "STRING"} for k in ("one_falls", "two_falls")})


class NestedConditions(Case):
    def states(self, one, two):
        file = self.write("coins.json", two_coins())
        code, document = self.sluice_json("run", file, "-p", f"one_falls={one}", "-p", f"two_falls={two}")
        self.assertEqual((code, document["state"]), (0, "SUCCEEDED"), document)
        return {path.removeprefix("root/"): task["state"] for path, task in document["tasks"].items()}

    def test_both_conditions_hold(self):
        self.assertEqual(self.states("heads", "heads"), {
            "first": "SUCCEEDED", "heads": "SUCCEEDED", "heads/second": "SUCCEEDED", "heads/equal": "SUCCEEDED",
            "heads/equal/both": "SUCCEEDED"})

    def test_the_inner_one_does_not(self):
        self.assertEqual(self.states("heads", "tails"), {
            "first": "SUCCEEDED", "heads": "SUCCEEDED", "heads/second": "SUCCEEDED", "heads/equal": "SKIPPED"})

    def test_the_outer_one_does_not(self):
        self.assertEqual(self.states("tails", "tails"), {"first": "SUCCEEDED", "heads": "SKIPPED"})


if __name__ == "__main__":
    unittest.main()
