#!/usr/bin/env python3
"""The iris pipeline, four Python steps with pandas and scikit-learn: wall seconds of `sluice run`, as the shell sees it, with a
warm `sluice up` on the folder and without a server; every task run (--no-cache), and every task's result known.

    iris.py [--rounds N]

Beside it, in the same run, what the four functions take alone, in one interpreter that has loaded everything: no pipeline is
faster. The environments are there, built by a run before. Claims: warm and uncached at most 1.5 s, of which most is the user's
code; fully cached under 100 ms.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import time

import support

SEED = pathlib.Path(os.environ.get("SLUICE_SHARED", support.TREE.parent / "shared")) / "seed" / "iris" / "pipeline.py"
SOURCE = SEED if SEED.exists() else support.TREE / "examples" / "iris" / "pipeline.py"


def compiled(peer, folder):
    target = folder / "iris.yaml"
    subprocess.run([peer.place / "bin" / "kfp", "dsl", "compile", "--py", SOURCE, "--output", target], check=True,
                   stdout=subprocess.DEVNULL, env=support.environment())
    return target


def user_code(peer, folder):
    place = folder / "alone"
    place.mkdir(exist_ok=True)
    child = subprocess.run([peer.python, support.BENCH / "helpers" / "iris_user_code.py", SOURCE, place], check=True,
                           stdout=subprocess.PIPE, text=True, env=support.environment())
    return float(child.stdout.split()[-1])


def run(spec, data, *flags):
    """-> wall seconds of the command"""
    begin = time.monotonic()
    done = subprocess.run([support.SLUICE, "run", spec, "--data-dir", data, *flags], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=support.environment(), text=True, check=False)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        support.give_up(f"sluice run ended with {done.returncode}: {done.stdout[-2000:]}")
    return seconds


def measure(what, spec, data, rounds):
    """-> the medians, uncached and cached"""
    run(spec, data, "--no-cache")  # builds environments, and warm workers learn what the steps import
    run(spec, data, "--no-cache")
    uncached = [run(spec, data, "--no-cache") for _ in range(rounds)]
    run(spec, data)
    cached = [run(spec, data) for _ in range(rounds)]
    support.say(f"{what}, every task run", support.spread(uncached))
    support.say(f"{what}, every result known", support.spread(cached))
    return statistics.median(uncached), statistics.median(cached)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    peer = support.Peer("kfp", "kfp", "pandas", "scikit-learn")
    peer.install()
    with support.scratch() as folder:
        spec = compiled(peer, folder)
        with support.Server(folder) as server:
            with_server, cached = measure("sluice run, with sluice up", spec, server.data, words.rounds)
        measure("sluice run, no server", spec, folder / "alone-data", words.rounds)
        alone = [user_code(peer, folder) for _ in range(words.rounds)]
    support.say("the four functions alone, everything loaded", support.spread(alone))
    share = statistics.median(alone) / with_server
    print(f"with sluice up: {with_server:.2f} s (target 1.5), of which {share:.0%} user code; "
          f"cached {cached * 1e3:.0f} ms (target 100)")


if __name__ == "__main__":
    main()
