#!/usr/bin/env python3
"""A Python step with pandas and scikit-learn on a warm `sluice up`: from ready to the first line of user code, in chains of 40.

    python_step.py [--rounds N] [--kfp STEPS] [--cold]

Ready is taken twice: when the last line of user code of the step before has run (so all of the way is in it: the output is
written, the end told and committed, the next step handed out), and when the server heard that the step has begun (which may be
some ms late, even after the first line). Steps that work for 50 ms leave the time in which real ones have the next process made
ready; of empty steps each waits for a fork, and the milliseconds a step are told.

Beside it, in the same run: what fork and exit of an interpreter with these modules cost, and with --kfp the stock way,
SubprocessRunner(use_venv=False) of kfp.local, its packages installed and compiled. --cold builds the environment with uv, with an
empty cache of uv and with a full one, and tells its share of the first run.

Claims: p50 at most 5 ms, p99 at most 25 ms; at least 200 times faster than kfp.local.
"""
import argparse
import json
import os
import statistics
import subprocess

import support

LENGTH = 40
SPEC = (support.PIPELINES / "python_step.yaml").read_text()


class Step:
    """What a step saw, and when the server says that it began, by the time of day."""

    def __init__(self, notice, task):
        self.began = notice["began"] / 1e6
        first, time_of_day, last, self.python = task["output_parameters"]["Output"].split(" ", 3)
        self.first, self.time_of_day, self.last = float(first), float(time_of_day), float(last)


def steps_of(run):
    """In the order of the chain."""
    tasks = run.document["tasks"]
    found = [Step(notice, tasks[notice["path"]]) for notice in run.leaves()]
    assert len(found) == LENGTH, f"{len(found)} steps"
    return sorted(found, key=lambda step: step.first)


def tell(what, values):
    support.say(what, f"p50 {support.percentile(values, 0.5):.2f} ms  p99 {support.percentile(values, 0.99):.2f} ms  "
                      f"max {max(values):.2f} ms  ({len(values)})")


def floor(python):
    """Milliseconds of a fork and an exit, in the steps' own environment."""
    child = subprocess.run([python, support.BENCH / "helpers" / "fork_floor.py", str(LENGTH)], check=True, stdout=subprocess.PIPE,
                           env=support.environment(), text=True)
    facts = json.loads(child.stdout)
    tell(f"floor: fork and exit, {facts['resident_mib']:.0f} MiB, a chain of {LENGTH}", facts["milliseconds"])
    return statistics.mean(facts["milliseconds"])


class Latencies:
    """Milliseconds to the first line of user code, of all rounds, and of whole runs a step."""

    def __init__(self, what):
        self.what, self.after_last_line, self.after_begin, self.whole = what, [], [], []

    def add(self, run):
        steps = steps_of(run)
        self.whole.append(run.seconds / LENGTH * 1e3)
        self.after_last_line += [(after.first - before.last) * 1e3 for before, after in zip(steps, steps[1:])]
        self.after_begin += [(step.time_of_day - step.began) * 1e3 for step in steps]

    def tell(self):
        tell(f"{self.what}: last line -> first line of the next", self.after_last_line)
        tell(f"{self.what}: begun, as the server heard -> first line", self.after_begin)


def warm(rounds):
    """-> milliseconds a step of the chain of steps that do nothing, the median of the rounds"""
    working, empty = Latencies("steps of 50 ms"), Latencies("empty steps")
    with support.scratch() as folder, support.Server(folder) as server:
        server.warm_up(SPEC)
        for _ in range(rounds):
            working.add(server.run(SPEC, work=0.05))
            last = server.run(SPEC)
            empty.add(last)
        print("steps of the last run:", last.processes or "this server does not tell how they ran")
        fork = floor(steps_of(last)[0].python)
    working.tell()
    print("targets: p50 5 ms, p99 25 ms")
    empty.tell()
    support.say(f"a chain of {LENGTH} empty steps, submit to end, a step", support.spread(empty.whole, "ms", 2))
    mine = statistics.median(empty.whole)
    print(f"ratio to the floor: {mine / fork:.1f}")
    return mine


def beside_kfp(mine, steps):
    peer = support.Peer("kfp", "kfp", "pandas", "scikit-learn")
    peer.install()
    seconds = peer.seconds("kfp_local.py", str(steps))
    if seconds is None:
        return
    support.say(f"kfp.local {peer.version()}, SubprocessRunner(use_venv=False)", f"{seconds:.2f} s a step, {steps} in a chain")
    print(f"ratio: {seconds * 1e3 / mine:.0f} times faster (target 200)")


def cold():
    """A first run with nothing built, twice: uv has nothing in its cache, then everything."""
    with support.scratch() as folder:
        path = os.path.dirname(support.uv()) + ":" + os.environ["PATH"]
        for name in ("empty", "full"):
            (folder / name).mkdir()
            variables = {"XDG_CACHE_HOME": str(folder / name / "cache"), "UV_CACHE_DIR": str(folder / "uv"), "PATH": path}
            with support.Server(folder / name, **variables) as server:
                run = server.run(SPEC)
            built = run.build_seconds()
            support.say(f"environment of [pandas, scikit-learn], uv's cache {name}",
                        f"{built:.1f} s, {built / run.seconds:.0%} of the first run of {LENGTH} steps ({run.seconds:.1f} s)")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--kfp", type=int, default=0, metavar="STEPS")
    parser.add_argument("--cold", action="store_true")
    words = parser.parse_args()
    mine = warm(words.rounds)
    if words.kfp:
        beside_kfp(mine, words.kfp)
    if words.cold:
        cold()


if __name__ == "__main__":
    main()
