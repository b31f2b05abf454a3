#!/usr/bin/env python3
"""40 light Python tasks (fibo(10)), each after the one before, on a warm `sluice up`, from submit to run end; beside it, in the
same run, a bare loop of 40 `python3 -c`, and with --peers Prefect, Dagster and Airflow, each in its lightest documented ways.

    chain40.py [--peers] [--only PEER] [--rounds N]

Claims: at most half of the bare loop; at least ten times faster than the best peer that starts a process a task.
"""
import argparse
import statistics
import subprocess
import time

import support

LENGTH = 40
FIBO = "fib = lambda n: n if n < 2 else fib(n - 1) + fib(n - 2)\nassert fib(10) == 55"

# Name, package, and the ways: (what it is, does it start a process a task, program, argument, seconds that it may take).
PEERS = [
    ("Prefect", "prefect", [("tasks in the flow's process", False, "prefect_chain.py", "tasks", 300),
                            ("tasks in a warm pool of one process", True, "prefect_chain.py", "processes", 300)]),
    ("Dagster", "dagster", [("in process, nothing kept", False, "dagster_chain.py", "ops", 300),
                            ("multiprocess executor", True, "dagster_chain.py", "processes", 600)]),
    ("Airflow", "apache-airflow", [("dag.test() in process", False, "airflow_chain.py", "test", 600),
                                   ("standalone, LocalExecutor", True, "airflow_chain.py", "standalone", 900)]),
]
AIRFLOW = {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}


def bare_loop(python):
    begin = time.monotonic()
    for _ in range(LENGTH):
        subprocess.run([python, "-c", FIBO], check=True, env=support.environment(), stdin=subprocess.DEVNULL)
    return time.monotonic() - begin


def ours_and_the_loop(rounds):
    """-> (seconds of each of our runs, seconds of each loop), in turn; the first of each is not counted."""
    spec = (support.PIPELINES / "chain40.yaml").read_text()
    with support.scratch() as folder, support.Server(folder) as server:
        server.warm_up(spec)
        python = support.bare_python(folder)
        bare_loop(python)
        ours, loops, last = [], [], None
        for _ in range(rounds):
            loops.append(bare_loop(python))
            last = server.run(spec)
            ours.append(last.seconds)
        print("steps of the last run:", last.processes or "this server does not tell how they ran")
    return ours, loops


def peers(only):
    """Prints each way's seconds. -> (seconds, name) of those that start a process a task"""
    found = []
    for name, package, ways in PEERS:
        if only and only.lower() != name.lower():
            continue
        peer = support.Peer(package, package)
        peer.install()
        print(f"\n{name} {peer.version()}   ({peer.command()})")
        for what, by_process, program, word, seconds_max in ways:
            seconds = peer.seconds(program, word, timeout=seconds_max, PREFECT_LOGGING_LEVEL="WARNING", **AIRFLOW)
            support.say(f"  {what}", "no figure" if seconds is None else f"{seconds:.2f} s")
            if seconds is not None and by_process:
                found.append((seconds, f"{name}, {what}"))
    return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=7)
    words = parser.parse_args()
    ours, loops = ours_and_the_loop(words.rounds)
    support.say("floor: a loop of 40 python3 -c", support.spread(loops))
    support.say("sluice up, a chain of 40, submit to end", support.spread(ours))
    mine = statistics.median(ours)
    print(f"ratio to the loop: {mine / statistics.median(loops):.2f} (target 0.50), {mine / LENGTH * 1e3:.1f} ms a step")
    if not words.peers and not words.only:
        return print("peers are left out: --peers installs and measures them")
    found = peers(words.only)
    if found:
        best, who = min(found)
        print(f"\nthe best that starts a process a task ({who}): {best / mine:.1f} times ours (target 10)")
    return None


if __name__ == "__main__":
    main()
