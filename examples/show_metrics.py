#!/usr/bin/env python3
"""Prints the metrics of every run of a data directory, newest run first.   show_metrics.py SLUICE [FLAGS...]"""
import json
import subprocess
import sys


def ask(*words):
    answer = subprocess.run([sys.argv[1], *words, "--json", *sys.argv[2:]], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def main():
    listed = ask("list", "runs")
    for row in listed["runs"] if isinstance(listed, dict) else listed:
        run = ask("get", "run", row["run_id"])
        print(f"{run['name']}  {run['state']}  {run['seconds']:.1f} s")
        for task in run["tasks"].values():
            for artifacts in task["output_artifacts"].values():
                for artifact in artifacts:
                    if artifact["type"] == "system.Metrics":
                        for name, number in sorted(artifact["metadata"].items()):
                            print(f"  {name:16}{number:10.4g}")


if __name__ == "__main__":
    main()
